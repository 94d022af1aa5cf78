package broadcast

import (
	"errors"
	"maps"
	"math"
	"math/rand/v2"
	"slices"
	"testing"

	"pgregory.net/rapid"

	"conch/broadcast/wire"
	"conch/internal/verify/messages"
	"conch/token"
)

// hostile plays the other two members of a cluster of three, which have valid certificates.
// They send plausible nonsense: each message passes the decoder, and many fit what the node
// has just said. It need not be true, so another member may be harmed and a lock held
// twice. But the node itself must neither crash nor forget what it must not forget.
type hostile struct {
	node *token.Node
	now  token.Time
	// The node's last messages, which a hostile member repeats and exceeds.
	session token.Session
	stamp   token.Time
	probe   uint64
	epoch   token.Epoch
	ballot  token.Epoch // by the node
	number  token.Number
	saved   [2]uint64 // session and promised number
	serial  uint64    // of the latest note to store
	witness *token.Note
	waiter  token.Waiter
	holders map[string]token.Waiter
	waiting map[token.Waiter]string
	// membership is what the node goes by; nil if the members never change. ask is the number of
	// its latest JOINED, round that of its latest proposal, and gone says that it was removed.
	membership *token.Membership
	ask        uint64
	round      token.Epoch
	gone       bool
}

// The node is the middle one of three members.
const (
	hostileSelf    = token.Member(1)
	hostileMembers = 3
)

var hostileIncarnation = token.Incarnation{7}

func newHostile(t *rapid.T) *hostile {
	h := &hostile{session: 1000, saved: [2]uint64{1000, 0}, holders: map[string]token.Waiter{}, waiting: map[token.Waiter]string{}}
	cfg := token.Config{
		Self: hostileSelf, Members: hostileMembers, Session: 1000, TTL: token.MinTTL, Incarnation: hostileIncarnation,
		IdleToken: token.DefaultIdleToken, IdleLock: token.DefaultIdleLock, FencesPerEpoch: token.MaxFencesPerEpoch,
		Remembers: true, MaxNotes: rapid.IntRange(1, 2).Draw(t, "notes"),
	}
	if rapid.Bool().Draw(t, "members change") {
		h.membership = hostileMembership()
		cfg.Members, cfg.Membership, cfg.Disk = 0, h.membership, h.membership.Members[hostileSelf].Disk
	}
	node, err := token.New(0, cfg)
	if err != nil {
		t.Fatal(err)
	}
	h.node = node
	return h
}

// near draws a number that may fit one that was sent: it, its neighbours, none, or anything
// up to a bound.
func near(t *rapid.T, what string, said, most uint64) uint64 {
	switch rapid.IntRange(0, 5).Draw(t, what+" is") {
	case 0, 1, 2:
		return min(said, most)
	case 3:
		return min(said+1, most)
	case 4:
		return said - min(said, 1)
	}
	return rapid.Uint64Max(most).Draw(t, what)
}

const (
	// mostEpoch is the highest plausible ballot number, and mostSession one that no clock
	// and no counting reaches.
	mostEpoch   = 1 << 30
	mostSession = wire.MaxSession
)

// message draws a member's message.
func (h *hostile) message(t *rapid.T, from token.Member) token.Message {
	lock := rapid.SampledFrom([]string{"a", "b"})
	number := func(what string) token.Number {
		return token.Number{Session: token.Session(near(t, what+" session", uint64(h.number.Session), mostSession)),
			Count: near(t, what+" count", h.number.Count, mostSession)}
	}
	m := messages.Any(h.ids(), from, hostileSelf).Draw(t, "message")
	if m.Lock != "" {
		m.Lock = lock.Draw(t, "lock")
	}
	for i := range m.Locks {
		m.Locks[i] = lock.Draw(t, "lock")
	}
	m.Ballot.Number = near(t, "ballot", h.epoch.Number, mostEpoch)
	m.Highest.Number = near(t, "highest", h.epoch.Number, mostEpoch)
	m.Number = number("number")
	m.Probe = near(t, "probe", h.probe, math.MaxUint64)
	m.Incarnation = rapid.SampledFrom([]token.Incarnation{hostileIncarnation, {}, {byte(from)}}).Draw(t, "incarnation")
	h.aim(t, &m)
	h.aimChange(t, &m)
	switch m.Kind {
	case token.TokenMessage:
		m.Session = token.Session(near(t, "addressee", uint64(h.session), mostSession))
		m.Token.Epoch.Number = near(t, "epoch", h.epoch.Number, mostEpoch)
		m.Token.Hop = near(t, "hop", 1, mostSession)
		m.Token.Fence = token.Fence(m.Token.Epoch.Number<<token.FenceBits | near(t, "fence", 0, token.MaxFencesPerEpoch))
		for i := range m.Token.LastGranted {
			m.Token.LastGranted[i] = number("LN")
		}
	case token.Pong:
		m.Stamp = token.Time(near(t, "stamp", uint64(max(h.stamp, 0)), mostSession))
	case token.Ping, token.Bye:
		m.Session = token.Session(near(t, "session", 1000, mostSession))
	case token.Known:
		m.Session = token.Session(near(t, "known", uint64(h.session), mostSession))
	}
	return m
}

