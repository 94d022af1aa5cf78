package sim

import (
	"bytes"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"strconv"
	"time"

	"conch/token"
)

// logbook writes the actions of a run's members as lines of nodes' logs (logs/SCHEMA.md),
// one log for each member, so that package logs can judge runs that real nodes reach only
// by rare accidents. It is written independently of the driver's log. A nil logbook writes
// nothing.
type logbook struct {
	files [maxNodes]bytes.Buffer
	// arrived is the token of the latest input, as it came.
	arrived token.Token
}

// epochOfLogs is the wall clock's reading at the beginning of each run.
var epochOfLogs = time.Date(2026, 11, 22, 12, 0, 0, 0, time.UTC)

var machineAddresses = func() (all [maxNodes]string) {
	for i := range all {
		all[i] = fmt.Sprintf("10.0.0.%d:7400", i+1)
	}
	return all
}()

// address is a machine's.
func address(m token.Member) string { return machineAddresses[m] }

// memberName stands for a member's address until the line is written: see named.
func memberName(id token.Member) string { return "member " + strconv.Itoa(int(id)) }

// fields are a line's keys beyond those of every line.
type fields map[string]any

// line writes one line of a member's log.
func (b *logbook) line(w *World, i int, event string, f fields) {
	w.named(f)
	f["time"] = epochOfLogs.Add(time.Duration(w.now + w.plan.Machines[i].Wall)).Format(time.RFC3339Nano)
	f["level"], f["node"], f["event"], f["message"] = "info", address(token.Member(i)), event, event
	raw, err := json.Marshal(f)
	if err != nil {
		panic(err) // fields can always be encoded
	}
	b.files[i].Write(append(raw, '\n'))
}

func (b *logbook) started(w *World, i int, incarnation token.Incarnation, session token.Session) {
	if b == nil {
		return
	}
	m := &w.members[i]
	f := fields{
		"members": addresses(m.all(w.plan.first())), "incarnation": hex.EncodeToString(incarnation[:]),
		"version": "sim", "session": decimal(uint64(session)),
	}
	if batch := w.plan.Machines[i].LocalBatch; batch > 1 {
		f["local_batch"] = decimal(uint64(batch))
	}
	f.began(m)
	if b.line(w, i, "node_started", f); m.disk.membership != nil {
		b.goesBy(w, i, m.membership)
	}
}

func (b *logbook) stopped(w *World, i int) {
	if b != nil {
		b.line(w, i, "node_stopped", fields{})
	}
}

func (b *logbook) stream(w *World, from, to int, up bool) {
	switch {
	case b == nil:
	case up:
		b.line(w, from, "peer_connected", fields{"peer": address(token.Member(to))})
	default:
		b.line(w, from, "peer_lost", fields{"peer": address(token.Member(to)), "reason": "stream over"})
	}
}

// arrives keeps a token as it comes: the node may change it before its line is written.
func (b *logbook) arrives(m *token.Message) {
	if b != nil && m.Kind == token.TokenMessage {
		b.arrived = *m.Token
		b.arrived.LastGranted = append([]token.Number(nil), m.Token.LastGranted...)
		b.arrived.Queue = append([]token.Member(nil), m.Token.Queue...)
		b.arrived.Shares = append([]token.Share(nil), m.Token.Shares...)
	}
}

// effect writes the line of an effect, if there is one for its kind.
func (b *logbook) effect(w *World, i int, e *token.Effect) {
	if b == nil {
		return
	}
	event, f := "", fields{}
	switch e.Kind {
	case token.Send:
		event = b.message(e, sentEvents, f)
	case token.Received:
		event = b.message(e, receivedEvents, f)
	case token.Grant, token.Left, token.Made:
		if e.Kind == token.Grant && e.Fence == 0 {
			b.line(w, i, "limit_set", fields{"lock": e.Lock, "limit": limitText(e.Limit), "caller": "operator"})
			return
		}
		if e.Message.Token == nil {
			b.underShare(w, i, e)
			return
		}
		event = map[token.EffectKind]string{token.Grant: "enter", token.Left: "leave", token.Made: "token_made"}[e.Kind]
		tokenOf(f, e.Message.Token.Epoch, e.Hop, e.Fence)
		if e.Kind == token.Grant && e.Number != (token.Number{}) {
			f["number"] = e.Number.String()
		}
		if e.Kind != token.Made {
			f.limit("mode", e.Limit)
		}
		f.shares(e.Message.Token)
	case token.Dropped:
		t := e.Message.Token
		event, f["reason"] = "token_dropped", e.Reason
		tokenOf(f, t.Epoch, t.Hop, t.Fence)
		f["last_granted"], f["queue"] = numbers(t.LastGranted), addresses(t.Queue)
		f.shares(t)
	case token.Asked, token.Rode, token.Withdrew:
		event = map[token.EffectKind]string{token.Asked: "request", token.Rode: "ride", token.Withdrew: "withdraw"}[e.Kind]
		f["number"] = e.Number.String()
	case token.PassedOver:
		event, f["peer"] = "passed_over", memberName(e.Peer)
	case token.Probed:
		event = "probe"
		probe(f, &e.Message)
	case token.Balloted:
		event = "ballot"
		ballot(f, &e.Message)
	case token.Ended:
		event, f["ballot"], f["reason"] = "round_ended", e.Message.Ballot.String(), e.Reason
	case token.Forgot:
		event = "lock_forgotten"
	case token.Led:
		event, f["peer"] = "leader", memberName(e.Peer)
		f.saying(e.Message.Saying)
		if e.Reason != "" {
			f["reason"] = e.Reason
		}
	case token.Revoke:
		event, f["fence"] = "lost", decimal(uint64(e.Fence))
		f.limit("mode", e.Limit)
	case token.Began, token.Lapsed, token.Gone:
		event = map[token.EffectKind]string{token.Began: "session_started", token.Lapsed: "session_lapsed", token.Gone: "session_ended"}[e.Kind]
		f["session"] = decimal(uint64(e.Session))
		if e.Kind == token.Lapsed {
			f["reason"] = "lease ran out"
		}
	case token.Guarded:
		event, f["peer"], f["session"] = "guard", memberName(e.Peer), decimal(uint64(e.Session))
	case token.Buried:
		event, f["peer"] = "burial", memberName(e.Peer)
	case token.Adopted:
		b.goesBy(w, i, e.Membership)
	case token.Choosing, token.Asking, token.Departed:
		event = b.memberStep(w, i, e, f)
	}
	if event == "" {
		return
	}
	if e.Lock != "" && e.Kind != token.Buried {
		f["lock"] = e.Lock
		state(f, &e.State)
	}
	b.line(w, i, event, f)
}

