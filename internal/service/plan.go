package service

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"conch/broadcast"
	"conch/hosts"
	"conch/internal/reason"
	clientv1 "conch/proto/conch/client/v1"
	peerv1 "conch/proto/conch/peer/v1"
	"conch/token"
)

// What a change of the members means, and why it is refused. All of it is decided before
// anything happens.

// cannot refuses a change.
func cannot(format string, args ...any) *clientv1.Error {
	return fault(clientv1.Code_CODE_CANNOT_CHANGE, format, args...)
}

// changing refuses a change since another one came first, which leads to m, or has led to it.
func changing(m *token.Membership) *clientv1.Error {
	switch {
	case m == nil:
		return fault(clientv1.Code_CODE_CHANGING, "another change of the members came first")
	case !m.Joint():
		return fault(clientv1.Code_CODE_CHANGING, "another change of the members came first: they are %s now", strings.Join(addressesOf(m.Members), ", "))
	}
	return fault(clientv1.Code_CODE_CHANGING, "another change of the members came first: %s", changeText(m))
}

// latest is the membership that this node proposes, or the one that it goes by.
func latest(v *token.MembershipView) *token.Membership {
	if v.Proposed != nil {
		return v.Proposed
	}
	return v.Membership
}

// isTurn says why no change can begin now; nil if one can.
func isTurn(v *token.MembershipView, inSession bool) *clientv1.Error {
	switch why := fixed(v, inSession); {
	case why == "":
		return nil
	case v.Membership.Joint() || v.Proposed != nil:
		return changing(latest(v))
	default:
		return cannot("%s", why)
	}
}

// readAddresses brings the addresses of a request into their one form.
func readAddresses(field string, texts []string) ([]string, *clientv1.Error) {
	var all []string
	for _, text := range texts {
		address, err := hosts.ParseAddress(text)
		switch {
		case err != nil:
			return nil, fault(clientv1.Code_CODE_INVALID_FIELD, "ChangeMembersRequest.%s: %v", field, err)
		case slices.Contains(all, address):
			return nil, fault(clientv1.Code_CODE_INVALID_FIELD, "ChangeMembersRequest.%s: %s stands in it twice", field, address)
		}
		all = append(all, address)
	}
	return all, nil
}

// readChange returns what is asked for, as far as the list tells: the new members without
// their disks.
func readChange(m *token.Membership, r *clientv1.ChangeMembersRequest) (token.ChangeRequest, *clientv1.Error) {
	var change token.ChangeRequest
	add, f := readAddresses("add", r.GetAdd())
	if f != nil {
		return change, f
	}
	remove, f := readAddresses("remove", r.GetRemove())
	switch {
	case f != nil:
		return change, f
	case len(add)+len(remove) == 0:
		return change, fault(clientv1.Code_CODE_INVALID_FIELD, "ChangeMembersRequest adds nobody and removes nobody")
	}
	at := func(address string) int {
		return slices.IndexFunc(m.Members, func(l token.Listed) bool { return l.Address == address })
	}
	for _, address := range remove {
		i := at(address)
		if i < 0 {
			return change, cannot("%s is not a member; the members are %s", address, strings.Join(addressesOf(m.Members), ", "))
		}
		change.Remove = append(change.Remove, m.Members[i].ID)
	}
	for _, address := range add {
		if at(address) >= 0 && !slices.Contains(remove, address) {
			return change, cannot("%s is a member already; to replace its disk, write: conch members replace %s %s", address, address, address)
		}
		change.Add = append(change.Add, token.Listed{Address: address})
	}
	if len(add) == 0 && len(remove) == len(m.Members) {
		return change, cannot("nobody would be left: a cluster has at least one member; to end it, stop its nodes")
	}
	return change, nil
}

// isUnderWay reports whether a change is what a joint membership leads to already.
func isUnderWay(m *token.Membership, r *clientv1.ChangeMembersRequest) bool {
	if !m.Joint() {
		return false
	}
	change, f := readChange(m, r)
	if f != nil {
		return false
	}
	after := make([]string, 0, len(m.Members)+len(change.Add))
	for _, l := range m.Members {
		leaves := slices.Contains(change.Remove, l.ID)
		if leaves != (standing(m, l.ID) == clientv1.Standing_STANDING_LEAVING) {
			return false
		}
		if !leaves {
			after = append(after, l.Address)
		}
	}
	for _, l := range change.Add {
		after = append(after, l.Address)
	}
	return slices.Equal(slices.Sorted(slices.Values(after)), slices.Sorted(slices.Values(addressesOf(m.Next))))
}

// shown is what a process showed that is to become a member, or why it did not answer.
type shown struct {
	broadcast.NodeShown
	err error
}

// takeShown says why the new members of a change cannot be added, of which each has shown
// something. It notes their disks.
func takeShown(m *token.Membership, change *token.ChangeRequest, nodes []shown, ttl time.Duration, own string) *clientv1.Error {
	for i := range change.Add {
		to, n := &change.Add[i], &nodes[i]
		replaced := slices.IndexFunc(m.Members, func(l token.Listed) bool { return l.Address == to.Address }) >= 0
		if f := checkShown(m, to.Address, n, replaced, ttl, own); f != nil {
			return f
		}
		for j, other := range change.Add[:i] {
			if nodes[j].Disk == n.Disk {
				return cannot("%s and %s are the same node: both show the disk %v", other.Address, to.Address, n.Disk)
			}
		}
		to.Disk = n.Disk
	}
	return nil
}

