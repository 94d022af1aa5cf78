package broadcast

import (
	"errors"
	"fmt"
	"time"

	"conch/token"
)

var (
	// ErrWithdrawn answers a claim that its caller withdrew.
	ErrWithdrawn = errors.New("withdrawn")
	// ErrBroken is wrapped by what the holder of a lock is told that somebody broke.
	ErrBroken = errors.New("the lock was broken")
	// ErrLapsing warns a holder whose node has hardly been answered of late: unless a
	// quorum of the members answers, the lock will be lost within a tenth of the time
	// to live.
	ErrLapsing = errors.New("the node's lease is about to end")
)

// Claimant is somebody who claims locks, and hears what comes of it. The driver's one
// goroutine calls its methods, in the order of the events: they must return at once,
// and must not call the driver.
//
// A claim is refused, or it is granted and may then be lost. Nothing more is said of a
// claim that was refused, lost or released.
type Claimant interface {
	// Granted says that a claim holds its lock.
	Granted(id token.Waiter, g Grant)
	// Refused says that nothing comes of a claim. The error is [ErrBusy] or
	// [ErrWithdrawn], or wraps [ErrTooManyLocks] or [ErrStopped].
	Refused(id token.Waiter, err error)
	// Warned says that a hold will end, or may. The error wraps [ErrLapsing], which may
	// come to nothing; or [ErrStopped], since the node stops; or [ErrBroken]. A hold
	// that is broken is to be released by its claimant, sooner or later.
	Warned(id token.Waiter, why error)
	// Lost says that a hold is over. There is no need to release it.
	Lost(id token.Waiter)
}

// Grant is what a claimant is told of its hold.
type Grant struct {
	Fence token.Fence
	// Lease is the node's at the moment of granting. The hold ends with it, unless it
	// is renewed.
	Lease Lease
}

// Lease is a node's session and how long it lasts if nothing more is heard.
type Lease struct {
	Session token.Session
	// End is by the node's own clock; [token.Never] for a cluster of one.
	End token.Time
}

// NewClaim returns an id that no other claim has.
func (d *Driver) NewClaim() token.Waiter { return token.Waiter(d.lastWaiter.Add(1)) }

// Claim asks for a lock on behalf of a claimant, which is told what comes of it,
// perhaps before Claim returns. Claims of one lock are granted first come, first
// served. The caller description must not change afterwards. The errors wrap
// [ErrName] or [ErrStopped]; then the claimant hears nothing.
func (d *Driver) Claim(id token.Waiter, lock string, c Claimant, caller *Caller) error {
	return d.submit(input{kind: inputAcquire, lock: lock, id: id, claimant: c, caller: caller})
}

// ClaimIfFree is Claim for who does not want to wait: the claim is refused with
// [ErrBusy] as soon as the lock is known to be in use. While no other member answers,
// it goes on until it is withdrawn.
func (d *Driver) ClaimIfFree(id token.Waiter, lock string, c Claimant, caller *Caller) error {
	return d.submit(input{kind: inputTry, lock: lock, id: id, claimant: c, caller: caller})
}

func (d *Driver) submit(in input) error {
	if err := CheckName(in.lock); err != nil {
		return err
	}
	if !d.post(in) {
		return d.stopped()
	}
	return nil
}

// Withdraw ends a claim: one that waits is refused with [ErrWithdrawn], one that was
// granted meanwhile is released. If it is over, nothing happens.
func (d *Driver) Withdraw(id token.Waiter) { d.post(input{kind: inputWithdraw, id: id}) }

// ReleaseClaim ends a hold. If it is over, nothing happens.
func (d *Driver) ReleaseClaim(id token.Waiter) { d.post(input{kind: inputRelease, id: id}) }

// Expire ends a hold whose holder is not heard of any more, or was told to give it back
// and has not: the log keeps the reason, and the claimant is told that it is lost. If
// the hold is over, nothing happens.
func (d *Driver) Expire(id token.Waiter, reason string) {
	d.post(input{kind: inputExpire, id: id, reason: reason})
}

// Now reads the node's clock.
func (d *Driver) Now() token.Time { return d.clock() }

// Lease returns the node's lease and the reading of its clock. Outside a session the
// lease is zero.
func (d *Driver) Lease() (lease Lease, now token.Time) {
	now = d.clock()
	if l := d.lease.Load(); l != nil && now < l.End {
		lease = *l
	}
	return lease, now
}

