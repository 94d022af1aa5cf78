package clientwire

import (
	"fmt"

	"conch/internal/frames"
	clientv1 "conch/proto/conch/client/v1"
	"conch/token"
)

// NodeMessages appends what a node says in a frame to dst. A Warned or Lost of several
// holds becomes several messages. An error means that the stream is to be ended: the node
// does not keep to the protocol.
func NodeMessages(dst []frames.NodeMessage, frame *clientv1.NodeFrame) ([]frames.NodeMessage, error) {
	var err error
	for _, m := range frame.GetMessages() {
		if dst, err = AppendNode(dst, m); err != nil {
			return dst, err
		}
	}
	return dst, nil
}

// AppendNode appends what one message of a node says to dst, as NodeMessages does.
func AppendNode(dst []frames.NodeMessage, m *clientv1.NodeMessage) ([]frames.NodeMessage, error) {
	switch kind := m.GetKind().(type) {
	case *clientv1.NodeMessage_Granted:
		return appendGranted(dst, kind.Granted)
	case *clientv1.NodeMessage_Refused:
		return appendRefused(dst, kind.Refused)
	case *clientv1.NodeMessage_Withdrawn:
		return append(dst, frames.NodeMessage{Kind: frames.Withdrawn, ID: kind.Withdrawn.GetId()}), nil
	case *clientv1.NodeMessage_Warned:
		return appendWarned(dst, kind.Warned)
	case *clientv1.NodeMessage_Lost:
		return appendLost(dst, kind.Lost)
	case *clientv1.NodeMessage_Released:
		return appendReleased(dst, kind.Released)
	case *clientv1.NodeMessage_Pong:
		return appendPong(dst, kind.Pong)
	case *clientv1.NodeMessage_Said:
		return appendSaid(dst, kind.Said)
	case *clientv1.NodeMessage_RunEnded:
		return appendRunEnded(dst, kind.RunEnded)
	default:
		return dst, fmt.Errorf("got a message of kind %T, want Granted, Refused, Withdrawn, Warned, Lost, Released, Pong, Said or RunEnded", kind)
	}
}

func appendGranted(dst []frames.NodeMessage, g *clientv1.Granted) ([]frames.NodeMessage, error) {
	switch {
	case g.GetStamp() < 0:
		return dst, notNegative("Granted.stamp", g.GetStamp())
	case g.GetLeaseRemainingNs() < 0:
		return dst, notNegative("Granted.lease_remaining_ns", g.GetLeaseRemainingNs())
	}
	return append(dst, frames.NodeMessage{
		Kind: frames.Granted, ID: g.GetId(), Fence: token.Fence(g.GetFence()),
		Stamp: token.Time(g.GetStamp()), HadPing: g.GetHadPing(),
		Session: token.Session(g.GetSession()), Remaining: token.Time(g.GetLeaseRemainingNs()),
	}), nil
}

func appendRefused(dst []frames.NodeMessage, r *clientv1.Refused) ([]frames.NodeMessage, error) {
	refusal, err := refusalValue("Refused", r.GetError())
	if err != nil {
		return dst, err
	}
	if r.GetRun() != nil {
		run := Run(r.GetRun())
		refusal.Run = &run
	}
	return append(dst, frames.NodeMessage{Kind: frames.Refused, ID: r.GetId(), Refusal: refusal}), nil
}

func appendSaid(dst []frames.NodeMessage, s *clientv1.Said) ([]frames.NodeMessage, error) {
	refusal, err := refusalValue("Said", s.GetError())
	if err != nil {
		return dst, err
	}
	return append(dst, frames.NodeMessage{Kind: frames.Said, ID: s.GetId(), Number: s.GetNumber(), Refusal: refusal}), nil
}

// refusalValue keeps a code that this version does not know as far as there is room for it:
// its message says what it means.
func refusalValue(message string, e *clientv1.Error) (frames.Refusal, error) {
	if code := e.GetCode(); code < 0 || code > maxCode {
		return frames.Refusal{}, fmt.Errorf("got %s.error.code %d, want 0 to %d", message, code, maxCode)
	}
	return frames.Refusal{Code: frames.Code(e.GetCode()), Text: e.GetMessage()}, nil
}

// maxCode is the highest that a frames.Code may be.
const maxCode = 255

func appendWarned(dst []frames.NodeMessage, w *clientv1.Warned) ([]frames.NodeMessage, error) {
	reason, err := reasonValue("Warned", w.GetReason())
	switch {
	case err != nil:
		return dst, err
	case w.GetLeaseRemainingNs() < 0:
		return dst, notNegative("Warned.lease_remaining_ns", w.GetLeaseRemainingNs())
	}
	for _, id := range w.GetIds() {
		dst = append(dst, frames.NodeMessage{
			Kind: frames.Warned, ID: id, Reason: reason,
			Remaining: token.Time(w.GetLeaseRemainingNs()), Text: w.GetText(),
		})
	}
	return dst, nil
}

func appendLost(dst []frames.NodeMessage, l *clientv1.Lost) ([]frames.NodeMessage, error) {
	reason, err := reasonValue("Lost", l.GetReason())
	if err != nil {
		return dst, err
	}
	for _, id := range l.GetIds() {
		dst = append(dst, frames.NodeMessage{Kind: frames.Lost, ID: id, Reason: reason, Text: l.GetText()})
	}
	return dst, nil
}

func appendReleased(dst []frames.NodeMessage, r *clientv1.Released) ([]frames.NodeMessage, error) {
	o := r.GetOutcome()
	if o < clientv1.Released_OUTCOME_RELEASED || o > clientv1.Released_OUTCOME_NOT_HELD {
		return dst, fmt.Errorf("got Released.outcome %d, want %d to %d",
			o, clientv1.Released_OUTCOME_RELEASED, clientv1.Released_OUTCOME_NOT_HELD)
	}
	return append(dst, frames.NodeMessage{
		Kind: frames.Released, ID: r.GetId(), Lock: r.GetLock(), Fence: token.Fence(r.GetFence()),
		Outcome: frames.Outcome(o),
	}), nil
}

func appendPong(dst []frames.NodeMessage, p *clientv1.Pong) ([]frames.NodeMessage, error) {
	switch {
	case p.GetStamp() < 0:
		return dst, notNegative("Pong.stamp", p.GetStamp())
	case p.GetLeaseRemainingNs() < 0:
		return dst, notNegative("Pong.lease_remaining_ns", p.GetLeaseRemainingNs())
	}
	return append(dst, frames.NodeMessage{
		Kind: frames.Pong, Stamp: token.Time(p.GetStamp()),
		Session: token.Session(p.GetSession()), Remaining: token.Time(p.GetLeaseRemainingNs()),
	}), nil
}

func reasonValue(message string, reason clientv1.Reason) (frames.Reason, error) {
	if reason < clientv1.Reason_REASON_LAPSE || reason > clientv1.Reason_REASON_CLIENT_LEASE {
		return 0, fmt.Errorf("got %s.reason %d, want %d to %d",
			message, reason, clientv1.Reason_REASON_LAPSE, clientv1.Reason_REASON_CLIENT_LEASE)
	}
	return frames.Reason(reason), nil
}

func notNegative(field string, got int64) error {
	return fmt.Errorf("got %s %d, want 0 or more", field, got)
}
