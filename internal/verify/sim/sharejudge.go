package sim

import (
	"slices"

	"conch/token"
)

// sharer is a local hold of a lock beside others, at a node.
type sharer struct {
	node   int
	waiter token.Waiter
}

// sharing is what the judges know of a lock that is shared.
type sharing struct {
	inside []sharer
	// limit is the lock's when its token last granted a hold in a shared mode, was given a
	// limit, or had it told in answer to a probe.
	limit token.Limit
	// alone is the highest fence of a hold without others.
	alone token.Fence
	// turn is the fence of the latest readers, and node where they are: those of one turn
	// count as one entry.
	turn token.Fence
	node int
}

// judgeSharedGrant: permits are granted as far as the limit goes, and fences of shared holds
// are above those of all holds without others before it.
func (w *World) judgeSharedGrant(i int, e *token.Effect) {
	l := w.lockOf(e.Lock)
	s := &w.sharing[l]
	switch {
	case e.Message.Token != nil:
		s.limit = e.Limit
	case e.Fence == 0:
		w.count(RaisedElsewhere)
	default:
		w.count(UnderShare)
	}
	if e.Fence == 0 {
		w.count(LimitSet)
		return
	}
	if e.Fence <= s.alone && !w.forgetful {
		w.fail(Fences, "node %d grants a share of %s with fence %d, and %d was granted to one alone", i, e.Lock, e.Fence, s.alone)
	}
	w.fences[l] = max(w.fences[l], e.Fence)
	told := int64(1) // a client, which is about to be told
	if !ofClient(e.Waiter) {
		told = 0
		s.inside = append(s.inside, sharer{node: i, waiter: e.Waiter})
	}
	if e.Limit == token.Unlimited {
		if s.turn != e.Fence || s.node != i {
			w.judgeTurns(i, l, e.State.Queue)
		}
		s.turn, s.node = e.Fence, i
		return
	}
	w.judgeTurns(i, l, e.State.Queue)
	if used := w.sharersOf(l) + told; used > int64(s.limit) {
		w.fail(Permits, "node %d grants permit %d of %s, whose limit is %d", i, used, e.Lock, s.limit)
	}
}

// noteLimit notes the limit that a token has where a probe asks for it.
func (w *World) noteLimit(lock string, m *token.Message) {
	if m.Kind == token.ProbeAnswer && m.Limit != token.Exclusive {
		w.sharing[w.lockOf(lock)].limit = m.Limit
	}
}

// judgeInherited: a new token has the latest limit that any node in a session remembers.
func (w *World) judgeInherited(i int, e *token.Effect) {
	t := e.Message.Token
	for j := range w.members[:w.plan.Nodes] {
		if !w.inSession(j) {
			continue
		}
		w.members[j].node.InspectLock(e.Lock, &w.look)
		later := uint64(w.look.LimitAt>>token.FenceBits) > t.Epoch.Number // of a token made since, in the same step
		if w.look.LimitAt > t.LimitAt && !later {
			w.fail(Invariant, "node %d makes a token of %s with a limit of age %d, and node %d remembers one of age %d", i, e.Lock, t.LimitAt, j, w.look.LimitAt)
		}
	}
}

// sharerLeft notes that a hold beside others is over.
func (w *World) sharerLeft(i int, e *token.Effect) {
	s := &w.sharing[w.lockOf(e.Lock)]
	s.inside = slices.DeleteFunc(s.inside, func(h sharer) bool { return h.node == i && h.waiter == e.Waiter })
}

// forgetSharers is called when a node's process has ended.
func (w *World) forgetSharers(i int) {
	for l := range w.sharing {
		s := &w.sharing[l]
		s.inside = slices.DeleteFunc(s.inside, func(h sharer) bool { return h.node == i })
	}
}

// judgeGone: a node that leaves does not go while somebody is in.
func (w *World) judgeGone(i int) {
	for l := range w.sharing {
		for _, h := range w.sharing[l].inside {
			if h.node == i {
				w.fail(Invariant, "node %d has gone, and waiter %d shares %s", i, h.waiter, lockNames[l])
			}
		}
	}
}

// sharersOf counts the holds of a lock beside others: of nodes inside their sessions, of
// clients that nodes left behind, and of client processes by their own belief.
func (w *World) sharersOf(l int) (count int64) {
	for _, h := range w.sharing[l].inside {
		if w.inSession(h.node) {
			count++
		}
	}
	_, clients := w.clientHolders(l)
	return count + int64(w.orphanSharers(l)+clients)
}

// orphanSharers counts the clients that nodes left behind and that share a lock.
func (w *World) orphanSharers(l int) (count int) {
	for _, o := range w.orphans {
		if o.lock == l && o.limit != token.Exclusive && o.until > w.now {
			count++
		}
	}
	return count
}

// judgeShare checks one node's knowledge of its share for contradictions. It returns what
// is wrong, "" if nothing is.
func judgeShare(v *token.LockView, begun bool) string {
	own := slices.IndexFunc(v.Token.Shares, func(s token.Share) bool { return s.Member == v.Share.Member })
	sharers := len(v.Inside)
	if v.Holder != 0 {
		sharers--
	}
	switch {
	case v.Waits && (!v.HasToken || v.Holder != 0 || !v.Outstanding || v.Waiters == 0):
		return "a token that waits, and is not here, is in use, or for nobody"
	case v.Share.ID == 0 && sharers > 0:
		return "holders without a share"
	case v.Share.ID != 0 && !begun:
		return "share outside a session"
	case v.Holder != 0 && v.Share.ID != 0:
		return "a holder alone beside a share"
	case v.Holder != 0 && len(v.Token.Shares) > 0:
		return "a holder alone, whose token carries a share"
	case v.Share.ID != 0 && v.Limit != token.Unlimited && sharers > int(v.Share.Permits):
		return "more permits in use than the share has"
	case v.HasToken && v.Share.ID != 0 && (own < 0 || v.Token.Shares[own] != v.Share):
		return "token does not carry the own share"
	}
	return ""
}
