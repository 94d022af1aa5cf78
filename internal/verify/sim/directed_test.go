package sim

import (
	"maps"
	"slices"
	"testing"

	"conch/token"
)

// Some faults need a chain of events that chance hardly ever causes: five members, or a
// window of a hundredth of T. Each test here is such a chain for one rule, in the ops of a
// plan. The real code passes; TestPlantedFaults shows that the code without the rule does
// not.

const (
	ms = Instant(1_000_000)
	s  = 1000 * ms
)

// stage is a plan to which one chain of events is added: T is 10 s, each message
// takes 1 ms, and all nodes are inside sessions after 1 s.
func stage(nodes int, ops ...Op) *Plan {
	p := &Plan{
		Seed: 1, Nodes: nodes, Locks: 1, TTL: 10 * s,
		IdleToken: Instant(token.DefaultIdleToken), IdleLock: Instant(token.DefaultIdleLock),
		FencesPerEpoch: token.MaxFencesPerEpoch,
		Delay:          ms, Jitter: 1, Settle: 60 * s,
	}
	for i := range nodes {
		p.Machines[i] = Machine{Disk: true, Offset: int64(i+1) * int64(1000*s)}
	}
	p.Ops = ops
	return p
}

// drifting gives the clocks other rates.
func drifting(p *Plan, rates ...int64) *Plan {
	for i, rate := range rates {
		p.Machines[i].Drift = rate
	}
	return p
}

// forgetting lets idle tokens and locks be forgotten soon.
func forgetting(p *Plan, idleToken, idleLock Instant) *Plan {
	p.IdleToken, p.IdleLock = idleToken, idleLock
	return p
}

// clients makes every asker a process of its own.
func clients(p *Plan) *Plan {
	p.Clients = true
	return p
}

// oneFence makes each token good for one entry.
func oneFence(p *Plan) *Plan {
	p.FencesPerEpoch = 1
	return p
}

// settling lets faults go on until a later time.
func settling(at Instant, p *Plan) *Plan {
	p.Settle = at
	return p
}

// later postpones ops.
func later(by Instant, ops []Op) []Op {
	for k := range ops {
		ops[k].At += by
	}
	return ops
}

// hold is a waiter that comes at a moment and then holds the lock for so long.
func hold(at Instant, node int8, length Instant) Op {
	return Op{At: at, Kind: Acquire, Node: node, Length: length}
}

// cut keeps messages from arriving in one direction; broken says whether the stream breaks
// (1) or stands still (0).
func cut(from, until Instant, broken int32, pairs ...uint64) Op {
	op := Op{At: from, Kind: CutOff, Length: until - from, Effects: broken}
	for _, pair := range pairs {
		op.Pairs |= pair
	}
	return op
}

// both are the two directions of a pair.
func both(i, j int) uint64 { return pairBit(i, j) | pairBit(j, i) }

// slow delays the next message of a kind by so much.
func slow(at Instant, from, to int8, kind token.MessageKind, by Instant) Op {
	return Op{At: at, Kind: DelayNext, Node: from, Peer: to, On: kind, Length: by, Patience: 20 * s}
}

// buriedMeets is the chain that the rules about burials have in common. Node 4 is cut
// off from 0, 1 and 2, who may bury it from 12 s on. The token creeps from 1 to 3,
// which has answered 2's probe, and gets 2's ballot late: until then it may still pass
// the token on to 4, should 4 get a session before the round is over.
func buriedMeets(comes, late, back Instant, cutFrom ...int) []Op {
	var away []uint64
	for _, i := range cutFrom {
		away = append(away, both(4, i))
	}
	return []Op{
		cut(2*s, back, 1, away...),
		hold(1*s, 1, 7*s), // 1 has the token until 8 s
		{At: 7 * s, Kind: Acquire, Node: 3, Length: ms, Patience: 2 * s}, // 3 asks, and gives up
		cut(7900*ms, comes, 0, pairBit(1, 3)),                            // the token creeps
		hold(12500*ms, 2, 20*s),                                          // 2 asks, and makes a ballot at 16.25 s
		slow(16*s, 2, 3, token.Ballot, late-16253*ms),                    // which comes late to 3
		hold(13*s, 4, 20*s),                                              // 4 asks as soon as it has a session
	}
}

