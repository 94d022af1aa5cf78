package token

import (
	"fmt"
	"slices"
	"testing"
)

// One test for each rule of BUSY (protocol, section 2).

// With the PINGs, BUSY names the locks that the receiver waits for and that are in
// use here.
func TestBusyNamesLocksInUse(t *testing.T) {
	d := holding(t, 3)
	d.request(1, 1)
	for range 5 {
		d.ponged(1, 2)
		d.take()
		d.passes(testTTL / 4)
		d.wantSent(Busy, "A→B BUSY cs")
	}
	d.tokenBack(func() { d.release(1) })
	d.passes(testTTL / 4)
	d.wantSent(Busy)
}

// It also names locks passed on less than T/4 ago, for those that stood in Q then.
func TestBusyNamesLocksPassedOn(t *testing.T) {
	d := holding(t, 4)
	d.request(1, 1)
	d.request(2, 1)
	d.passes(testTTL/4 - 1)
	d.release(1)
	d.take()
	d.passes(1)
	d.wantSent(Busy, "A→C BUSY cs")
	d.passes(testTTL / 4)
	d.wantSent(Busy)
}

// A pass T/4 ago is too long ago, and a token that is back is not on its way.
func TestBusyLeavesOutTokensPassedOnBefore(t *testing.T) {
	d := holding(t, 4)
	d.request(1, 1)
	d.request(2, 1)
	d.passes(testTTL / 4)
	d.release(1)
	d.take()
	d.passes(testTTL / 4)
	d.wantSent(Busy)

	d = holding(t, 4)
	d.request(1, 1)
	d.request(2, 1)
	d.passes(testTTL / 8)
	d.tokenBack(func() { d.release(1) })
	d.passes(testTTL / 4)
	d.wantSent(Busy)
}

// tokenBack brings back the token that an input sends away, after all that asked have had
// it.
func (d *driven) tokenBack(input func()) {
	d.t.Helper()
	d.take()
	input()
	for _, e := range d.take() {
		if e.Kind != Send || e.Message.Kind != TokenMessage {
			continue
		}
		sent := e.Message.Token
		sent.Queue, sent.LastGranted = nil, e.State.RequestNumbers
		d.receive(e.Peer, Message{Kind: TokenMessage, Session: d.session, Token: sent})
		d.take()
		return
	}
	d.t.Fatal("no token was sent")
}

// However long the token lay idle before.
func TestBusyNamesTokenThatWasIdleForLong(t *testing.T) {
	d := holding(t, 4)
	d.request(1, 1)
	d.request(2, 1)
	d.PeerDown(d.at, 1)
	d.PeerDown(d.at, 2)
	d.release(1)
	d.lives(testTTL+testTTL/16, 1, 2, 3)
	d.PeerUp(d.at, 1) // B gets the token, and C stands in its queue
	d.PeerUp(d.at, 2)
	d.take()
	d.passes(testTTL / 4)
	d.wantSent(Busy, "A→C BUSY cs")
}

// An idle token is not in use.
func TestBusyLeavesIdleTokenOut(t *testing.T) {
	d := withToken(t, 3)
	d.passes(testTTL / 4)
	d.wantSent(Busy)
}

// A BUSY is split when long.
func TestBusyIsSplit(t *testing.T) {
	d := inSession(t, 2)
	const locks = 2*busyLocksPerMessage + 1
	for i := range locks {
		name := fmt.Sprintf("lock%d", i)
		d.receive(1, Message{Kind: TokenMessage, Lock: name, Session: 1,
			Token: &Token{Epoch: Epoch{1, 1}, LastGranted: make([]Number, 2)}})
		d.Acquire(d.at, name, 1)
		d.receive(1, Message{Kind: Request, Lock: name, Number: Number{1, uint64(i) + 1}})
	}
	d.take()
	d.passes(testTTL / 4)
	var sizes []int
	for _, e := range d.take() {
		if e.Kind == Send && e.Message.Kind == Busy {
			sizes = append(sizes, len(e.Message.Locks))
		}
	}
	if !slices.Equal(sizes, []int{busyLocksPerMessage, busyLocksPerMessage, 1}) {
		t.Errorf("BUSY of %v locks, want %d twice and 1", sizes, busyLocksPerMessage)
	}
}
