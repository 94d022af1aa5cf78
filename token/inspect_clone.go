package token

import (
	"maps"
	"slices"
)

// Clone returns a node that knows what n knows. The two share no memory that either may
// change. Effects not fetched yet are not copied.
//
// The exhaustive search clones a node for each input that it tries on one state. No rule of
// the algorithm calls it.
func (n *Node) Clone() *Node {
	c := *n
	c.peers = slices.Clone(n.peers)
	c.notes = maps.Clone(n.notes) // they do not change
	c.storing = slices.Clone(n.storing)
	c.birth.disks = slices.Clone(n.birth.disks)
	c.joining.answers = slices.Clone(n.joining.answers) // their lists came in messages
	c.joining.sync = slices.Clone(n.joining.sync)
	if n.proposal != nil {
		p := *n.proposal // its lists do not change
		p.answered = slices.Clone(p.answered)
		c.proposal = &p
	}
	c.effects, c.numbers, c.members, c.stamps, c.spare = nil, nil, nil, nil, nil

	// One array holds all copies of a kind: a clone costs the same few allocations for one
	// lock and for many. A forgotten lock may still be in the list of active ones.
	forgotten := n.forgottenActive()
	count := len(n.order) + len(forgotten)
	copies := cloner{
		locks:   make([]lock, 0, count),
		uses:    make([]use, 0, count),
		numbers: make([]Number, 0, 2*count*len(n.peers)),
	}
	c.locks = make(map[string]*lock, len(n.order))
	c.order = make([]*lock, len(n.order))
	c.timers = slices.Clone(n.timers)
	for i, l := range n.order {
		c.order[i] = copies.lock(l, c.timers)
		c.locks[l.name] = c.order[i]
	}
	c.active = make([]*lock, len(n.active))
	for i, l := range n.active {
		if n.knows(l) {
			c.active[i] = c.order[l.position]
		} else {
			c.active[i] = copies.lock(l, c.timers)
		}
	}
	return &c
}

// knows reports whether the node still knows a lock: it was not forgotten.
func (n *Node) knows(l *lock) bool {
	return int(l.position) < len(n.order) && n.order[l.position] == l
}

// forgottenActive lists the active locks that the node has forgotten.
func (n *Node) forgottenActive() []*lock {
	var forgotten []*lock
	for _, l := range n.active {
		if !n.knows(l) {
			forgotten = append(forgotten, l)
		}
	}
	return forgotten
}

// cloner holds the memory for the parts of a clone. Its slices never grow beyond their
// first capacity, so pointers into them stay valid.
type cloner struct {
	locks   []lock
	uses    []use
	numbers []Number
}

// lock copies a lock, and makes its entry in the heap refer to the copy.
func (c *cloner) lock(l *lock, heap timers) *lock {
	c.locks = append(c.locks, *l)
	d := &c.locks[len(c.locks)-1]
	d.requestNumbers = c.copyNumbers(l.requestNumbers)
	if l.token != nil {
		t := *l.token
		t.LastGranted = c.copyNumbers(t.LastGranted)
		t.Queue = slices.Clone(t.Queue)
		t.Shares = slices.Clone(t.Shares)
		d.token = &t
	}
	if l.use != nil {
		d.use = c.use(l.use)
	}
	if l.timer != 0 {
		heap[l.timer-1].lock = d
	}
	return d
}

func (c *cloner) use(u *use) *use {
	c.uses = append(c.uses, *u)
	d := &c.uses[len(c.uses)-1]
	d.waiters.entries = slices.Clone(u.waiters.entries)
	d.promises = slices.Clone(u.promises)
	d.passedQueue = slices.Clone(u.passedQueue)
	if u.sharing != nil {
		s := *u.sharing
		s.inside = slices.Clone(s.inside)
		s.answered = slices.Clone(s.answered)
		d.sharing = &s
	}
	if u.notes != nil {
		d.notes = u.notes.clone()
	}
	if u.said != nil {
		s := *u.said
		d.said = &s
	}
	if u.search != nil {
		s := *u.search
		s.answers = slices.Clone(s.answers) // their lists came in messages, and do not change
		s.votes = slices.Clone(s.votes)     // likewise
		s.tries = slices.Clone(s.tries)
		d.search = &s
	}
	return d
}

func (c *cloner) copyNumbers(numbers []Number) []Number {
	from := len(c.numbers)
	c.numbers = append(c.numbers, numbers...)
	return c.numbers[from:len(c.numbers):len(c.numbers)]
}

// clone copies what changes. Notes do not.
func (s *noting) clone() *noting {
	d := *s
	if s.entry != nil {
		d.entry = s.entry.clone()
	}
	d.ended = slices.Clone(s.ended)
	for i, r := range d.ended {
		d.ended[i] = r.clone()
	}
	d.owed = slices.Clone(s.owed)
	return &d
}

func (r *round) clone() *round {
	d := *r
	d.noted = slices.Clone(r.noted)
	return &d
}
