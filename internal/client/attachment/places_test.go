package attachment

import (
	"testing"

	"conch/internal/frames"
	"conch/token"
)

// The earliest place in the node's queue is that of the caller who waits longest, whoever
// gives up: the latest claim is withdrawn.
func TestPlacesMoveUp(t *testing.T) {
	s := begin(t)
	one, other, two, try, three := s.ask("x"), s.ask("y"), s.ask("x"), s.a.Ask(s.now, "x", token.Exclusive, true), s.ask("x")
	s.forget()
	if !s.a.GiveUp(s.now, one) {
		t.Error("the node has to be told at once that the latest claim is withdrawn")
	}
	s.send()
	s.wants("withdraw 5")
	s.receive(s.granted(one, 7, ttl), s.granted(other, 8, ttl), s.granted(two, 9, ttl), s.granted(try, 10, ttl))
	s.wants("HELD 3 fence 7", "HELD 2 fence 8", "HELD 5 fence 9", "HELD 4 fence 10")
	s.a.Release(s.now, two)
	s.a.Release(s.now, three)
	s.send()
	s.wants("release 1 x 7", "release 3 x 9")
}

// A reader has no use for the place of a caller who wants the lock alone.
func TestPlacesOfAnotherModeDoNotMoveUp(t *testing.T) {
	s := begin(t)
	alone := s.ask("x")
	s.a.Ask(s.now, "x", token.Unlimited, false)
	s.send()
	s.forget()
	s.a.GiveUp(s.now, alone)
	s.send()
	s.wants("withdraw 1")
}

// A grant that waits for a lease is the next caller's, too.
func TestGrantWithoutLeaseMovesUp(t *testing.T) {
	s := begin(t)
	one, two := s.ask("x"), s.ask("x")
	s.receive(s.granted(one, 7, 0))
	s.forget()
	s.a.GiveUp(s.now, one)
	s.send()
	s.wants("withdraw 2")
	s.receive(s.pong(ttl))
	s.wants("HELD 2 fence 7")
	if _, held := s.a.Deadline(two); !held {
		t.Error("the second caller has no hold")
	}
}

// Moving up has a bound, within which the order is kept.
func TestFewMoveUpAtOnce(t *testing.T) {
	s := begin(t)
	first := s.ask("x")
	for range maxMoves + 1 {
		s.ask("x")
	}
	s.forget()
	s.a.GiveUp(s.now, first)
	s.send()
	s.wants("withdraw 65")
	s.receive(s.granted(1, 7, ttl), s.granted(66, 8, ttl))
	s.wants("HELD 2 fence 7", "HELD 66 fence 8")
}

// Whoever asks for what was just given up takes its place, if the node was not told.
func TestGivenUpClaimIsTakenUp(t *testing.T) {
	s := begin(t)
	one := s.ask("x")
	s.forget()
	if s.a.GiveUp(s.now, one) {
		t.Error("the node need not be told that nobody waits any more")
	}
	two := s.a.Ask(s.now, "x", token.Exclusive, false)
	s.send()
	s.wants()
	s.a.GiveUp(s.now, two)
	three := s.a.Ask(s.now, "x", token.Exclusive, false)
	s.send()
	s.receive(s.granted(one, 7, ttl))
	s.wants("HELD 3 fence 7")
	s.a.Release(s.now, three)
	s.send()
	s.wants("release 1 x 7")
}

// A claim is not taken up for another lock, for a try, or in another mode.
func TestOnlyTheSameIsTakenUp(t *testing.T) {
	s := begin(t)
	one := s.ask("x")
	s.forget()
	s.a.GiveUp(s.now, one)
	s.a.Ask(s.now, "y", token.Exclusive, false)
	s.a.Ask(s.now, "x", token.Exclusive, true)
	s.a.Ask(s.now, "x", token.Unlimited, false)
	s.send()
	s.wants("withdraw 1", "acquire 2 y", "try 3 x", "acquire 4 x")
	s.ask("x") // the node has been told
	s.wants("acquire 5 x")
}

// The node does not grant again what it has granted, so that is not taken up.
func TestGrantedClaimIsNotTakenUp(t *testing.T) {
	s := begin(t)
	one := s.ask("x")
	s.forget()
	s.a.GiveUp(s.now, one)
	if err := s.a.Receive(s.now, s.granted(one, 7, ttl)); err != nil {
		t.Fatal(err)
	}
	s.ask("x")
	s.wants("withdraw 1", "acquire 2 x")
	s.receive(frames.NodeMessage{Kind: frames.Withdrawn, ID: 1}, s.granted(2, 8, ttl))
	s.wants("HELD 2 fence 8")
}

// On another stream, a claim that was taken up is asked for anew like any other, and one
// that was not is withdrawn.
func TestTakenUpClaimOnAnotherStream(t *testing.T) {
	s := begin(t)
	one := s.ask("x")
	s.forget()
	s.a.GiveUp(s.now, one)
	two := s.a.Ask(s.now, "x", token.Exclusive, false)
	s.reconnect()
	s.send()
	s.wants("ping", "withdraw 1", "acquire 3 x")
	s.a.GiveUp(s.now, two)
	s.reconnect()
	s.ask("x")
	s.wants("ping", "withdraw 1", "withdraw 3", "acquire 4 x")
}
