package modelcheck

import (
	"fmt"

	"conch/token"
)

// actionKind distinguishes what can happen.
type actionKind uint8

const (
	deliver  actionKind = iota + 1 // the stream of a to b
	step                           // time passes
	pause                          // time passes, and a does not notice
	acquire                        // a client of a asks for lock b
	try                            // a client of a asks for lock b, if it need not wait
	withdraw                       // client c of a gives up waiting for lock b
	release                        // client c of a releases lock b
	say                            // client c of a, which holds lock b, says its next value
	endRun                         // client c of a, which holds lock b for a run, says that it is done
	abandon                        // client c of a, which has a kept hold of lock b, is gone
	late                           // a client of a whose hold of lock b was lost says that its run is done
	free                           // somebody at a frees the kept hold of lock b
	store                          // the disk of a writes
	stall                          // the stream of a to b delivers nothing for a while
	resume                         // the stream of a to b flows again
	cut                            // the stream of a to b ends, as far as a can see
	open                           // a opens a stream to b, which accepts it
	crash                          // a stops
	start                          // a is started again
	leave                          // a is told to leave
	propose                        // a is asked for change b of the members
)

// action is one event, and its member.
type action struct {
	kind    actionKind
	a, b, c uint8
}

func (x action) String() string {
	a, b := name(int(x.a)), name(int(x.b))
	lock := string(rune('x' + x.b))
	if x.isDisk() {
		if x.kind == stall {
			return "the disk of " + a + " stalls"
		}
		return "the disk of " + a + " writes again"
	}
	switch x.kind {
	case deliver:
		return fmt.Sprintf("%s hears from %s", b, a)
	case step:
		return "a step of time"
	case pause:
		return "a step of time, which " + a + " sleeps through"
	case acquire:
		return fmt.Sprintf("a client of %s asks for %s, like %d", a, lock, x.c+1)
	case try:
		return fmt.Sprintf("a client of %s tries for %s, like %d", a, lock, x.c+1)
	case withdraw:
		return fmt.Sprintf("client %d of %s gives up waiting for %s", x.c+1, a, lock)
	case release:
		return fmt.Sprintf("client %d of %s lets %s go", x.c+1, a, lock)
	case say:
		return fmt.Sprintf("client %d of %s says a value under %s", x.c+1, a, lock)
	case endRun:
		return fmt.Sprintf("client %d of %s says that its run of %s is done", x.c+1, a, lock)
	case abandon:
		return fmt.Sprintf("client %d of %s, which has a kept hold of %s, is gone", x.c+1, a, lock)
	case late:
		return fmt.Sprintf("a client of %s that lost %s says that its run is done", a, lock)
	case free:
		return fmt.Sprintf("somebody at %s frees the kept hold of %s", a, lock)
	case store:
		return "the disk of " + a + " writes"
	case stall:
		return fmt.Sprintf("the stream %s→%s stalls", a, b)
	case resume:
		return fmt.Sprintf("the stream %s→%s flows again", a, b)
	case cut:
		return fmt.Sprintf("the stream %s→%s ends", a, b)
	case open:
		return fmt.Sprintf("%s opens a stream to %s", a, b)
	case crash:
		return a + " crashes"
	case start:
		return a + " starts"
	case leave:
		return a + " is told to leave"
	case propose:
		return fmt.Sprintf("%s is asked for change %d of the members", a, x.b+1)
	}
	return "nothing"
}

// name is a member's name in a trace.
func name(i int) string { return string(rune('A' + i)) }

// lockName is the name of a lock.
func lockName(l int) string { return lockNames[l] }

var lockNames = [maxLocks]string{"x", "y"}

// lockIndex is the inverse of lockName.
func lockIndex(name string) int { return int(name[0] - 'x') }

// actions appends to list all actions possible in a state.
func (c *Config) actions(s *state, list []action) []action {
	for i := range c.Members {
		for j := range c.Members {
			list = c.streamActions(s, list, i, j)
		}
	}
	for i := range c.Members {
		list = c.clientActions(s, list, i)
		list = c.noteActions(s, list, i)
	}
	for i := range c.Members {
		list = c.memberActions(s, list, i)
	}
	list = c.changeActions(s, list)
	if s.left.steps > 0 {
		list = append(list, action{kind: step})
	}
	return list
}

