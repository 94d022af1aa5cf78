package broadcast

import (
	"strconv"
	"time"

	"github.com/rs/zerolog"

	"conch/token"
)

// eventLog writes events as lines of the log; package logs documents the keys and events.
// Only the owner uses it. Above level info, a line costs one comparison.
type eventLog struct {
	log       zerolog.Logger
	flushLog  func()
	unflushed bool          // some lines may not be written yet
	took      time.Duration // to write lines last
	quiet     bool          // no lines of level info are written
	evidence  bool          // lines are written for each message and each step of the algorithm
	addresses []string      // of the members by ID
	// membership is the one that the lines are about; nil if it never changes. awaits tells which
	// members have not joined, and awaited are those of the latest line.
	membership *token.Membership
	awaits     func() []token.Member
	awaited    []token.Member
	times      func() string // says what led to the end of a lease
	memory     string        // where session numbers come from, in words
	scratch    []byte
	lineTime   timeText
	// arrived is the token of the latest input as it came: by the time its line is written,
	// the node may have changed it.
	arrived token.Token
	// told are the fences of kept holds that nobody has any more, by lock, about which a line
	// was written.
	told map[string]token.Fence
}

// newEventLog makes the log of a node whose configuration is complete.
func newEventLog(cfg Config, r *roster) *eventLog {
	quiet := !cfg.Log.Info().Enabled()
	return &eventLog{
		log:       cfg.Log.With().Str("node", r.address()).Logger(),
		flushLog:  cfg.FlushLog,
		quiet:     quiet,
		evidence:  cfg.Evidence && !quiet,
		times:     func() string { return "" },
		addresses: r.addresses,

		membership: r.membership,
		awaits:     func() []token.Member { return nil },
		told:       make(map[string]token.Fence),
	}
}

// address is a member's, also of one that was removed.
func (l *eventLog) address(m token.Member) string {
	if int(m) < len(l.addresses) {
		return l.addresses[m]
	}
	return removedAddress(m)
}

// line begins a line. It is nil if such lines are not written; the methods of zerolog.Event
// then do nothing.
func (l *eventLog) line(level zerolog.Level, event string) *zerolog.Event {
	e := l.log.WithLevel(level)
	if e == nil {
		return nil
	}
	l.unflushed = l.flushLog != nil
	l.scratch = l.lineTime.append(l.scratch[:0], time.Now())
	return e.Bytes("time", l.scratch).Str("event", event)
}

// flush writes the lines that are not written yet. It is called before anybody can see the
// events that they record.
func (l *eventLog) flush() {
	if l.unflushed {
		l.unflushed = false
		began := time.Now()
		l.flushLog()
		l.took = time.Since(began)
	}
}

func (l *eventLog) info(event string) *zerolog.Event { return l.line(zerolog.InfoLevel, event) }

func (l *eventLog) nodeStarted(cfg token.Config, version, foundBy string) {
	e := l.info("node_started").Strs("members", l.addresses).Hex("incarnation", cfg.Incarnation[:])
	l.decimal(e, "session", uint64(cfg.Session))
	if cfg.LocalBatch > 1 {
		l.decimal(e, "local_batch", uint64(cfg.LocalBatch))
	}
	e.Str("version", version).Bool("evidence", l.evidence)
	if foundBy != "" {
		e.Str("found_by", foundBy)
	}
	m := cfg.Membership
	if e != nil && m != nil {
		e.Hex("disk", cfg.Disk[:])
		if m.Born() {
			l.decimal(e, "membership", m.Version)
			e.Hex("cluster", m.Cluster[:])
		}
	}
	e.Msg("node started")
	if m != nil && m.Born() {
		l.adopted(m)
	}
}

func (l *eventLog) nodeStopped() { l.info("node_stopped").Msg("node stopped") }

func (l *eventLog) nodeFailed(reason error) {
	l.line(zerolog.ErrorLevel, "node_failed").Str("reason", reason.Error()).Msg("node cannot go on")
}

func (l *eventLog) peerConnected(m token.Member) {
	l.info("peer_connected").Str("peer", l.address(m)).Msg("stream to peer accepted")
}

func (l *eventLog) peerLost(m token.Member, reason string) {
	l.info("peer_lost").Str("peer", l.address(m)).Str("reason", reason).Msg("stream to peer ended")
}

func (l *eventLog) peerRefused(m token.Member, reason string) {
	l.line(zerolog.WarnLevel, "peer_refused").Str("peer", l.address(m)).Str("reason", reason).Msg("stream refused")
}

func (l *eventLog) unauthenticatedRefused(remote, reason string) {
	l.line(zerolog.WarnLevel, "peer_refused").Str("remote", remote).Str("reason", reason).Msg("stream refused")
}

func (l *eventLog) clientRefused(caller, reason string) {
	l.line(zerolog.WarnLevel, "client_refused").Str("caller", caller).Str("reason", reason).Msg("client refused")
}

func (l *eventLog) filesChanged(err error) {
	if err != nil {
		l.line(zerolog.WarnLevel, "files_refused").Str("reason", err.Error()).Msg("changed files not taken up")
		return
	}
	l.info("files_changed").Msg("changed files taken up")
}

func (l *eventLog) socketRemade(reason string) {
	l.line(zerolog.WarnLevel, "socket_remade").Str("reason", reason).Msg("socket for clients made again")
}

func (l *eventLog) socketLost(reason string) {
	l.line(zerolog.WarnLevel, "socket_lost").Str("reason", reason).Msg("socket for clients is gone")
}

