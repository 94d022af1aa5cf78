package render

import (
	"slices"
	"strings"

	clientv1 "conch/proto/conch/client/v1"
)

// What names a part of a lock's state that can change.
type What string

// The parts of a lock's state.
const (
	First     What = "first"     // all of it: it was not known before
	Holding   What = "holder"    // who holds the lock, one or several
	Value     What = "value"     // what the holder says as a leader
	Kept      What = "kept"      // the kept hold that bars the lock
	Ending    What = "ending"    // whether, and why, a hold is about to end
	Waiting   What = "waiting"   // who waits, and in which order
	Token     What = "token"     // where the token is, and its queue
	Obstacles What = "obstacles" // what keeps those who wait waiting
	Absent    What = "missing"   // which members do not answer
)

// A Change is a lock's state after a change.
type Change struct {
	// Lock is the state; nil if only the missing members are known yet.
	Lock *clientv1.LockStatus
	// Missing are the members that do not answer.
	Missing []*clientv1.Missing
	// What changed, in the order of the constants.
	What []What

	before        *clientv1.LockStatus // nil with First
	missingBefore []*clientv1.Missing
}

// A Watch turns the states of one lock into changes. The zero value knows no state yet.
type Watch struct {
	lock    *clientv1.LockStatus
	missing []*clientv1.Missing
}

// Next takes the next message about the lock, and returns the change, nil if nothing
// changed that a Printer would show. The durations of holds and waits change all the time,
// and do not count.
func (w *Watch) Next(message *clientv1.WatchResponse) *Change {
	change := &Change{
		Lock: w.lock, Missing: message.GetMissing(),
		before: w.lock, missingBefore: w.missing,
	}
	if message.GetLock() != nil {
		change.Lock = message.GetLock()
	}
	change.What = change.compare()
	w.lock, w.missing = change.Lock, change.Missing
	if len(change.What) == 0 {
		return nil
	}
	return change
}

// compare returns what differs from before.
func (c *Change) compare() []What {
	var what []What
	if c.before == nil && c.Lock != nil {
		what = append(what, First)
	}
	if c.before != nil {
		what = compareLocks(c.before, c.Lock)
	}
	if !slices.EqualFunc(c.missingBefore, c.Missing, func(a, b *clientv1.Missing) bool {
		return a.GetMember() == b.GetMember() // the reason may differ each time
	}) {
		what = append(what, Absent)
	}
	return what
}

func compareLocks(a, b *clientv1.LockStatus) []What {
	var what []What
	for _, part := range []struct {
		what What
		same bool
	}{
		{Holding, sameHolders(a, b)},
		{Value, sameValue(a, b)},
		{Kept, sameKept(a.GetKept(), b.GetKept())},
		{Ending, slices.EqualFunc(aboutToEnd(a), aboutToEnd(b), func(a, b *clientv1.Holder) bool { return a.GetEnding() == b.GetEnding() })},
		{Waiting, a.GetWaiting() == b.GetWaiting() && slices.EqualFunc(a.GetWaiters(), b.GetWaiters(), sameWaiter)},
		{Token, sameToken(a.GetToken(), b.GetToken())},
		{Obstacles, slices.EqualFunc(ownObstacles(a), ownObstacles(b), sameObstacle)},
	} {
		if !part.same {
			what = append(what, part.what)
		}
	}
	return what
}

// aboutToEnd returns the holders whose holds are about to end.
func aboutToEnd(lock *clientv1.LockStatus) []*clientv1.Holder {
	return slices.DeleteFunc(slices.Clone(Holders(lock)), func(h *clientv1.Holder) bool {
		return h.GetEnding() == clientv1.Reason_REASON_UNSPECIFIED
	})
}

func sameClient(a, b *clientv1.Client) bool { return toClient(a) == toClient(b) }

func sameHolder(a, b *clientv1.Holder) bool {
	return (a == nil) == (b == nil) && a.GetFence() == b.GetFence() && a.GetMember() == b.GetMember() && a.GetLimit() == b.GetLimit() &&
		sameClient(a.GetClient(), b.GetClient())
}

// sameValue compares what the holder says; one that has gone says nothing any more.
func sameValue(a, b *clientv1.LockStatus) bool {
	before, now := valueOf(a), valueOf(b)
	return now == nil && !sameHolders(a, b) || (before == nil) == (now == nil) && (now == nil || *before == *now)
}

// valueOf is what a lock's holder says as a leader; nil if it says nothing.
func valueOf(lock *clientv1.LockStatus) *string {
	if held := Holders(lock); len(held) > 0 {
		return held[0].Value
	}
	return nil
}

func sameWaiter(a, b *clientv1.Waiter) bool {
	return a.GetMember() == b.GetMember() && a.GetLimit() == b.GetLimit() && sameClient(a.GetClient(), b.GetClient())
}

// sameToken ignores the fence, which changes with the holder, and LN.
func sameToken(a, b *clientv1.TokenStatus) bool {
	return (a == nil) == (b == nil) && a.GetMember() == b.GetMember() && epoch(a) == epoch(b) &&
		a.GetHop() == b.GetHop() && slices.Equal(a.GetQueue(), b.GetQueue())
}

// ownObstacles returns the obstacles that no other part of the state shows.
func ownObstacles(lock *clientv1.LockStatus) []*clientv1.Obstacle {
	return slices.DeleteFunc(slices.Clone(lock.GetObstacles()), func(o *clientv1.Obstacle) bool {
		switch o.GetKind() {
		case clientv1.Obstacle_KIND_HELD, clientv1.Obstacle_KIND_QUEUE, clientv1.Obstacle_KIND_MISSING_MEMBER, clientv1.Obstacle_KIND_KEPT:
			return true
		case clientv1.Obstacle_KIND_TOKEN_MOVING:
			return o.GetMember() == "" // that nobody has it is told by the token's absence
		}
		return false
	})
}

func sameObstacle(a, b *clientv1.Obstacle) bool {
	return a.GetKind() == b.GetKind() && a.GetMember() == b.GetMember()
}

// constant converts the name of a protobuf constant to a word for scripts.
func constant(name, prefix string) string {
	return strings.ToLower(strings.TrimPrefix(name, prefix))
}