func (c *Config) streamActions(s *state, list []action, i, j int) []action {
	if i == j {
		return c.diskActions(s, list, i)
	}
	w := &s.streams[i][j]
	a, b := uint8(i), uint8(j)
	if len(w.queue) > 0 {
		list = append(list, action{kind: deliver, a: a, b: b})
	}
	fails := w.up && !w.dead && c.faulty(i, j)
	if fails && s.left.faults.Breaks > 0 {
		list = append(list, action{kind: cut, a: a, b: b})
	}
	if fails && s.left.faults.Stalls > 0 && !w.stalled {
		list = append(list, action{kind: stall, a: a, b: b})
	}
	switch {
	case w.stalled:
		list = append(list, action{kind: resume, a: a, b: b})
	case c.Delivery == Prompt || s.nodes[i] == nil:
	case w.up && w.dead:
		list = append(list, action{kind: cut, a: a, b: b})
	case c.mayOpen(s, i, j):
		list = append(list, action{kind: open, a: a, b: b})
	}
	return list
}

func (c *Config) clientActions(s *state, list []action, i int) []action {
	if s.nodes[i] == nil {
		return list
	}
	a := uint8(i)
	for l := range c.Locks {
		for k, client := range s.clients[i][l] {
			x := action{a: a, b: uint8(l), c: uint8(k)}
			switch client {
			case waits, tries:
				if s.left.faults.Withdrawals > 0 {
					x.kind = withdraw
					list = append(list, x)
				}
			case holds:
				x.kind = release
				list = append(list, x)
				if s.left.says[i] > 0 && c.Modes[i][k] == token.Exclusive {
					x.kind = say
					list = append(list, x)
				}
			}
		}
		for k := range maxClients { // the first of each mode that is free
			if s.leaving[i] || c.sameMode(s, i, l, k) != k {
				continue
			}
			if s.left.requests[i] > 0 {
				list = append(list, action{kind: acquire, a: a, b: uint8(l), c: uint8(k)})
			}
			if s.left.tries[i] > 0 {
				list = append(list, action{kind: try, a: a, b: uint8(l), c: uint8(k)})
			}
		}
	}
	return list
}

func (c *Config) memberActions(s *state, list []action, i int) []action {
	a := uint8(i)
	if s.nodes[i] == nil && !c.mayStart(s, i) || c.faultless(i) && c.inviter(s, i) < 0 {
		return list
	}
	if s.nodes[i] == nil {
		return append(list, action{kind: start, a: a})
	}
	if s.left.faults.Crashes > 0 {
		list = append(list, action{kind: crash, a: a})
	}
	if s.left.faults.Leaves > 0 && !s.leaving[i] {
		list = append(list, action{kind: leave, a: a})
	}
	if s.left.faults.Pauses > 0 && s.left.steps > 0 {
		list = append(list, action{kind: pause, a: a})
	}
	return list
}

// spend deducts an action from the budgets.
func (s *state) spend(x action) {
	f := &s.left.faults
	switch x.kind {
	case step:
		s.left.steps--
	case pause:
		s.left.steps--
		f.Pauses--
	case acquire:
		s.left.requests[x.a]--
	case try:
		s.left.tries[x.a]--
	case say:
		s.left.says[x.a]--
	case withdraw:
		f.Withdrawals--
	case cut:
		if !s.streams[x.a][x.b].dead {
			f.Breaks--
		}
	case late:
		s.left.lates--
	case free:
		s.left.frees--
	case abandon:
		f.Abandons--
	case stall:
		f.Stalls--
	case crash:
		f.Crashes--
	case leave:
		f.Leaves--
	case propose:
		s.left.changes &^= 1 << x.b
	}
}

// client is the state of a member's client.
type client uint8

const (
	nobody client = iota
	waits
	tries // gives up when it hears that the lock is in use
	holds
	ends // has said that its run is done, and waits to hear that this is noted
)

// waiter is client k's name toward the node.
func waiter(k int) token.Waiter { return token.Waiter(k + 1) }
