package sim

import (
	"fmt"

	"conch/token"
)

// What the logs say of locks that are shared.

// limitText is a limit as the log writes it; "" for none.
func limitText(l token.Limit) string {
	switch l {
	case token.Exclusive:
		return ""
	case token.Unlimited:
		return "shared"
	}
	return decimal(uint64(l))
}

func shareText(s token.Share) string {
	return fmt.Sprintf("%d.%d.%d.%d", s.Member, s.Session, s.ID, s.Permits)
}

// limit adds a limit, or a mode, under a key, if there is one.
func (f fields) limit(key string, l token.Limit) {
	if text := limitText(l); text != "" {
		f[key] = text
	}
}

// shares adds a token's limit and its shares, if it has any.
func (f fields) shares(t *token.Token) {
	if t.Limit == token.Exclusive {
		return
	}
	f.limit("limit", t.Limit)
	f["limit_by"] = memberName(t.LimitBy)
	texts := []string{}
	for _, s := range t.Shares {
		texts = append(texts, shareText(s))
	}
	f["shares"] = texts
}

// recall adds what a RECALL or DONE says.
func (f fields) recall(m *token.Message) {
	f["share"], f["recaller"] = shareText(m.Share), memberName(m.Recaller)
	switch {
	case m.Kind == token.Done:
		f["kept"] = decimal(uint64(m.Kept))
	case m.Anyhow:
		f["anyhow"] = true
	}
}

// promised adds what a promise says of the answerer's share.
func (f fields) promised(m *token.Message) {
	if m.Limit == token.Exclusive {
		return
	}
	f.limit("limit", m.Limit)
	f["limit_by"] = memberName(m.LimitBy)
	if m.Share.ID != 0 {
		f["share"] = shareText(m.Share)
	}
}

// underShare fills in the line of an entry or a leave without the token.
func (b *logbook) underShare(w *World, i int, e *token.Effect) {
	event := "share_enter"
	if e.Kind == token.Left {
		event = "share_leave"
	}
	f := fields{"lock": e.Lock, "fence": decimal(uint64(e.Fence)), "request_numbers": numbers(e.State.RequestNumbers)}
	f.limit("mode", e.Limit)
	b.line(w, i, event, f)
}

// saying adds what a holder says.
func (f fields) saying(s *token.Saying) {
	f["fence"], f["count"] = decimal(uint64(s.Fence)), decimal(s.Count)
	if s.Value != "" {
		f["value"] = s.Value
	}
	if s.None {
		f["over"] = true
	}
}
