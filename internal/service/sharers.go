package service

import (
	"fmt"
	"slices"

	clientv1 "conch/proto/conch/client/v1"
)

// holdersOf are the holders that a part names. A member of a version that knows no shared
// locks names one.
func holdersOf(part *clientv1.LockStatus) []*clientv1.Holder {
	if all := part.GetHolders(); len(all) > 0 {
		return all
	}
	if h := part.GetHolder(); h != nil {
		return []*clientv1.Holder{h}
	}
	return nil
}

// setHolders puts together who holds a lock. For a moment, while the token moves, more may
// believe so than do: the latest grant is true, and with it those that can hold the lock at
// the same time.
func setHolders(whole *clientv1.LockStatus, parts []*clientv1.LockStatus) {
	var latest *clientv1.Holder
	writer := uint64(0) // the fence of the latest exclusive grant
	for _, part := range parts {
		for _, h := range holdersOf(part) {
			if h.GetFence() >= latest.GetFence() {
				latest = h
			}
			if h.GetLimit() == 0 {
				writer = max(writer, h.GetFence())
			}
		}
	}
	for _, part := range parts {
		all := holdersOf(part)
		kept := len(whole.GetHolders())
		for _, h := range all {
			if h == latest || latest.GetLimit() != 0 && h.GetLimit() != 0 && h.GetFence() > writer {
				whole.Holders = append(whole.Holders, h)
			}
		}
		kept = len(whole.GetHolders()) - kept
		if unnamed := int(part.GetHolding()) - len(all); kept == len(all) && unnamed > 0 {
			kept += unnamed
		}
		whole.Holding += uint64(kept)
	}
	if len(whole.Holders) > 0 {
		whole.Holder = whole.Holders[0]
	}
}

// setLimit says which limit a lock has: the token knows best, else who has the latest share,
// else anybody who remembers one.
func setLimit(whole *clientv1.LockStatus) {
	if t := whole.GetToken(); t.GetLimit() != 0 {
		whole.Limit, whole.LimitBy = t.GetLimit(), t.GetLimitBy()
		return
	}
	share := uint64(0)
	for _, v := range whole.GetViews() {
		if v.GetLimit() == 0 || v.GetShare().GetId() < share {
			continue
		}
		share = v.GetShare().GetId()
		whole.Limit, whole.LimitBy = v.GetLimit(), v.GetLimitBy()
	}
}

// sharers tells of those who share a lock, for each member with holders.
func sharers(whole *clientv1.LockStatus) []*clientv1.Obstacle {
	var found []*clientv1.Obstacle
	holders := whole.GetHolders()
	for len(holders) > 0 {
		member := holders[0].GetMember()
		n := slices.IndexFunc(holders, func(h *clientv1.Holder) bool { return h.GetMember() != member })
		if n < 0 {
			n = len(holders)
		}
		text := fmt.Sprintf("a client of %s shares the lock, with fence %d", member, holders[0].GetFence())
		if n > 1 {
			text = fmt.Sprintf("%d clients of %s share the lock", n, member)
		}
		found = append(found, &clientv1.Obstacle{Kind: clientv1.Obstacle_KIND_HELD, Member: member, Text: text})
		holders = holders[n:]
	}
	return found
}

// idleShares tells of shares under which nobody is in, and which somebody at the token's
// member waits for.
func idleShares(whole *clientv1.LockStatus) []*clientv1.Obstacle {
	t := whole.GetToken()
	waits := slices.ContainsFunc(whole.GetViews(), func(v *clientv1.LockView) bool {
		return v.GetMember() == t.GetMember() && v.GetWaiting() > 0
	})
	if !waits {
		return nil
	}
	var found []*clientv1.Obstacle
	for _, share := range t.GetShares() {
		member := share.GetMember()
		holds := slices.ContainsFunc(whole.GetHolders(), func(h *clientv1.Holder) bool { return h.GetMember() == member })
		if holds || member == t.GetMember() {
			continue
		}
		found = append(found, &clientv1.Obstacle{
			Kind: clientv1.Obstacle_KIND_SHARE, Member: member,
			Text: fmt.Sprintf("%s has yet to give its share of the lock back; until then its clients may share the lock", member),
		})
	}
	return found
}
