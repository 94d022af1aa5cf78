package broadcast

import (
	"context"
	"errors"
	"fmt"
	"time"

	"conch/token"
)

var (
	// ErrOtherChange is wrapped by the error for a change of the members if another came first.
	ErrOtherChange = errors.New("another change of the members came first")
	// ErrNotChosen is wrapped by the error for a change if the node does not know what came of
	// it: the members may yet choose it.
	ErrNotChosen = errors.New("not known whether the members take the change")
	// ErrRemoved is wrapped by why a driver ended whose member is no member any more.
	ErrRemoved = errors.New("this node was removed from the cluster")
)

// MembershipStatus is what a node knows of the membership.
type MembershipStatus struct {
	View token.MembershipView
	// Since is for how long the node has gone by it.
	Since time.Duration
	// Heard tells by ID which members have a stream to this node and take one from it; the node
	// itself always.
	Heard []bool
}

// Members returns the addresses of the present members, by ID; while the cluster goes from one
// list to another, of both.
func (d *Driver) Members() []string { return d.roster.Load().present() }

// Cluster is the id of the cluster, which stays when the members change; empty while not all
// members have shown their disks.
func (d *Driver) Cluster() string {
	if m := d.roster.Load().membership; m != nil && m.Born() {
		return m.Cluster.String()
	}
	return ""
}

// Membership describes the membership. The errors wrap [ErrStopped], or are the cause of the
// context's end.
func (d *Driver) Membership(ctx context.Context) (MembershipStatus, error) {
	answer := make(chan MembershipStatus, 1)
	err := d.do(ctx, func(o *owner) {
		v := o.node.InspectMembership()
		s := MembershipStatus{View: v, Since: duration(o.now - v.AdoptedAt), Heard: make([]bool, len(o.peers))}
		for i := range o.peers {
			s.Heard[i] = o.peers[i].out != nil && o.peers[i].receives() || token.Member(i) == o.self
		}
		answer <- s
	})
	if err != nil {
		return MembershipStatus{}, err
	}
	return <-answer, nil
}

// PlanChange returns the membership that a change of the members would lead to first, with
// both lists. It changes nothing. The errors are the core's, which wrap [token.ErrMembership];
// or wrap [ErrStopped], or are the cause of the context's end.
func (d *Driver) PlanChange(ctx context.Context, change token.ChangeRequest) (*token.Membership, error) {
	type plan struct {
		m   *token.Membership
		err error
	}
	answer := make(chan plan, 1)
	err := d.do(ctx, func(o *owner) {
		m, err := o.node.PlanChange(o.now, change)
		answer <- plan{m, err}
	})
	if err != nil {
		return nil, err
	}
	p := <-answer
	return p.m, p.err
}

// Change changes the members. It returns once the members have chosen, and this node goes by
// both lists; that the change is complete, [Driver.Membership] tells. The errors are those
// of PlanChange, and nothing has changed then; or wrap [ErrOtherChange], beside the
// membership that came first; or [ErrNotChosen]. When the context ends, the change may go on.
// by is for the log.
func (d *Driver) Change(ctx context.Context, change token.ChangeRequest, by Caller) (*token.Membership, error) {
	id := token.Waiter(d.lastWaiter.Add(1))
	changed := make(chan changeOutcome, 1)
	err := d.do(ctx, func(o *owner) {
		if err := o.node.Change(o.now, id, change); err != nil {
			changed <- changeOutcome{err: err}
			return
		}
		o.changes[id] = requestedChange{changed, by}
	})
	if err != nil {
		return nil, err
	}
	select {
	case c := <-changed:
		return c.membership, c.err
	case <-ctx.Done():
		return nil, context.Cause(ctx)
	case <-d.dead:
		return nil, fmt.Errorf("%w: %w", ErrNotChosen, d.stopped())
	}
}

// requestedChange is a change until it is known what came of it. changed has room for that, so
// nobody need wait for it.
type requestedChange struct {
	changed chan<- changeOutcome
	by      Caller
}

// changeOutcome is what came of a change.
type changeOutcome struct {
	membership *token.Membership
	err        error
}

