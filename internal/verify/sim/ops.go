package sim

import "conch/token"

// takeOp performs an op of the plan.
func (w *World) takeOp(k int, e event) bool {
	op := &w.plan.Ops[k]
	if op.Node == whoHasToken {
		if op = w.aim(op); op == nil {
			return false
		}
	}
	i := int(op.Node)
	m := &w.members[i] // means nothing for an op of a client
	length := max(op.Length, 1)
	switch op.Kind {
	case Acquire, Try, SetLimit:
		return w.acquire(k, op, e)
	case FreeKept, ForgetNotes:
		return w.tend(op, e)
	case ClientAcquire, ClientTry:
		return w.clientAsk(k, op, e)
	case ClientPause, ClientCut, ClientStall, ClientBreak, ClientBreakOn, ClientKill:
		w.ops[op.Kind]++
		return w.strikeClient(op)
	case CutOff:
		w.cutOff(op)
	case CrashAll:
		for j := range w.plan.Nodes {
			if w.members[j].node != nil {
				again := w.restartAfter(op.Length) + Instant(w.random.below(int64(op.Patience)))
				w.crashNow(j, max(1, min(again, w.plan.Settle-w.now)))
			}
		}
	case SetBackAll:
		for j := range w.plan.Nodes {
			w.setBack(j, op)
		}
	case Slow:
		w.slowUntil[i][op.Peer], w.slowBy[i][op.Peer] = w.now+length, op.Patience
	case DelayNext, CrashOn, PauseOn, CutOn:
		w.armed = append(w.armed, armed{op: op, until: w.now + op.Patience})
	case Break:
		if s := m.out[op.Peer]; s != nil {
			w.breakOff(s, int(op.Effects), length)
		}
	case ChangeMembers:
		return w.changeMembers(op, e)
	case Launch, Renew:
		if !w.launch(op, i) {
			return false
		}
	case Wipe:
		if !w.wipe(op, i) {
			return false
		}
	default:
		if m.node == nil {
			return false
		}
		w.strikeNode(op, i, m)
	}
	w.ops[op.Kind]++
	if w.trace != nil {
		w.tracef("op %d: %v", k, op)
	}
	return true
}

// aim returns the op for the node that has the token, and nil if none has.
func (w *World) aim(op *Op) *Op {
	for i := range w.plan.Nodes {
		if w.members[i].views[op.Lock].hasToken {
			aimed := *op
			aimed.Node = int8(i)
			if op.Kind == CutOff {
				aimed.Pairs = w.allPairs(i)
			}
			return &aimed
		}
	}
	return nil
}

// allPairs are all directions to and from a node.
func (w *World) allPairs(i int) (pairs uint64) {
	for j := range w.plan.Nodes {
		pairs |= pairBit(i, j) | pairBit(j, i)
	}
	return pairs
}

// restartAfter is how long a process stays away: at most as long as the faults last, and
// long enough for the wall clock to move; 0 is for ever.
func (w *World) restartAfter(length Instant) Instant {
	if length == 0 {
		return 0
	}
	return max(length, w.plan.TTL/1000)
}

// strikeNode performs a planned fault on one node.
func (w *World) strikeNode(op *Op, i int, m *member) {
	switch op.Kind {
	case Crash, Reboot:
		if op.Kind == Reboot {
			w.crashNow(i, w.restartAfter(op.Length))
			w.reboot(i)
			return
		}
		if op.Effects == 0 {
			w.crashNow(i, w.restartAfter(op.Length))
			return
		}
		m.crash, m.crashFor = op.Effects, w.restartAfter(op.Length)
		w.events.push(event{at: min(w.now+op.Patience, w.plan.Settle), kind: evCrash, node: int8(i), gen: m.process})
	case CrashSave, CrashStore, CrashMembership:
		m.crashAt = token.Save
		switch op.Kind {
		case CrashStore:
			m.crashAt = token.Store
		case CrashMembership:
			m.crashAt = token.SaveMembership
		}
		m.crashSave, m.crashSaveUntil, m.crashFor = op.Effects, w.now+op.Patience, w.restartAfter(op.Length)
	case SetBack:
		w.setBack(i, op)
	case LoseDisk:
		w.loseDisk(i, op.Length)
	case Pause:
		m.pausedUntil = max(m.pausedUntil, w.now+op.Length)
	case Leave:
		m.leaveFor = w.restartAfter(op.Length)
		w.retire(i, m)
	}
}

// retire lets a node leave, as a driver does: the table of claims refuses the waiters and
// tells the holders, and the node goes when nothing is held.
func (w *World) retire(i int, m *member) {
	now := m.clock.read(w.now)
	if end, in := m.node.InSession(); in && end <= now && m.waitsAndHolds() {
		w.count(StopAfterLease)
	}
	for k := range w.claims {
		c, op := &w.claims[k], &w.plan.Ops[k]
		if op.asks() && int(op.Node) == i && c.process == m.process && (c.state == claimWaiting || c.state == claimGone) {
			c.state = claimOver
		}
	}
	w.vanishAll(i)
	m.table.Stop(now)
	if w.performed(i); m.node == nil || w.failure != nil {
		return
	}
	m.node.Retire(now)
	w.performed(i)
}

// waitsAndHolds reports whether the table of claims has waits and holds.
func (m *member) waitsAndHolds() bool {
	holds, waits, _ := m.table.Counts()
	return holds > 0 && waits > 0
}

// armed is an op that waits for a message to be sent.
type armed struct {
	op    *Op
	until Instant
}

// sprung triggers the ops that waited for a node to send a message of this kind to another.
// It returns how much longer the message takes.
func (w *World) sprung(i, to int, kind token.MessageKind) (extra Instant) {
	for k := 0; k < len(w.armed); k++ {
		a := w.armed[k]
		if w.now <= a.until && (int(a.op.Node) != i || a.op.On != kind || a.op.Peer >= 0 && int(a.op.Peer) != to) {
			continue
		}
		w.armed[k] = w.armed[len(w.armed)-1]
		w.armed = w.armed[:len(w.armed)-1]
		k--
		if w.now > a.until {
			continue
		}
		length := max(1, min(a.op.Length, w.plan.Settle-w.now))
		m := &w.members[i]
		w.tracef("%v springs", a.op)
		switch a.op.Kind {
		case DelayNext:
			extra += length
		case CrashOn:
			m.crash, m.crashFor = a.op.Effects, w.restartAfter(length)
		case PauseOn:
			m.pausedUntil = max(m.pausedUntil, w.now+length)
		case CutOn:
			w.cutOff(&Op{Length: length, Effects: a.op.Effects, Pairs: w.allPairs(i)})
		}
	}
	return extra
}

// cutOff keeps messages from arriving in some directions.
func (w *World) cutOff(op *Op) {
	for from := range w.plan.Nodes {
		for to := range w.plan.Nodes {
			if op.Pairs&pairBit(from, to) == 0 {
				continue
			}
			w.cutUntil[from][to] = max(w.cutUntil[from][to], w.now+op.Length)
			if s := w.members[from].out[to]; s != nil && op.Effects == 1 {
				w.breakOff(s, int(w.random.below(4)), Instant(w.random.below(int64(w.plan.TTL))))
			}
		}
	}
}
