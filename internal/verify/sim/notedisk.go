package sim

import (
	"slices"

	"conch/token"
)

// What members' disks remember of locks. A note is on disk some time after its node asked
// for that, and its node is told so later still. A crash in between loses what was not on
// disk.

// storing is what a process has asked for and not been told of.
type storing struct {
	under  []store // oldest first
	serial uint64  // of the latest
	// The youngest will be on disk at written, and its node told at told.
	written, told Instant
}

// store is one note on its way to the disk.
type store struct {
	lock  int
	notes token.Notes
}

// remembers reports whether a member has stable storage for notes.
func (w *World) remembers(i int) bool { return w.plan.Notes && w.plan.Machines[i].Disk }

// lockNotes are the disk's notes as a starting node takes them.
func (d *disk) lockNotes() (all []token.LockNotes) {
	for l, notes := range d.notes {
		if notes != (token.Notes{}) {
			all = append(all, token.LockNotes{Lock: lockNames[l], Notes: notes})
		}
	}
	return all
}

// of returns the disk's notes of a lock.
func (d *disk) of(l int) (notes token.Notes) {
	if d.notes != nil {
		notes = d.notes[l]
	}
	return notes
}

// put replaces the disk's notes of a lock.
func (d *disk) put(l int, notes token.Notes) {
	if d.notes = slices.Clone(d.notes); d.notes == nil {
		d.notes = make([]token.Notes, maxLocks)
	}
	d.notes[l] = notes
}

// store takes a Store effect.
func (w *World) store(i int, m *member, e *token.Effect) {
	if !w.remembers(i) {
		w.fail(Invariant, "node %d has no disk, and stores notes of %s", i, e.Lock)
	}
	if m.serial++; e.Serial != m.serial {
		w.fail(Invariant, "node %d stores with serial number %d, want %d", i, e.Serial, m.serial)
	}
	w.write(i, m, store{lock: w.lockOf(e.Lock), notes: *e.Notes})
	m.told = max(m.told, m.written+Instant(w.disks.below(int64(w.plan.Tells))))
	w.events.push(event{at: m.told, kind: evStored, node: int8(i), gen: m.process, ref: int32(e.Serial)})
}

// write puts notes on their way to the disk.
func (w *World) write(i int, m *member, s store) {
	m.under = append(m.under, s)
	m.written = max(m.written, w.now+Instant(w.disks.below(int64(w.plan.Writes))))
	w.events.push(event{at: m.written, kind: evWritten, node: int8(i), gen: m.process})
}

// written puts the oldest notes under way on disk, also while the process stands still.
func (w *World) written(e event) bool {
	m := &w.members[e.node]
	if m.node == nil || m.process != e.gen {
		return false
	}
	m.disk.put(m.under[0].lock, m.under[0].notes)
	m.under = m.under[1:]
	return true
}

// stored tells a node what is on its disk.
func (w *World) stored(e event) bool {
	m := &w.members[e.node]
	if m.node == nil || m.process != e.gen {
		return false
	}
	if m.pausedUntil > w.now {
		e.at = m.pausedUntil
		w.events.push(e)
		return false
	}
	w.tracef("%d hears that its notes up to %d are on disk", e.node, e.ref)
	m.node.Stored(m.clock.read(w.now), uint64(e.ref))
	w.performed(int(e.node))
	return true
}

// loseStores is called when a node's process ends: what is under way does not come to disk.
func (w *World) loseStores(i int) {
	if m := &w.members[i]; len(m.under) > 0 {
		w.count(LostNote)
		m.storing = storing{}
	}
}

// loseNotes notes that a member's disk has older notes than it had. From then on nothing is
// promised about notes.
func (w *World) loseNotes(before, after []token.Notes) {
	if !slices.Equal(before, after) {
		w.notesLost = true
	}
}
