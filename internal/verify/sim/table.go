package sim

import (
	"conch/internal/claims"
	"conch/internal/frames"
	"conch/token"
)

// ofClient reports whether a waiter's id is of a client's claim: the table of claims draws
// those itself, and local callers use the numbers of their ops.
func ofClient(w token.Waiter) bool { return w>>63 != 0 }

// newTable is the table of claims that stands beside a node.
func (w *World) newTable(node *token.Node) *claims.Table {
	return claims.New(node, claims.Config{
		TTL: token.Time(w.plan.TTL), Member: lockNames[0], Quorum: w.plan.quorum(), Members: w.plan.Nodes,
		MaxLocks: 1000, MaxPerClient: 1000, MaxClaims: 10_000,
	})
}

// noteLease tells the table the node's lease, as the driver does.
func (m *member) noteLease() {
	end, inSession := m.node.InSession()
	if !inSession {
		m.table.SetLease(claims.Lease{})
		return
	}
	m.table.SetLease(claims.Lease{Session: m.node.InspectSession().Session, End: end})
}

// tell performs the effects of a node's table of claims. It reports whether a grant was
// declined, whose effects are then to be performed.
func (w *World) tell(i int) (declined bool) {
	m := &w.members[i]
	effects := m.table.Effects()
	var back []token.Waiter
	for k := range effects {
		switch e := &effects[k]; e.Kind {
		case claims.Tell:
			s := e.Stream.(*clientStream)
			w.noteTold(m, s.link, e.Message)
			w.toClient(s, clientParcel{kind: parcelMessage, message: *e.Message})
		case claims.EndStream:
			why := clientParcel{kind: parcelEnd, why: endsLikeThis}
			if e.End == claims.Replaced {
				w.count(ReplacedStream)
				why.why = endsForGood
			}
			w.toClient(e.Stream.(*clientStream), why)
		case claims.Answer:
			if c := &w.claims[e.ID-1]; c.state == claimGone {
				c.state = claimOver
				w.count(Declined)
				back = append(back, e.ID)
				continue
			}
			w.granted(i, int(e.ID-1), e.Fence)
		case claims.Refuse:
			w.refused(i, e)
		case claims.Lose:
			w.claims[e.ID-1].state = claimOver
		case claims.RunEnded:
			w.runEnded(i, e)
		case claims.Expired:
			w.count(Expired)
		}
	}
	for _, id := range back {
		m.table.Decline(m.clock.read(w.now), id)
	}
	return len(back) > 0
}

// clientMessages gives a node a client's frame, message by message, as the driver does. It
// reports false if the node died of it.
func (w *World) clientMessages(i int, s *clientStream, frame []frames.ClientMessage) bool {
	m := &w.members[i]
	frames.InOrder(frame)
	process := m.process
	for k := range frame {
		w.stamp(&frame[k])
		m.table.Receive(m.clock.read(w.now), s, &frame[k])
		if w.performed(i); m.node == nil || m.process != process || w.failure != nil {
			return false
		}
	}
	return true
}
