package token

import (
	"fmt"
	"slices"
	"testing"

	"pgregory.net/rapid"
)

// What section 1 of the protocol promises, over random schedules of FIFO channels that lose
// nothing, while no time passes: so there are no lapses, no rounds, and only REQUEST and
// TOKEN. The simulator has schedules with faults.

// locksOf names the locks of the random schedules.
var locksOf = []string{cs, "printer"}

// schedule is one random schedule, and what must hold during it.
type schedule struct {
	*network
	t     *rapid.T
	rides bool // more than one waiter of a node at a time
	locks map[string]*account
}

// account is the record of one lock.
type account struct {
	waiting map[Waiter]bool // asked, and neither granted nor withdrawn
	hop     uint64          // of the token
	cost    []int           // messages spent for each member's next entry
	// overtook is, for each waiting member, how often each other one was let in since the
	// token's node knew of the request; nil if it does not know of it.
	overtook [][]int
}

// newSchedule is a schedule of members, each with a LocalBatch of at most so many.
func newSchedule(t *rapid.T, batch int) *schedule {
	members := rapid.IntRange(1, 6).Draw(t, "members")
	n := runningWith(t, members, func(c *Config) { c.LocalBatch = rapid.IntRange(0, batch).Draw(t, "batch") })
	s := &schedule{network: n, t: t, locks: map[string]*account{}}
	for _, lock := range locksOf {
		s.acquire(0, lock) // makes the token
		s.settle()
		s.release(0, lock)
		s.settle()
		s.locks[lock] = &account{waiting: map[Waiter]bool{}, cost: make([]int, members), overtook: make([][]int, members)}
	}
	s.observe = s.keepAccount
	return s
}

// keepAccount notes each effect.
func (s *schedule) keepAccount(at Member, e Effect) {
	a := s.locks[e.Lock]
	switch e.Kind {
	case Send:
		s.accountMessage(a, at, e)
	case Grant:
		s.accountGrant(a, at, e)
	case Received:
		if e.Message.Kind == TokenMessage && len(s.sites[at].waiting[e.Lock]) == 0 {
			a.cost[at] = 0 // the waiter gave up
		}
	case Asked, Left, Withdrew, Rode:
	default:
		s.t.Fatalf("%s: there is no fault that could explain it", describe(at, e))
	}
}

func (s *schedule) accountMessage(a *account, at Member, e Effect) {
	switch m := e.Message; m.Kind {
	case Request:
		a.cost[at]++
	case TokenMessage:
		if a.hop++; m.Token.Hop != a.hop {
			s.t.Fatalf("%s: want hop %d", describe(at, e), a.hop)
		}
		a.cost[at] = 0 // the sender's messages brought the token here, to no waiter
		a.cost[e.Peer]++
		a.overtook[at] = nil
	default:
		s.t.Fatalf("%s: there is no fault that could explain it", describe(at, e))
	}
}

// accountGrant checks an entry's cost, its fence, and whom it overtook.
func (s *schedule) accountGrant(a *account, at Member, e Effect) {
	if e.Fence != s.fences[e.Lock]+1 {
		s.t.Fatalf("%s: want the fence after %s", describe(at, e), fence(s.fences[e.Lock]))
	}
	members := len(s.sites)
	want := members
	switch {
	case e.Number == Number{}:
		want = 0
	case s.rides && a.cost[at] < want:
		want = min(a.cost[at], 1) // it rode
	}
	if a.cost[at] != want {
		s.t.Fatalf("%s: it cost %d messages, want %d", describe(at, e), a.cost[at], want)
	}
	a.cost[at], a.overtook[at] = 0, nil
	for other, entries := range a.overtook {
		if entries == nil {
			continue
		}
		if entries[at]++; entries[at] > s.batchOf(at) {
			s.t.Fatalf("%s: this is entry %d of this member while %s waits, want at most its LocalBatch, %d",
				describe(at, e), entries[at], letter(Member(other)), s.batchOf(at))
		}
	}
	delete(a.waiting, e.Waiter)
}

// batchOf is how many waiters in a row a member may let in.
func (s *schedule) batchOf(m Member) int { return max(s.sites[m].cfg.LocalBatch, 1) }

// check checks what must hold between any two inputs.
func (s *schedule) check() {
	for _, lock := range locksOf {
		var tokens, holders int
		var at Member
		var token *Token
		for m, site := range s.sites {
			if site.holders[lock] != 0 {
				holders++
			}
			if l := site.node.locks[lock]; l.holdsToken() {
				tokens, at, token = tokens+1, Member(m), l.token
			}
		}
		for _, w := range slices.Concat(s.wires...) {
			for _, f := range w.frames {
				if f.message.Kind == TokenMessage && f.message.Lock == lock {
					tokens, at, token = tokens+1, NoMember, f.message.Token
				}
			}
		}
		if tokens != 1 || holders > 1 {
			s.t.Fatalf("%s: %d tokens and %d holders, want 1 and at most 1", lock, tokens, holders)
		}
		s.noteOvertaken(lock, at, token, holders)
	}
}

