package token

import (
	"errors"
	"fmt"
	"maps"
	"slices"

	"pgregory.net/rapid"
)

// network is a cluster whose messages travel when a test says so, each node reading a
// clock of its own that moves when a test says so. It has no randomness. At each
// grant it looks for a second holder, and for a fence that does not rise.
type network struct {
	t     rapid.TB // or of package testing
	sites []*site
	wires [][]*wire // by sender, then receiver
	// observe sees each effect when it is performed.
	observe func(at Member, e Effect)
	fences  map[string]Fence
	elapsed Time
	waiters Waiter // drawn so far
}

// site is where a member runs: its disk, its clock, and its present process.
type site struct {
	node    *Node // nil while no process runs
	cfg     Config
	starts  int
	now     Time
	frozen  bool // the process stands still; the clock does not
	holders map[string]Waiter
	waiting map[string][]Waiter

	disk     map[string]Notes // by lock
	written  uint64           // the serial number of the latest Store on it
	slowDisk bool             // Stores are noted only by hand
	unstored []Effect
	freed    map[Fence]bool // kept holds

	adopted []*Membership // since the process started
	changed []Effect      // what came of the changes that were asked for
	gone    string        // why the process has ended by itself
}

// wire is the stream from one member to another: FIFO, at most once.
type wire struct {
	open   bool
	cut    bool // no stream can be opened
	slow   bool // frames on it are delivered only by hand
	frames []frame
}

// frame is what travels on a wire.
type frame struct {
	hello   *Hello // the first frame; else message
	message Message
}

// newNetwork is a cluster none of whose members has started.
func newNetwork(t rapid.TB, members int, change func(*Config)) *network {
	n := &network{t: t, fences: map[string]Fence{}, observe: func(Member, Effect) {}}
	for m := range members {
		cfg := testConfig(Member(m), members)
		cfg.Session = 0 // raised at the start
		change(&cfg)
		n.addSite(cfg)
	}
	return n
}

// addSite adds a site, and the wires between it and the others.
func (n *network) addSite(cfg Config) Member {
	m := Member(len(n.sites))
	n.sites = append(n.sites, &site{cfg: cfg, now: Time(m+1) * 1000 * second, disk: map[string]Notes{}})
	n.wires = append(n.wires, nil)
	for j := range n.sites {
		n.wires[m] = append(n.wires[m], &wire{})
		if Member(j) != m {
			n.wires[j] = append(n.wires[j], &wire{})
		}
	}
	return m
}

// running is a cluster all of whose members have a session.
func running(t rapid.TB, members int) *network {
	return runningWith(t, members, func(*Config) {})
}

func runningWith(t rapid.TB, members int, change func(*Config)) *network {
	n := newNetwork(t, members, change)
	for m := range n.sites {
		n.start(Member(m))
	}
	n.settle()
	n.advance(0)
	return n
}

// start starts a member's process, and opens the streams that can be opened.
func (n *network) start(m Member) {
	s := n.sites[m]
	s.starts++
	s.cfg.Session++
	s.cfg.Incarnation = incarnation(m, s.starts)
	s.cfg.Notes, s.unstored = nil, nil
	for _, name := range slices.Sorted(maps.Keys(s.disk)) {
		s.cfg.Notes = append(s.cfg.Notes, LockNotes{name, s.disk[name]})
	}
	node, err := New(s.now, s.cfg)
	if err != nil {
		n.t.Fatal(err)
	}
	s.node, s.frozen, s.gone, s.adopted = node, false, "", nil
	s.holders, s.waiting = map[string]Waiter{}, map[string][]Waiter{}
	n.perform(m)
	n.openAll(m)
}

// openAll opens the streams from and to a member that can be opened.
func (n *network) openAll(m Member) {
	for j := range n.sites {
		n.open(m, Member(j))
		n.open(Member(j), m)
	}
}

// crash ends a member's process at once. What it sent last is lost.
func (n *network) crash(m Member) {
	n.sites[m].node = nil
	for j := range n.sites {
		n.end(m, Member(j))
		n.end(Member(j), m)
	}
}

