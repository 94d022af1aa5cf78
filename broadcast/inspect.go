package broadcast

import (
	"context"
	"math"
	"slices"
	"time"

	"conch/internal/claims"
	"conch/internal/runs"
	"conch/token"
)

// A caller that inspects a driver, such as a status command, gets copies: the state at one
// moment, between two inputs. An inspection takes the owner's time, so many locks are
// inspected in parts.

// locksPerPart is how many locks are copied while the owner does nothing else.
const locksPerPart = 256

// waitersPerLock is how many waiters of a lock are named, and holdersPerLock how many
// holders.
const waitersPerLock, holdersPerLock = 100, 100

// Status is what a member says of itself.
type Status struct {
	Version     string
	Incarnation token.Incarnation
	Up          time.Duration
	// Session is 0 outside a session. LeaseLeft is at most the time to live.
	Session   token.Session
	LeaseLeft time.Duration
	// Holds is how many claims hold a lock, and Waits how many wait.
	Holds, Waits int
	// Clients is how many clients are attached.
	Clients int
	// Draining: the node takes no new claims.
	Draining bool
	// Locks is how many locks the node knows. From MaxLocks on, callers here can ask for no
	// others.
	Locks, MaxLocks int
	// Remembers: the node has a data directory, and so remembers runs and kept holds. It does
	// those of Notes locks, and takes no others from MaxNotes on. Kept is how many holds it
	// knows that are kept and not over.
	Remembers             bool
	Notes, MaxNotes, Kept int
	// Barred is how many locks nobody gets as far as this node knows, since nobody has their kept
	// hold any more: those whose token is here, and those whose holder was, before a restart too.
	Barred int
	Peers  []PeerStatus // the members by ID, without this node
}

// PeerStatus is what a member knows of its connection to another.
type PeerStatus struct {
	ID      token.Member
	Address string
	// Sends: the stream to it is open. Receives: the stream from it is.
	Sends, Receives bool
	// Silent is how long ago it answered last; negative if it never did.
	Silent time.Duration
	// RoundTrip is how long its last answer took; negative if there was none.
	RoundTrip time.Duration
	// RefusedThere and RefusedHere are why it refused the last stream to it, and why this
	// member refused the last one from it; empty if the last was accepted.
	RefusedThere, RefusedHere string
	// Queued is how many messages wait to be sent to it.
	Queued int
}

// Holding describes the holder of a lock.
type Holding struct {
	Caller *Caller
	Limit  token.Limit // the mode
	Fence  token.Fence
	Since  time.Duration // how long ago the hold began
	// Ending is why the end of the hold is settled, nil if it is not; it wraps [ErrBroken]
	// or [ErrStopped].
	Ending error
	// Left is how long the hold lasts if nothing more is heard, at most one time to live.
	Left time.Duration
	// Value is what the holder says as a leader; nil if it says nothing.
	Value *string
	// Run is what the hold is for, nil if that is no run; Keep is not nil if it is kept.
	Run  *runs.Request
	Keep *runs.Keep
}

// Waiting describes a waiter for a lock.
type Waiting struct {
	Caller *Caller
	Limit  token.Limit   // the mode
	Since  time.Duration // how long ago the wait began
}

// LockState is what a member knows of a lock.
type LockState struct {
	Lock string
	// Known: the node has heard of the lock and has not forgotten it. If not, all that
	// follows is zero.
	Known bool
	// Holders are the first holders here, in the order in which they entered, and Holds is
	// how many there are.
	Holders []Holding
	Holds   int
	// Waiters are the first waiters here, in the order in which they will be served, and
	// Waits is how many there are.
	Waiters []Waiting
	Waits   int

	RequestNumbers []token.Number // RN
	// LocalBatch is how many waiters of this node may be let in in a row while others wait,
	// and BatchLeft how many more after the holder.
	LocalBatch, BatchLeft int

	// Requesting: the own number is a request not granted yet. Searching: the node looks
	// for the token, which may be lost.
	Requesting, Searching bool
	// Token is a copy of the token if it is here, otherwise nil.
	Token *token.Token

	// Share is the node's own, zero if it has none. Recalled: it lets in nobody more.
	Share    token.Share
	Recalled bool
	// Limit is the lock's, as the node remembers it, and LimitBy the member that said it;
	// [token.Exclusive] if the node has heard of none.
	Limit   token.Limit
	LimitBy token.Member

	// Notes are what the node remembers of the lock, also if it is not Known.
	Notes token.Notes
}

// InUse reports whether somebody here holds the lock or waits for it, or a hold of it is kept
// as far as this node knows.
func (s *LockState) InUse() bool {
	return s.Holds > 0 || s.Waits > 0 || s.Notes.Kept.Fence != 0 && !s.Notes.Kept.Over
}

// do has the owner call a function between two inputs. The errors wrap [ErrStopped], or are
// the cause of the context's end; the function may then be called later.
func (d *Driver) do(ctx context.Context, f func(*owner)) error {
	done := make(chan struct{})
	in := input{kind: inputInspect, inspect: func(o *owner) {
		f(o)
		close(done)
	}}
	if !d.offer(in, ctx.Done()) {
		if ctx.Err() != nil {
			return context.Cause(ctx)
		}
		return d.stopped()
	}
	select {
	case <-done:
		return nil
	case <-ctx.Done():
		return context.Cause(ctx)
	case <-d.dead:
		return d.stopped()
	}
}

// Status describes the node. The errors wrap [ErrStopped], or are the cause of the
// context's end.
func (d *Driver) Status(ctx context.Context) (Status, error) {
	answer := make(chan Status, 1)
	if err := d.do(ctx, func(o *owner) { answer <- o.status() }); err != nil {
		return Status{}, err
	}
	return <-answer, nil
}

