package theory

import (
	"google.golang.org/protobuf/proto"

	peerv1 "conch/proto/conch/peer/v1"
)

// envelope is what gRPC and HTTP/2 put around a frame: a prefix of five bytes, and the
// nine of a DATA frame.
const envelope = 5 + 9

// number is a request number as they look in the middle of a run: a session numbered by
// the microsecond at which it began.
func number() *peerv1.Number {
	return &peerv1.Number{Session: 1_795_381_281_080_981, Count: 20_000}
}

func size(m *peerv1.Message) int {
	return proto.Size(&peerv1.Frame{Messages: []*peerv1.Message{m}})
}

// TokenSize is how many bytes a token takes between n members, in a frame of its own: it
// carries a number for each of them. Some wait in its queue.
func TokenSize(n, waiting int) int {
	token := &peerv1.Token{
		Lock:    "bench",
		Session: number().GetSession(),
		Epoch:   &peerv1.BallotNumber{Number: 28_155_682, Proposer: 1},
		Hop:     20_000,
		Fence:   120_927_733_386_575_876,
	}
	for range n {
		token.LastGranted = append(token.LastGranted, number())
	}
	for i := range waiting {
		token.Queue = append(token.Queue, uint32(i))
	}
	return size(&peerv1.Message{Kind: &peerv1.Message_Token{Token: token}})
}

// RequestSize is how many bytes a request takes, in a frame of its own.
func RequestSize() int {
	request := &peerv1.Request{Lock: "bench", Number: number()}
	return size(&peerv1.Message{Kind: &peerv1.Message_Request{Request: request}})
}

// Bytes is how many bytes a grant writes to the connections between n members.
func (u Use) Bytes(n int) int {
	waiting := 0
	if u == Saturated {
		waiting = n - 1
	}
	cost := u.Grant(n)
	return cost.Requests*(RequestSize()+envelope) + cost.Tokens*(TokenSize(n, waiting)+envelope)
}
