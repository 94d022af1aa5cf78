package conch

import (
	"context"
	"time"

	clientv1 "conch/proto/conch/client/v1"
)

// Membership is who the members of a cluster are.
type Membership struct {
	// Version counts the lists of members from 0. While it is odd, the cluster goes from one
	// list to another.
	Version uint64
	// Cluster tells clusters apart; empty while not all members have shown their disks.
	Cluster string
	// Members are all members, those included that are being added or removed.
	Members []Member
	// Fixed says why the members cannot be changed now; empty if they can.
	Fixed string
}

// Member is a member of a cluster.
type Member struct {
	// ID is the number of the member, which no other member had or will have.
	ID      int
	Address string
	// Disk tells the data directory of the member from others; empty if it has none.
	Disk     string
	Standing Standing
	// Heard: the node that was asked hears it.
	Heard bool
	// Joined, during a change: it goes by the new list, as far as that node knows.
	Joined bool
	// Session is the number of its session, and Up for how long its process has been running;
	// 0 if it has none, or did not answer.
	Session uint64
	Up      time.Duration
	// Trouble says why it is not heard or counts for nothing, for example that a process with
	// another disk runs at its address; empty if all is well.
	Trouble string
}

// Standing is where a member stands in a change.
type Standing string

// The standings of a member.
const (
	StandingMember  Standing = "member"
	StandingJoining Standing = "joining" // it is being added
	StandingLeaving Standing = "leaving" // it is being removed
)

// Change is one change of the members, of any size.
type Change struct {
	// Add are the addresses of new members. Their nodes run already, and wait to be added:
	// see [Config.Join]; or conch node --join.
	Add []string
	// Remove are the addresses of members that leave. One that is also in Add is replaced by
	// the process with another disk that runs there.
	Remove []string
	// OnProgress is called at each step of the change. May be nil.
	OnProgress func(ChangeProgress)
}

// ChangePlan says what a change means.
type ChangePlan struct {
	// Before and After are the addresses of the members.
	Before, After []string
	// QuorumBefore and QuorumAfter are how many of them are a quorum. During the change, both
	// are needed. HeardBefore and HeardAfter are how many the node that was asked hears.
	QuorumBefore, QuorumAfter int
	HeardBefore, HeardAfter   int
	// Warnings are what would stall or be at risk, a sentence each.
	Warnings []string
}

// ChangeStage is how far a change is.
type ChangeStage string

// The stages of a change, in their order.
const (
	// ChangeChoosing: the members choose.
	ChangeChoosing ChangeStage = "choosing"
	// ChangeJoint: the change is chosen, and goes on whatever becomes of the caller. Decisions
	// need a quorum of both lists.
	ChangeJoint ChangeStage = "joint"
	// ChangeComplete: all members go by the new list.
	ChangeComplete ChangeStage = "complete"
)

// ChangeProgress is a step of a change.
type ChangeProgress struct {
	Stage ChangeStage
	// Awaited are the members that do not go by the new list yet, in the stage ChangeJoint.
	Awaited []string
}

// Members returns who the members of the cluster are, as the first node that answers knows. The
// errors wrap [ErrUnreachable], [ErrForbidden] or [ErrRefused]; or are the cause of the context's
// end, or [ErrStopped] if the client is closed.
func (c *Client) Members(ctx context.Context) (Membership, error) {
	answer, err := c.client.Members(ctx)
	if err != nil {
		return Membership{}, err
	}
	m := Membership{Version: answer.GetVersion(), Cluster: answer.GetCluster(), Fixed: answer.GetFixed()}
	for _, l := range answer.GetMembers() {
		m.Members = append(m.Members, Member{
			ID: int(l.GetId()), Address: l.GetAddress(), Disk: l.GetDisk(), Standing: asStanding(l.GetStanding()), Heard: l.GetHeard(),
			Joined: l.GetJoined(), Session: l.GetSession(), Up: time.Duration(l.GetUpNs()), Trouble: l.GetTrouble(),
		})
	}
	return m, nil
}

func asStanding(s clientv1.Standing) Standing {
	switch s {
	case clientv1.Standing_STANDING_JOINING:
		return StandingJoining
	case clientv1.Standing_STANDING_LEAVING:
		return StandingLeaving
	default:
		return StandingMember
	}
}

// PlanChange returns what a change would mean, or why it cannot be. The errors are those of
// [Client.ChangeMembers].
func (c *Client) PlanChange(ctx context.Context, change Change) (ChangePlan, error) {
	var plan ChangePlan
	request := &clientv1.ChangeMembersRequest{Add: change.Add, Remove: change.Remove, Plan: true}
	err := c.client.ChangeMembers(ctx, request, func(r *clientv1.ChangeMembersResponse) error {
		p := r.GetPlan()
		plan = ChangePlan{
			Before: p.GetBefore(), After: p.GetAfter(),
			QuorumBefore: int(p.GetQuorumBefore()), QuorumAfter: int(p.GetQuorumAfter()),
			HeardBefore: int(p.GetHeardBefore()), HeardAfter: int(p.GetHeardAfter()), Warnings: p.GetWarnings(),
		}
		return nil
	})
	return plan, err
}

// ChangeMembers changes the members of the cluster while it serves, and returns their addresses
// once all go by the new list. Every member needs a data directory.
//
// The errors wrap [ErrCannotChange], with the reason, for a change that would stop the cluster
// or makes no sense, and [ErrOtherChange] if another came first: nothing has changed then. They
// are those of [Client.Members] too. If the context ends, or [ErrUnreachable] comes, in the stage
// [ChangeJoint], the change goes on.
func (c *Client) ChangeMembers(ctx context.Context, change Change) ([]string, error) {
	var members []string
	request := &clientv1.ChangeMembersRequest{Add: change.Add, Remove: change.Remove}
	err := c.client.ChangeMembers(ctx, request, func(r *clientv1.ChangeMembersResponse) error {
		stage, is := stages[r.GetStage()]
		if is && change.OnProgress != nil {
			change.OnProgress(ChangeProgress{Stage: stage, Awaited: r.GetAwaited()})
		}
		if stage == ChangeComplete {
			members = r.GetMembers()
		}
		return nil
	})
	return members, err
}

var stages = map[clientv1.ChangeStage]ChangeStage{
	clientv1.ChangeStage_CHANGE_STAGE_CHOOSING: ChangeChoosing,
	clientv1.ChangeStage_CHANGE_STAGE_JOINT:    ChangeJoint,
	clientv1.ChangeStage_CHANGE_STAGE_COMPLETE: ChangeComplete,
}