// claim is what the owner knows of a claim.
type claim struct {
	claimant Claimant
	caller   *Caller
	lock     string
	holding  token.Fence // zero while it waits
	since    token.Time  // when it began to wait, or to hold
	ending   error       // why its end is settled, if it is
}

// takeLocal takes what a local caller wants.
func (o *owner) takeLocal(now token.Time, in *input) {
	c, known := o.claims[in.id]
	switch {
	case in.claimant != nil && o.stopping:
		in.claimant.Refused(in.id, ErrStopped)
	case in.claimant != nil && o.fullFor(in.lock):
		in.claimant.Refused(in.id, fmt.Errorf("%w: %d, of which %q is none; those that nobody asks for are forgotten, two hours after the last use",
			ErrTooManyLocks, o.node.InspectCount(), in.lock))
	case in.kind == inputAcquire:
		o.begin(now, in)
		o.node.Acquire(now, in.lock, in.id)
	case in.kind == inputTry:
		o.begin(now, in)
		o.node.Try(now, in.lock, in.id)
	case in.kind == inputWithdraw && known && c.holding == 0:
		o.withdraw(now, in.id, c, ErrWithdrawn)
	case (in.kind == inputRelease || in.kind == inputWithdraw) && known && c.holding != 0:
		o.endHold(now, in.id, c)
		o.node.Release(now, c.lock, in.id)
	case in.kind == inputExpire && known && c.holding != 0:
		o.log.expired(c.lock, c.holding, *c.caller, in.reason)
		o.lose(in.id)
		o.node.Release(now, c.lock, in.id)
	}
}

// fullFor reports whether there is no room for a lock that is not known yet.
//
// What other members tell of is let in without end; but each takes in no more from its
// own callers once it knows as many locks as it may, and it knows those that the others'
// callers ask for. So a node knows a bound's worth of locks, and where members were cut
// off from each other, one for each member at most.
func (o *owner) fullFor(lock string) bool {
	return o.node.InspectCount() >= o.limits.locks && !o.node.InspectKnown(lock)
}

// begin notes a new claim.
func (o *owner) begin(now token.Time, in *input) {
	o.claims[in.id] = claim{claimant: in.claimant, caller: in.caller, lock: in.lock, since: now}
	o.changed(in.lock)
}

// withdraw ends the wait of a claim and tells it why.
func (o *owner) withdraw(now token.Time, id token.Waiter, c claim, why error) {
	delete(o.claims, id)
	o.node.Withdraw(now, c.lock, id)
	c.claimant.Refused(id, why)
	o.changed(c.lock)
}

// grant tells a claim that it holds its lock.
func (o *owner) grant(e *token.Effect) {
	c := o.claims[e.Waiter]
	o.observer.Waited(c.lock, time.Duration(o.now-c.since))
	c.holding, c.since = e.Fence, o.now
	o.claims[e.Waiter] = c
	o.holders++
	o.log.flush()
	c.claimant.Granted(e.Waiter, Grant{Fence: e.Fence, Lease: *o.lease.Load()})
	o.changed(c.lock)
}

// refuse tells a claim that did not want to wait that the lock is in use.
func (o *owner) refuse(id token.Waiter) {
	c := o.claims[id]
	delete(o.claims, id)
	c.claimant.Refused(id, ErrBusy)
	o.changed(c.lock)
}

// lose ends a hold that is lost.
func (o *owner) lose(id token.Waiter) {
	if c, known := o.claims[id]; known {
		o.endHold(o.now, id, c)
		o.log.flush()
		c.claimant.Lost(id)
	}
}

// endHold forgets a claim that held its lock.
func (o *owner) endHold(now token.Time, id token.Waiter, c claim) {
	delete(o.claims, id)
	o.holders--
	o.observer.Held(c.lock, time.Duration(now-c.since))
	o.changed(c.lock)
}

// warnAll tells every holder that the lease ends soon.
func (o *owner) warnAll(s token.Session) {
	if o.holders == 0 {
		return
	}
	o.log.sessionWarned(s)
	o.log.flush()
	for _, id := range o.callers() {
		if c := o.claims[id]; c.holding != 0 {
			c.claimant.Warned(id, ErrLapsing)
		}
	}
}

// settle tells a holder that the end of its hold is settled.
func (o *owner) settle(id token.Waiter, why error) {
	c := o.claims[id]
	c.ending = why
	o.claims[id] = c
	o.log.flush()
	c.claimant.Warned(id, why)
	o.changed(c.lock)
}