// checkShown says why a process cannot become a member; replaced: a member has its address.
func checkShown(m *token.Membership, address string, n *shown, replaced bool, ttl time.Duration, own string) *clientv1.Error {
	start := fmt.Sprintf("start it with an empty data directory: conch node --listen %s --join %s", address, own)
	switch {
	case n.err != nil:
		return cannot("%s does not answer: %s; %s", address, reason.Of(n.err), start)
	case n.Version != broadcast.ProtocolVersion:
		return cannot("%s is of another version: it speaks version %d of the protocol between members, and this node version %d", address, n.Version, broadcast.ProtocolVersion)
	case n.Address != address:
		return cannot("the node at %s calls itself %s: a member is listed under its own address", address, reason.Printable(n.Address))
	case n.TTL != ttl:
		return cannot("%s has the session time to live %v, and the cluster %v: start it with --session-ttl %v", address, n.TTL, ttl, ttl)
	case n.Disk == token.Disk{}:
		return cannot("%s has no data directory, and every member needs one where the members change", address)
	}
	for _, l := range m.Members {
		switch {
		case l.Disk != n.Disk:
		case l.Address == address:
			return cannot("the process at %s has the disk that the list has for it: there is nothing to replace", address)
		default:
			return cannot("%s and %s are the same node: both have the disk %v", address, l.Address, n.Disk)
		}
	}
	born := n.Membership != nil && n.Membership.Born()
	switch {
	case born && n.Membership.Cluster != m.Cluster:
		return cannot("%s is a member of another cluster, %v; this one is %v", address, n.Membership.Cluster, m.Cluster)
	case n.Stage == peerv1.Stage_STAGE_JOINING, replaced && !born:
		return nil
	default:
		return cannot("%s runs, but does not wait to be added: stop it, and %s", address, start)
	}
}

// refusal says why the core refuses a change. first is the membership that came first, if the
// error says that one did.
func (s *Service) refusal(ctx context.Context, first *token.Membership, err error) *clientv1.Error {
	switch {
	case errors.Is(err, token.ErrChanging): // it began since the change was planned
		if st, err := s.membership.Membership(ctx); err == nil {
			first = latest(&st.View)
		}
		return changing(first)
	case errors.Is(err, broadcast.ErrOtherChange):
		return changing(first)
	case errors.Is(err, token.ErrOutside): // it ended since the change was planned
		return cannot("%s", noSession)
	case errors.Is(err, token.ErrMembership):
		return cannot("%v", err)
	}
	return nil
}

// planOf says what a change means that leads to a joint membership, and why it would stop the
// cluster, if it would. All its new members have answered.
func planOf(st *broadcast.MembershipStatus, next *token.Membership) (*clientv1.ChangePlan, *clientv1.Error) {
	before, after := next.Members, next.Next
	heard := func(l token.Listed) bool {
		return standing(next, l.ID) == clientv1.Standing_STANDING_JOINING || hears(st, l.ID)
	}
	plan := &clientv1.ChangePlan{
		Before: addressesOf(before), After: addressesOf(after),
		QuorumBefore: uint32(len(before)/2 + 1), QuorumAfter: uint32(len(after)/2 + 1),
	}
	var unheard []string
	for _, l := range next.All() {
		if !heard(l) {
			unheard = append(unheard, l.Address)
		}
	}
	count := func(list []token.Listed) (n uint32) {
		for _, l := range list {
			if heard(l) {
				n++
			}
		}
		return n
	}
	plan.HeardBefore, plan.HeardAfter = count(before), count(after)
	away := " (not heard: " + strings.Join(unheard, ", ") + ")"
	switch {
	case plan.HeardBefore < plan.QuorumBefore:
		return plan, cannot("this node hears %d of the %d members, and the change needs %d%s", plan.HeardBefore, len(before), plan.QuorumBefore, away)
	case plan.HeardAfter < plan.QuorumAfter:
		return plan, cannot("the change would stop the cluster: of the %d new members %d are there, and a quorum is %d%s", len(after), plan.HeardAfter, plan.QuorumAfter, away)
	}
	plan.Warnings = warnings(st, next, plan, unheard)
	return plan, nil
}

// warnings are what would stall or be at risk.
func warnings(st *broadcast.MembershipStatus, next *token.Membership, plan *clientv1.ChangePlan, unheard []string) []string {
	var all []string
	warn := func(format string, args ...any) { all = append(all, fmt.Sprintf(format, args...)) }
	before, after := uint32(len(plan.GetBefore())), uint32(len(plan.GetAfter()))
	switch {
	case after <= 2:
		warn("%d %s no crash: three are the fewest that survive one.", after, plural(after, "member survives", "members survive"))
	case plan.GetHeardAfter() == plan.GetQuorumAfter():
		warn("After this change the cluster survives no crash: %d of the %d members are a quorum, and no more are heard.", plan.GetQuorumAfter(), after)
	case after%2 == 0:
		warn("%d members survive as many crashes as %d.", after, after-1)
	}
	if plan.GetHeardBefore() == plan.GetQuorumBefore() && before > 1 {
		warn("During the change %d of the %d present members must be up, and no more are heard.", plan.GetQuorumBefore(), before)
	}
	if plan.GetHeardAfter() == plan.GetQuorumAfter() && after > 1 {
		warn("During the change %d of the %d new members must be up, and no more are heard.", plan.GetQuorumAfter(), after)
	}
	if len(unheard) > 0 {
		warn("Not heard: %s. The change is complete only when a quorum of both lists takes %s for dead, which takes a few times the session's time to live.",
			strings.Join(unheard, ", "), plural(uint32(len(unheard)), "it", "them"))
	}
	if standing(next, st.View.Self) == clientv1.Standing_STANDING_LEAVING {
		warn("The change removes the member that answers: ask another one from then on.")
	}
	return all
}

// plural chooses a word by a number.
func plural(n uint32, one, more string) string {
	if n == 1 {
		return one
	}
	return more
}
