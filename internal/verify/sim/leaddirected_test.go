package sim

import "conch/token"

// says lets a waiter say values while it holds the lock: the first at once.
func says(op Op, values int8) Op {
	op.Says = values
	return op
}

// led has leaders judged.
func led(p *Plan) *Plan {
	p.Values = true
	return p
}

// leadDirected are the chains for values.
var leadDirected = map[string]*Plan{
	// What 2 says creeps to 0. Meanwhile 1 leads, and 0 hears of that.
	"older-value-wins": led(stage(3,
		slow(500*ms, 2, 0, token.Say, 20*s),
		says(hold(1*s, 2, 2*s), 1),
		says(hold(4*s, 1, 30*s), 1),
	)),
	// The stream from 2 to 0 breaks, and is opened anew while 2 leads.
	"value-not-said-again":  led(stage(3, says(hold(1*s, 2, 30*s), 1), cut(5*s, 8*s, 1, pairBit(2, 0)))),
	"value-said-after-ping": led(stage(3, says(hold(1*s, 2, 30*s), 1), cut(5*s, 8*s, 1, pairBit(2, 0)))),
	// Likewise, but 2 gives the lock back while there is none.
	"unsaid-value-stays": led(stage(3, says(hold(1*s, 2, 10*s), 1), cut(5*s, 30*s, 1, pairBit(2, 0)))),
	// 2 hears nobody, and its session lapses. Its streams stay.
	"session-over-leads-on": led(stage(3,
		says(hold(1*s, 2, 40*s), 1),
		cut(3*s, 30*s, 0, pairBit(0, 2), pairBit(1, 2)),
	)),
	// 2 leads for so long that the others would forget the lock.
	"led-lock-forgotten": forgetting(led(stage(3, says(hold(1*s, 2, 50*s), 2))), 12*s, 15*s),
	// 0 does not hear 2 for longer than T, and the stream does not break.
	"silent-leader-not-doubted": led(stage(3, says(hold(1*s, 2, 50*s), 1), cut(3*s, 30*s, 0, pairBit(2, 0)))),
}