// guardRestarts: 2 holds the lock in a session that rests on 0's guard. 0 restarts, has
// forgotten its guard, and gets 2's next PING late. Meanwhile 1 makes a ballot.
func guardRestarts() []Op {
	return []Op{
		hold(1*s, 2, 30*s),
		cut(2*s, 40*s, 1, both(1, 2)),
		hold(5*s, 1, 20*s),
		{At: 12600 * ms, Kind: Crash, Node: 0, Length: 100 * ms},
		slow(12600*ms, 2, 0, token.Ping, 12*s),
	}
}

// loseTwo: 4's client holds the lock. 3 and 4 lose their disks, start anew, and are cut off
// from the others for a while, but not from each other.
func loseTwo() []Op {
	return []Op{
		hold(1*s, 4, 30*s),
		hold(4*s, 1, 20*s),
		cut(4800*ms, 7*s, 1, both(3, 0), both(3, 1), both(3, 2), both(4, 0), both(4, 1), both(4, 2)),
		{At: 4900 * ms, Kind: LoseDisk, Node: 3, Length: 50 * ms},
		{At: 5 * s, Kind: LoseDisk, Node: 4, Length: 100 * ms},
	}
}

// directed are the chains, by the name of the fault that each is for.
var directed = joined(joined(joined(joined(sharedDirected, leadDirected), notesDirected), membersDirected), map[string]*Plan{
	"client-pong-extends-all":   attached(3, stalledRestatement()...),
	"early-end-forgets-clients": sessionEndsEarly(),
	"burial-half-kept":          stage(5, buriedMeets(23*s, 24*s, 20500*ms, 0, 1, 2)...),
	"burial-not-kept":           stage(5, buriedMeets(23*s, 24*s, 20500*ms, 0, 1, 2)...),
	// 0 buries 4, promises, restarts, and answers 4's PING before the round is over. Its
	// HELLO, which would take its answer back, does not reach the proposer.
	"pong-at-once": stage(5, append(buriedMeets(23*s, 24*s, 40*s, 1, 2),
		cut(2*s, 17*s, 1, both(4, 0)),
		cut(16400*ms, 40*s, 0, pairBit(0, 2)),
		Op{At: 16500 * ms, Kind: Crash, Node: 0, Length: 100 * ms},
	)...),
	// 0's burial of 4 is over by its fast clock, and 2's round is not by its slow one. The
	// window is a hundredth of T.
	"round-not-shortened": drifting(stage(5, append(buriedMeets(26250*ms, 26241*ms, 40*s, 1, 2),
		cut(2*s, 26240*ms, 0, pairBit(4, 0)),
	)...), maxDrift, maxDrift, -maxDrift, 0, 0),
	// 4's ballot waits for 3's answer. 4 is cut off, and its session lapses before the
	// answer comes.
	"round-outlives-lapse": stage(5,
		hold(4900*ms, 4, 5*s),
		cut(4910*ms, 40*s, 1, both(4, 0), both(4, 1), both(4, 2)),
		slow(4*s, 3, 4, token.BallotAnswer, 8600*ms),
	),
	// 2, whose clock is slow, holds the lock and is cut off. By the fast clocks of 0 and
	// 1 their guard is over, and by 2's clock its lease is not. The window is a hundredth
	// of T.
	"lease-not-shortened": drifting(stage(3,
		hold(1*s, 2, 30*s),
		cut(5500*ms, 40*s, 1, both(2, 0), both(2, 1)),
		hold(7537*ms, 1, 20*s),
	), maxDrift, maxDrift, -maxDrift),
	// The token creeps from 1 to 2. Meanwhile 2's session lapses, 0 and 1 bury it and
	// make a token, and 2 begins its next session.
	"any-addressee": stage(3,
		hold(1*s, 1, 4*s),
		hold(2*s, 2, 10*s),
		cut(3*s, 27*s, 1, both(2, 0)),
		cut(3*s, 40*s, 0, pairBit(1, 2)),
		cut(5500*ms, 50*s, 0, pairBit(2, 1)),
		hold(13*s, 0, 35*s),
	),
	// Likewise, but 2's session has lapsed before 1 passes the token on, and 1 has heard
	// of the next one, which has not begun.
	"announced-addressee": stage(3,
		hold(1*s, 1, 11446*ms),
		hold(2*s, 2, 10*s),
		cut(3*s, 33*s, 1, both(2, 0)),
		cut(3*s, 40*s, 0, pairBit(1, 2)),
		cut(12460*ms, 50*s, 0, pairBit(2, 1)),
		hold(15*s, 0, 30*s),
	),
	// The token creeps from 1 to 2. Meanwhile 2 promises a later one, and then forgets
	// the lock.
	"forgotten-floor-ignored": forgetting(stage(3,
		hold(1*s, 1, 4*s),
		Op{At: 2 * s, Kind: Acquire, Node: 2, Length: ms, Patience: 2 * s},
		cut(3*s, 45*s, 0, pairBit(1, 2)),
		hold(9*s, 0, 45*s),
	), 12*s, 15*s),
	// 2 says CLEAR although it has a session.
	"clear-inside-a-session": stage(3, guardRestarts()...),
	// 0 buries 2 without having waited.
	"burial-at-once": stage(3, guardRestarts()...),
	// 4 promises, restarts, and has a session at once, and the old token from 3, which has
	// not promised yet. Its HELLO, which would take its promise back, does not reach the
	// proposer. (Without the rule, nodes that start together wait for T: all is later.)
	"session-at-once": stage(5, later(10*s, append(buriedMeets(23*s, 24*s, 2*s),
		cut(16400*ms, 40*s, 0, pairBit(4, 2)),
		Op{At: 16500 * ms, Kind: Crash, Node: 4, Length: 100 * ms},
		hold(19*s, 4, 20*s),
	))...),
	// 4 holds the lock and reaches nobody but 3.
	"lease-by-too-few": stage(5,
		hold(1*s, 4, 40*s),
		cut(2*s, 50*s, 1, both(4, 0), both(4, 1), both(4, 2)),
		hold(5*s, 2, 20*s),
	),
	// 2's process is started again at once, and promises to 1, although its client holds
	// the lock.
	"encumbered-promises": clients(stage(3,
		hold(1*s, 2, 30*s),
		hold(4*s, 1, 20*s),
		Op{At: 5 * s, Kind: Crash, Node: 2, Length: 100 * ms},
	)),
	// All are started again at once. 2 says CLEAR, although its client holds the lock; 0
	// and 1, which nobody was a client of, need not wait then, have forgotten whom they
	// guarded, and bury it.
	"encumbered-clears": clients(stage(3,
		hold(1*s, 2, 30*s),
		Op{At: 5 * s, Kind: CrashAll, Length: 100 * ms, Patience: 1},
		hold(6*s, 0, 20*s),
	)),
	// Likewise, but it is 2 itself that begins a session when it is told CLEAR.
	"encumbered-is-cleared": clients(stage(3,
		hold(1*s, 2, 30*s),
		Op{At: 5 * s, Kind: CrashAll, Length: 100 * ms, Patience: 1},
		hold(6*s, 2, 20*s),
	)),
	// 2 is killed and loses its disk, and its client goes on.
	"fresh-is-free": clients(stage(3,
		hold(1*s, 2, 30*s),
		hold(4*s, 1, 20*s),
		Op{At: 5 * s, Kind: LoseDisk, Node: 2, Length: 100 * ms},
	)),
	// Likewise 4, a moment after 3 has lost its disk: each is fresh, and hears of the other
	// first.
	"fresh-too-soon": clients(stage(5, loseTwo()...)),
	"fresh-for-one":  clients(stage(5, loseTwo()...)),
	// Likewise 2, long after the others have lost theirs.
	"fresh-for-ever": settling(120*s, clients(stage(3,
		Op{At: 2 * s, Kind: LoseDisk, Node: 0, Length: 100 * ms},
		Op{At: 25 * s, Kind: LoseDisk, Node: 1, Length: 100 * ms},
		hold(40*s, 2, 30*s),
		hold(48*s, 1, 20*s),
		Op{At: 50 * s, Kind: LoseDisk, Node: 2, Length: 100 * ms},
	))),
	// 0 is set back, and 2 restarts. So 0 has session 1 again, and loses it, before it meets
	// 1 again, which refuses its streams. A token is good for one entry.
	"old-boot-stays": oneFence(settling(120*s, forgetting(stage(3,
		Op{At: 10 * s, Kind: SetBack, Node: 0, Effects: 1, Length: 100 * ms, Patience: 1},
		Op{At: 10 * s, Kind: Crash, Node: 2, Length: 100 * ms},
		cut(9900*ms, 60*s, 1, both(0, 1)),
		cut(30*s, 45*s, 1, both(0, 2)),
		hold(80*s, 1, s),
	), 4*s, 17*s))),
	// 2's second process leaves in the middle of its wait: the mark on its disk stays, since
	// the client of the first holds the lock. For this no rule of token is switched off;
	// the mark is the business of whoever runs a node.
	"mark-taken-away": clients(stage(3,
		hold(1*s, 2, 30*s),
		hold(4*s, 1, 20*s),
		Op{At: 5 * s, Kind: Crash, Node: 2, Length: 100 * ms},
		Op{At: 5500 * ms, Kind: Leave, Node: 2, Length: 100 * ms},
	)),
	// 2 is set back by one start, and counts above session 1, which 0 and 1 know of.
	"set-back": stage(3,
		hold(1*s, 2, s),
		Op{At: 5 * s, Kind: SetBack, Node: 2, Effects: 1, Length: 100 * ms, Patience: 1},
		hold(30*s, 2, s),
	),
	// By three.
	"set-back-far": stage(3,
		Op{At: 1 * s, Kind: Crash, Node: 2, Length: 100 * ms},
		Op{At: 15 * s, Kind: Crash, Node: 2, Length: 100 * ms},
		hold(30*s, 2, s),
		Op{At: 35 * s, Kind: SetBack, Node: 2, Effects: 3, Length: 100 * ms, Patience: 1},
		hold(50*s, 2, s),
	),
	// 2 loses session 1 and begins session 2. It is set back, and crashes again before it has
	// heard of anybody: its next process begins with 2, and its streams are not too old.
	"used-number-guarded": stage(3,
		cut(2*s, 16*s, 1, both(2, 0), both(2, 1)),
		Op{At: 25 * s, Kind: SetBack, Node: 2, Effects: 1, Length: 100 * ms, Patience: 1},
		Op{At: 25101 * ms, Kind: Crash, Node: 2, Length: 100 * ms},
		hold(50*s, 2, s),
	),
	// 2 is set back. 3 and 4 have not heard of it since they started, and 0 and 1, which know, are cut off from it;
	// so it begins session 1 again. The token, at 1, says that its requests were granted. When
	// it hears of 1, it begins a later session, and is served.
	"used-session-goes-on": stage(5,
		hold(1*s, 2, 100*ms),
		hold(2*s, 1, 100*ms),
		hold(2500*ms, 2, 100*ms),
		hold(3*s, 1, 100*ms),
		Op{At: 4 * s, Kind: Crash, Node: 3, Length: 100 * ms},
		Op{At: 15 * s, Kind: Crash, Node: 4, Length: 100 * ms},
		cut(3900*ms, 27*s, 1, both(2, 3)),
		cut(14900*ms, 27*s, 1, both(2, 4)),
		cut(26900*ms, 45*s, 1, both(2, 0), both(2, 1)),
		Op{At: 27 * s, Kind: SetBack, Node: 2, Effects: 1, Length: 100 * ms, Patience: 1},
		hold(46*s, 2, s),
	),
	"round-without-end": stage(5, buriedMeets(29*s, 31*s, 25*s, 0, 1, 2)...),
})

func joined(one, two map[string]*Plan) map[string]*Plan {
	all := maps.Clone(one)
	maps.Copy(all, two)
	return all
}

// ordered is a plan whose ops are in the order of their moments.
func ordered(p *Plan) *Plan {
	q := *p
	q.Ops = slices.SortedStableFunc(slices.Values(p.Ops), func(a, b Op) int { return int(min(max(a.At-b.At, -1), 1)) })
	return &q
}

// TestDirected runs each chain of events.
func TestDirected(t *testing.T) {
	for name, p := range directed {
		t.Run(name, func(t *testing.T) {
			p := ordered(p)
			if f := new(World).Run(p).Failure; f != nil {
				t.Errorf("%v\n%s", f, tell(p))
			} else if testing.Verbose() {
				t.Log(tell(p))
			}
		})
	}
}
