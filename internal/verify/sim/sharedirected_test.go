package sim

import (
	"conch/token"
)

// shares is a waiter that comes at a moment, and then shares the lock for so long.
func shares(at Instant, node int8, limit token.Limit, length Instant) Op {
	op := hold(at, node, length)
	op.Limit = limit
	return op
}

// givesUp lets a waiter wait for so long only.
func givesUp(op Op, patience Instant) Op {
	op.Patience = patience
	return op
}

// lateDone is a chain for what a share is called. 1 has three permits, and gives one back to
// 0, whose waiter gives up. The DONE creeps. Meanwhile the token visits 1, which uses three
// again, and comes back to 0 through 2. If the DONE counts, 0 grants a fourth permit.
func lateDone() []Op {
	return []Op{
		shares(1*s, 1, 3, 60*s),
		shares(1001*ms, 1, 3, 60*s),
		shares(1002*ms, 1, 3, 2*s),
		givesUp(shares(2*s, 0, 3, ms), 2*s),
		slow(2500*ms, 1, 0, token.Done, 16*s),
		shares(3500*ms, 2, 3, 1*s),
		shares(4500*ms, 1, 3, 60*s),
		givesUp(shares(6*s, 2, 3, ms), 1*s),
		shares(6500*ms, 0, 3, 20*s),
	}
}

// lostShare is a chain for a member that dies with a share, which 0 calls in.
func lostShare(dead int8) []Op {
	return []Op{
		shares(1*s, dead, token.Unlimited, 50*s),
		shares(2*s, 0, token.Unlimited, ms),
		{At: 3 * s, Kind: Crash, Node: dead},
		hold(4*s, 0, s),
	}
}

// cutForGood lets two nodes never reach each other.
func cutForGood(p *Plan, i, j int) *Plan {
	p.Cut = [2]int{i, j}
	return p
}

// clientOutlives is a chain for a client that shares the lock, and whose node is started
// again at once, while 0 waits with the token.
func clientOutlives() *Plan {
	return clients(stage(3,
		shares(1*s, 2, token.Unlimited, 30*s),
		shares(2*s, 1, token.Unlimited, ms),
		hold(4*s, 0, s),
		Op{At: 5 * s, Kind: Crash, Node: 2, Length: 100 * ms},
	))
}

// setLimit is a waiter that changes the limit.
func setLimit(at Instant, node int8, limit token.Limit) Op {
	return Op{At: at, Kind: SetLimit, Node: node, Limit: limit}
}

// sharedDirected are the chains for shares.
var sharedDirected = map[string]*Plan{
	"share-keeps-its-id":    stage(3, lateDone()...),
	"done-of-another-share": stage(3, lateDone()...),
	"lost-share-stays":      stage(3, lostShare(2)...),
	// 0 and 1 never hear each other, and begin sessions after T. So 1 answers no probe of 0,
	// and is not buriable.
	"lost-share-in-doubt":   cutForGood(stage(5, later(12*s, lostShare(4))...), 0, 1),
	"encumbered-gives-back": clientOutlives(),
	"share-struck-at-hello": clientOutlives(),
	"share-struck-at-clear": clientOutlives(),
	// 2 is told to leave while its client shares the lock.
	"bye-beside-readers": clients(stage(3,
		shares(1*s, 2, token.Unlimited, 30*s),
		shares(2*s, 1, token.Unlimited, ms),
		Op{At: 3 * s, Kind: Leave, Node: 2, Length: 100 * ms},
		hold(4*s, 0, s),
	)),
	// The token is lost while 2 shares the lock.
	"promise-without-share": stage(3,
		shares(1*s, 2, token.Unlimited, 50*s),
		shares(2*s, 1, token.Unlimited, ms),
		Op{At: 3 * s, Kind: Crash, Node: 1, Length: 100 * ms},
		hold(4*s, 0, s),
	),
	// 0 lowers the limit while 1 uses two permits. One comes back, and 1 has another waiter.
	"limit-lowered-at-once": stage(3,
		shares(1*s, 1, 2, 50*s),
		shares(1001*ms, 1, 2, 5*s),
		setLimit(3*s, 0, 1),
		shares(6500*ms, 1, 2, s),
	),
	// Likewise, but 1 lowers it, and the token goes to 0, where nobody wants it any more.
	"lowered-share-lets-in": stage(3,
		shares(1*s, 1, 2, 50*s),
		shares(1001*ms, 1, 2, 5*s),
		setLimit(3*s, 1, 1),
		givesUp(shares(4*s, 0, 1, s), 1500*ms/1000),
		shares(6500*ms, 1, 1, s),
	),
	// 1 uses three of four permits, and two come back without the token, which is at 2. 0
	// lowers the limit, and 1 has another waiter.
	"lowered-by-a-probe": stage(3,
		shares(500*ms, 0, 4, ms),
		shares(1*s, 1, 4, 60*s),
		shares(1001*ms, 1, 4, 5*s),
		shares(1002*ms, 1, 4, 5*s),
		shares(2*s, 2, 4, 60*s),
		setLimit(7*s, 0, 1),
		shares(9*s, 1, 4, 5*s),
	),
	// 0 has heard of session 2 of 2, whose disk is then set back by two starts. 3 and 4 have
	// not, so 2 begins session 1 again, and shares the lock. Its share reaches 0 with the
	// token.
	"later-process-struck": stage(5,
		Op{At: 1 * s, Kind: Crash, Node: 2, Length: 100 * ms},
		Op{At: 14 * s, Kind: Crash, Node: 3, Length: 100 * ms},
		Op{At: 25 * s, Kind: Crash, Node: 4, Length: 100 * ms},
		cut(13900*ms, 37*s, 1, both(2, 3)),
		cut(24900*ms, 37*s, 1, both(2, 4)),
		cut(36900*ms, 59*s, 1, both(2, 0), both(2, 1)),
		Op{At: 37 * s, Kind: SetBack, Node: 2, Effects: 2, Length: 100 * ms, Patience: 1},
		hold(36*s, 3, ms), // makes the token
		shares(48*s, 2, token.Unlimited, 10*s),
		shares(50*s, 4, token.Unlimited, ms),
		hold(51*s, 0, s),
	),
}
