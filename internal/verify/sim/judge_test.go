package sim

import (
	"testing"

	"conch/internal/frames"
	"conch/token"
)

// calm is a cluster of three nodes without faults, each inside a session, with a
// waiter at node 0 that has gone through lock a.
func calm(t *testing.T) *World {
	t.Helper()
	p := &Plan{
		Seed: 1, Nodes: 3, Locks: 1, TTL: 1e9,
		IdleToken: Instant(token.DefaultIdleToken), IdleLock: Instant(token.DefaultIdleLock),
		FencesPerEpoch: token.MaxFencesPerEpoch,
		Delay:          1e6, Jitter: 1, TickLate: 1, Settle: 2e9,
		Ops: []Op{{At: 1e9, Node: 0, Length: 1e6}, {At: 5e9, Node: 1, Length: 1e6}},
	}
	for i := range p.Nodes {
		p.Machines[i].Disk = true
	}
	w := new(World)
	w.reset(p)
	for i := range p.Nodes {
		w.start(i)
	}
	for w.now < 1_500_000_000 {
		e := w.events.pop()
		w.now = e.at
		w.take(e)
	}
	for i := range p.Nodes {
		if !w.inSession(i) {
			t.Fatalf("node %d is not inside a session", i)
		}
	}
	if w.failure != nil || w.claims[0].state != claimOver || !w.members[0].views[0].hasToken {
		t.Fatalf("not as calm as it should be: %v", w.failure)
	}
	return w
}

// flyingToken puts a token on its way to node 1.
func flyingToken(w *World, epoch token.Epoch, session token.Session) {
	s := w.members[1].in[2]
	message := token.Message{Kind: token.TokenMessage, Lock: "a", Session: session, Token: &token.Token{Epoch: epoch, LastGranted: make([]token.Number, 3)}}
	s.queue = append(s.queue, parcel{at: w.now + 1, message: message})
	w.flying[0]++
}

func sessionOf(w *World, i int) token.Session { return w.members[i].node.InspectSession().Session }

// buryNode0 lets nodes bury node 0: their clocks run ahead until their guards are over.
func buryNode0(w *World, nodes ...int) {
	for _, i := range nodes {
		m := &w.members[i]
		m.clock.base += 2e9
		m.node.Receive(m.clock.read(w.now), token.Member(3-i), token.Message{
			Kind: token.Ballot, Lock: "b", Ballot: token.Epoch{Number: 1 << 40}, Members: []token.Member{0},
		})
	}
}

// lapse lets a node's clock run past its lease.
func lapse(w *World, i int) { w.members[i].clock.base += 2e9 }

// enterInARow lets a node in this often while others stand in the queue of lock a's token.
// Node 0 has a batch of 2.
func enterInARow(w *World, node, times int, queue ...token.Member) {
	w.plan.Machines[0].LocalBatch = 2
	for range times {
		w.judgeTurns(node, 0, queue)
	}
}

// keep lets a client hold lock a at node 0, and returns the lock.
func keep(t *testing.T, w *World) int {
	t.Helper()
	w.plan.Processes = 1
	w.plan.ClientMachines[0] = ClientMachine{Nodes: []int8{0}}
	m := &w.members[0]
	l := &link{node: 0, incarnation: frames.Incarnation{1}}
	w.links = append(w.links, l)
	st := &clientStream{link: l}
	w.clientStreams = append(w.clientStreams, st)
	now := m.clock.read(w.now)
	l.attached = st
	l.hears(m.process, now)
	m.table.Attach(now, st, l.incarnation, callerOf(l))
	for _, message := range []frames.ClientMessage{{Kind: frames.Ping, Stamp: 1}, {Kind: frames.Acquire, ID: 1, Lock: "a"}} {
		m.table.Receive(now, st, &message)
		w.performed(0)
	}
	if h, held := m.table.Holder(now, "a"); !held || h.Local != nil || w.failure != nil {
		t.Fatalf("no client holds: %+v, %v", h, w.failure)
	}
	m.node.InspectLock("a", &w.look)
	return 0
}

// leaseOf is for how long the client of keep has its lease yet.
func leaseOf(w *World) Instant { return w.members[0].clock.when(w.links[0].told.end) - w.now }

