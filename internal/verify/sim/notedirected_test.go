package sim

import "conch/token"

// remembering has runs and kept holds judged. Disks take no time.
func remembering(p *Plan) *Plan {
	p.Notes, p.MaxNotes, p.Writes, p.Tells = true, 100, 1, 1
	return p
}

// slowDisks lets a note take up to so long until it is on disk.
func slowDisks(p *Plan, writes Instant) *Plan {
	p.Writes = writes
	return p
}

// inBatches lets each node let in so many of its own in a row.
func inBatches(n int, p *Plan) *Plan {
	for i := range p.Nodes {
		p.Machines[i].LocalBatch = n
	}
	return p
}

// runsTick is a waiter for a run of a tick that comes at a moment, runs for so long, and then says
// that it is done.
func runsTick(at Instant, node int8, tick token.Tick, length Instant) Op {
	op := hold(at, node, length)
	op.Note = Wish{Tick: tick, Ends: Finishes, Late: -1}
	return op
}

// atMostOnce lets a run be wanted at most once.
func atMostOnce(op Op) Op {
	op.Note.Skip = true
	return op
}

// keeps is a waiter whose hold is kept for an owner; 0 is nobody.
func keeps(at Instant, node, owner int8, length Instant) Op {
	op := hold(at, node, length)
	op.Note = Wish{Keep: true, Owner: owner, Late: -1}
	return op
}

// adopts lets a waiter take up its owner's kept hold.
func adopts(op Op) Op {
	op.Note.Adopt = true
	return op
}

// vanishes lets a holder be gone at the end without a word.
func vanishes(op Op) Op {
	op.Note.Ends = Vanishes
	return op
}

// releases lets a holder give the lock back at the end, and say nothing of its run.
func releases(op Op) Op {
	op.Note.Ends = Releases
	return op
}

// unheard lets the word of a waiter that gives up be lost.
func unheard(op Op) Op {
	op.Effects = 1
	return op
}

// crash ends a node's process for so long; 0 is for good.
func crash(at Instant, node int8, length Instant) Op {
	return Op{At: at, Kind: Crash, Node: node, Length: length}
}

// frees lets an operator at a node free a kept hold.
func frees(at Instant, node int8) Op { return Op{At: at, Kind: FreeKept, Node: node} }

// diesAtWork is a chain for what survives a node: 2 runs tick 5 at most once, as only 1 knows
// beside it, and dies. 0 wants to run the same tick.
func diesAtWork() *Plan {
	return remembering(stage(3,
		hold(1*s, 2, ms),
		cut(1500*ms, 2500*ms, 1, both(2, 0)),
		atMostOnce(runsTick(2*s, 2, 5, 30*s)),
		crash(2400*ms, 2, 0),
		atMostOnce(runsTick(20*s, 0, 5, s)),
	))
}

// keptByOneMore is the same for a kept hold.
func keptByOneMore() *Plan {
	return remembering(stage(3,
		hold(1*s, 2, ms),
		cut(1500*ms, 2500*ms, 1, both(2, 0)),
		keeps(2*s, 2, 0, 30*s),
		crash(2400*ms, 2, 0),
		hold(20*s, 0, s),
	))
}

// doneElsewhere is a chain for what the token says: 2 has run tick 5, and 1, to which the
// WITNESS creeps, gets the token from 0.
func doneElsewhere() *Plan {
	return remembering(stage(3,
		runsTick(1*s, 2, 5, 3*s),
		slow(1500*ms, 2, 1, token.Witness, 30*s),
		hold(2*s, 0, s),
		runsTick(3*s, 1, 5, s),
	))
}

