package service

import (
	"cmp"
	"fmt"
	"slices"
	"strings"

	clientv1 "conch/proto/conch/client/v1"
)

// merge puts together what the members know of a lock. The parts stand in member
// order, nil where a member did not answer; the missing are named for the obstacles.
func merge(members []string, lock string, parts []*clientv1.LockStatus, missing []*clientv1.Missing) *clientv1.LockStatus {
	whole := &clientv1.LockStatus{Lock: lock}
	for _, part := range parts {
		if part == nil {
			continue
		}
		if t := part.GetToken(); t != nil && newer(t, whole.GetToken()) {
			whole.Token = t
		}
		whole.Waiting += part.GetWaiting()
		whole.Views = append(whole.Views, part.GetViews()...)
		whole.Obstacles = append(whole.Obstacles, part.GetObstacles()...)
	}
	setHolders(whole, parts)
	setNotes(whole, parts)
	setLimit(whole)
	whole.Waiters = waitersInTurn(members, whole, parts)
	whole.Obstacles = obstacles(whole, missing)
	if whole.Waiting > 0 && len(whole.Obstacles) == 0 {
		whole.Obstacles = unheard(members, whole)
	}
	return whole
}

// newer reports whether a token is a later state of the lock's than another, which may
// be nil.
func newer(t, than *clientv1.TokenStatus) bool {
	return than == nil || cmp.Or(
		cmp.Compare(t.GetEpochNumber(), than.GetEpochNumber()),
		cmp.Compare(t.GetEpochProposer(), than.GetEpochProposer()),
		cmp.Compare(t.GetHop(), than.GetHop()),
	) > 0
}

// waitersInTurn lists those who wait, as far as can be told in the order in which they
// will be served: a member that the token comes to lets in as many as its local batch,
// and stands in line again for the next.
func waitersInTurn(members []string, whole *clientv1.LockStatus, parts []*clientv1.LockStatus) []*clientv1.Waiter {
	queue := whole.GetToken().GetQueue()
	place := func(member int) int { // of the members: the queue's first, then around the ring
		if i := slices.Index(queue, members[member]); i >= 0 {
			return i
		}
		from := max(0, slices.Index(members, whole.GetToken().GetMember()))
		return len(members) + (member-from-1+len(members))%len(members)
	}
	waiting := make([][]*clientv1.Waiter, len(parts))
	var order []int
	for i := range parts {
		if waiting[i] = parts[i].GetWaiters(); len(waiting[i]) > 0 {
			order = append(order, i)
		}
	}
	slices.SortStableFunc(order, func(a, b int) int { return cmp.Compare(place(a), place(b)) })
	ahead := uint32(0)
	if whole.GetHolder() != nil {
		ahead = max(1, uint32(whole.GetHolding()))
	}
	var all []*clientv1.Waiter
	serve := func(i int, batch uint32) {
		for ; batch > 0 && len(waiting[i]) > 0; batch-- {
			w := waiting[i][0]
			waiting[i] = waiting[i][1:]
			w.Ahead = ahead
			ahead++
			all = append(all, w)
		}
	}
	if i := slices.Index(members, whole.GetToken().GetMember()); i >= 0 {
		left := whole.GetToken().GetBatchLeft()
		if whole.GetHolder() == nil || whole.GetHolder().GetLimit() != 0 {
			left = max(left, 1) // whose turn it is: it waits for those who share the lock
		}
		serve(i, left)
	}
	for len(order) > 0 {
		order = slices.DeleteFunc(order, func(i int) bool { return len(waiting[i]) == 0 })
		for _, i := range order {
			serve(i, localBatch(parts[i]))
		}
	}
	return all
}

// localBatch is the local batch of the member that a part comes from.
func localBatch(part *clientv1.LockStatus) uint32 {
	batch := uint32(1)
	for _, view := range part.GetViews() {
		batch = max(batch, view.GetLocalBatch())
	}
	return batch
}

// obstacles tells what keeps those who wait waiting, most important first.
func obstacles(whole *clientv1.LockStatus, missing []*clientv1.Missing) []*clientv1.Obstacle {
	if whole.GetWaiting() == 0 {
		return nil
	}
	var found []*clientv1.Obstacle
	add := func(kind clientv1.Obstacle_Kind, member, format string, args ...any) {
		found = append(found, &clientv1.Obstacle{Kind: kind, Member: member, Text: fmt.Sprintf(format, args...)})
	}
	switch h, t := whole.GetHolder(), whole.GetToken(); {
	case h != nil && h.GetLimit() == 0:
		add(clientv1.Obstacle_KIND_HELD, h.GetMember(), "a client of %s holds the lock, with fence %d", h.GetMember(), h.GetFence())
	case h != nil:
		found = sharers(whole)
	case whole.GetKept() != nil:
		add(clientv1.Obstacle_KIND_KEPT, whole.GetKept().GetMember(), "%s", keptText(whole.GetKept()))
	case t == nil && len(missing) == 0:
		add(clientv1.Obstacle_KIND_TOKEN_MOVING, "", "no member has the token: it is on its way, or lost and about to be made anew")
	case t == nil:
		add(clientv1.Obstacle_KIND_TOKEN_MOVING, "", "no member that answered has the token: it is on its way, or at %s, or lost", names(missing))
	}
	if n := len(whole.GetToken().GetQueue()); n > 0 {
		add(clientv1.Obstacle_KIND_QUEUE, "", "the token goes to %s", strings.Join(whole.GetToken().GetQueue(), ", then "))
	}
	found = append(found, idleShares(whole)...)
	found = append(found, whole.GetObstacles()...)
	for _, m := range missing {
		add(clientv1.Obstacle_KIND_MISSING_MEMBER, m.GetMember(), "%s does not answer: %s", m.GetMember(), m.GetReason())
	}
	return found
}

// names lists members that are missing.
func names(missing []*clientv1.Missing) string {
	var all []string
	for _, m := range missing {
		all = append(all, m.GetMember())
	}
	return strings.Join(all, " or ")
}
