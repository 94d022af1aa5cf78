package token

import (
	"errors"
	"testing"
)

// One test for each rule of section 4 of the protocol: streams.

// HELLO carries boot and a counter of streams, per pair.
func TestHelloCountsStreams(t *testing.T) {
	cfg := testConfig(0, 3)
	cfg.Session, cfg.Floor = 8, 70
	d := startWith(t, cfg)
	want := Hello{Incarnation: cfg.Incarnation, Boot: 8, Counter: 0, Floor: 70}
	if got := d.Hello(1); got != want {
		t.Errorf("first HELLO to B: %+v, want %+v", got, want)
	}
	if got := d.Hello(2); got != want {
		t.Errorf("first HELLO to C: %+v, want %+v", got, want)
	}
	want.Counter = 1
	if got := d.Hello(1); got != want {
		t.Errorf("second HELLO to B: %+v, want %+v", got, want)
	}
}

// Boot is the session's number at the process's start, not the present one.
func TestHelloKeepsBoot(t *testing.T) {
	d := inSession(t, 3)
	d.passes(testTTL)
	d.wantOnly(Save, "A saves session 2, promised 0")
	if got := d.Hello(1).Boot; got != 1 {
		t.Errorf("boot %d, want 1", got)
	}
}

// HELLO tells the highest session of the receiver that is known, from whatever message.
func TestHelloTellsSessionKnownOfReceiver(t *testing.T) {
	d := start(t, 3)
	d.hello(1, Hello{Incarnation: incarnation(1, 2), Boot: 20})
	if got := d.Hello(1).KnownSession; got != 20 {
		t.Errorf("after its HELLO: known session of B %d, want 20", got)
	}
	d.receive(1, Message{Kind: Request, Lock: cs, Number: Number{25, 1}})
	if got := d.Hello(1).KnownSession; got != 25 {
		t.Errorf("after its REQUEST: known session of B %d, want 25", got)
	}
}

// A stream below one already accepted is refused.
func TestOldStreamIsRefused(t *testing.T) {
	d := start(t, 3)
	d.hello(1, Hello{Incarnation: incarnation(1, 2), Boot: 20, Counter: 5})
	for _, h := range []Hello{
		{Incarnation: incarnation(1, 2), Boot: 20, Counter: 5},
		{Incarnation: incarnation(1, 2), Boot: 20, Counter: 4},
		{Incarnation: incarnation(1, 1), Boot: 19, Counter: 90},
	} {
		if err := d.ReceiveHello(d.at, 1, h); !errors.Is(err, ErrOldStream) {
			t.Errorf("stream %d of boot %d: %v, want ErrOldStream", h.Counter, h.Boot, err)
		}
	}
	d.hello(1, Hello{Incarnation: incarnation(1, 2), Boot: 20, Counter: 6})
	d.hello(1, Hello{Incarnation: incarnation(1, 3), Boot: 21, Counter: 0})
	d.hello(2, Hello{Incarnation: incarnation(2, 1), Boot: 1, Counter: 0}) // another pair
}

// The contents of a refused HELLO do not count.
func TestRefusedHelloChangesNothing(t *testing.T) {
	d := start(t, 3)
	d.hello(1, Hello{Incarnation: incarnation(1, 2), Boot: 20})
	d.take()
	err := d.ReceiveHello(d.at, 1, Hello{Incarnation: incarnation(1, 1), Boot: 19, KnownSession: 99})
	if err == nil {
		t.Fatal("an old stream was accepted")
	}
	d.wantAll()
}

// A new stream begins with the outstanding REQUESTs, since the last stream may have lost
// them.
func TestOutstandingRequestsAreRepeatedOnNewStream(t *testing.T) {
	d := asking(t, 3)
	d.receive(1, Message{Kind: Request, Lock: "other", Number: Number{1, 1}})
	d.Acquire(d.at, "other", 2)
	d.PeerDown(d.at, 2)
	d.take()
	d.PeerUp(d.at, 2)
	d.want(
		"A→C REQUEST 1.1 (repeated)",
		"A→C REQUEST 1.2 of other (repeated)",
	)
}

// A request that was granted is not repeated.
func TestGrantedRequestIsNotRepeated(t *testing.T) {
	d := asking(t, 3)
	d.token()
	d.PeerDown(d.at, 2)
	d.take()
	d.PeerUp(d.at, 2)
	d.want()
}

// A withdrawn request is still outstanding, and is repeated.
func TestWithdrawnRequestIsRepeated(t *testing.T) {
	d := asking(t, 3)
	d.withdraw(1)
	d.PeerDown(d.at, 2)
	d.take()
	d.PeerUp(d.at, 2)
	d.want("A→C REQUEST 1.1 (repeated)")
}

// An open probe is repeated beside the request, unless the peer has answered it.
func TestOpenProbeIsRepeatedOnNewStream(t *testing.T) {
	d := probing(t, 3)
	d.PeerDown(d.at, 1)
	d.take()
	d.PeerUp(d.at, 1)
	d.want("A→B REQUEST 1.1 (repeated)", "A→B PROBE 1 for 1.1, helper nobody")
	d.receive(1, Message{Kind: ProbeAnswer, Probe: 1, Answer: None})
	d.PeerDown(d.at, 1)
	d.take()
	d.PeerUp(d.at, 1)
	d.want("A→B REQUEST 1.1 (repeated)")
}

// A lost TOKEN is not resent: a round finds it missing.
func TestLostTokenIsNotResent(t *testing.T) {
	d := withToken(t, 3)
	d.request(2, 1)
	d.take()
	d.PeerDown(d.at, 2)
	d.PeerUp(d.at, 2)
	d.want()
	d.request(2, 1)
	d.want()
}

// Nothing is sent to a peer without a stream.
func TestNothingIsSentWithoutStream(t *testing.T) {
	d := inSession(t, 3)
	d.request(1, 1)
	d.PeerDown(d.at, 1)
	d.take()
	d.acquire(1)
	d.want("A asks: request 1.1", "A→C REQUEST 1.1")
	d.passes(testTTL / 4)
	for _, e := range d.take() {
		if e.Kind == Send && e.Peer == 1 {
			t.Error(describe(0, e))
		}
	}
	d.receive(1, Message{Kind: Probe, Number: Number{1, 1}, Probe: 1, Helper: NoMember})
	d.wantSent(ProbeAnswer)
}