// cut ends the streams between two members, and lets no new ones be opened.
func (n *network) cut(a, b Member) {
	for _, pair := range [][2]Member{{a, b}, {b, a}} {
		n.wires[pair[0]][pair[1]].cut = true
		n.end(pair[0], pair[1])
	}
}

// heal lets two members connect again.
func (n *network) heal(a, b Member) {
	for _, pair := range [][2]Member{{a, b}, {b, a}} {
		n.wires[pair[0]][pair[1]].cut = false
		n.open(pair[0], pair[1])
	}
}

// open opens a stream if it can be opened and is not open.
func (n *network) open(from, to Member) {
	w, s := n.wires[from][to], n.sites[from]
	if from == to || w.open || w.cut || s.node == nil || n.sites[to].node == nil || !s.node.isListed(to) {
		return
	}
	hello := s.node.Hello(to)
	w.open, w.frames = true, []frame{{hello: &hello}}
	s.node.PeerUp(s.now, to)
	n.perform(from)
}

// end ends a stream. Frames on it are lost.
func (n *network) end(from, to Member) {
	w, s := n.wires[from][to], n.sites[from]
	open := w.open
	w.open, w.frames = false, nil
	if open && s.node != nil {
		s.node.PeerDown(s.now, to)
		n.perform(from)
	}
}

// deliver gives the first frame on a wire to its receiver. It reports whether there was a
// frame and a receiver.
func (n *network) deliver(from, to Member) bool {
	w, s := n.wires[from][to], n.sites[to]
	if len(w.frames) == 0 || s.node == nil || s.frozen {
		return false
	}
	f := w.frames[0]
	w.frames = w.frames[1:]
	if f.hello == nil {
		s.node.Receive(s.now, from, f.message)
	} else if err := s.node.ReceiveHello(s.now, from, *f.hello); errors.Is(err, ErrStranger) {
		n.turnAway(from, to)
	} else if err != nil {
		n.t.Fatal(err)
	}
	n.perform(to)
	return true
}

// turnAway ends a stream that its receiver refuses. The sender is shown why, as the driver does
// it.
func (n *network) turnAway(from, to Member) {
	n.end(from, to)
	s := n.sites[from]
	if err := s.node.ReceiveMembership(s.now, to, n.sites[to].node.membership); err != nil && !errors.Is(err, ErrStranger) {
		n.t.Fatal(err)
	}
	n.perform(from)
}

// settle delivers all frames, and those that they cause, until nothing is left.
func (n *network) settle() {
	for round, quiet := 0, false; !quiet; round++ {
		if round > 10_000 {
			n.t.Fatal("the network does not come to rest")
		}
		quiet = true
		for from := range n.wires {
			for to, w := range n.wires[from] {
				if w.slow {
					continue
				}
				if n.deliver(Member(from), Member(to)) {
					quiet = false
				}
			}
		}
	}
}

// advance lets time pass, the same for all, while messages take no time.
func (n *network) advance(time Time) {
	for {
		step := time
		for _, s := range n.sites {
			if s.node != nil && !s.frozen {
				step = min(step, max(0, s.node.NextTick()-s.now))
			}
		}
		for _, s := range n.sites {
			s.now += step
		}
		time -= step
		n.elapsed += step
		ticked := false
		for m, s := range n.sites {
			if s.node != nil && !s.frozen && s.node.NextTick() <= s.now {
				ticked = true
				s.node.Tick(s.now)
				n.perform(Member(m))
			}
		}
		n.settle()
		if time == 0 && !ticked {
			return
		}
	}
}

// thaw lets a frozen process go on.
func (n *network) thaw(m Member) {
	s := n.sites[m]
	s.frozen = false
	s.node.Tick(s.now)
	n.perform(m)
}

// acquire draws a waiter and lets it wait at a member.
func (n *network) acquire(m Member, lock string) {
	s := n.sites[m]
	s.node.Acquire(s.now, lock, n.draw(m, lock))
	n.perform(m)
}

