package wires

import (
	"fmt"

	"google.golang.org/protobuf/proto"

	peerv1 "conch/proto/conch/peer/v1"
)

// sizes are how many bytes the product's messages take on the wire, for a lock with a
// short name between three members.
type sizes struct{ token, request int }

// productSizes measures messages as they look in the middle of a run.
func productSizes() sizes {
	number := &peerv1.Number{Session: 1_795_381_281_080_981, Count: 20_000}
	token := &peerv1.Message{Kind: &peerv1.Message_Token{Token: &peerv1.Token{
		Lock:        "bench",
		Session:     number.Session,
		Epoch:       &peerv1.BallotNumber{Number: 28_155_682, Proposer: 1},
		Hop:         20_000,
		Fence:       120_927_733_386_575_876,
		LastGranted: []*peerv1.Number{number, number, number},
		Queue:       []uint32{1, 2},
	}}}
	request := &peerv1.Message{Kind: &peerv1.Message_Request{Request: &peerv1.Request{Lock: "bench", Number: number}}}
	return sizes{
		token:   proto.Size(&peerv1.Frame{Messages: []*peerv1.Message{token}}),
		request: proto.Size(&peerv1.Frame{Messages: []*peerv1.Message{request}}),
	}
}

// What a message is, in its first byte; its sender is in the second.
const (
	kindToken byte = iota + 1
	kindRequest
)

// newMessages returns the two messages that a process sends.
func newMessages(sender int) (token, request []byte) {
	size := productSizes()
	token, request = make([]byte, size.token), make([]byte, size.request)
	token[0], token[1] = kindToken, byte(sender)
	request[0], request[1] = kindRequest, byte(sender)
	return token, request
}

// parse takes a message apart.
func parse(message []byte, processes int) (kind byte, sender int, err error) {
	if len(message) < 2 || message[0] != kindToken && message[0] != kindRequest || int(message[1]) >= processes {
		return 0, 0, fmt.Errorf("wires: got a message of %d bytes that begins %x, want a token or a request from one of %d processes",
			len(message), message[:min(2, len(message))], processes)
	}
	return message[0], int(message[1]), nil
}
