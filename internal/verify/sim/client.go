package sim

import (
	"slices"

	"conch/internal/client/attachment"
	"conch/internal/frames"
	"conch/token"
)

// client is a client process: the real decisions of package attachment, and around them the
// work of package client.
type client struct {
	clock clock
	// process counts the processes that ran here; alive: one runs.
	process     uint32
	alive       bool
	closing     bool
	pausedUntil Instant
	// No messages reach nodes until cutUp, and none come from them until cutDown.
	cutUp, cutDown     Instant
	stallUp, stallDown stall
	snap               stall // of the stream: it breaks then, and the client notices after length

	search   attachment.Search
	backoff  attachment.Backoff
	links    []*link // that are not finished
	current  *link   // the latest that was welcomed, or nil
	reaching bool
	order    []int
	attempt  int
	waiting  []int32 // ops that wait for a node to be found
}

// stall holds back what is sent after the next few parcels.
type stall struct {
	until, length Instant
	after         int32
}

// link is a client's relation to one node: an attachment, and one stream after another.
type link struct {
	client      int
	process     uint32 // of the client
	node        int
	index       int32 // among all links
	incarnation frames.Incarnation
	core        *attachment.Attachment // nil before the first Welcome
	stream      *clientStream          // nil while there is none
	attached    *clientStream          // the latest whose Hello the node has read
	asked       map[attachment.Claim]int32
	finished    bool
	told        told
	tickAt      Instant
	tick        uint32
}

// startClient starts a client process.
func (w *World) startClient(k int) {
	c, machine := &w.clients[k], &w.plan.ClientMachines[k]
	c.process++
	w.clients[k] = client{
		clock: c.clock, process: c.process, alive: true, cutUp: c.cutUp, cutDown: c.cutDown,
		search:  attachment.Search{Nodes: len(machine.Nodes), Patience: token.Time(w.plan.ClientPatience)},
		backoff: attachment.Backoff{Min: token.Time(w.plan.TTL / 200), Max: token.Time(w.plan.TTL / 4)},
	}
}

// afterLink performs the effects of an attachment's last input.
func (w *World) afterLink(l *link) {
	if l.core == nil {
		return
	}
	c := &w.clients[l.client]
	now := c.clock.read(w.now)
	var ended bool
	for more := true; more; {
		more = false
		for _, e := range slices.Clone(l.core.Effects()) {
			more = true
			switch e.Kind {
			case attachment.EndStream:
				ended = true
			case attachment.CloseStream:
				if l.stream != nil {
					w.toNode(l.stream, clientParcel{kind: parcelEnd})
					l.stream.up.cut = true
				}
			case attachment.Finished:
				l.finished = true
				c.links = slices.DeleteFunc(c.links, func(o *link) bool { return o == l })
			default:
				w.claimEffect(l, &e)
			}
		}
		for l.stream != nil && l.stream.welcomed && l.core.Due() {
			more = true
			frame := l.core.Take(now)
			if len(frame) == 0 {
				break // CloseStream says the rest
			}
			w.toNode(l.stream, clientParcel{kind: parcelFrame, frame: slices.Clone(frame)})
		}
	}
	if ended && l.stream != nil {
		w.streamOver(l, l.stream, attachment.Silent)
		return
	}
	w.planClientTick(l)
	w.judgeClients()
}

// claimEffect performs an attachment's effect about a claim.
func (w *World) claimEffect(l *link, e *attachment.Effect) {
	k, known := l.asked[e.Claim]
	if !known {
		return
	}
	c := &w.claims[k]
	op := &w.plan.Ops[k]
	switch e.Kind {
	case attachment.Held:
		c.state, c.fence = claimHolding, e.Fence
		w.held = append(w.held, k)
		w.count(ClientHold)
		w.judgeHeld(l, op, e.Fence)
		w.noteHeld(op, e.Fence)
		hold := op.Length
		if rest := w.plan.Settle - w.now; hold > rest {
			hold = max(1, rest) + Instant(w.random.below(int64(w.plan.TTL/20)))
		}
		w.events.push(event{at: w.now + hold, kind: evClientDone, ref: k, gen: l.process})
		w.planSays(k, hold)
	case attachment.Said:
		w.count(ClientSaid)
	case attachment.Moved:
		delete(l.asked, e.Claim)
		c.link = nil
		w.count(MovedOn)
		w.route(l.client, k)
	case attachment.Refused:
		w.judgeRefusal(l.node, op, e.Refusal.Code, e.Refusal.Run)
		c.state = claimOver
	case attachment.RunEnded:
		w.judgeRunEnded(l.node, op, c.fence, e.RunOutcome)
		if c.state = claimOver; e.Unanswered {
			w.clientEndsLate(op, c)
		}
	case attachment.Closed:
		c.state = claimOver
	case attachment.Lost:
		w.count(ClientLoss)
		c.state = claimOver
	}
}

