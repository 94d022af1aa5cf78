package broadcast

import (
	"strconv"

	"github.com/rs/zerolog"

	"conch/token"
)

// What the log says of locks that are shared. Lines about other locks have none of these
// keys.

// underShare writes a line about a waiter that entered or left under the node's share,
// while the token was elsewhere.
func (l *eventLog) underShare(e *token.Effect) {
	event, text := "share_enter", "entered the critical section under the node's share"
	if e.Kind == token.Left {
		event, text = "share_leave", "left the critical section, under the node's share"
	}
	line := l.about(e, event)
	l.mode(line, e.Limit)
	l.decimal(line, "fence", uint64(e.Fence))
	l.numbers(line, "request_numbers", e.State.RequestNumbers)
	line.Msg(text)
}

// limitSet writes a line about a limit that somebody at this node has set.
func (l *eventLog) limitSet(e *token.Effect, by *Caller) {
	line := l.about(e, "limit_set")
	l.limit(line, "limit", e.Limit)
	line.Stringer("caller", by).Msg("limit set")
}

// mode adds in which mode a waiter holds the lock, unless that is exclusive.
func (l *eventLog) mode(line *zerolog.Event, limit token.Limit) { l.limit(line, "mode", limit) }

// limit adds a limit, if there is one.
func (l *eventLog) limit(line *zerolog.Event, key string, limit token.Limit) {
	switch limit {
	case token.Exclusive:
	case token.Unlimited:
		line.Str(key, "shared")
	default:
		l.decimal(line, key, uint64(limit))
	}
}

// shares adds a token's limit and its shares, if it has any.
func (l *eventLog) shares(line *zerolog.Event, t *token.Token) {
	if line == nil || t.Limit == token.Exclusive {
		return
	}
	l.limit(line, "limit", t.Limit)
	line.Str("limit_by", l.address(t.LimitBy))
	array := line.CreateArray()
	for i := range t.Shares {
		array.Bytes(l.share(&t.Shares[i]))
	}
	line.Array("shares", array)
}

// share is a share as text, until the next line is written.
func (l *eventLog) share(s *token.Share) []byte {
	b := strconv.AppendInt(l.scratch[:0], int64(s.Member), 10)
	for _, n := range [...]uint64{uint64(s.Session), uint64(s.ID), uint64(s.Permits)} {
		b = append(b, '.')
		b = strconv.AppendUint(b, n, 10)
	}
	l.scratch = b
	return b
}

// recall adds what a RECALL or DONE says.
func (l *eventLog) recall(line *zerolog.Event, m *token.Message) {
	line.Bytes("share", l.share(&m.Share)).Str("recaller", l.address(m.Recaller))
	switch {
	case m.Kind == token.Done:
		l.decimal(line, "kept", uint64(m.Kept))
	case m.Anyhow:
		line.Bool("anyhow", true)
	}
}

// promised adds what a promise says of the answerer's share.
func (l *eventLog) promised(line *zerolog.Event, m *token.Message) {
	if line == nil || m.Limit == token.Exclusive {
		return
	}
	l.limit(line, "limit", m.Limit)
	line.Str("limit_by", l.address(m.LimitBy))
	if m.Share.ID != 0 {
		line.Bytes("share", l.share(&m.Share))
	}
}
