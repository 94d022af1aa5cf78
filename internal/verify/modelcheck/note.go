package modelcheck

import (
	"slices"

	"conch/token"
)

// want is what a client wants beside a lock: a run of a tick, or that its hold is kept. The
// zero want is neither.
type want struct {
	tick  token.Tick
	skip  bool
	kept  bool
	owner string
	adopt bool
}

// remembers reports whether the members have notes: whether any client wants one.
func (c *Config) remembers() bool { return c.Wants != [maxMembers][maxClients]want{} }

// noting is what the judges know of one lock's notes.
type noting struct {
	// skipped is the latest tick of which a run was let in that is not to be repeated, and
	// noted the latest of which somebody was told that its run is noted as done.
	skipped, noted token.Tick
	// begun is the latest tick of which a run was let in, was about to be, or was said to be
	// done; done is the latest that was said to be.
	begun, done token.Tick
	// open is the fence of the kept hold that was not given back, freed or adopted; 0 if
	// there is none. owner may adopt it. freed is the highest fence that was freed, perhaps
	// before its hold began.
	open, freed token.Fence
	owner       string
}

// write is a note on its way to stable storage.
type write struct {
	lock   int
	notes  token.Notes
	serial uint64
}

// request makes a client of a member wait or try for a run or a kept hold.
func (w *want) request(n *token.Node, now token.Time, lock string, id token.Waiter, tries bool) {
	run := token.RunRequest{Tick: w.tick, Skip: w.skip}
	keep := token.KeepRequest{Owner: w.owner, Adopt: w.adopt}
	switch {
	case w.kept && tries:
		n.TryKept(now, lock, id, keep)
	case w.kept:
		n.AcquireKept(now, lock, id, keep)
	case tries:
		n.TryRun(now, lock, id, run)
	default:
		n.AcquireRun(now, lock, id, run)
	}
}

// store puts the next write of a member on its disk: with batches, all of them.
func (p *stepper) store(i int) {
	s := p.state
	count := 1
	if p.Delivery == Batched {
		count = len(s.writes[i])
	}
	written := s.writes[i][:count]
	s.writes[i] = s.writes[i][count:]
	for _, w := range written {
		s.onDisk[i][w.lock] = w.notes
	}
	p.input(i, func(n *token.Node) { n.Stored(s.clocks[i], written[count-1].serial) })
}

// toStore takes what is to be put on a member's disk.
func (p *stepper) toStore(i int, e *token.Effect) {
	writes := p.state.writes[i]
	p.state.writes[i] = append(writes[:len(writes):len(writes)], write{lockIndex(e.Lock), *e.Notes, e.Serial})
}

// notesOnDisk is what a member is told at its start.
func (s *state) notesOnDisk(c *Config, i int) (list []token.LockNotes) {
	for l := range c.Locks {
		if s.onDisk[i][l] != (token.Notes{}) {
			list = append(list, token.LockNotes{Lock: lockName(l), Notes: s.onDisk[i][l]})
		}
	}
	return list
}

// isDone notes that a run of a tick was said to be done.
func (q *noting) isDone(tick token.Tick) {
	q.begun, q.done = max(q.begun, tick), max(q.done, tick)
}

// endRun lets the client of a member that holds a lock for a run say that it is done.
func (p *stepper) endRun(i, l, k int) {
	s := p.state
	tick := p.Wants[i][k].tick
	s.clients[i][l][k] = ends
	s.notings[l].isDone(tick)
	ended := false
	p.input(i, func(n *token.Node) { ended = n.EndRun(s.clocks[i], lockName(l), waiter(k), 0, "") })
	if !ended && s.clients[i][l][k] == ends {
		p.violated("a client of %s that holds %s for a run cannot end it", name(i), lockName(l))
	}
}

// released is called when a client of a member is about to release a lock.
func (p *stepper) released(i, l, k int) {
	if p.Wants[i][k].kept {
		p.state.notings[l].open = 0
	}
}

// lost notes a run whose hold was lost: its client may still say that it is done.
func (p *stepper) lost(i int, e *token.Effect) {
	s := p.state
	l, k := lockIndex(e.Lock), int(e.Waiter-1)
	if w := p.Wants[i][k]; w.tick != 0 {
		s.lostRuns[i][l] = token.RunMark{Tick: w.tick, Fence: e.Fence, State: token.RunDone}
	}
	s.clients[i][l][k] = nobody
}

// late lets the client of a member whose hold was lost say that its run is done.
func (p *stepper) late(i, l int) {
	s := p.state
	run := token.Run{RunMark: s.lostRuns[i][l]}
	s.lostRuns[i][l] = token.RunMark{}
	s.notings[l].isDone(run.Tick)
	p.input(i, func(n *token.Node) { n.LateRun(s.clocks[i], lockName(l), run) })
}