// route asks the client's node for an op's lock, or looks for a node.
func (w *World) route(client int, k int32) {
	c, op := &w.clients[client], &w.plan.Ops[k]
	l := c.current
	if l != nil && l.core.Admits() {
		claim := w.clientAsks(l, k, c.clock.read(w.now), op)
		l.asked[claim] = k
		w.claims[k].link, w.claims[k].handle = l, claim
		return
	}
	c.waiting = append(c.waiting, k)
	w.reach(client)
}

// clientAsk lets a client ask for a lock.
func (w *World) clientAsk(k int, op *Op, e event) bool {
	c := &w.clients[op.Node]
	switch {
	case !c.alive || c.closing || op.At < w.plan.Settle && w.now >= w.plan.Settle:
		return false
	case c.pausedUntil > w.now:
		e.at = c.pausedUntil
		w.events.push(e)
		return false
	}
	w.claims[k] = claim{state: claimWaiting, process: c.process}
	w.ops[op.Kind]++
	w.tracef("client %d asks, waiter %d: %v", op.Node, k+1, op)
	if op.Patience > 0 {
		w.events.push(event{at: w.now + op.Patience, kind: evClientGiveUp, ref: int32(k), gen: c.process})
	}
	w.route(int(op.Node), int32(k))
	if l := w.claims[k].link; l != nil {
		w.afterLink(l)
	}
	return true
}

// clientWord lets a client's caller give up or release.
func (w *World) clientWord(e event) bool {
	op, cl := &w.plan.Ops[e.ref], &w.claims[e.ref]
	c := &w.clients[op.Node]
	want := claimWaiting
	if e.kind == evClientDone {
		want = claimHolding
	}
	late := e.kind == evClientDone && cl.state == claimOver && op.Note.Ends == Finishes
	switch {
	case !c.alive || c.process != e.gen || cl.state != want && !late:
		return false
	case c.pausedUntil > w.now:
		e.at = c.pausedUntil
		w.events.push(e)
		return false
	}
	w.tracef("client %d: waiter %d is done with %s", op.Node, e.ref+1, lockNames[op.Lock])
	if late {
		return w.clientEndsLate(op, cl)
	}
	now := c.clock.read(w.now)
	cl.state = claimOver
	if cl.link == nil {
		c.waiting = slices.DeleteFunc(c.waiting, func(k int32) bool { return k == e.ref })
		return true
	}
	if e.kind == evClientDone {
		if w.clientEnds(now, op, cl); !c.alive {
			return true
		}
	} else {
		w.count(Withdrawal)
		cl.link.core.GiveUp(now, cl.handle)
	}
	w.afterLink(cl.link)
	return true
}

func (w *World) planClientTick(l *link) {
	next := l.core.NextTick()
	c := &w.clients[l.client]
	if next == token.Never || l.finished {
		return
	}
	at := max(c.clock.when(next), w.now)
	if l.tickAt <= at {
		return
	}
	l.tick++
	l.tickAt = at
	w.events.push(event{at: at + Instant(w.random.below(int64(w.plan.TickLate))), kind: evClientTick, ref: l.index, gen: l.tick})
}

func (w *World) takeClientTick(e event) bool {
	l := w.links[e.ref]
	c := &w.clients[l.client]
	switch {
	case l.tick != e.gen || l.process != c.process || !c.alive || l.finished:
		return false
	case c.pausedUntil > w.now:
		e.at = c.pausedUntil
		w.events.push(e)
		return false
	}
	l.tickAt = never
	l.core.Tick(c.clock.read(w.now))
	w.afterLink(l)
	return true
}
