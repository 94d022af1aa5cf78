package attachment

import (
	"conch/internal/frames"
	"conch/token"
)

// Claim names a claim to the one who asked. No two of one attachment have the same; it is
// not 0.
type Claim uint64

// Why says why a stream ended, or could not be opened.
type Why uint8

// The kinds of ends.
const (
	// Other: another stream may do better.
	Other Why = iota + 1
	// Gone: no process is there any more.
	Gone
	// Final: the next stream would end in the same way, or the client wants none.
	Final
	// Silent: nothing was heard of the node for one time to live.
	Silent
)

// Config is what an attachment is made with.
type Config struct {
	// TTL is T, as the node says.
	TTL token.Time
	// MaxFrame is how many messages are sent as one frame, 2 at least; 0 is 48, which are
	// within 16 KiB.
	MaxFrame int
}

// Attachment is what a client has at one node, from its first stream there until nothing
// is left to be done. It outlives a stream that breaks: its holds are taken up again by
// the next. To the node, each attachment is a client of its own, so that what is left of
// one is not touched by the next.
type Attachment struct {
	ttl, began token.Time
	maxFrame   int

	lastID  uint64
	claims  table // those that are not over, by their ids on the wire
	handles table // those that somebody is to be told of, by their handles
	live    int   // how many claims there are
	// queue has the claims to be said something of, each at most once; the first taken
	// are sent.
	queue []*claim
	taken int
	frame []frames.ClientMessage // what Take returned last
	// leftOver are claims that were given up, latest last, of which the node may not have
	// been told; see takeUp.
	leftOver []*claim

	streams uint64 // how many were opened; the number of the present or latest one
	up      bool   // the latest is open
	closing bool   // its sending side is closed, or will be
	ending  bool   // it is to be ended
	pinged  bool   // it carried a Ping
	pingDue bool
	stamp   token.Time // the latest Ping's; later ones have higher stamps
	pong    pong       // the latest

	heard token.Time // when the node said something last, but for Welcome
	// awaiting: since unanswered, a Ping is due or sent and nothing has been heard.
	awaiting   bool
	unanswered token.Time

	lease     lease
	noSession bool // the latest Pong said that the node has none

	next     token.Time // when Tick is due
	late     token.Time // how late the latest came
	firstEnd token.Time // no hold ends before

	// leaving: the node is stopping. draining: so is the client. ended: no stream is
	// opened any more. In each case nothing new is asked here.
	leaving, draining, ended, finished bool
	why                                Why // once ended
	served                             bool
	avoid                              bool
	// unheard are the kept holds that were released in time, of which the node had not said
	// that it has heard when the attachment ended.
	unheard int

	effects []Effect
}

// pong is when the latest Pong came, and when its Ping was made.
type pong struct {
	had         bool
	came, stamp token.Time
}

// New makes an attachment of a node that has welcomed the client. Its stream is taken
// into use by Up.
func New(now token.Time, cfg Config) *Attachment {
	if cfg.MaxFrame == 0 {
		cfg.MaxFrame = maxFrame
	}
	return &Attachment{
		ttl: cfg.TTL, maxFrame: cfg.MaxFrame, began: now, heard: now, next: token.Never, firstEnd: token.Never,
	}
}

// Up takes a new stream into use. What was said on an earlier one and not answered is
// said again. A wait may have become a hold without this client having heard of it, so
// it is withdrawn under its old id and asked for again under a new one.
func (a *Attachment) Up(now token.Time) {
	a.expire(now)
	a.claims.tidy()
	a.streams++
	a.up, a.closing, a.ending, a.pinged, a.awaiting, a.avoid = true, false, false, false, false, false
	a.queue, a.taken, a.leftOver = nil, 0, nil
	all := a.claims.entries
	for _, e := range all {
		if e.claim != nil {
			e.claim.queued, e.claim.sentNumber = false, 0
		}
	}
	for _, e := range all {
		c := e.claim
		switch {
		case c == nil:
		case c.state == waiting && c.sent:
			a.anew(c, withdrawing)
		default:
			a.enqueue(c)
		}
	}
	a.arm(now)
}

// Down notes that the present stream has ended, or that another could not be opened.
// Reopen tells whether another is wanted.
func (a *Attachment) Down(now token.Time, why Why) {
	a.expire(now)
	a.up = false
	switch {
	case a.ended:
	case a.leaving || a.live == 0 || why != Other:
		a.end(why)
	default:
		a.avoid = true
	}
}

// Reopen reports whether another stream to this node is wanted, and how long it may take:
// until all leases of the node are over, which is at the latest one time to live after it
// was last heard of. If none is wanted, the attachment has ended, and what is held here
// lasts as long as its lease.
func (a *Attachment) Reopen(now token.Time) (left token.Time, wanted bool) {
	a.expire(now)
	left = a.heard + a.ttl - now
	switch {
	case a.ended:
	case a.live == 0:
		a.end(Other)
	case left <= 0:
		a.end(Silent)
	}
	return left, !a.ended
}

// end ends the attachment's waits, which may be asked of another node. Its holds last
// as long as their lease does.
func (a *Attachment) end(why Why) {
	a.ended, a.why = true, why
	a.avoid = a.avoid || a.leaving || why == Silent || why == Final
	for _, e := range a.claims.entries {
		c := e.claim
		switch {
		case c == nil || c.state == holding:
			continue
		case c.state == ending:
			a.tell(c, Effect{Kind: RunEnded, Unanswered: true})
		default:
			a.tell(c, Effect{Kind: Moved})
		}
		a.drop(c)
	}
	a.queue, a.taken = nil, 0
	a.checkFinished()
}

