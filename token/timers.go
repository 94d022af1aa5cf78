package token

import "container/heap"

// timers are the locks that want to be told the time, the earliest first.
//
// A lock has at most one entry. If the lock's next time moves later, the entry stays and is
// put back when it comes up, too early. So a lock that is asked for again and again costs
// no work here.
type timers []timerEntry

type timerEntry struct {
	when Time
	lock *lock
}

func (t timers) Len() int           { return len(t) }
func (t timers) Less(i, j int) bool { return t[i].when < t[j].when }

func (t timers) Swap(i, j int) {
	t[i], t[j] = t[j], t[i]
	t[i].lock.timer, t[j].lock.timer = int32(i)+1, int32(j)+1
}

// Push implements heap.Interface.
func (t *timers) Push(x any) {
	e := x.(timerEntry)
	*t = append(*t, e)
	e.lock.timer = int32(len(*t))
}

// Pop implements heap.Interface.
func (t *timers) Pop() any {
	old := *t
	l := old[len(old)-1].lock
	old[len(old)-1] = timerEntry{}
	*t = old[:len(old)-1]
	l.timer = 0
	return l
}

func (t timers) next() Time {
	if len(t) == 0 {
		return Never
	}
	return t[0].when
}

// schedule makes sure that the lock is told the time when it needs it.
func (n *Node) schedule(l *lock) {
	due := n.due(l)
	switch {
	case l.timer == 0 && due != Never:
		heap.Push(&n.timers, timerEntry{due, l})
	case l.timer != 0 && due < n.timers[l.timer-1].when:
		n.timers[l.timer-1].when = due
		heap.Fix(&n.timers, int(l.timer-1))
	}
}

// due is when the lock next has something to do.
func (n *Node) due(l *lock) Time {
	due := n.forgetAt(l)
	switch {
	case l.use == nil:
	case l.balloting():
		due = min(due, l.search.ballotEnd)
	case n.begun && l.outstanding && n.wants(l):
		due = min(due, l.search.suspectAt)
	}
	if l.use != nil && l.notes != nil {
		due = min(due, n.notesDue(l))
	}
	return due
}

// fireTimers does what is due for each lock whose time has come.
func (n *Node) fireTimers() {
	for n.timers.next() <= n.now {
		l := heap.Pop(&n.timers).(*lock)
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
	switch {
	case l.use == nil:
	case l.balloting() && l.search.ballotEnd <= n.now:
		n.endBallot(l, ReasonTime)
		n.probe(l)
	case l.outstanding && l.search.suspectAt <= n.now:
		n.probe(l)
	}
	if l.use != nil && l.notes != nil {
		n.fireNotes(l)
	}
	n.forget(l)
}
