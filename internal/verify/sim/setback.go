package sim

import "conch/token"

// A disk that is set back: an older copy of a data directory, or the snapshot of a virtual
// machine. Anything saved since is gone. If the clock is right, the numbers of the start
// are above the lost ones all the same. If not, the other members tell the process which
// numbers its member had, as far as they know.

// maxCopies is by how many starts a disk may be set back.
const maxCopies = 3

// setBack ends a member's process, and restores an older copy of its disk before the next
// start. Members without a disk just crash.
//
// The mark of clients is lost with the copy. So clients that were left behind must be over
// by then: an operator who restores a copy has to wait for T (package datadir).
func (w *World) setBack(i int, op *Op) {
	m := &w.members[i]
	away := w.restartAfter(max(op.Length, 1)) + Instant(w.random.below(int64(op.Patience)))
	if w.plan.Clients || w.plan.Processes > 0 {
		away = max(away, w.plan.TTL+w.plan.TTL/20)
	}
	if m.node == nil || w.now+away > w.plan.Settle {
		return
	}
	w.crashNow(i, away)
	older := m.copies[min(int(op.Effects), maxCopies)-1]
	w.loseNotes(m.disk.notes, older.notes)
	m.disk = older
	m.setBack, m.setBackAt, w.again = true, w.now, true
	w.tracef("the disk of %d is set back to session %d, promised %d", i, m.disk.session, m.disk.promised)
	if w.plan.Machines[i].Disk {
		w.count(SetBackDisk)
	}
}

// judgeUsed: no session ends because of another process's number unless a disk was set
// back.
func (w *World) judgeUsed(i int, m *member, e *token.Effect) {
	if e.Reason == token.ReasonUsed && !m.setBack {
		w.fail(Sessions, "node %d loses session %d for session %d of another process, though its disk was never set back", i, e.Session, e.Known)
	}
}

// judgeStart: a start whose disk was never set back is not below its member's promises. Nor
// is one that reads a right clock, whatever happened to the disk. In virtual time a lock
// may have more ballots than the clock has numbers; only by those may the promises be
// ahead.
func (w *World) judgeStart(i int, m *member, floor uint64) {
	if floor >= m.promised {
		return
	}
	ahead := m.promised - floor
	if w.plan.Machines[i].Disk && !m.setBack || w.plan.rightClocks() && ahead > w.ballots {
		w.fail(Fences, "node %d starts %d below what it promised, after %d ballots", i, ahead, w.ballots)
	}
	w.forgetful = true
	w.count(Forgetful)
}

// noteSave notes a session that follows no lapse: it is above another incarnation's.
func (w *World) noteSave(m *member, s token.Session) {
	if s > m.disk.session && !m.lapsed {
		w.count(CountedAbove)
	}
	m.lapsed = m.lapsed && s == m.disk.session
}

// judgeBegun: a session whose number another incarnation had begins only if a quorum does
// not know it: those who know it guard none, until they end.
func (w *World) judgeBegun(i int, m *member, s token.Session) {
	if w.plan.Changes {
		return // no disk is set back
	}
	ignorant := 0
	for j := range w.plan.Nodes {
		other := &w.members[j]
		if j == i {
			continue
		}
		if other.node == nil {
			ignorant++ // it may have guarded the session before it ended
			continue
		}
		if p := other.node.InspectPeer(token.Member(i)); p.Known < s || p.KnownOf == m.incarnation {
			ignorant++
		}
	}
	if ignorant < w.plan.quorum()-1 {
		w.fail(Sessions, "node %d begins session %d, which all but %d others know of another process", i, s, ignorant)
	}
}