// notesDirected are the chains for runs and kept holds.
var notesDirected = map[string]*Plan{
	"run-not-witnessed":        diesAtWork(),
	"promise-without-note":     diesAtWork(),
	"token-without-its-note":   diesAtWork(),
	"run-witnessed-by-too-few": diesAtWork(),
	"kept-not-witnessed":       keptByOneMore(),
	"token-without-kept":       keptByOneMore(),
	// 2 runs tick 5 at most once. Disks are slow, and all crash at once.
	"noted-before-it-is-stored": slowDisks(remembering(stage(3,
		hold(1*s, 2, ms),
		atMostOnce(runsTick(2*s, 2, 5, 30*s)),
		Op{At: 2500 * ms, Kind: CrashAll, Length: 100 * ms, Patience: 1},
		atMostOnce(runsTick(20*s, 0, 5, s)),
	)), 4*s),
	// All crash, and have nothing but their disks.
	"notes-not-read": remembering(stage(3,
		atMostOnce(runsTick(2*s, 2, 5, 30*s)),
		Op{At: 3 * s, Kind: CrashAll, Length: 100 * ms, Patience: 1},
		atMostOnce(runsTick(20*s, 0, 5, s)),
	)),
	"token-without-done": doneElsewhere(),
	"done-runs-again":    doneElsewhere(),
	// 2 has run tick 5 at most once. A run that may run again is declined. 1 comes for tick 5,
	// too, at most once.
	"declined-run-hides-another": remembering(stage(3,
		releases(atMostOnce(runsTick(1*s, 2, 5, s))),
		hold(3*s, 2, 3*s),
		unheard(givesUp(runsTick(4*s, 2, 5, s), s)),
		atMostOnce(runsTick(8*s, 1, 5, s)),
	)),
	// 2 runs tick 6 at most once. 1 comes late, for tick 5.
	"older-tick-runs": remembering(stage(3,
		vanishes(atMostOnce(runsTick(1*s, 2, 6, 3*s))),
		runsTick(5*s, 1, 5, s),
	)),
	// 2's kept hold is broken, and nobody's any more when its time is up.
	"abandoned-hold-passes-on": remembering(stage(3,
		vanishes(keeps(1*s, 2, 0, 3*s)),
		hold(2*s, 0, s),
	)),
	// Likewise when 2 leaves.
	"kept-by-who-leaves": remembering(stage(3,
		vanishes(keeps(1*s, 2, 0, 30*s)),
		hold(2*s, 0, s),
		Op{At: 3 * s, Kind: Leave, Node: 2, Length: 100 * ms},
	)),
	// 2's hold was kept for owner 1. Owner 2 adopts what it kept, which is nothing.
	"adopted-by-another": remembering(stage(3,
		vanishes(keeps(1*s, 2, 1, 3*s)),
		adopts(keeps(15*s, 0, 2, s)),
		adopts(keeps(18*s, 1, 1, s)),
		hold(19*s, 0, s),
	)),
	// 2's hold was kept for owner 1, who gives up adopting it before it has witnesses.
	"adoption-given-up-frees": remembering(stage(3,
		vanishes(keeps(1*s, 2, 1, 3*s)),
		cut(16*s, 18*s, 0, both(0, 1), both(0, 2), both(1, 2)),
		givesUp(adopts(keeps(16500*ms, 2, 1, s)), 500*ms),
		hold(19*s, 0, s),
	)),
	// 2 gives back a kept hold, and 1 does not hear of that before it promises.
	"kept-after-its-end": remembering(stage(3,
		keeps(1*s, 2, 0, 3*s),
		slow(3*s, 2, 1, token.Witness, 20*s),
		crash(5*s, 2, 100*ms),
		hold(6*s, 1, s),
	)),
	// The token creeps from 1 to 0, as 2 makes a ballot and 1 promises. The token comes to 0
	// in time. 2's ABORT is lost, and 2 dies. 0 lets in two of its own.
	"refused-token-stays": inBatches(2, remembering(stage(3,
		hold(1*s, 1, 4*s),
		hold(2*s, 0, 15*s),
		slow(4*s, 1, 0, token.TokenMessage, 10*s),
		hold(6*s, 2, s),
		slow(7*s, 2, 0, token.Ballot, 7500*ms),
		cut(17200*ms, 40*s, 1, pairBit(2, 1)),
		crash(18*s, 2, 0),
		atMostOnce(runsTick(23*s, 0, 5, s)),
	))),
	// An operator frees 2's hold at 0, and only 0 hears of that.
	"freed-without-a-quorum": remembering(stage(3,
		vanishes(keeps(1*s, 2, 0, 3*s)),
		cut(17*s, 19*s, 0, both(0, 1), both(0, 2)),
		frees(18*s, 0),
	)),
}