func (l *eventLog) rulesDiffer(peer string) {
	l.line(zerolog.WarnLevel, "rules_differ").Str("peer", peer).Msg("another member has other rules: a client that is refused here may be let in there")
}

func (l *eventLog) draining(by string) {
	l.info("draining").Str("reason", by).Msg("no more requests are taken, and holders may finish")
}

func (l *eventLog) undrained(by string) {
	l.info("undrained").Str("reason", by).Msg("requests are taken again")
}

func (l *eventLog) certificateEnding(reason error) {
	l.line(zerolog.WarnLevel, "certificate_ending").Str("reason", reason.Error()).Msg("replace the certificate")
}

func (l *eventLog) sessionWarned(s token.Session, times string) {
	l.session("session_warned", s).Str("times", times).Msg("lease ends soon")
}

func (l *eventLog) lost(lock string, fence token.Fence, mode token.Limit, requestNumbers []token.Number) {
	e := l.info("lost").Str("lock", lock)
	l.mode(e, mode)
	l.decimal(e, "fence", uint64(fence))
	l.numbers(e, "request_numbers", requestNumbers)
	e.Msg("lock lost")
}

func (l *eventLog) broken(lock string, fence token.Fence, by Caller, reason string) {
	e := l.line(zerolog.WarnLevel, "lock_broken").Str("lock", lock)
	l.decimal(e, "fence", uint64(fence))
	e.Stringer("caller", by).Str("reason", reason).Msg("holder told to give the lock back")
}

func (l *eventLog) expired(lock string, fence token.Fence, holder Caller, reason, times string) {
	e := l.line(zerolog.WarnLevel, "hold_expired").Str("lock", lock)
	l.decimal(e, "fence", uint64(fence))
	e.Stringer("caller", holder).Str("reason", reason).Str("times", times).Msg("lock taken from its holder")
}

// session begins a line about a session of this node.
func (l *eventLog) session(event string, s token.Session) *zerolog.Event {
	e := l.info(event)
	l.decimal(e, "session", uint64(s))
	return e
}

// arriving keeps a token that is about to be given to the node.
func (l *eventLog) arriving(m *token.Message) {
	if m.Kind != token.TokenMessage || !l.evidence {
		return
	}
	kept, t := &l.arrived, m.Token
	kept.Epoch, kept.Hop, kept.Fence = t.Epoch, t.Hop, t.Fence
	kept.LastGranted = append(kept.LastGranted[:0], t.LastGranted...)
	kept.Queue = append(kept.Queue[:0], t.Queue...)
	kept.Limit, kept.LimitBy = t.Limit, t.LimitBy
	kept.Shares = append(kept.Shares[:0], t.Shares...)
	kept.Run, kept.Kept = t.Run, t.Kept
}

// about begins a line about a lock, or about a peer's message.
func (l *eventLog) about(e *token.Effect, event string) *zerolog.Event {
	line := l.info(event)
	if e.Lock != "" {
		line.Str("lock", e.Lock)
	}
	if e.Peer != token.NoMember {
		line.Str("peer", l.address(e.Peer))
	}
	return line
}

// tokenState adds LN and Q, if they are known.
func (l *eventLog) tokenState(line *zerolog.Event, lastGranted []token.Number, queue []token.Member) {
	if line == nil || lastGranted == nil {
		return
	}
	l.numbers(line, "last_granted", lastGranted)
	l.list(line, "queue", queue)
}

// token adds a token's identity and its latest grant.
func (l *eventLog) token(line *zerolog.Event, epoch token.Epoch, hop uint64, fence token.Fence) {
	if line == nil {
		return
	}
	l.epoch(line, "epoch", epoch)
	l.decimal(line, "hop", hop)
	l.decimal(line, "fence", uint64(fence))
}

func (l *eventLog) epoch(line *zerolog.Event, key string, e token.Epoch) {
	if line == nil {
		return
	}
	b := strconv.AppendUint(l.scratch[:0], e.Number, 10)
	b = append(b, '.')
	l.scratch = strconv.AppendInt(b, int64(e.Proposer), 10)
	line.Bytes(key, l.scratch)
}

func (l *eventLog) number(line *zerolog.Event, n token.Number) {
	if line == nil {
		return
	}
	l.scratch = n.AppendText(l.scratch[:0])
	line.Bytes("number", l.scratch)
}

func (l *eventLog) numbers(line *zerolog.Event, key string, numbers []token.Number) {
	if line == nil || numbers == nil {
		return
	}
	b := l.scratch[:0]
	b = append(b, '[')
	for i, n := range numbers {
		if i > 0 {
			b = append(b, ',')
		}
		b = append(n.AppendText(append(b, '"')), '"') // there is nothing to escape
	}
	b = append(b, ']')
	line.RawJSON(key, b)
	l.scratch = b
}

// list adds the addresses of members.
func (l *eventLog) list(line *zerolog.Event, key string, members []token.Member) {
	if line == nil {
		return
	}
	array := line.CreateArray()
	for _, m := range members {
		array.Str(l.address(m))
	}
	line.Array(key, array)
}

// decimal adds a number as text, since JSON numbers lose digits above 2^53.
func (l *eventLog) decimal(line *zerolog.Event, key string, n uint64) {
	if line == nil {
		return
	}
	l.scratch = strconv.AppendUint(l.scratch[:0], n, 10)
	line.Bytes(key, l.scratch)
}
