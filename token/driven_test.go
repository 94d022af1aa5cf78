package token

import (
	"slices"
	"strings"
	"testing"
)

// testTTL is T in the tests.
const testTTL = 2 * second

// driven is one node under test, A unless stated otherwise, and its clock. The test plays
// its peers, which are at session 1 unless stated otherwise.
type driven struct {
	*Node
	t      *testing.T
	at     Time
	issued []Effect // since the last call of take
}

// incarnation tells the processes of the tests apart: the start-th of a member.
func incarnation(m Member, start int) Incarnation { return Incarnation{byte(m), byte(start)} }

func testConfig(self Member, members int) Config {
	return Config{
		Self:           self,
		Members:        members,
		Incarnation:    incarnation(self, 1),
		Session:        1,
		TTL:            testTTL,
		IdleToken:      DefaultIdleToken,
		IdleLock:       DefaultIdleLock,
		FencesPerEpoch: MaxFencesPerEpoch,
	}
}

// startWith starts a node whose clock reads 1000 s.
func startWith(t *testing.T, cfg Config) *driven {
	t.Helper()
	d := &driven{t: t, at: 1000 * second}
	n, err := New(d.at, cfg)
	if err != nil {
		t.Fatal(err)
	}
	d.Node = n
	d.passes(0)
	d.take()
	return d
}

// start starts A.
func start(t *testing.T, members int) *driven {
	t.Helper()
	return startWith(t, testConfig(0, members))
}

// inSession starts A and takes it through its start: streams to all peers, CLEAR
// from all, session 1 begun here and there.
func inSession(t *testing.T, members int) *driven {
	t.Helper()
	return inSessionWith(t, testConfig(0, members))
}

func inSessionWith(t *testing.T, cfg Config) *driven {
	t.Helper()
	d := startWith(t, cfg)
	for _, j := range d.others() {
		d.up(j, 1)
	}
	for _, j := range d.others() {
		d.receive(j, Message{Kind: Clear, Incarnation: cfg.Incarnation})
	}
	d.pinged(d.others()...)
	d.ponged(d.others()...)
	if _, ok := d.InSession(); !ok {
		t.Fatal("the node is in no session, want session 1")
	}
	d.take()
	return d
}

// others are the members but the node under test.
func (d *driven) others() []Member {
	var members []Member
	for j := range d.peers {
		if Member(j) != d.self && d.peers[j].listed {
			members = append(members, Member(j))
		}
	}
	return members
}

// take collects what was issued since the last call.
func (d *driven) take() []Effect {
	d.t.Helper()
	for _, e := range d.Effects() {
		if e.Kind == Send && e.Message.Lock != e.Lock {
			d.t.Fatalf("%s: the message is about %q, the effect about %q", describe(d.self, e), e.Message.Lock, e.Lock)
		}
		e.State.RequestNumbers = slices.Clone(e.State.RequestNumbers)
		e.State.LastGranted = slices.Clone(e.State.LastGranted)
		e.State.Queue = slices.Clone(e.State.Queue)
		d.issued = append(d.issued, e)
	}
	d.checkSound()
	issued := d.issued
	d.issued = nil
	return issued
}

// checkSound checks the lists of locks.
func (d *driven) checkSound() {
	d.t.Helper()
	for i, l := range d.order {
		if int(l.position) != i || d.locks[l.name] != l {
			d.t.Fatalf("lock %s is at %d in the list of %d locks, want %d", l.name, i, len(d.order), l.position)
		}
	}
	if len(d.order) != len(d.locks) {
		d.t.Fatalf("%d locks in the list, %d in the map", len(d.order), len(d.locks))
	}
}

// want compares what was issued since the last call with the lines wanted. It leaves out
// Received, which repeats what the test itself said, and the constant messages.
func (d *driven) want(lines ...string) {
	d.t.Helper()
	d.compare(lines, func(e Effect) bool {
		return e.Kind != Received && (e.Kind != Send || !constant(e.Message.Kind))
	})
}

// wantAll is want with the constant messages.
func (d *driven) wantAll(lines ...string) {
	d.t.Helper()
	d.compare(lines, func(e Effect) bool { return e.Kind != Received })
}

// wantOnly is want for the effects of one kind.
func (d *driven) wantOnly(kind EffectKind, lines ...string) {
	d.t.Helper()
	d.compare(lines, func(e Effect) bool { return e.Kind == kind })
}

// wantSent is want for the messages of one kind.
func (d *driven) wantSent(kind MessageKind, lines ...string) {
	d.t.Helper()
	d.compare(lines, func(e Effect) bool { return e.Kind == Send && e.Message.Kind == kind })
}

// constant reports whether messages of a kind come and go all the time.
func constant(k MessageKind) bool { return k == KeepAlive || k == Ping || k == Pong || k == Busy }

func (d *driven) compare(lines []string, counts func(Effect) bool) {
	d.t.Helper()
	var got []string
	for _, e := range d.take() {
		if counts(e) {
			got = append(got, describe(d.self, e))
		}
	}
	if !slices.Equal(got, lines) {
		d.t.Fatalf("issued\n\t%s\nwant\n\t%s", strings.Join(got, "\n\t"), strings.Join(lines, "\n\t"))
	}
}