// changeEnded tells whoever asked for a change what came of it.
func (o *owner) changeEnded(e *token.Effect) {
	changed := o.changes[e.Waiter].changed
	delete(o.changes, e.Waiter)
	switch e.Reason {
	case "":
		changed <- changeOutcome{membership: e.Membership}
	case token.ReasonOther:
		changed <- changeOutcome{membership: e.Membership, err: ErrOtherChange}
	default:
		changed <- changeOutcome{err: fmt.Errorf("%w: %s", ErrNotChosen, e.Reason)}
	}
}

// saveMembership puts the membership and the node's part in a choice on stable storage. The
// worker waits: nothing may be said under either before.
func (o *owner) saveMembership(e *token.Effect) {
	if o.saveMembers == nil {
		return
	}
	began := o.clock()
	err := o.saveMembers(e.Membership, e.Choice)
	o.tookToSave(began)
	if err != nil {
		o.fail(fmt.Errorf("save the members: %w", err))
	}
}

// adopted goes by another membership from now on. Votes that were held back were given under
// the one before, so they leave before the peers are shown this one.
func (o *owner) adopted(m *token.Membership) {
	if o.finishSaving(); o.ended {
		return
	}
	r := newRoster(o.self, o.disk, m, o.roster.Load())
	o.roster.Store(r)
	o.log.follow(r)
	o.table.SetMembers(r.address(), r.byID(), r.quorum())
	o.saving.inPlace = o.saving.always || len(r.members) == 1
	o.link(r)
	o.changed("")
}

// link opens links to the present members that have none, and lets those to others end with
// their streams. Streams from others end at once: they dial again, and learn why they are
// refused. A member whose disk is being replaced cannot be reached any more.
func (o *owner) link(r *roster) {
	for len(o.peers) < len(r.addresses) {
		o.peers = append(o.peers, peer{})
	}
	for i := range o.peers {
		id := token.Member(i)
		p := &o.peers[i]
		switch present := id != r.self && r.byAddress[r.addresses[id]] == id; {
		case present && p.link == nil && !o.flushing && o.opening.Err() == nil:
			p.link = newLink(o.Driver, id, r.addresses[id])
			o.links.Go(p.link.run)
		case !present && p.link != nil:
			close(p.link.over)
			p.link = nil
		}
		if p.in != nil && !r.has(id) {
			p.in.wrong <- refused("%s is not a member any more", r.addresses[id])
			p.in = nil
		}
	}
}

// checkTold says what is wrong with a membership that a member has told, after the node has
// taken it or not. Of one that makes sense, it may name all IDs from now on.
func (o *owner) checkTold(m *token.Membership) *refusal {
	own := o.roster.Load().membership
	switch {
	case own == nil:
		return misunderstood("the members of this cluster never change")
	case own.Born() && m.Born() && own.Cluster != m.Cluster:
		return misunderstood("the membership of another cluster, %s", m.Cluster)
	case m.IDs > own.IDs:
		return misunderstood("version %d of the members has %d IDs; want at most %d", m.Version, m.IDs, own.IDs)
	}
	return nil
}

// endIncoming ends a stream on which something came that makes no sense in this cluster.
func (o *owner) endIncoming(from token.Member, wrong *refusal) {
	p := &o.peers[from]
	p.in.wrong <- wrong
	o.logRefusal(&input{kind: inputRefusedHere, peer: from, reason: wrong.reason})
	p.in = nil
}

// left ends the driver of a node that has left for good.
func (o *owner) left(e *token.Effect) {
	select {
	case <-o.gone:
	default:
		close(o.gone)
	}
	switch e.Reason {
	case token.ReasonRemoved:
		o.endWith(fmt.Errorf("%w; its data directory does not start again", ErrRemoved), "the node has left")
	case token.ReasonStranger:
		o.fail(fmt.Errorf("%w: the cluster lists another disk for %s than %s, the one in its data directory, which is new; "+
			"if the old one is lost, run: conch members replace %s %s", token.ErrStranger, o.address(o.self), o.disk, o.address(o.self), o.address(o.self)))
	}
}