func (o *owner) status() Status {
	lease, now := o.Lease()
	holds, waits, _ := o.table.Counts()
	s := Status{
		Version:     o.version,
		Incarnation: o.incarnation,
		Up:          time.Duration(now - o.started),
		Session:     lease.Session,
		Holds:       holds,
		Waits:       waits,
		Clients:     o.table.Attached(),
		Draining:    o.table.Draining(),
		Locks:       o.node.InspectCount(),
		MaxLocks:    o.limits.locks,
		Remembers:   o.storing.notes != nil,
		MaxNotes:    o.limits.notes,
	}
	s.Notes, s.Kept = o.node.InspectNotesCount(), len(o.storing.kept)
	s.Barred = o.barredHere()
	if lease.Session != 0 {
		s.LeaseLeft = min(time.Duration(lease.End-now), o.ttl)
	}
	for _, i := range o.roster.Load().members {
		if i == o.self {
			continue
		}
		view := o.node.InspectPeer(i)
		peer := PeerStatus{ID: i, Address: o.address(i), Sends: view.Connected, Receives: o.peers[i].receives(), Silent: -1, RoundTrip: -1}
		if view.Answered {
			peer.Silent, peer.RoundTrip = time.Duration(now-view.AnsweredAt), time.Duration(view.RoundTrip)
		}
		peer.RefusedThere, peer.RefusedHere = o.peers[i].refusedThere, o.peers[i].refusedHere
		if out := o.peers[i].out; out != nil {
			peer.Queued = out.queue.length()
		}
		s.Peers = append(s.Peers, peer)
	}
	return s
}

// receives reports whether the newest stream from a peer is open.
func (p *peer) receives() bool {
	if p.in == nil {
		return false
	}
	select {
	case <-p.in.closed:
		return false
	default:
		return true
	}
}

// namesPerPart is how many names are copied while the owner does nothing else.
const namesPerPart = 4096

// Locks returns the names of all locks that the node knows, or of which a hold is kept,
// sorted. Locks that become known
// or are forgotten meanwhile may or may not be among them. The errors wrap [ErrStopped], or are the cause
// of the context's end.
func (d *Driver) Locks(ctx context.Context) ([]string, error) {
	var names []string
	for end := math.MaxInt; end > 0; {
		type part struct {
			names []string
			next  int
		}
		answer := make(chan part, 1)
		err := d.do(ctx, func(o *owner) {
			some, next := o.node.InspectNames(end, namesPerPart)
			answer <- part{some, next}
		})
		if err != nil {
			return nil, err
		}
		p := <-answer
		names, end = append(names, p.names...), p.next
	}
	kept, err := d.KeptHolds(ctx)
	if err != nil {
		return nil, err
	}
	for _, k := range kept {
		names = append(names, k.Lock)
	}
	slices.Sort(names)
	return slices.Compact(names), nil
}

// LockStates describes the named locks, in their order. The errors wrap [ErrStopped], or
// are the cause of the context's end.
func (d *Driver) LockStates(ctx context.Context, names []string) ([]LockState, error) {
	var states []LockState
	for part := range slices.Chunk(names, locksPerPart) {
		answer := make(chan []LockState, 1)
		err := d.do(ctx, func(o *owner) {
			var some []LockState
			for _, name := range part {
				some = append(some, o.lockState(name))
			}
			answer <- some
		})
		if err != nil {
			return nil, err
		}
		states = append(states, <-answer...)
	}
	return states, nil
}

func (o *owner) lockState(name string) LockState {
	s := LockState{Lock: name, Known: o.node.InspectLock(name, &o.view), Notes: o.node.InspectNotes(name)}
	if !s.Known {
		return s
	}
	v := &o.view
	now := o.clock()
	o.table.HoldersOf(now, name, func(h claims.Holder) {
		if s.Holds++; len(s.Holders) < holdersPerLock {
			s.Holders = append(s.Holders, o.holding(h))
		}
	})
	if l := o.node.InspectLeader(name); l.Fence != 0 && l.Member == o.self && len(s.Holders) > 0 && s.Holders[0].Fence == l.Fence {
		s.Holders[0].Value = &l.Value
	}
	s.Waits = v.Waiters
	for _, id := range o.node.InspectWaiters(name, waitersPerLock) {
		if w, waits := o.table.Waiter(id); waits {
			s.Waiters = append(s.Waiters, Waiting{Caller: w.Caller, Limit: w.Limit, Since: time.Duration(now - w.Since)})
		}
	}
	s.RequestNumbers = slices.Clone(v.RequestNumbers)
	s.LocalBatch, s.BatchLeft = v.LocalBatch, v.BatchLeft
	s.Requesting, s.Searching = v.Outstanding, v.Searching
	if v.HasToken {
		t := v.Token
		t.LastGranted, t.Queue, t.Shares = slices.Clone(t.LastGranted), slices.Clone(t.Queue), slices.Clone(t.Shares)
		s.Token = &t
	}
	s.Share, s.Recalled, s.Limit, s.LimitBy = v.Share, v.Recalled, v.Limit, v.LimitBy
	return s
}

// holding describes a hold.
func (o *owner) holding(h claims.Holder) Holding {
	now := o.clock()
	return Holding{
		Caller: h.Caller,
		Limit:  h.Limit,
		Fence:  h.Fence,
		Since:  time.Duration(now - h.Since),
		Ending: endingError(h.Ending, ""),
		Left:   max(0, min(time.Duration(h.Ends-now), o.ttl)),
		Run:    h.Run,
		Keep:   h.Keep,
	}
}