// noteOvertaken begins to count for each member whose request has become known at the
// token's node, or that stands in the token's queue. The holder then counts as the first
// that goes before.
func (s *schedule) noteOvertaken(lock string, at Member, token *Token, holders int) {
	a := s.locks[lock]
	for m, site := range s.sites {
		if a.overtook[m] != nil || !site.node.locks[lock].outstanding || Member(m) == at {
			continue
		}
		number := site.node.locks[lock].requestNumbers[m]
		known := at != NoMember && s.sites[at].node.locks[lock].requestNumbers[m] == number
		if known || slices.Contains(token.Queue, Member(m)) {
			a.overtook[m] = make([]int, len(s.sites))
			if holders > 0 {
				a.overtook[m][at] = 1
			}
		}
	}
}

// input is one thing that may happen next.
type input struct {
	name string
	do   func()
}

// inputs lists what may happen next.
func (s *schedule) inputs(ask bool) []input {
	var list []input
	for from := range s.wires {
		for to, w := range s.wires[from] {
			if len(w.frames) > 0 {
				list = append(list, input{"deliver", func() { s.deliver(Member(from), Member(to)) }})
			}
		}
	}
	for m, site := range s.sites {
		for _, lock := range locksOf {
			at, busy := Member(m), site.holders[lock] != 0
			if busy {
				list = append(list, input{"release", func() { s.release(at, lock) }})
			}
			if ask && (s.rides || !busy && len(site.waiting[lock]) == 0) {
				list = append(list, input{"ask", func() { s.ask(at, lock) }})
			}
			if ask && s.rides && len(site.waiting[lock]) > 0 {
				list = append(list, input{"withdraw", func() { s.giveUp(at, lock) }})
			}
		}
	}
	return list
}

func (s *schedule) ask(m Member, lock string) {
	s.locks[lock].waiting[s.waiters+1] = true
	s.acquire(m, lock)
}

func (s *schedule) giveUp(m Member, lock string) {
	waiting := s.sites[m].waiting[lock]
	delete(s.locks[lock].waiting, waiting[len(waiting)-1])
	s.withdraw(m, lock)
}

// play performs inputs in a random order, then lets all come to an end.
func (s *schedule) play(steps int) {
	for range steps {
		s.happen(s.inputs(true))
	}
	for range 100 * steps {
		rest := s.inputs(false)
		if len(rest) == 0 {
			break
		}
		s.happen(rest)
	}
	for lock, a := range s.locks {
		if len(a.waiting) > 0 {
			s.t.Fatalf("%s: all is quiet, and waiters %v are waiting still", lock, a.waiting)
		}
	}
}

func (s *schedule) happen(list []input) {
	k := rapid.IntRange(0, len(list)-1).Draw(s.t, "input")
	list[k].do()
	s.check()
}

// One waiter of a node at a time, which waits until it is let in, as in the paper: an entry
// costs exactly N messages, or none where the token is.
func TestRandomSchedulesAsInThePaper(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		newSchedule(t, 1).play(150)
	})
}

// Many waiters, who may give up: an entry that rides costs at most one message.
func TestRandomSchedulesWithRiders(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		s := newSchedule(t, 1)
		s.rides = true
		s.play(150)
	})
}

// Nodes with any LocalBatch: nobody is overtaken by more than that many entries of another
// member, an entry's cost stays the same, and fences rise by one.
func TestRandomSchedulesWithBatches(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		s := newSchedule(t, 4)
		s.rides = true
		s.play(150)
	})
}

// The order of arrival decides only the order of service: the result of a schedule depends
// on its inputs alone.
func TestSameInputsSameEffects(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		members := rapid.IntRange(1, 5).Draw(t, "members")
		picks := rapid.SliceOfN(rapid.IntRange(0, 1<<20), 50, 50).Draw(t, "picks")
		play := func() (told []string) {
			n := running(t, members)
			n.observe = func(at Member, e Effect) { told = append(told, describe(at, e), fmt.Sprint(e.State)) }
			s := &schedule{network: n, t: t, rides: true, locks: map[string]*account{}}
			for _, lock := range locksOf {
				s.locks[lock] = &account{waiting: map[Waiter]bool{}}
			}
			for _, k := range picks {
				list := append(s.inputs(true), input{"time", func() { n.advance(Time(k) * 1000) }})
				list[k%len(list)].do()
			}
			return told
		}
		if first, second := play(), play(); !slices.Equal(first, second) {
			t.Fatalf("two runs of the same inputs differ:\n%v\n%v", first, second)
		}
	})
}
