package sim

import "testing"

// held is calm, with a client of node 0 in the critical section.
func held(t *testing.T) *World {
	t.Helper()
	w := calm(t)
	w.plan.Clients = true
	w.plan.Ops[1].Node = 0
	w.claims[1] = claim{state: claimHolding, process: w.members[0].process}
	return w
}

// TestOrphansHoldForAsLongAsTheirNodesLease: until about the moment at which it would have
// lapsed, whatever the rates of the two clocks, and never longer.
func TestOrphansHoldForAsLongAsTheirNodesLease(t *testing.T) {
	for _, rates := range [][2]int64{{0, 0}, {maxDrift, -maxDrift}, {-maxDrift, maxDrift}} {
		w := held(t)
		m := &w.members[0]
		m.clock.base, m.clock.since, m.clock.drift = int64(m.clock.read(w.now)), w.now, rates[0]
		w.plan.Machines[0].ClientDrift = rates[1]
		end, _ := m.node.InSession()
		w.crashNow(0, 0)
		if len(w.orphans) != 1 || w.orphans[0].node != 0 || w.orphans[0].lock != 0 {
			t.Fatalf("left behind: %+v, want one client of node 0 with lock 0", w.orphans)
		}
		lapse := m.clock.when(end)
		if got, least := w.orphans[0].until, w.now+(lapse-w.now)*97/100; got > lapse || got < least {
			t.Errorf("rates %v: it holds until %d µs, want %d to %d", rates, got/1000, least/1000, lapse/1000)
		}
	}
}

// TestWhoIsNoOrphan: a client that has lost its hold, and one that dies with its node.
func TestWhoIsNoOrphan(t *testing.T) {
	for name, change := range map[string]func(w *World){
		"no client of its own":   func(w *World) { w.plan.Clients = false },
		"a waiter":               func(w *World) { w.claims[1].state = claimWaiting },
		"a holder after a lapse": func(w *World) { w.members[0].clock.base += 2e9 },
		"of an earlier process":  func(w *World) { w.claims[1].process-- },
		"of another node":        func(w *World) { w.plan.Ops[1].Node = 1 },
	} {
		w := held(t)
		change(w)
		w.crashNow(0, 0)
		if len(w.orphans) > 0 {
			t.Errorf("%s: left behind: %+v", name, w.orphans)
		}
	}
}

// TestOrphansOfAClusterOfOneHaveALease: its session never ends, but their lease does.
func TestOrphansOfAClusterOfOneHaveALease(t *testing.T) {
	p := stage(1, hold(1*s, 0, 30*s))
	p.Clients = true
	w := new(World)
	w.reset(p)
	w.start(0)
	for w.claims[0].state != claimHolding {
		e := w.events.pop()
		w.now = e.at
		w.take(e)
	}
	w.crashNow(0, 0)
	if len(w.orphans) != 1 || w.orphans[0].until > w.now+p.TTL {
		t.Errorf("left behind: %+v, want one that holds until %d at most", w.orphans, w.now+p.TTL)
	}
}

// TestWhoIsEncumbered: a member that served clients, until it leaves with nothing left
// behind; and always without a disk.
func TestWhoIsEncumbered(t *testing.T) {
	w := held(t)
	m := &w.members[0]
	again := func(want bool, when string) {
		t.Helper()
		w.start(0)
		if m.encumbered != want {
			t.Errorf("encumbered %t %s, want %t", m.encumbered, when, want)
		}
	}
	leave := func() {
		m.node.Retire(m.clock.read(w.now))
		w.performed(0)
	}
	m.disk.clients = false
	w.crashNow(0, 0)
	again(false, "though it served nobody")
	m.disk.clients = true
	w.crashNow(0, 0)
	again(true, "after it served clients")
	leave()
	again(true, "after a leave in the middle of its wait")
	w.now += w.plan.TTL
	m.node.Tick(m.clock.read(w.now))
	leave()
	again(false, "after a leave when the wait was over")
	w.plan.Machines[0].Disk = false
	w.crashNow(0, 0)
	again(true, "without a disk")
	if !m.node.InspectSession().Waiting {
		t.Error("the encumbered node is not waiting")
	}
}