// TestJudges plants violations, each of which its judge must find, beside allowed cases
// that look alike.
func TestJudges(t *testing.T) {
	high := token.Epoch{Number: 1 << 40}
	grant := func(fence token.Fence) *token.Effect {
		return &token.Effect{Kind: token.Grant, Lock: "a", Waiter: 2, Fence: fence}
	}
	hold := func(w *World, nodes ...int) {
		for _, i := range nodes {
			w.members[i].views[0].holder = 7
		}
	}
	leave := func(w *World, nodes ...int) {
		for _, i := range nodes {
			w.orphans = append(w.orphans, orphan{node: i, until: w.now + 1})
		}
	}
	tests := []struct {
		name  string
		want  Judge // "" for what is allowed
		plant func(w *World)
	}{
		{"two holders", Exclusion, func(w *World) { hold(w, 0, 1); w.judgeCounts(0) }},
		{"two holders, one of them in a process that stands still", Exclusion, func(w *World) {
			hold(w, 0, 1)
			w.members[1].pausedUntil = never
			w.judgeCounts(0)
		}},
		{"two holders, one of them after its lease", "", func(w *World) { hold(w, 0, 1); lapse(w, 1); w.judgeCounts(0) }},
		{"a holder beside a client left behind", Exclusion, func(w *World) { hold(w, 1); leave(w, 0); w.judgeCounts(0) }},
		{"a holder beside a client of its own node's earlier process", Exclusion, func(w *World) { hold(w, 1); leave(w, 1); w.judgeCounts(0) }},
		{"two clients left behind", Exclusion, func(w *World) { leave(w, 0, 2); w.judgeCounts(0) }},
		{"a holder beside a client left behind whose lease is over", "", func(w *World) {
			hold(w, 1)
			leave(w, 0)
			w.now = w.orphans[0].until
			w.judgeCounts(0)
		}},
		{"a holder beside a client left behind with another lock", "", func(w *World) {
			hold(w, 1)
			w.orphans = append(w.orphans, orphan{lock: 1, until: never})
			w.judgeCounts(0)
		}},
		{"one holder", "", func(w *World) { hold(w, 1); w.judgeCounts(0) }},

		{"two tokens at nodes", OneToken, func(w *World) { w.members[1].views[0].hasToken = true; w.judgeCounts(0) }},
		{"two tokens, one of them after its node's lease", "", func(w *World) {
			w.members[1].views[0].hasToken = true
			lapse(w, 1)
			w.judgeCounts(0)
		}},
		{"a token on its way beside one at a node", OneToken, func(w *World) { flyingToken(w, high, sessionOf(w, 1)); w.judgeCounts(0) }},
		{"two tokens on their way", OneToken, func(w *World) {
			w.members[0].views[0].hasToken = false
			flyingToken(w, high, sessionOf(w, 1))
			flyingToken(w, high, sessionOf(w, 1))
			w.judgeCounts(0)
		}},
		{"a token on its way to a session that is over", "", func(w *World) { flyingToken(w, high, sessionOf(w, 1)-1); w.judgeCounts(0) }},
		{"a token on its way to a node whose lease is over", "", func(w *World) {
			flyingToken(w, high, sessionOf(w, 1))
			lapse(w, 1)
			w.judgeCounts(0)
		}},
		{"a token on a stream that was replaced", "", func(w *World) {
			flyingToken(w, high, sessionOf(w, 1))
			w.members[1].in[2] = w.newStream(2, 1)
			w.judgeCounts(0)
		}},

		{"an epoch made twice", OneMaking, func(w *World) {
			e := &token.Effect{Lock: "a", Message: token.Message{Token: &token.Token{Epoch: high}}}
			w.judgeMade(0, e)
			w.judgeMade(1, e)
		}},

		{"the same fence again", Fences, func(w *World) { w.claims[1].state = claimWaiting; w.judgeGrant(1, grant(w.fences[0])) }},
		{"the same fence after a start without what was promised", "", func(w *World) {
			w.forgetful = true
			w.claims[1] = claim{state: claimWaiting, process: 1}
			w.judgeGrant(1, grant(w.fences[0]))
		}},
		{"a grant after the lease", Outside, func(w *World) { lapse(w, 1); w.judgeGrant(1, grant(1<<62)) }},
		{"an answer to nobody", Invariant, func(w *World) { w.granted(1, 1, 1) }},
		{"a grant", "", func(w *World) {
			w.claims[1] = claim{state: claimWaiting, process: 1}
			w.judgeGrant(1, grant(1<<62))
		}},

		{"one more entry than a batch while another stands in the queue", Turns, func(w *World) { enterInARow(w, 0, 3, 1) }},
		{"a batch while another stands in the queue", "", func(w *World) { enterInARow(w, 0, 2, 1) }},
		{"entries while nobody stands in the queue", "", func(w *World) { enterInARow(w, 0, 100) }},
		{"a second entry where nodes take turns", Turns, func(w *World) { enterInARow(w, 2, 2, 1) }},
		{"two batches, the second by a token made anew", "", func(w *World) {
			enterInARow(w, 0, 2, 1)
			w.judgeMade(0, &token.Effect{Lock: "a", Message: token.Message{Token: &token.Token{Epoch: high}}})
			enterInARow(w, 0, 2, 1)
		}},
		{"two batches, between which the other had its turn", "", func(w *World) {
			enterInARow(w, 0, 2, 1)
			w.hadTurn(1, "a")
			enterInARow(w, 0, 2, 1)
		}},

		{"a node that two others bury in spite of their guards", Burials, func(w *World) { buryNode0(w, 1, 2); w.judgeBurials(0) }},
		{"a node that one other buries", "", func(w *World) { buryNode0(w, 1); w.judgeBurials(0) }},
		{"a node that two others bury after its lease", "", func(w *World) { buryNode0(w, 1, 2); lapse(w, 0); w.judgeBurials(0) }},

		{"a session that comes back", Sessions, func(w *World) { w.judgeSession(1, &w.members[1], sessionOf(w, 1)-1) }},

		{"a waiter left alone", Service, func(w *World) {
			w.claims[1] = claim{state: claimWaiting, process: 1}
			w.now += 100 * w.plan.TTL
			w.checkServed()
		}},
		{"a waiter on a node that is down", "", func(w *World) {
			w.claims[1] = claim{state: claimWaiting, process: 1}
			w.members[1].node = nil
			w.now += 100 * w.plan.TTL
			w.checkServed()
		}},
		{"a hold of a client that was heard of", "", func(w *World) { w.judgeHolds(0, keep(t, w)) }},
		{"a hold in the client's lease, of which nothing more was heard", "", func(w *World) {
			l := keep(t, w)
			w.now += leaseOf(w) - 1
			w.judgeHolds(0, l)
		}},
		{"a hold after the lease of a client of which nothing more was heard", Kept, func(w *World) {
			l := keep(t, w)
			w.now += leaseOf(w) + w.plan.TickLate + 1
			w.judgeHolds(0, l)
		}},
		{"a hold after the client's lease, in a process that stood still", "", func(w *World) {
			l := keep(t, w)
			w.now += leaseOf(w) + w.plan.TickLate + 1
			w.members[0].pausedUntil = w.now
			w.judgeHolds(0, l)
		}},
		{"a hold of a client of which only an earlier process has heard", Kept, func(w *World) {
			l := keep(t, w)
			w.links[0].told.process--
			w.judgeHolds(0, l)
		}},
		{"a hold longer than 2 T after the client was heard of, told or not", Kept, func(w *World) {
			l := keep(t, w)
			w.now += 25e8
			w.noteTold(&w.members[0], w.links[0], &frames.NodeMessage{Kind: frames.Pong, Remaining: 1e9})
			w.judgeHolds(0, l)
		}},
		{"a hold that the table does not know", Invariant, func(w *World) {
			w.members[0].node.Acquire(w.members[0].clock.read(w.now), "a", 99)
			w.performed(0)
			w.members[0].node.InspectLock("a", &w.look)
			w.members[0].table = w.newTable(w.members[0].node)
			w.look.Inside = []token.HolderView{{Waiter: 99}}
			w.judgeHolds(0, 0)
		}},

		{"a stream that is left behind", Leak, func(w *World) {
			keep(t, w)
			m := &w.members[0]
			m.table.Receive(m.clock.read(w.now), w.links[0].attached, &frames.ClientMessage{Kind: frames.Withdraw, ID: 1})
			w.performed(0)
			w.judgeEmpty()
		}},

		{"a waiter at a node with an older disk", Service, func(w *World) {
			w.claims[1] = claim{state: claimWaiting, process: 1}
			w.members[1].setBack = true
			w.now += 100 * w.plan.TTL
			w.checkServed()
		}},
		{"a waiter at a node with an older disk that somebody who knows never reaches", "", func(w *World) {
			w.claims[1] = claim{state: claimWaiting, process: 1}
			w.members[1].setBack = true
			w.plan.Cut = [2]int{1, 2}
			w.now += 100 * w.plan.TTL
			w.checkServed()
		}},
		{"a node that asks for the time without end", Rest, func(w *World) {
			for range 20_000 {
				w.judgeRest()
			}
		}},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			w := calm(t)
			test.plant(w)
			got := Judge("")
			if w.failure != nil {
				got = w.failure.Judge
			}
			if got != test.want {
				t.Errorf("found %q, want %q", got, test.want)
			}
		})
	}
}

