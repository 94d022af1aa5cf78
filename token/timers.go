package token

import "container/heap"

// timers are the locks that want to hear what time it is, the earliest first.
//
// A lock has at most one entry. An entry may come up early: when the lock's next
// wish moves later, the entry stays, and is put back when it comes up. So a lock
// that is asked for again and again costs no work here.
type timers []*timerEntry

type timerEntry struct {
	lock  *lock
	when  Time
	index int
}

func (t timers) Len() int           { return len(t) }
func (t timers) Less(i, j int) bool { return t[i].when < t[j].when }

func (t timers) Swap(i, j int) {
	t[i], t[j] = t[j], t[i]
	t[i].index, t[j].index = i, j
}

// Push is heap.Interface's.
func (t *timers) Push(x any) {
	e := x.(*timerEntry)
	e.index = len(*t)
	*t = append(*t, e)
}

// Pop is heap.Interface's.
func (t *timers) Pop() any {
	old := *t
	e := old[len(old)-1]
	old[len(old)-1] = nil
	*t = old[:len(old)-1]
	return e
}

func (t timers) next() Time {
	if len(t) == 0 {
		return Never
	}
	return t[0].when
}

// schedule sees to it that the lock hears what time it is when it wants to.
func (n *Node) schedule(l *lock) {
	due := n.due(l)
	switch {
	case l.timer == nil && due != Never:
		l.timer = &timerEntry{lock: l, when: due}
		heap.Push(&n.timers, l.timer)
	case l.timer != nil && due < l.timer.when:
		l.timer.when = due
		heap.Fix(&n.timers, l.timer.index)
	}
}

// due is when the lock next has something to do.
func (n *Node) due(l *lock) Time {
	due := n.forgetAt(l)
	switch s := l.search; {
	case s == nil:
	case s.balloting:
		due = min(due, s.ballotEnd)
	case n.begun && l.outstanding && n.wants(l):
		due = min(due, s.suspectAt)
	}
	return due
}

// fireTimers lets each lock whose time has come do what is due.
func (n *Node) fireTimers() {
	for n.timers.next() <= n.now {
		l := n.timers[0].lock
		heap.Pop(&n.timers)
		l.timer = nil
		if n.due(l) <= n.now {
			n.fire(l)
		}
		if n.locks[l.name] == l {
			n.schedule(l)
		}
	}
}

// fire does what is due for a lock.
func (n *Node) fire(l *lock) {
	switch s := l.search; {
	case s != nil && s.balloting && s.ballotEnd <= n.now:
		n.endBallot(l, ReasonTime)
		n.probe(l)
	case s != nil && l.outstanding && s.suspectAt <= n.now:
		n.probe(l)
	}
	n.forget(l)
}
