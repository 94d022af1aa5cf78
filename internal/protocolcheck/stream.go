package protocolcheck

import (
	"slices"

	"conch/token"
)

// OpenStream opens a stream from one member to another: its HELLO is accepted at once, and
// the sender hears of that. input gives a member's node an input. The caller drops messages
// on older streams of the pair, which may no longer arrive.
func OpenStream(from, to int, input func(i int, give func(n *token.Node, now token.Time))) (err error) {
	var hello token.Hello
	input(from, func(n *token.Node, _ token.Time) { hello = n.Hello(token.Member(to)) })
	input(to, func(n *token.Node, now token.Time) { err = n.ReceiveHello(now, token.Member(from), hello) })
	if err != nil {
		return err
	}
	input(from, func(n *token.Node, now token.Time) { n.PeerUp(now, token.Member(to)) })
	return nil
}

// CopyToken returns a copy that shares no memory with t: a node changes the token that it
// receives.
func CopyToken(t *token.Token) *token.Token {
	c := *t
	c.LastGranted, c.Queue, c.Shares = slices.Clone(t.LastGranted), slices.Clone(t.Queue), slices.Clone(t.Shares)
	return &c
}