// aim makes what a message says of notes fit what the node has said.
func (h *hostile) aim(t *rapid.T, m *token.Message) {
	fence := func() token.Fence {
		return token.Fence(max(1, near(t, "epoch", h.epoch.Number, mostEpoch)<<token.FenceBits|near(t, "fence", 1, token.MaxFencesPerEpoch)))
	}
	tick := func() token.Tick { return token.Tick(max(1, near(t, "tick", 2, 3))) }
	if m.Token != nil && m.Token.Run != nil {
		m.Token.Run.Fence, m.Token.Run.Tick = fence(), tick()
	}
	if m.Token != nil && m.Token.Kept != nil {
		m.Token.Kept.Fence = fence()
	}
	if m.Note == nil {
		return
	}
	if r := m.Note.Run; r != nil {
		r.Fence, r.Tick = fence(), tick()
	}
	if k := m.Note.Kept; k != nil {
		k.Fence = fence()
	}
	if m.Note.Epoch.Number != 0 {
		m.Note.Epoch.Number = max(1, near(t, "epoch", h.epoch.Number, mostEpoch))
	}
	if m.Kind == token.WitnessAnswer && h.witness != nil {
		m.Note.Epoch = h.witness.Epoch
		if m.Note.About = (token.NoteID{}); h.witness.Run != nil {
			m.Note.About.Run = h.witness.Run.RunMark
		} else {
			m.Note.About.KeptFence, m.Note.About.Over = h.witness.Kept.Fence, h.witness.Kept.Over
		}
	}
	if m.Answer != token.Outbid {
		m.Highest = token.Epoch{}
	}
}

// take checks and performs the node's effects.
func (h *hostile) take(t *rapid.T) {
	effects := h.node.Effects()
	if len(effects) > 1000 {
		t.Fatalf("%d effects of one input", len(effects))
	}
	for i := range effects {
		e := &effects[i]
		switch e.Kind {
		case token.Send:
			h.hear(t, e)
		case token.Save:
			next := [2]uint64{uint64(e.Session), e.Promised}
			if next[0] < h.saved[0] || next[1] < h.saved[1] {
				t.Fatalf("numbers fall: saved %v, then %v", h.saved, next)
			}
			h.saved, h.session = next, e.Session
		case token.Grant:
			if e.Fence>>63 != 0 {
				t.Fatalf("%q is granted with fence %d, which no signed number of 64 bits is", e.Lock, e.Fence)
			}
			if holder, held := h.holders[e.Lock]; held {
				t.Fatalf("%q is granted to %d while %d holds it", e.Lock, e.Waiter, holder)
			}
			if h.waiting[e.Waiter] != e.Lock {
				t.Fatalf("%q is granted to %d, which does not wait for it", e.Lock, e.Waiter)
			}
			delete(h.waiting, e.Waiter)
			h.holders[e.Lock] = e.Waiter
		case token.Refuse, token.Ran:
			delete(h.waiting, e.Waiter)
		case token.Adopted:
			if e.Membership.Check() != nil || e.Membership.Version <= h.membership.Version || e.Membership.Cluster != h.membership.Cluster {
				t.Fatalf("adopted %+v after %+v", e.Membership, h.membership)
			}
			h.membership = e.Membership
		case token.Gone:
			h.gone = true
		case token.Store:
			if e.Serial != h.serial+1 {
				t.Fatalf("a note to store has serial %d after %d", e.Serial, h.serial)
			}
			h.serial = e.Serial
		case token.Revoke:
			if h.holders[e.Lock] != e.Waiter {
				t.Fatalf("%q is revoked from %d, which does not hold it", e.Lock, e.Waiter)
			}
			delete(h.holders, e.Lock)
		}
	}
	if end, in := h.node.InSession(); in && end > h.now+token.MinTTL && !(end == token.Never && h.membership != nil) { // a list of one
		t.Fatalf("at %d the lease ends at %d; want it to end within %d", h.now, end, token.MinTTL)
	}
}