// TestJudgeLock plants contradictions in a node's knowledge of a lock.
func TestJudgeLock(t *testing.T) {
	own := token.Number{Count: 3}
	tests := []struct {
		name string
		bad  bool
		edit func(v *token.LockView)
	}{
		{"nothing", false, func(*token.LockView) {}},
		{"a holder without a token", true, func(v *token.LockView) { v.HasToken, v.Holder = false, 1 }},
		{"a waiter beside an idle token", true, func(v *token.LockView) { v.Waiters = 1 }},
		{"a waiter beside a holder", false, func(v *token.LockView) { v.Waiters, v.Holder = 1, 1 }},
		{"a request beside an idle token", true, func(v *token.LockView) { v.Outstanding = true }},
		{"a waiter without a request", true, func(v *token.LockView) { v.HasToken, v.Waiters = false, 1 }},
		{"a request of another session", true, func(v *token.LockView) {
			v.HasToken, v.Waiters, v.Outstanding = false, 1, true
			v.RequestNumbers[0].Session++
		}},
		{"a node twice in the queue", true, func(v *token.LockView) { v.Token.Queue = []token.Member{1, 2, 1} }},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			w := calm(t)
			own.Session = sessionOf(w, 0)
			v := token.LockView{RequestNumbers: []token.Number{own, {}, {}}, HasToken: true, Token: token.Token{LastGranted: make([]token.Number, 3)}}
			test.edit(&v)
			w.judgeLock(0, 0, &v)
			if (w.failure != nil) != test.bad {
				t.Errorf("found %v", w.failure)
			}
		})
	}
}