// wantState compares RN, and LN and Q: "" where the token is elsewhere.
func (d *driven) wantState(rn, ln, q string) {
	d.t.Helper()
	var s State
	d.copyState(d.locks[cs], &s)
	gotLN, gotQ := "", ""
	if d.locks[cs].holdsToken() {
		gotLN, gotQ = numbers(s.LastGranted), letters(s.Queue)
	}
	if got := numbers(s.RequestNumbers); got != rn || gotLN != ln || gotQ != q {
		d.t.Fatalf("RN %q LN %q Q %q, want RN %q LN %q Q %q", got, gotLN, gotQ, rn, ln, q)
	}
}

// passes lets time pass. It ticks whenever the node wants it, and at the end.
func (d *driven) passes(time Time) {
	d.t.Helper()
	end := d.at + time
	for ticks := 0; d.NextTick() <= end; ticks++ {
		if ticks > 10_000 {
			d.t.Fatalf("at %d ns the node still wants to tick at %d ns", d.at, d.NextTick())
		}
		d.at = max(d.at, d.NextTick())
		d.Tick(d.at)
		d.issued = d.take()
	}
	d.at = end
	d.Tick(d.at)
	d.issued = d.take()
}

// lives lets time pass while the named peers keep up the sessions: they ping and answer
// pings every T/16, and say nothing else.
func (d *driven) lives(time Time, peers ...Member) {
	d.t.Helper()
	for end := d.at + time; d.at < end; {
		d.passes(min(testTTL/16, end-d.at))
		d.pinged(peers...)
		d.ponged(peers...)
		d.issued = d.take()
	}
}

func (d *driven) acquire(w Waiter)  { d.Acquire(d.at, cs, w) }
func (d *driven) release(w Waiter)  { d.Release(d.at, cs, w) }
func (d *driven) withdraw(w Waiter) { d.Withdraw(d.at, cs, w) }

// receive takes a message; one about a lock is about cs unless it says otherwise.
func (d *driven) receive(from Member, m Message) {
	switch m.Kind {
	case KeepAlive, Ping, Pong, Busy, Clear, Bye:
	default:
		if m.Lock == "" && m.Change == nil {
			m.Lock = cs
		}
	}
	d.Receive(d.at, from, m)
}

// up opens the streams between a peer's start-th process and the node. Its session
// numbers rise by a thousand at each start.
func (d *driven) up(peer Member, start int) {
	d.t.Helper()
	boot := Session(1 + 1000*(start-1))
	h := Hello{Incarnation: incarnation(peer, start), Boot: boot, Counter: d.peers[peer].hello.Counter + 1}
	if d.changes() {
		h.Membership, h.Disk = d.membership, diskOf(peer)
	}
	d.hello(peer, h)
	d.PeerUp(d.at, peer)
}

func (d *driven) hello(peer Member, h Hello) {
	d.t.Helper()
	if err := d.ReceiveHello(d.at, peer, h); err != nil {
		d.t.Fatal(err)
	}
}

// pinged lets peers ping from inside their session 1.
func (d *driven) pinged(peers ...Member) {
	for _, j := range peers {
		d.receive(j, Message{Kind: Ping, Incarnation: incarnation(j, 1), Session: 1, Begun: true, Stamp: d.at})
	}
}

// ponged lets peers answer a PING that was sent now.
func (d *driven) ponged(peers ...Member) {
	for _, j := range peers {
		d.receive(j, Message{Kind: Pong, Incarnation: d.cfg.Incarnation, Stamp: d.at})
	}
}

// request is REQUEST(from, 1.count).
func (d *driven) request(from Member, count uint64) {
	d.receive(from, Message{Kind: Request, Number: Number{1, count}})
}

// token brings the token 1.B from B, with LN all 1.0 and nobody in Q.
func (d *driven) token() { d.tokenWith(func(*Token) {}) }

// tokenWith brings the same token after a change.
func (d *driven) tokenWith(change func(*Token)) {
	t := &Token{Epoch: Epoch{1, 1}, Hop: 1, Fence: 1 << FenceBits, LastGranted: make([]Number, len(d.peers))}
	for j := range t.LastGranted {
		t.LastGranted[j] = Number{1, 0}
	}
	change(t)
	d.receive(1, Message{Kind: TokenMessage, Session: d.session, Token: t})
}

// withToken starts A in a session, with the token idle.
func withToken(t *testing.T, members int) *driven {
	t.Helper()
	d := inSession(t, members)
	d.token()
	d.take()
	return d
}

// holding starts A in a session, with waiter 1 in the critical section.
func holding(t *testing.T, members int) *driven {
	t.Helper()
	d := withToken(t, members)
	d.acquire(1)
	d.take()
	return d
}

// asking starts A in a session, with waiter 1 waiting for a token that exists
// somewhere: request 1.1 has just been broadcast.
func asking(t *testing.T, members int) *driven {
	t.Helper()
	d := inSession(t, members)
	d.request(1, 1) // so that the lock is known
	d.acquire(1)
	d.take()
	return d
}

// probing starts A in a session, with waiter 1 waiting for a lock that nobody has
// heard of: probe 1 has just been sent.
func probing(t *testing.T, members int) *driven {
	t.Helper()
	d := inSession(t, members)
	d.acquire(1)
	d.take()
	return d
}

// none lets peers answer a probe with NONE.
func (d *driven) none(probe uint64, peers ...Member) {
	for _, j := range peers {
		d.receive(j, Message{Kind: ProbeAnswer, Probe: probe, Answer: None})
	}
}

// balloting is probing, after which all peers have answered NONE: ballot 1.A has
// just been sent.
func balloting(t *testing.T, members int) *driven {
	t.Helper()
	d := probing(t, members)
	d.none(1, d.others()...)
	d.take()
	return d
}