// draw draws a waiter, which is about to wait at a member.
func (n *network) draw(m Member, lock string) Waiter {
	s := n.sites[m]
	n.waiters++
	s.waiting[lock] = append(s.waiting[lock], n.waiters)
	return n.waiters
}

// try draws a waiter that does not want to wait.
func (n *network) try(m Member, lock string) {
	s := n.sites[m]
	n.waiters++
	s.node.Try(s.now, lock, n.waiters)
	n.perform(m)
}

// withdraw withdraws the latest waiter.
func (n *network) withdraw(m Member, lock string) {
	s := n.sites[m]
	last := len(s.waiting[lock]) - 1
	w := s.waiting[lock][last]
	s.waiting[lock] = s.waiting[lock][:last]
	s.node.Withdraw(s.now, lock, w)
	n.perform(m)
}

// release releases what a member holds.
func (n *network) release(m Member, lock string) {
	s := n.sites[m]
	s.node.Release(s.now, lock, s.holders[lock])
	n.perform(m)
}

// retire lets a member leave on purpose.
func (n *network) retire(m Member) {
	s := n.sites[m]
	s.node.Retire(s.now)
	n.perform(m)
}

// perform does what a node wants done.
func (n *network) perform(m Member) {
	s := n.sites[m]
	for _, e := range s.node.Effects() {
		n.observe(m, e)
		switch e.Kind {
		case Send:
			if w := n.wires[m][e.Peer]; w.open {
				w.frames = append(w.frames, frame{message: e.Message})
			}
		case Save:
			s.cfg.Session, s.cfg.Floor = e.Session, e.Promised
		case SaveMembership:
			s.cfg.Membership, s.cfg.Choice = e.Membership, e.Choice
		case Adopted:
			s.adopted = append(s.adopted, e.Membership)
			n.openAll(m)
		case Changed:
			s.changed = append(s.changed, e)
		case Gone:
			s.gone = e.Reason
		case Store:
			s.unstored = append(s.unstored, e)
		case Grant:
			n.judge(m, e)
			s.waiting[e.Lock] = slices.DeleteFunc(s.waiting[e.Lock], func(w Waiter) bool { return w == e.Waiter })
			s.holders[e.Lock] = e.Waiter
		case Left, Revoke:
			delete(s.holders, e.Lock)
		}
	}
	if len(s.unstored) > 0 && !s.slowDisk {
		n.stored(m)
	}
}

// stored puts all on a member's disk, and tells it.
func (n *network) stored(m Member) {
	s := n.sites[m]
	if len(s.unstored) == 0 {
		return
	}
	for _, e := range s.unstored {
		s.disk[e.Lock], s.written = *e.Notes, e.Serial
	}
	s.unstored = nil
	s.node.Stored(s.now, s.written)
	n.perform(m)
}

// judge checks a grant: by its own clock nobody else holds the lock, and the fence is the
// highest yet.
func (n *network) judge(m Member, grant Effect) {
	n.t.Helper()
	for other, s := range n.sites {
		if s.node == nil || s.holders[grant.Lock] == 0 {
			continue
		}
		if end, ok := s.node.InSession(); ok && s.now < end {
			n.t.Errorf("%s is let into %s while %s is in it", letter(m), grant.Lock, letter(Member(other)))
		}
	}
	if grant.Fence <= n.fences[grant.Lock] {
		n.t.Errorf("%s gets fence %s of %s, after %s", letter(m), fence(grant.Fence), grant.Lock, fence(n.fences[grant.Lock]))
	}
	n.fences[grant.Lock] = grant.Fence
}

// describeFrame writes what travels on a wire.
func describeFrame(f frame) string {
	if f.hello != nil {
		return fmt.Sprintf("HELLO %s stream %d", process(f.hello.Incarnation), f.hello.Counter)
	}
	return describeMessage(f.message) + ofLock(f.message.Lock)
}