// hear notes what the node says, which an honest member must understand.
func (h *hostile) hear(t *rapid.T, e *token.Effect) {
	m := e.Message
	switch m.Kind {
	case token.KeepAlive:
		return
	case token.Ping:
		h.session, h.stamp = m.Session, m.Stamp
	case token.Probe:
		h.probe, h.number = m.Probe, m.Number
	case token.Request:
		h.number = m.Number
	case token.Ballot:
		h.epoch, h.ballot, h.number = m.Ballot, m.Ballot, m.Number
	case token.TokenMessage:
		h.epoch = m.Token.Epoch
	case token.Witness:
		h.witness = m.Note
		if m.Note.Epoch.Number != 0 {
			h.epoch = m.Note.Epoch
		}
	}
	if c := m.Change; c != nil {
		h.ask, h.round = max(h.ask, c.Ask), c.Round
	}
	honest := testDecoder(h.ids(), hostileSelf, e.Peer)
	honest.Changes = h.membership != nil
	if _, err := pass(m, honest); err != nil {
		t.Fatalf("the node sends %+v to member %d, which refuses it: %v", m, e.Peer, err)
	}
}

// testDecoder decodes one member's messages to another, at a time when every ballot number
// that fits a fence is plausible.
func testDecoder(members int, from, self token.Member) wire.Decoder {
	return wire.Decoder{Members: members, Self: self, From: from, MaxBallot: func() uint64 { return wire.MaxBallot }}
}

// pass returns a message as it arrives.
func pass(m token.Message, d wire.Decoder) (token.Message, error) {
	encoded, err := wire.AppendFrame(nil, []token.Message{m})
	if err != nil {
		return token.Message{}, err
	}
	frame := wire.ReceivedFrame{Decoder: d}
	if err := errors.Join(frame.Decode(encoded), frame.Err); err != nil {
		return token.Message{}, err
	}
	return frame.Messages[0], nil
}

// act performs one random event.
func (h *hostile) act(t *rapid.T) {
	peer := rapid.SampledFrom(h.peers()).Draw(t, "peer")
	lock := rapid.SampledFrom([]string{"a", "b"}).Draw(t, "lock")
	switch rapid.IntRange(0, 24).Draw(t, "act") {
	case 0:
		h.now += token.Time(rapid.Int64Range(0, int64(2*token.MinTTL)).Draw(t, "pause"))
		h.node.Tick(h.now)
	case 1:
		hello := token.Hello{Incarnation: token.Incarnation{byte(peer)}, Boot: token.Session(near(t, "boot", 1000, mostSession)),
			Counter: rapid.Uint64().Draw(t, "counter"), Floor: near(t, "floor", h.epoch.Number, mostEpoch),
			KnownSession: token.Session(near(t, "known", uint64(h.session), wire.MaxKnownSession)),
			Remembers:    rapid.IntRange(0, 9).Draw(t, "remembers") > 0}
		if h.membership != nil {
			hello.Membership, hello.Disk = h.membership, diskOf(h.membership, peer)
		}
		if h.node.ReceiveHello(h.now, peer, hello) == nil {
			h.node.Hello(peer)
		}
	case 2:
		h.node.PeerUp(h.now, peer)
	case 3:
		h.node.PeerDown(h.now, peer)
	case 4:
		h.waiter++
		h.waiting[h.waiter] = lock
		h.node.Acquire(h.now, lock, h.waiter)
	case 5:
		if holder, held := h.holders[lock]; held {
			delete(h.holders, lock)
			h.node.Release(h.now, lock, holder)
		}
	case 6, 7:
		h.node.Receive(h.now, peer, token.Message{Kind: token.Pong, Incarnation: hostileIncarnation, Stamp: h.stamp})
	case 8:
		h.node.Receive(h.now, peer, token.Message{Kind: token.ProbeAnswer, Lock: lock, Probe: h.probe, Answer: token.None})
	case 9:
		h.node.Receive(h.now, peer, token.Message{Kind: token.BallotAnswer, Lock: lock, Ballot: h.ballot, Answer: token.Promise,
			Highest: token.Epoch{}, Number: token.Number{Session: 1}})
	case 10:
		h.waiter++
		h.waiting[h.waiter] = lock
		h.node.Try(h.now, lock, h.waiter)
	case 11:
		for _, w := range slices.Sorted(maps.Keys(h.waiting)) {
			if h.waiting[w] == lock {
				delete(h.waiting, w)
				h.node.Withdraw(h.now, lock, w)
				break
			}
		}
	case 12:
		h.now += rapid.SampledFrom([]token.Time{1, token.DefaultIdleToken, token.DefaultIdleLock}).Draw(t, "long pause")
		h.node.Tick(h.now)
	case 13:
		h.note(t, lock)
	case 23:
		if h.membership != nil {
			h.waiter++
			change := token.ChangeRequest{Add: []token.Listed{{Address: "new:1", Disk: token.Disk{200, byte(h.waiter)}}}}
			if rapid.Bool().Draw(t, "removes") {
				change = token.ChangeRequest{Remove: []token.Member{peer}}
			}
			_ = h.node.Change(h.now, h.waiter, change)
		}
	case 24:
		if h.membership != nil {
			_ = h.node.ReceiveMembership(h.now, token.NoMember, h.nextMembership(t))
		}
	case 14:
		h.node.Stored(h.now, h.serial)
	case 15:
		if h.witness != nil {
			about := token.NoteID{}
			if h.witness.Run != nil {
				about.Run = h.witness.Run.RunMark
			} else {
				about.KeptFence, about.Over = h.witness.Kept.Fence, h.witness.Kept.Over
			}
			h.node.Receive(h.now, peer, token.Message{Kind: token.WitnessAnswer, Lock: lock, Answer: token.Noted,
				Note: &token.Note{Epoch: h.witness.Epoch, About: about}})
		}
	default:
		m := h.message(t, peer)
		if m.Kind == token.KeepAlive {
			return // has no form on the wire
		}
		d := testDecoder(h.ids(), peer, hostileSelf)
		d.Changes = h.membership != nil
		d.MaxBallot = func() uint64 { return mostEpoch }
		decoded, err := pass(m, d)
		if err != nil {
			return // refused, as it should be
		}
		h.node.Receive(h.now, peer, decoded)
	}
	h.take(t)
}

