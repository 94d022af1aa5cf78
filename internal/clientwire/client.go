package clientwire

import (
	"fmt"

	"conch/internal/frames"
	clientv1 "conch/proto/conch/client/v1"
	"conch/token"
)

// ClientMessages appends what a client says in a frame to dst. An error means that the
// stream is to be ended: the client does not keep to the protocol. An Acquire of a mode
// that there is not is no such error; it has a Refusal, since a request that fails leaves
// the stream open.
func ClientMessages(dst []frames.ClientMessage, frame *clientv1.ClientFrame) ([]frames.ClientMessage, error) {
	for _, m := range frame.GetMessages() {
		switch kind := m.GetKind().(type) {
		case *clientv1.ClientMessage_Acquire:
			dst = append(dst, acquireValue(kind.Acquire))
		case *clientv1.ClientMessage_Withdraw:
			dst = append(dst, frames.ClientMessage{Kind: frames.Withdraw, ID: kind.Withdraw.GetId()})
		case *clientv1.ClientMessage_Release:
			r := kind.Release
			dst = append(dst, frames.ClientMessage{
				Kind: frames.Release, ID: r.GetId(), Lock: r.GetLock(), Fence: token.Fence(r.GetFence()), Lost: r.GetLost(),
			})
		case *clientv1.ClientMessage_Ping:
			if stamp := kind.Ping.GetStamp(); stamp < 0 {
				return dst, fmt.Errorf("got Ping.stamp %d, want 0 or more", stamp)
			}
			dst = append(dst, frames.ClientMessage{Kind: frames.Ping, Stamp: token.Time(kind.Ping.GetStamp())})
		case *clientv1.ClientMessage_Say:
			s := kind.Say
			dst = append(dst, frames.ClientMessage{
				Kind: frames.Say, ID: s.GetId(), Lock: s.GetLock(), Fence: token.Fence(s.GetFence()), Number: s.GetNumber(), Value: s.GetValue(),
			})
		case *clientv1.ClientMessage_AcquireRun:
			dst = append(dst, acquireRunValue(kind.AcquireRun))
		case *clientv1.ClientMessage_AcquireKept:
			dst = append(dst, acquireKeptValue(kind.AcquireKept))
		case *clientv1.ClientMessage_EndRun:
			dst = append(dst, endRunValue(kind.EndRun))
		default:
			return dst, fmt.Errorf("got a message of kind %T, want Acquire, Withdraw, Release, Ping, Say, AcquireRun, AcquireKept or EndRun", kind)
		}
	}
	return dst, nil
}

func acquireValue(a *clientv1.Acquire) frames.ClientMessage {
	m := frames.ClientMessage{
		Kind: frames.Acquire, ID: a.GetId(), Lock: a.GetLock(), ResumeFence: token.Fence(a.GetResumeFence()),
		Try: a.GetMode() == clientv1.Acquire_MODE_TRY, Limit: token.Limit(a.GetLimit()),
	}
	switch {
	case m.ResumeFence != 0: // the mode does not matter
	case a.GetMode() != clientv1.Acquire_MODE_WAIT && a.GetMode() != clientv1.Acquire_MODE_TRY:
		m.Refusal = frames.Refuse(frames.CodeInvalidField, "Acquire.mode is %d, want MODE_WAIT or MODE_TRY", a.GetMode())
	}
	return m
}

// ClientFrame makes a frame of what a client says. It has its own copy of all.
func ClientFrame(messages []frames.ClientMessage) *clientv1.ClientFrame {
	// The frame and the list of a few messages are one allocation, and so is each message.
	room := new(struct {
		frame clientv1.ClientFrame
		list  [fewMessages]*clientv1.ClientMessage
	})
	list := room.list[:0]
	if len(messages) > fewMessages {
		list = make([]*clientv1.ClientMessage, 0, len(messages))
	}
	for i := range messages {
		list = append(list, clientMessage(&messages[i]))
	}
	room.frame.Messages = list
	return &room.frame
}

// fewMessages is how many messages most frames have at most.
const fewMessages = 3

func clientMessage(m *frames.ClientMessage) *clientv1.ClientMessage {
	if m.Run != nil || m.Keep != nil {
		return notedMessage(m)
	}
	switch m.Kind {
	case frames.Acquire:
		room := new(struct {
			message clientv1.ClientMessage
			kind    clientv1.ClientMessage_Acquire
			acquire clientv1.Acquire
		})
		setAcquire(&room.acquire, m)
		room.kind.Acquire = &room.acquire
		room.message.Kind = &room.kind
		return &room.message
	case frames.Withdraw:
		return &clientv1.ClientMessage{Kind: &clientv1.ClientMessage_Withdraw{Withdraw: &clientv1.Withdraw{Id: m.ID}}}
	case frames.Release:
		room := new(struct {
			message clientv1.ClientMessage
			kind    clientv1.ClientMessage_Release
			release clientv1.Release
		})
		r := &room.release
		r.Id, r.Lock, r.Fence, r.Lost = m.ID, m.Lock, uint64(m.Fence), m.Lost
		room.kind.Release = r
		room.message.Kind = &room.kind
		return &room.message
	case frames.Ping:
		return &clientv1.ClientMessage{Kind: &clientv1.ClientMessage_Ping{Ping: &clientv1.Ping{Stamp: int64(m.Stamp)}}}
	case frames.Say:
		return &clientv1.ClientMessage{Kind: &clientv1.ClientMessage_Say{Say: &clientv1.Say{
			Id: m.ID, Lock: m.Lock, Fence: uint64(m.Fence), Number: m.Number, Value: m.Value,
		}}}
	default:
		panic(fmt.Sprintf("clientwire: a client's message of the kind %d, which there is not", m.Kind))
	}
}

func setAcquire(a *clientv1.Acquire, m *frames.ClientMessage) {
	a.Id, a.Lock, a.ResumeFence, a.Mode = m.ID, m.Lock, uint64(m.ResumeFence), clientv1.Acquire_MODE_WAIT
	a.Limit = uint32(m.Limit)
	if m.Try {
		a.Mode = clientv1.Acquire_MODE_TRY
	}
}
