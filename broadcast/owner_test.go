package broadcast

import (
	"errors"
	"testing"

	"github.com/rs/zerolog"

	"conch/token"
)

// idleOwner is an owner that the test feeds by hand, of a node with one peer.
func idleOwner(t *testing.T, log *logBuffer) *owner {
	t.Helper()
	cfg := Config{Members: []string{"a:1", "b:1"}, Session: 1, TTL: testTTL, Log: zerolog.New(log), FlushLog: log.flush, Evidence: true}
	if err := cfg.complete(); err != nil {
		t.Fatal(err)
	}
	node, err := token.New(0, token.Config{
		Members: 2, Session: 1, TTL: token.Time(testTTL),
		IdleToken: token.DefaultIdleToken, IdleLock: token.DefaultIdleLock, FencesPerEpoch: token.MaxFencesPerEpoch,
	})
	if err != nil {
		t.Fatal(err)
	}
	d := &Driver{clock: cfg.Clock, limits: defaultLimits}
	d.roster.Store(fixedRoster(0, cfg.Members))
	o := newOwner(d, node, cfg)
	o.peers = []peer{{}, {link: newLink(d, 1, "b:1")}}
	return o
}

// Inputs that a receiver handed over before its stream was replaced may reach the owner
// after that.
func TestFramesOfAnOlderStreamAreDropped(t *testing.T) {
	log := new(logBuffer)
	o := idleOwner(t, log)
	open := func(counter uint64) *incoming {
		in := &incoming{verdict: make(chan verdict, 1), replaced: make(chan struct{})}
		o.take(0, &input{kind: inputAccept, incoming: in, greeting: &greeting{
			address: "b:1", members: []string{"a:1", "b:1"}, hello: token.Hello{Counter: counter},
		}})
		if v := <-in.verdict; v.from != 1 || v.err != nil {
			t.Fatal(v)
		}
		return in
	}
	frame := func(in *incoming, count uint64) {
		o.take(0, &input{kind: inputFrame, peer: 1, incoming: in, messages: []token.Message{
			{Kind: token.Request, Lock: "cs", Number: token.Number{Session: 1, Count: count}},
		}})
	}
	older := open(1)
	frame(older, 1)
	newer := open(2)
	frame(older, 2)
	frame(newer, 3)
	m := member{t: t, log: log}
	var got []any
	for _, l := range m.lines("request_received") {
		got = append(got, l["number"])
	}
	if len(got) != 2 || got[0] != "1.1" || got[1] != "1.3" {
		t.Errorf("received %v; want 1.1 and 1.3", got)
	}
}

// The end of a replaced stream changes nothing.
func TestEndOfAnOlderStreamIsPassedOver(t *testing.T) {
	log := new(logBuffer)
	o := idleOwner(t, log)
	open := func() *outgoing {
		out := &outgoing{peer: 1, queue: newQueue(1)}
		o.take(0, &input{kind: inputUp, outgoing: out})
		return out
	}
	older := open()
	o.take(0, &input{kind: inputDown, outgoing: older, err: errors.New("cut")})
	newer := open()
	o.take(0, &input{kind: inputDown, outgoing: older, err: errors.New("cut")})
	if o.peers[1].out != newer {
		t.Error("the newer stream was taken for ended")
	}
	m := member{t: t, log: log}
	if got := m.lines("peer_lost"); len(got) != 1 {
		t.Errorf("lines %v; want one loss", got)
	}
}

// A vote that waits for the disk while the members change was given under the membership
// before, and leaves before the next is shown.
func TestWhatWasHeldBackLeavesBeforeTheNextMembership(t *testing.T) {
	o := idleOwner(t, new(logBuffer))
	out := &outgoing{peer: 1, queue: newQueue(9)}
	o.take(0, &input{kind: inputUp, outgoing: out})
	p := &o.peers[1]
	p.pending = nil
	o.saving.current = &save{done: make(chan error, 1)}
	o.saving.current.done <- nil
	o.saving.held = []heldBack{{out, 1, token.Message{Kind: token.BallotAnswer, Lock: "cs"}}}
	m := token.NewMembership([]string{"a:1", "b:1"})
	m.Version, m.Cluster = 2, token.Cluster{1}
	o.performOne(&token.Effect{Kind: token.Adopted, Membership: m})
	o.performOne(&token.Effect{Kind: token.Send, Peer: 1, Message: token.Message{Kind: token.MembershipMessage}})
	if len(p.pending) != 2 || p.pending[0].Kind != token.BallotAnswer || p.pending[1].Kind != token.MembershipMessage {
		t.Errorf("to be sent: %+v; want the answer, then MEMBERSHIP", p.pending)
	}
}