// checkFinished tells once that nothing is left to be done.
func (a *Attachment) checkFinished() {
	if a.ended && a.live == 0 && !a.finished {
		a.finished = true
		a.emit(Effect{Kind: Finished})
	}
}

// Ask begins a claim, in the mode that the limit says. The claim is 0 if the node may not
// be asked; see Admits.
func (a *Attachment) Ask(now token.Time, lock string, limit token.Limit, try bool) Claim {
	return a.ask(now, &claim{lock: lock, limit: limit, try: try, state: waiting})
}

// ask takes a new claim in.
func (a *Attachment) ask(now token.Time, c *claim) Claim {
	if !a.Admits() {
		return 0
	}
	a.claims.tidy()
	a.handles.tidy()
	a.arm(now + a.ttl/pingShare)
	if left := a.takeUp(c); left != nil {
		a.lastID++
		left.handle = Claim(a.lastID)
		a.handles.add(a.lastID, left)
		return left.handle
	}
	a.add(c)
	c.handle = Claim(c.id)
	a.handles.add(c.id, c)
	a.live++
	a.enqueue(c)
	return c.handle
}

// GiveUp ends a wait whose caller has gone. Its place in the node's queue goes to the next
// caller who waits for the same. A lock that was granted in that moment is released.
//
// It reports whether the node may hear of it with the next message, whenever that is sent:
// the claim that is left over then comes behind one that waits, and is not granted before.
func (a *Attachment) GiveUp(now token.Time, claim Claim) (mayWait bool) {
	a.expire(now)
	c := a.handles.find(uint64(claim))
	if c == nil {
		return false
	}
	a.disown(c)
	if c.state == waiting || c.state == granted {
		first := c
		c = a.moveUp(c)
		mayWait = c != first
	}
	switch c.state {
	case waiting:
		a.withdraw(c)
	case granted, holding:
		c.state = releasing
		a.enqueue(c)
	case withdrawing, releasing, ending, over:
	}
	return mayWait
}

// Release ends a hold, unless it is lost: that is then told by an effect, at the latest
// now.
func (a *Attachment) Release(now token.Time, claim Claim) { a.GiveUp(now, claim) }

// Drain ends all waits and holds, for the client ends. Holds are not released: who held
// them may not be done. What was released, ended or withdrawn is still told to the node.
func (a *Attachment) Drain(now token.Time) {
	a.expire(now)
	a.draining = true
	a.endWaits(Effect{Kind: Closed})
	for _, e := range a.claims.entries {
		c := e.claim
		switch {
		case c == nil:
		case c.state == holding:
			a.lose(now, c, Effect{Cause: CauseClosed})
			a.finish(c)
		case c.state == releasing || c.state == ending:
			// The node says that it has heard of a release when it has something else to say.
			a.pingDue = true
		}
	}
	a.arm(now)
}

// Expire ends the holds that are over by the clock. What asks whether a hold lasts calls
// it first: the timer may stand still while the machine is suspended, and the clock does
// not.
func (a *Attachment) Expire(now token.Time) { a.expire(now) }

// Admits reports whether the node may be asked for locks.
func (a *Attachment) Admits() bool { return !a.ended && !a.leaving && !a.draining }

// Ended reports whether no stream is opened any more, and why.
func (a *Attachment) Ended() (Why, bool) { return a.why, a.ended }

// Leaving reports whether the node has said that it is stopping.
func (a *Attachment) Leaving() bool { return a.leaving }

// NoSession reports whether the node has said that it has no session.
func (a *Attachment) NoSession() bool { return a.noSession }

// Useful reports whether the node was of use: it granted something, or refused it for
// good, or has long stood by.
func (a *Attachment) Useful(now token.Time) bool { return a.served || now-a.began >= a.ttl }

// Avoid reports whether another node is rather to be asked next.
func (a *Attachment) Avoid() bool { return a.avoid || a.leaving }

// Unheard returns how many kept holds were released in time of which the node may not have
// heard, since the attachment has ended. It may keep them.
func (a *Attachment) Unheard() int { return a.unheard }

// Undelivered returns how many releases, and ends of runs, the node has not answered. Those
// of kept holds are counted by Unheard, at the end.
func (a *Attachment) Undelivered() int {
	n := 0
	for _, e := range a.claims.entries {
		if c := e.claim; c != nil && (c.state == releasing && c.keep == nil || c.state == ending) {
			n++
		}
	}
	return n
}

// Deadline is when a hold will be lost if nothing more is heard of the node; false if it
// is no hold.
func (a *Attachment) Deadline(claim Claim) (token.Time, bool) {
	c := a.handles.find(uint64(claim))
	if c == nil || c.state != holding {
		return 0, false
	}
	return c.end, true
}

// Warning tells why a hold is about to end, as a Warned effect does; false if it is not.
func (a *Attachment) Warning(now token.Time, claim Claim) (Effect, bool) {
	c := a.handles.find(uint64(claim))
	if c == nil || c.state != holding {
		return Effect{}, false
	}
	e := Effect{Kind: Warned, Claim: claim, Fence: c.fence, Cause: CauseLease, Text: c.text, End: c.end, Times: a.times(now, c.end)}
	switch {
	case c.settled != 0:
		e.Cause = c.settled
	case c.nodeWarned != 0 && c.nodeWarned == c.end:
		e.Cause = CauseLapse
	case c.end-now > a.ttl/nearShare:
		return Effect{}, false
	}
	return e, true
}
