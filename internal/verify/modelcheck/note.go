package modelcheck

import (
	"encoding/binary"

	"conch/token"
)

// want is what a client wants beside the lock.
type want uint8

const (
	plain want = iota
	// once and again are for a run of the one tick there is, at most or at least once. At
	// the end it is done.
	once
	again
	// kept is for a kept hold. Nobody adopts it.
	kept
)

const (
	theTick = 1
	// freed names an operator's word; it is no client's waiter.
	freed token.Waiter = 100
)

// noted is what the judges know of a lock's runs and kept hold.
type noted struct {
	entered bool // a run was let in at most once
	done    bool // somebody was told that a run is noted as done
	barred  bool // a kept hold was let in, and not given back or freed
}

// setNotes configures a member that remembers, if there is anything to remember.
func (c *Config) setNotes(cfg *token.Config, d disk) {
	if c.Wants == [maxMembers][maxClients]want{} {
		return
	}
	cfg.Remembers, cfg.MaxNotes = true, maxLocks
	for l, notes := range d.notes {
		if notes != (token.Notes{}) {
			cfg.Notes = append(cfg.Notes, token.LockNotes{Lock: lockName(l), Notes: notes})
		}
	}
}

// wantOf is what a member's client wants.
func (c *Config) wantOf(i int, w token.Waiter) want { return c.Wants[i][w-1] }

func askNoted(n *token.Node, now token.Time, lock string, w token.Waiter, want want) {
	if want == kept {
		n.AcquireKept(now, lock, w, token.KeepRequest{})
		return
	}
	n.AcquireRun(now, lock, w, token.RunRequest{Tick: theTick, Skip: want == once})
}

// release ends a client's hold.
func (p *stepper) release(n *token.Node, i, l, k int) {
	now := p.state.clocks[i]
	if want := p.wantOf(i, waiter(k)); want == once || want == again {
		n.EndRun(now, lockName(l), waiter(k), 0, "")
		return
	}
	n.Release(now, lockName(l), waiter(k))
}

// judgeNotes judges an entry: of a run, after one that was let in at most once or noted as
// done; and of anybody, while a kept hold bars the lock.
func (p *stepper) judgeNotes(i, l int, e *token.Effect) {
	s, want := &p.state.notes[l], p.wantOf(i, e.Waiter)
	switch {
	case s.barred:
		p.violated("%s is granted %s in spite of a kept hold", name(i), e.Lock)
	case want == once && s.entered:
		p.violated("%s is granted %s for a tick that was let in at most once", name(i), e.Lock)
	case (want == once || want == again) && s.done:
		p.violated("%s is granted %s for a tick that is noted as done", name(i), e.Lock)
	}
	s.entered = s.entered || want == once
	s.barred = want == kept
}

func (p *stepper) runNoted(e *token.Effect) {
	if e.Reason == "" {
		p.state.notes[lockIndex(e.Lock)].done = true
	}
}

// keptLeft notes that a kept hold was given back.
func (p *stepper) keptLeft(i int, e *token.Effect) {
	if p.wantOf(i, e.Waiter) == kept {
		p.state.notes[lockIndex(e.Lock)].barred = false
	}
}

// freeAll lets an operator free the kept holds that bar a lock.
func (p *stepper) freeAll(s *state) {
	for i := range p.Members {
		for l := range p.Locks {
			if s.nodes[i] == nil || !s.nodes[i].InspectLock(lockName(l), &p.view) || !p.view.HasToken || p.view.Token.Kept == nil {
				continue
			}
			p.renew(s)
			s.notes[l].barred = false
			fence := p.view.Token.Kept.Fence
			p.input(i, func(n *token.Node) { n.Free(s.clocks[i], lockName(l), freed, fence) })
			p.settle()
		}
	}
}

// appendNotes appends what a disk remembers.
func (d *disk) appendNotes(b []byte) []byte {
	for l := range d.notes {
		r, k := &d.notes[l].Run, &d.notes[l].Kept
		b = binary.AppendUvarint(b, uint64(r.Fence))
		b = append(b, byte(r.Tick), byte(r.State), flag(k.Over))
		b = binary.AppendUvarint(b, uint64(k.Fence))
	}
	return b
}
