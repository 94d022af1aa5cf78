package token

import "slices"

// Try is Acquire for a waiter that does not want to wait. A Grant follows if the lock is
// free, a Refuse as soon as this node learns that the lock is in use or that others here
// are ahead. Neither follows while nobody answers: the driver bounds the time and calls
// Withdraw.
//
// Outside a session the waiter waits like any other, until the driver withdraws it.
//
// The node asks by a probe, which counts as a request: an idle token comes, and a busy
// holder says so.
func (n *Node) Try(now Time, name string, w Waiter) { n.try(now, name, request{waiter: w}) }

func (n *Node) try(now Time, name string, r request) {
	n.advance(now)
	l := n.lock(name)
	switch {
	case n.leaving || l.holder != 0 || !l.waiters.empty() && !n.adoptsHere(l, r):
		n.issue(l, Refuse, NoMember).Waiter = r.waiter
	case l.token != nil:
		l.waiters.push(r)
		n.enter(l)
		if l.waits { // for others' shares
			l.search.tries = append(l.search.tries, r.waiter)
			if n.turn(l); l.waits {
				n.recall(l)
			}
		}
	default:
		l.waiters.push(r)
		if n.admit(l); l.waiters.empty() {
			break
		}
		if !l.outstanding {
			n.ask(l)
		}
		if s := l.search; s != nil && l.outstanding {
			s.tries = append(s.tries, r.waiter)
			if !s.open {
				n.probe(l)
			}
		}
	}
	n.schedule(l)
}

// forgetTry is called for a waiter that gives up. Another with the same name may come and
// want to wait.
func (l *lock) forgetTry(w Waiter) {
	if s := l.search; s != nil {
		s.tries = slices.DeleteFunc(s.tries, func(t Waiter) bool { return t == w })
	}
}

// refuseTries refuses the waiters that do not want to wait: the lock is in use.
func (n *Node) refuseTries(l *lock) {
	for _, w := range l.search.tries {
		if l.waiters.remove(w) { // else it was served, or gave up
			n.issue(l, Refuse, NoMember).Waiter = w
			n.noteWithdrawal(l)
		}
	}
	l.search.tries = l.search.tries[:0]
}
