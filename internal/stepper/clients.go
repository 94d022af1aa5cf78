package stepper

import (
	"slices"

	"conch/token"
)

// holder is a client in the critical section.
type holder struct {
	client  token.Waiter
	leaveAt token.Time // if it is up to Auto
}

// maxWaiting is how many clients may wait at one member.
const maxWaiting = 9

// permits is how many permits the lock has for those who ask for one.
const permits = 3

// asks is what a client asks for.
var asks = map[token.Limit]string{token.Exclusive: "for the lock", token.Unlimited: "to read", permits: "for a permit"}

// ask makes a client ask for the lock, alone or to share it.
func (w *world) ask(i int, limit token.Limit) {
	w.clients++
	m := &w.members[i]
	m.waiting = append(m.waiting, w.clients)
	w.say(i, "", "A client of %s asks %s.", name(i), asks[limit])
	w.input(i, func(n *token.Node, now token.Time) {
		if limit == token.Exclusive {
			n.Acquire(now, lockName, w.clients)
			return
		}
		n.AcquireShare(now, lockName, w.clients, limit)
	})
}

func (w *world) withdraw(i int) {
	m := &w.members[i]
	client := m.waiting[0]
	m.waiting = m.waiting[1:]
	w.say(i, ruleWithdraw, "The client of %s that has waited longest gives up.", name(i))
	w.input(i, func(n *token.Node, now token.Time) { n.Withdraw(now, lockName, client) })
}

func (w *world) leave(i int) {
	m := &w.members[i]
	client := m.inside[0].client
	m.inside = slices.Delete(m.inside, 0, 1)
	w.input(i, func(n *token.Node, now token.Time) { n.Release(now, lockName, client) })
}

func (m *member) stopsWaiting(client token.Waiter) {
	m.waiting = slices.DeleteFunc(m.waiting, func(c token.Waiter) bool { return c == client })
}
