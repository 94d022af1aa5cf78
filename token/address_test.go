package token

import (
	"fmt"
	"testing"
)

// One test for each rule of whom a token may be sent to, and of session numbers
// (protocol, section 2).

// A member that has never answered is silent, whatever the clock reads.
func TestMemberThatNeverAnsweredIsSilent(t *testing.T) {
	n, err := New(0, testConfig(0, 3))
	if err != nil {
		t.Fatal(err)
	}
	if !n.silent(1) {
		t.Error("B, which never answered, is not silent at clock 0")
	}
}

// A token is addressed to the newest session that is known to have begun, by a
// REQUEST or a PING with begun set.
func TestTokenIsAddressedToNewestBegunSession(t *testing.T) {
	ping := func(s Session, begun bool) Message {
		return Message{Kind: Ping, Incarnation: incarnation(2, 1), Session: s, Begun: begun}
	}
	for _, c := range []struct {
		name string
		said []Message
		want Session
	}{
		{"a PING with begun set", []Message{ping(4, true)}, 4},
		{"a REQUEST", []Message{{Kind: Request, Lock: "other", Number: Number{6, 1}}}, 6},
		{"an older REQUEST", []Message{ping(4, true), {Kind: Request, Lock: "other", Number: Number{3, 1}}}, 4},
	} {
		d := withToken(t, 3)
		for _, m := range c.said {
			d.receive(2, m)
		}
		d.take()
		d.request(2, 1)
		d.wantSent(TokenMessage, fmt.Sprintf("A→C TOKEN 1.B to session %d, hop 2, fence 1:0, LN 1.0 1.0 1.0, Q nobody", c.want))
	}
}

// Why: a session that was announced but not begun can be buried, begin later, and
// then take a token that should be extinct.
func TestTokenIsNotAddressedToAnnouncedSession(t *testing.T) {
	d := holding(t, 3)
	d.request(2, 1)
	d.receive(2, Message{Kind: Ping, Incarnation: incarnation(2, 1), Session: 4})
	d.take()
	d.release(1)
	d.wantSent(TokenMessage)
	d.receive(2, Message{Kind: Ping, Incarnation: incarnation(2, 1), Session: 4, Begun: true})
	d.receive(2, Message{Kind: Request, Number: Number{4, 1}})
	d.wantSent(TokenMessage, "A→C TOKEN 1.B to session 4, hop 2, fence 1:1, LN 1.0 1.0 1.0, Q nobody")
}

// The newest session is that of the newest incarnation. A member of which nothing but its
// HELLO is known cannot be addressed.
func TestNewIncarnationIsNotAddressedBeforeItsSessionBegins(t *testing.T) {
	d := withToken(t, 3)
	d.up(2, 2)
	d.take()
	d.request(1, 1) // B knows of it; A must not give B's token to C
	d.want("A→B TOKEN 1.B to session 1, hop 2, fence 1:0, LN 1.0 1.0 1.0, Q nobody")

	d = holding(t, 3)
	d.request(2, 1)
	d.up(2, 2)
	d.take()
	d.release(1)
	d.want("A LEAVES: waiter 1, fence 1:1", "A passes over C")
	d.receive(2, Message{Kind: Request, Number: Number{1001, 1}})
	d.want("A→C TOKEN 1.B to session 1001, hop 2, fence 1:1, LN 1.0 1.0 1.0, Q nobody")
}

// A member that has answered no PING for T cannot be addressed.
func TestSilentMemberIsNotAddressed(t *testing.T) {
	d := holding(t, 3)
	d.request(1, 1)
	d.request(2, 1)
	d.lives(testTTL-1, 2)
	d.pinged(1) // which is no answer
	d.passes(1)
	d.take()
	d.release(1)
	d.want(
		"A LEAVES: waiter 1, fence 1:1",
		"A passes over B",
		"A→C TOKEN 1.B to session 1, hop 2, fence 1:1, LN 1.0 1.0 1.0, Q nobody",
	)
}

// A token addressed to a session other than the present one is dropped.
func TestTokenForAnotherSessionIsDropped(t *testing.T) {
	for _, session := range []Session{1, 3} {
		d := asking(t, 3)
		d.passes(testTTL)
		d.ponged(1) // session 2
		d.take()
		lost := &Token{Epoch: Epoch{1, 1}, LastGranted: make([]Number, 3)}
		d.receive(1, Message{Kind: TokenMessage, Session: session, Token: lost})
		d.want("A drops token 1.B: addressed to another session")
	}
}

// So is a token that reaches a node outside a session.
func TestTokenOutsideSessionIsDropped(t *testing.T) {
	d := asking(t, 3)
	d.passes(testTTL)
	d.take()
	d.token() // addressed to session 2, which is the next
	d.want("A drops token 1.B: addressed to another session")
}
