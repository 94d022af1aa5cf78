package token

// What inspect_encode.go encodes of the members and of a change of them.

// changing encodes the membership, and what the node does about the next one. Nothing of that
// differs among the states of a cluster whose members never change.
func (e *encoder) changing() {
	n := e.node
	e.bools(n.changes())
	if !n.changes() {
		return
	}
	e.membership(n.membership)
	if n.membership.Joint() { // else nobody asks
		e.until(n.adoptedAt + n.cfg.TTL)
	}
	e.bools(n.removed, n.retiring, n.departed, n.birth.awaited, n.carried != 0)
	e.uint(uint64(n.ended))
	if n.carried != 0 {
		e.until(n.carried)
	}
	e.uint(uint64(len(n.birth.disks)))
	for _, disk := range n.birth.disks {
		e.b = append(e.b, disk[:]...)
	}
	for j := range n.peers {
		p := &n.peers[j]
		e.uint(p.version)
		e.bools(p.told == n.shown())
	}
	e.choice(n.choice)
	e.until(n.takeUpAt())
	e.proposal(n.proposal)
	e.joining(&n.joining)
}

func (e *encoder) membership(m *Membership) {
	e.bools(m != nil)
	if m == nil {
		return
	}
	e.uint(m.Version)
	e.b = append(e.b, m.Cluster[:]...)
	e.list(m.Members)
	e.list(m.Next)
	e.int(int64(m.IDs))
	e.uint(m.Floor)
}

func (e *encoder) list(list []Listed) {
	e.uint(uint64(len(list)))
	for _, l := range list {
		e.int(int64(l.ID))
		e.string(l.Address)
		e.b = append(e.b, l.Disk[:]...)
	}
}

func (e *encoder) choice(c *Choice) {
	e.bools(c != nil)
	if c == nil {
		return
	}
	e.uint(c.Version)
	e.epoch(c.Promised)
	e.epoch(c.Accepted)
	e.list(c.Next)
	e.int(int64(c.IDs))
}

func (e *encoder) proposal(p *proposal) {
	e.bools(p != nil)
	if p == nil {
		return
	}
	e.uint(uint64(p.waiter))
	e.list(p.asked)
	e.list(p.next)
	e.int(int64(p.ids))
	e.epoch(p.accepted)
	e.epoch(p.round)
	e.bools(p.accepting, p.refused)
	for _, answered := range p.answered {
		e.bools(answered)
	}
	e.uint(p.highest)
	if p.refused {
		e.until(p.retryAt)
	} else {
		e.until(p.repeatAt)
	}
	e.until(p.end)
}

// joining encodes what the node does to complete a joint membership. The numbers of questions in
// messages count from the latest.
func (e *encoder) joining(j *joining) {
	e.until(j.nextAt)
	e.bools(j.answers != nil, j.sync != nil)
	if j.answers != nil {
		e.until(j.end)
	}
	e.members(j.distant)
	for i := range j.answers {
		a := &j.answers[i]
		e.bools(a.answered, a.joined)
		e.uint(a.highest)
		e.members(a.buried)
	}
	if j.sync != nil {
		e.serial(j.serial)
	}
	for _, s := range j.sync {
		e.string(s.after)
		e.bools(s.done)
	}
	e.uint(uint64(len(j.names)))
	for _, name := range j.names {
		e.string(name)
	}
}

// change encodes what a message says about the members. asks is the number of the owner's latest
// question.
func (e *encoder) change(c *Change, asks uint64) {
	e.bools(c != nil)
	if c == nil {
		return
	}
	e.membership(c.Membership)
	e.uint(c.Version)
	e.epoch(c.Round)
	e.epoch(c.Promised)
	e.epoch(c.Accepted)
	e.list(c.Next)
	e.int(int64(c.IDs))
	e.bools(c.Joined, c.More)
	if c.Ask != 0 {
		e.int(int64(asks - c.Ask))
	}
	e.uint(c.Highest)
	e.string(c.After)
	e.uint(uint64(len(c.Notes)))
	for i := range c.Notes {
		e.string(c.Notes[i].Lock)
		e.run(&c.Notes[i].Run)
		e.kept(&c.Notes[i].Kept)
	}
}
