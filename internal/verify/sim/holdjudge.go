package sim

import (
	"conch/internal/claims"
	"conch/internal/frames"
	"conch/token"
)

// told is what the judges know of a client at a node's process: when the node heard of it
// last, and the latest end of a lease that the node told it. Both are by the node's clock.
type told struct {
	process    uint32
	heard, end token.Time
}

// hears notes that something came on a client's present stream.
func (l *link) hears(process uint32, now token.Time) {
	if l.told.process != process {
		l.told = told{process: process}
	}
	l.told.heard = now
}

// noteTold notes a lease that a node tells a client. A node ends the stream of a client of
// which it has not heard for T, and grants it nothing afterwards. So no lease that it tells
// ends later than 2 T after it has heard of the client, or after it stood still.
func (w *World) noteTold(m *member, l *link, message *frames.NodeMessage) {
	if message.Kind != frames.Pong && message.Kind != frames.Granted {
		return
	}
	heard := max(l.told.heard, m.clock.read(m.pausedUntil)) + token.Time(w.plan.TickLate)
	end := m.clock.read(w.now) + message.Remaining
	l.told.end = max(l.told.end, min(end, heard+2*token.Time(w.plan.TTL)))
}

// callerOf describes a link to the node's table of claims, which passes it back.
func callerOf(l *link) claims.Caller { return claims.Caller{PID: int64(l.index) + 1} }

// judgeHolds: what a node says is held is held by a claim, and a client's hold is over with
// the latest lease that the client was told of. w.look has the lock.
func (w *World) judgeHolds(i, l int) {
	m := &w.members[i]
	known := 0
	m.table.HoldersOf(m.clock.read(w.now), lockNames[l], func(h claims.Holder) {
		known++
		if h.Local == nil {
			w.judgeHold(i, l, h)
		}
	})
	if known != len(w.look.Inside) {
		w.fail(Invariant, "node %d: %s is held by %v, of whom the table of claims knows %d", i, lockNames[l], w.look.Inside, known)
	}
}

// judgeHold judges a client's hold.
func (w *World) judgeHold(i, l int, h claims.Holder) {
	m := &w.members[i]
	k := w.links[h.Caller.PID-1]
	if k.told.process != m.process {
		w.fail(Kept, "node %d: %s is held for client %d, of which this process has heard nothing", i, lockNames[l], k.client)
		return
	}
	// The node may be told late what time it is, and not at all while it stands still.
	over := m.clock.when(k.told.end) + w.plan.TickLate
	if w.now > over && w.now > m.pausedUntil {
		w.fail(Kept, "node %d: %s is held for client %d, whose lease was over %d µs ago", i, lockNames[l], k.client, (w.now-over)/1000)
	}
}