// note asks for a run or a kept hold, or ends one.
func (h *hostile) note(t *rapid.T, lock string) {
	holder, held := h.holders[lock]
	tick := token.Tick(rapid.IntRange(1, 3).Draw(t, "tick"))
	switch rapid.IntRange(0, 4).Draw(t, "note") {
	case 0:
		h.waiter++
		h.waiting[h.waiter] = lock
		h.node.AcquireRun(h.now, lock, h.waiter, token.RunRequest{Tick: tick, Skip: rapid.Bool().Draw(t, "skip")})
	case 1:
		h.waiter++
		h.waiting[h.waiter] = lock
		h.node.AcquireKept(h.now, lock, h.waiter, token.KeepRequest{Owner: "o", Adopt: rapid.Bool().Draw(t, "adopt")})
	case 2:
		if held && h.node.EndRun(h.now, lock, holder, 0, "") {
			delete(h.holders, lock)
		}
	case 3:
		if held {
			delete(h.holders, lock)
			h.node.Abandon(h.now, lock, holder)
		}
	default:
		h.node.Free(h.now, lock, h.waiter, h.node.InspectNotes(lock).Kept.Fence)
	}
}

// runHostile plays a game. The node is in a session from the beginning, so that
// something can be lost.
func runHostile(t *rapid.T) {
	h := newHostile(t)
	for _, peer := range []token.Member{0, 2} {
		hello := token.Hello{Boot: 1, Remembers: true, Membership: h.membership, Disk: diskOf(h.membership, peer)}
		if err := h.node.ReceiveHello(0, peer, hello); err != nil {
			t.Fatal(err)
		}
		h.node.PeerUp(0, peer)
	}
	h.now = 2 * token.MinTTL
	h.node.Tick(h.now)
	h.take(t)
	for _, peer := range []token.Member{0, 2} {
		h.node.Receive(h.now, peer, token.Message{Kind: token.Pong, Incarnation: hostileIncarnation, Stamp: h.stamp})
		h.take(t)
	}
	if _, in := h.node.InSession(); !in {
		t.Fatal("the node has no session")
	}
	for range rapid.IntRange(1, 100).Draw(t, "acts") {
		if h.act(t); h.gone {
			return
		}
	}
}

func TestHostileMembersDoNotBringANodeDown(t *testing.T) { rapid.Check(t, runHostile) }

// FuzzHostileMembers is the same with a fuzzer's choices.
func FuzzHostileMembers(f *testing.F) {
	source := rand.NewChaCha8([32]byte{})
	for range 20 {
		choices := make([]byte, 4096)
		_, _ = source.Read(choices)
		f.Add(choices)
	}
	f.Fuzz(rapid.MakeFuzz(runHostile))
}