// The events of the messages that have lines.
var (
	sentEvents = map[token.MessageKind]string{
		token.Request: "request_sent", token.TokenMessage: "token_sent", token.Probe: "probe_sent", token.ProbeAnswer: "answer_sent",
		token.Ballot: "ballot_sent", token.BallotAnswer: "answer_sent", token.Abort: "abort_sent", token.Recall: "recall_sent", token.Done: "done_sent",
		token.Say: "say_sent",
	}
	receivedEvents = map[token.MessageKind]string{
		token.Request: "request_received", token.TokenMessage: "token_received", token.Bye: "bye_received", token.Probe: "probe_received",
		token.ProbeAnswer: "answer_received", token.Ballot: "ballot_received", token.BallotAnswer: "answer_received", token.Abort: "abort_received",
		token.Recall: "recall_received", token.Done: "done_received", token.Say: "say_received",
	}
)

// message fills in the line of a message, and returns its event.
func (b *logbook) message(e *token.Effect, events map[token.MessageKind]string, f fields) string {
	m := &e.Message
	f["peer"] = memberName(e.Peer)
	switch m.Kind {
	case token.Request:
		f["number"] = m.Number.String()
		if e.Repeat {
			f["repeat"] = true
		}
	case token.TokenMessage:
		t := m.Token
		if e.Kind == token.Received {
			t = &b.arrived
		} else {
			f["session"] = decimal(uint64(m.Session))
		}
		tokenOf(f, t.Epoch, t.Hop, t.Fence)
		f["last_granted"], f["queue"] = numbers(t.LastGranted), addresses(t.Queue)
		f.shares(t)
	case token.Bye:
		f["session"] = decimal(uint64(m.Session))
	case token.Probe:
		probe(f, m)
	case token.Ballot:
		ballot(f, m)
	case token.ProbeAnswer:
		f["probe"], f["buriable"] = decimal(m.Probe), addresses(m.Members)
		f["answer"] = map[token.Answer]string{token.Hold: "hold", token.Recent: "recent", token.None: "none"}[m.Answer]
	case token.BallotAnswer:
		f["ballot"] = m.Ballot.String()
		f["answer"] = map[token.Answer]string{token.Hold: "hold", token.Outbid: "nack", token.TooLow: "nack", token.Promise: "promise"}[m.Answer]
		if m.Answer == token.Promise {
			f["number"], f["waiting"], f["buried"] = m.Number.String(), m.Waiting, addresses(m.Members)
			f.promised(m)
		}
	case token.Abort:
		f["ballot"] = m.Ballot.String()
	case token.Recall, token.Done:
		f.recall(m)
	case token.Say:
		f["session"] = decimal(uint64(m.Saying.Session))
		f.saying(m.Saying)
	}
	return events[m.Kind]
}

func probe(f fields, m *token.Message) {
	f["number"], f["probe"] = m.Number.String(), decimal(m.Probe)
	if m.Helper != token.NoMember {
		f["helper"] = memberName(m.Helper)
	}
}

func ballot(f fields, m *token.Message) {
	f["number"], f["ballot"], f["distant"] = m.Number.String(), m.Ballot.String(), addresses(m.Members)
}

func tokenOf(f fields, epoch token.Epoch, hop uint64, fence token.Fence) {
	f["epoch"], f["hop"], f["fence"] = epoch.String(), decimal(hop), decimal(uint64(fence))
}

// state adds what the member knew of the lock, unless the line already shows it.
func state(f fields, s *token.State) {
	f["request_numbers"] = numbers(s.RequestNumbers)
	if _, shown := f["last_granted"]; !shown && s.LastGranted != nil {
		f["last_granted"], f["queue"] = numbers(s.LastGranted), addresses(s.Queue)
	}
}

func decimal(n uint64) string { return strconv.FormatUint(n, 10) }

func numbers(all []token.Number) []string {
	texts := make([]string, len(all))
	for i, n := range all {
		texts[i] = n.String()
	}
	return texts
}

func addresses(members []token.Member) []string {
	texts := make([]string, len(members))
	for i, m := range members {
		texts[i] = memberName(m)
	}
	return texts
}
