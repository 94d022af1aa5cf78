package wires

import (
	"fmt"

	"conch/bench/internal/theory"
)

// members is how many members the locks have between which the bare messages' sizes are
// the product's.
const members = 3

// What a message is, in its first byte; its sender is in the second.
const (
	kindToken byte = iota + 1
	kindRequest
)

// newMessages returns the two messages that a process sends.
func newMessages(sender int) (token, request []byte) {
	token, request = make([]byte, theory.TokenSize(members, members-1)), make([]byte, theory.RequestSize())
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