// toFree is the fence of the kept hold that somebody at a member could free; 0 for none.
func (s *state) toFree(i, l int) token.Fence {
	if f := s.facts[i].kept[l]; f != 0 {
		return f
	}
	if kept := s.nodes[i].InspectNotes(lockName(l)).Kept; !kept.Over {
		return kept.Fence
	}
	return 0
}

// freer is the id of who frees a kept hold.
const freer token.Waiter = maxClients + 1

// free lets somebody at a member free the kept hold that the member knows of.
func (p *stepper) free(i, l int) {
	s := p.state
	f := s.toFree(i, l)
	q := &s.notings[l]
	if q.open <= f { // one that is about to be adopted has a later fence already
		q.open = 0
	}
	q.freed = max(q.freed, f)
	p.input(i, func(n *token.Node) { n.Free(s.clocks[i], lockName(l), freer, f) })
}

// freeKept frees each kept hold that a token carries, and reports whether there was one.
func (p *stepper) freeKept(s *state) (found bool) {
	for i := range p.Members {
		for l := range p.Locks {
			if s.nodes[i] != nil && s.facts[i].kept[l] != 0 {
				p.act(s, action{kind: free, a: uint8(i), b: uint8(l)})
				found = true
			}
		}
	}
	return found
}

// isNoted reports whether a quorum has something on disk.
func (p *stepper) isNoted(l int, has func(token.Notes) bool) bool {
	return p.isQuorum(p.state, func(i int) bool { return has(p.state.onDisk[i][l]) })
}

// judgeBarred: nobody is let in past a kept hold that was neither given back nor freed nor
// adopted.
func (p *stepper) judgeBarred(i, l, k int) {
	q, w := &p.state.notings[l], &p.Wants[i][k]
	adopts := w.adopt && w.owner != "" && w.owner == q.owner
	if q.open != 0 && !adopts {
		p.violated("%s is granted %s past the kept hold with fence %s", name(i), lockName(l), fenceText(q.open))
	}
}

// grantedNoted judges a grant to one alone, as to runs and kept holds: a run that is not to
// be repeated, and a kept hold, are on a quorum's disks before.
func (p *stepper) grantedNoted(i, l, k int, e *token.Effect) {
	q, w := &p.state.notings[l], &p.Wants[i][k]
	switch {
	case w.tick != 0:
		p.grantedRun(i, l, w, e)
	case w.kept:
		q.open, q.owner = 0, ""
		if e.Fence > q.freed {
			q.open, q.owner = e.Fence, w.owner
		}
		if !p.isNoted(l, func(on token.Notes) bool { return on.Kept.Fence >= e.Fence }) {
			p.violated("%s is granted a kept hold of %s, and no quorum has noted it", name(i), lockName(l))
		}
	}
}

// grantedRun judges the grant of a run.
//
// With skip, nobody is let in for a tick after a run with skip of it or of a later one.
// Without, nobody is after a run with skip of a later one. In both, nobody is after somebody
// was told that a run of the tick or a later one is noted as done.
func (p *stepper) grantedRun(i, l int, w *want, e *token.Effect) {
	q := &p.state.notings[l]
	switch {
	case q.noted >= w.tick:
		p.violated("%s is granted a run of tick %d of %s, and that of tick %d was noted as done", name(i), w.tick, lockName(l), q.noted)
	case q.skipped > w.tick || w.skip && q.skipped == w.tick:
		p.violated("%s is granted a run of tick %d of %s, after one of tick %d that is not to be repeated", name(i), w.tick, lockName(l), q.skipped)
	}
	q.begun = max(q.begun, w.tick)
	if !w.skip {
		return
	}
	q.skipped = max(q.skipped, w.tick)
	mark := token.RunMark{Tick: w.tick, Fence: e.Fence, State: token.RunBegun}
	void := token.RunMark{Tick: w.tick, Fence: e.Fence, State: token.RunVoid}
	if !p.isNoted(l, func(on token.Notes) bool { return !mark.Above(on.Run.RunMark) && on.Run.RunMark != void }) {
		p.violated("%s is granted a run of tick %d of %s, and no quorum has noted it", name(i), w.tick, lockName(l))
	}
}

// ran judges that a client is told that its run is not needed: a run of that tick or of a
// later one was said to be done, or one of a later tick has begun or was about to; with skip,
// also one of that tick, which is not known to be void.
func (p *stepper) ran(i int, e *token.Effect) {
	s := p.state
	l, k := lockIndex(e.Lock), int(e.Waiter-1)
	q, w := &s.notings[l], &p.Wants[i][k]
	isVoid := e.Run.Tick == w.tick && e.Run.State == token.RunVoid
	if isVoid || q.done < w.tick && (q.begun < w.tick || q.begun == w.tick && !w.skip) {
		p.violated("%s tells a client that its run of tick %d of %s is not needed, and it is", name(i), w.tick, lockName(l))
	}
	s.clients[i][l][k] = nobody
}

