package clientwire

import (
	"fmt"

	"conch/internal/frames"
	clientv1 "conch/proto/conch/client/v1"
)

// NodeFrame makes a frame of what a node says. It has its own copy of all.
func NodeFrame(messages []frames.NodeMessage) *clientv1.NodeFrame {
	// The frame and the list of a few messages are one allocation, and so is each message.
	room := new(struct {
		frame clientv1.NodeFrame
		list  [fewMessages]*clientv1.NodeMessage
	})
	list := room.list[:0]
	if len(messages) > fewMessages {
		list = make([]*clientv1.NodeMessage, 0, len(messages))
	}
	for i := range messages {
		list = append(list, nodeMessage(&messages[i]))
	}
	room.frame.Messages = list
	return &room.frame
}

func nodeMessage(m *frames.NodeMessage) *clientv1.NodeMessage {
	switch m.Kind {
	case frames.Granted:
		return granted(m)
	case frames.Refused:
		r := &clientv1.Refused{Id: m.ID, Error: &clientv1.Error{Code: clientv1.Code(m.Refusal.Code), Message: m.Refusal.Text}}
		if m.Refusal.Run != nil {
			r.Run = RunRecord(m.Refusal.Run)
		}
		return &clientv1.NodeMessage{Kind: &clientv1.NodeMessage_Refused{Refused: r}}
	case frames.Withdrawn:
		return &clientv1.NodeMessage{Kind: &clientv1.NodeMessage_Withdrawn{Withdrawn: &clientv1.Withdrawn{Id: m.ID}}}
	case frames.Warned:
		return &clientv1.NodeMessage{Kind: &clientv1.NodeMessage_Warned{Warned: &clientv1.Warned{
			Ids: []uint64{m.ID}, Reason: clientv1.Reason(m.Reason), LeaseRemainingNs: int64(m.Remaining), Text: m.Text,
		}}}
	case frames.Lost:
		return &clientv1.NodeMessage{Kind: &clientv1.NodeMessage_Lost{Lost: &clientv1.Lost{
			Ids: []uint64{m.ID}, Reason: clientv1.Reason(m.Reason), Text: m.Text,
		}}}
	case frames.Released:
		return released(m)
	case frames.Pong:
		return pong(m)
	case frames.Said:
		s := &clientv1.Said{Id: m.ID, Number: m.Number}
		if m.Refusal.Code != 0 {
			s.Error = &clientv1.Error{Code: clientv1.Code(m.Refusal.Code), Message: m.Refusal.Text}
		}
		return &clientv1.NodeMessage{Kind: &clientv1.NodeMessage_Said{Said: s}}
	case frames.RunEnded:
		return runEnded(m)
	default:
		panic(fmt.Sprintf("clientwire: a node's message of the kind %d, which there is not", m.Kind))
	}
}

func granted(m *frames.NodeMessage) *clientv1.NodeMessage {
	room := new(struct {
		message clientv1.NodeMessage
		kind    clientv1.NodeMessage_Granted
		granted clientv1.Granted
	})
	g := &room.granted
	g.Id, g.Fence, g.Stamp, g.HadPing = m.ID, uint64(m.Fence), int64(m.Stamp), m.HadPing
	g.Session, g.LeaseRemainingNs = uint64(m.Session), int64(m.Remaining)
	room.kind.Granted = g
	room.message.Kind = &room.kind
	return &room.message
}

func released(m *frames.NodeMessage) *clientv1.NodeMessage {
	room := new(struct {
		message  clientv1.NodeMessage
		kind     clientv1.NodeMessage_Released
		released clientv1.Released
	})
	r := &room.released
	r.Id, r.Lock, r.Fence = m.ID, m.Lock, uint64(m.Fence)
	r.Outcome = clientv1.Released_Outcome(m.Outcome)
	room.kind.Released = r
	room.message.Kind = &room.kind
	return &room.message
}

func pong(m *frames.NodeMessage) *clientv1.NodeMessage {
	room := new(struct {
		message clientv1.NodeMessage
		kind    clientv1.NodeMessage_Pong
		pong    clientv1.Pong
	})
	p := &room.pong
	p.Stamp, p.Session, p.LeaseRemainingNs = int64(m.Stamp), uint64(m.Session), int64(m.Remaining)
	room.kind.Pong = p
	room.message.Kind = &room.kind
	return &room.message
}
