package sim

// A disk that is lost: a data directory that was removed, or a new machine under an old
// address. The next process has a new memory, and does not wait for anybody to tell it of
// the clients that its member may have left behind (token, start.go).

// drawLostDisks draws disks that are lost one after the other. It has a source of its own,
// so that other runs are what they would be without it.
func (p *Plan) drawLostDisks() {
	s := source(p.Seed ^ 0x105d15c)
	if !s.chance(15) {
		return
	}
	T := int64(p.TTL)
	at, gap := Instant(s.below(int64(p.Settle))), Instant(pick(&s, T/10, T, 2*T))
	node := s.below(int64(p.Nodes))
	for range pick(&s, 1, 1, 2, 3) {
		if at < p.Settle {
			p.Ops = append(p.Ops, Op{At: at, Kind: LoseDisk, Node: int8(node), Length: Instant(s.between(1, T/4))})
		}
		at += Instant(s.below(int64(gap)))
		node = (node + 1) % int64(p.Nodes)
	}
}

// loseDisk ends a member's process, and starts the next with a new disk.
func (w *World) loseDisk(i int, length Instant) {
	m := &w.members[i]
	again := w.restartAfter(length)
	if m.node == nil || !w.plan.Machines[i].Disk || w.now+again > w.plan.Settle || w.allLostBut(i) {
		return
	}
	w.crashNow(i, again)
	w.loseNotes(m.disk.notes, nil)
	m.disk = disk{lost: true}
	m.setBack, m.setBackAt, w.again = true, w.now, true
	m.lostAt = w.now
	w.tracef("the disk of %d is lost", i)
	w.count(LostDisk)
}

// allLostBut reports whether all other members lost their disks a short time ago. Then the
// cluster cannot be told from one that starts for the first time; an operator who removes
// all data directories has to wait for T.
func (w *World) allLostBut(i int) bool {
	for j := range w.plan.Nodes {
		if at := w.members[j].lostAt; j != i && (at == 0 || w.now > at+2*w.plan.TTL) {
			return false
		}
	}
	return w.plan.Nodes > 1
}