// runNoted judges that a client is told that its run is noted as done: it is on a quorum's
// disks.
func (p *stepper) runNoted(i int, e *token.Effect) {
	s := p.state
	l, k := lockIndex(e.Lock), int(e.Waiter-1)
	s.clients[i][l][k] = nobody
	if e.Reason != "" {
		return
	}
	s.notings[l].noted = max(s.notings[l].noted, e.Run.Tick)
	if !p.isNoted(l, func(on token.Notes) bool { return !e.Run.Above(on.Run.RunMark) }) {
		p.violated("%s tells a client that its run of %s is noted, and no quorum has noted it", name(i), lockName(l))
	}
}

// freed judges that somebody is told that a kept hold is over: it is on a quorum's disks.
func (p *stepper) freed(i int, e *token.Effect) {
	l := lockIndex(e.Lock)
	over := func(on token.Notes) bool { return on.Kept.Fence > e.Fence || on.Kept.Fence == e.Fence && on.Kept.Over }
	if e.Reason == "" && !p.isNoted(l, over) {
		p.violated("%s says that the kept hold of %s is freed, and no quorum has noted it", name(i), lockName(l))
	}
}

// witnessing notes that a run is about to begin.
func (p *stepper) witnessing(e *token.Effect) {
	if run := e.Message.Note.Run; run != nil {
		q := &p.state.notings[lockIndex(e.Lock)]
		q.begun = max(q.begun, run.Tick)
	}
}

// diskActions appends what can happen to a member's disk.
func (c *Config) diskActions(s *state, list []action, i int) []action {
	if s.nodes[i] == nil || !c.remembers() {
		return list
	}
	a, slow := uint8(i), s.streams[i][i].stalled
	if len(s.writes[i]) > 0 && (c.Delivery != Prompt || slow) {
		list = append(list, action{kind: store, a: a})
	}
	switch {
	case slow:
		list = append(list, action{kind: resume, a: a, b: a})
	case c.Delivery == Prompt && s.left.faults.Stalls > 0 && c.faulty(i, i):
		list = append(list, action{kind: stall, a: a, b: a})
	}
	return list
}

// noteActions appends what clients of a member can do about runs and kept holds.
func (c *Config) noteActions(s *state, list []action, i int) []action {
	if !c.remembers() || s.nodes[i] == nil {
		return list
	}
	for l := range c.Locks {
		x := action{a: uint8(i), b: uint8(l)}
		for k, client := range s.clients[i][l] {
			x.c = uint8(k)
			if w := c.Wants[i][k]; client == holds && w.tick != 0 {
				x.kind = endRun
				list = append(list, x)
			} else if client == holds && w.kept && s.left.faults.Abandons > 0 {
				x.kind = abandon
				list = append(list, x)
			}
		}
		x.c = 0
		if s.left.lates > 0 && s.lostRuns[i][l].Tick != 0 {
			x.kind = late
			list = append(list, x)
		}
		if s.left.frees > 0 && s.toFree(i, l) != 0 {
			x.kind = free
			list = append(list, x)
		}
	}
	return list
}

// noting appends what is on the disks and on its way there, and what the judges know of it.
func (h *hasher) noting(b []byte, c *Config, s *state) []byte {
	if !c.remembers() {
		return b
	}
	for l := range c.Locks {
		q := &s.notings[l]
		b = appendUints(b, uint64(q.skipped), uint64(q.noted), uint64(q.begun), uint64(q.done), uint64(q.open), uint64(q.freed))
		b = append(append(b, byte(len(q.owner))), q.owner...)
		for i := range c.Members {
			b = appendNotes(b, &s.onDisk[i][l])
			b = appendMark(b, &s.lostRuns[i][l])
		}
	}
	for i := range c.Members {
		b = append(b, flag(s.streams[i][i].stalled), byte(len(s.writes[i])))
		for k := range s.writes[i] {
			w := &s.writes[i][k]
			b = appendNotes(append(b, byte(w.lock)), &w.notes)
		}
	}
	return append(b, byte(s.left.frees), byte(s.left.lates), byte(s.left.faults.Abandons))
}

func appendMark(b []byte, m *token.RunMark) []byte {
	return appendUints(b, uint64(m.Tick), uint64(m.Fence), uint64(m.State))
}

func appendNotes(b []byte, n *token.Notes) []byte {
	b = appendMark(b, &n.Run.RunMark)
	b = appendUints(b, uint64(n.Kept.Fence), uint64(flag(n.Kept.Over)), uint64(len(n.Kept.Owner)))
	return append(b, n.Kept.Owner...)
}

// isDisk reports whether an action is about a disk, which is written as a stream from a
// member to itself.
func (x action) isDisk() bool {
	return slices.Contains([]actionKind{stall, resume}, x.kind) && x.a == x.b
}
