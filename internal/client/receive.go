package client

import (
	"errors"
	"fmt"
	"math"

	"conch/broadcast"
	clientv1 "conch/proto/conch/client/v1"
	"conch/token"
)

// Why holds end, where the node or somebody else does not say it.
var (
	errLease       = errors.New("its lease is over, and nothing was heard in time that extends it")
	errLapse       = errors.New("the node's session lapsed: it does not reach a quorum of the members")
	errClientLease = errors.New("the node heard nothing of this client in time")
)

// nonsense is an error for a message that breaks the protocol.
func nonsense(format string, args ...any) error {
	return fmt.Errorf("%w: %w", errNonsense, fmt.Errorf(format, args...))
}

// receiveAll takes the messages of a frame, until one is wrong.
func (a *attachment) receiveAll(messages []*clientv1.NodeMessage) error {
	for _, m := range messages {
		if err := a.receive(m); err != nil {
			return err
		}
	}
	return nil
}

// receive takes a message. An error ends the stream: the node does not keep to the
// protocol, so it is not to be believed any more. What comes late or twice is no error.
func (a *attachment) receive(m *clientv1.NodeMessage) error {
	a.mu.Lock()
	defer a.mu.Unlock()
	now := a.client.clock()
	a.expire(now) // what the message says comes too late for those
	a.heard, a.unanswered, a.unheard = now, 0, 0
	switch kind := m.GetKind().(type) {
	case *clientv1.NodeMessage_Granted:
		return a.receiveGranted(now, kind.Granted)
	case *clientv1.NodeMessage_Refused:
		return a.receiveRefused(kind.Refused)
	case *clientv1.NodeMessage_Withdrawn:
		return a.receiveWithdrawn(kind.Withdrawn.GetId())
	case *clientv1.NodeMessage_Warned:
		return a.receiveWarned(kind.Warned)
	case *clientv1.NodeMessage_Lost:
		return a.receiveLost(kind.Lost)
	case *clientv1.NodeMessage_Released:
		return a.receiveReleased(kind.Released)
	case *clientv1.NodeMessage_Pong:
		return a.receivePong(now, kind.Pong)
	default:
		return nonsense("a message of kind %T after Welcome", kind)
	}
}

// find returns the claim with an id; nil if it is over.
func (a *attachment) find(id uint64) (*claim, error) {
	if id == 0 || id > a.lastID {
		return nil, nonsense("id %d, and this client has used 1 to %d", id, a.lastID)
	}
	return a.claims[id], nil
}

// checkLease checks the parts of a lease.
func (a *attachment) checkLease(stamp, remaining int64) error {
	switch {
	case stamp <= 0 || stamp > a.stamp:
		return nonsense("the stamp %d, and the latest Ping had %d", stamp, a.stamp)
	case remaining < 0:
		return nonsense("a lease that lasts %d ns", remaining)
	}
	return nil
}

func (a *attachment) receiveGranted(now token.Time, g *clientv1.Granted) error {
	c, err := a.find(g.GetId())
	switch {
	case err != nil:
		return err
	case g.GetFence() == 0 || g.GetFence() > math.MaxInt64:
		return nonsense("a grant with the fence %d, want 1 to %d", g.GetFence(), int64(math.MaxInt64))
	case g.GetSession() == 0:
		return nonsense("a grant outside a session")
	}
	end := token.Time(0)
	if g.GetHadPing() {
		if err := a.checkLease(g.GetStamp(), g.GetLeaseRemainingNs()); err != nil {
			return err
		}
		end = leaseEnd(token.Time(g.GetStamp()), token.Time(g.GetLeaseRemainingNs()), a.ttl)
	}
	a.served = true
	switch {
	case c == nil: // it was given up, and the node is to give it up as well
		rest := &claim{attachment: a, id: g.GetId(), state: withdrawing}
		a.claims[rest.id] = rest
		a.enqueue(rest)
		return nil
	case c.state == withdrawing || c.state == releasing: // the node will read of that
		return nil
	case c.state != waiting && (c.fence != g.GetFence() || c.session != g.GetSession()):
		return nonsense("a grant with the fence %d of session %d, after one with the fence %d of session %d",
			g.GetFence(), g.GetSession(), c.fence, c.session)
	}
	first := c.state != holding
	if c.state == waiting {
		c.state, c.fence, c.session = granted, g.GetFence(), g.GetSession()
	}
	if c.settled == nil {
		c.end = max(c.end, end)
	}
	if g.GetHadPing() {
		a.learn(g.GetSession(), end)
	}
	if c.session == a.lease.session && c.settled == nil {
		c.end = max(c.end, a.lease.end)
	}
	if first {
		a.begin(now, c)
	}
	if c.state == granted {
		a.duePing(now)
	}
	return nil
}

// receivePong takes a lease. Grants that waited for it begin; those of another session
// are worth nothing any more.
func (a *attachment) receivePong(now token.Time, p *clientv1.Pong) error {
	if err := a.checkLease(p.GetStamp(), p.GetLeaseRemainingNs()); err != nil {
		return err
	}
	a.noSession = p.GetSession() == 0
	if !a.noSession {
		a.learn(p.GetSession(), leaseEnd(token.Time(p.GetStamp()), token.Time(p.GetLeaseRemainingNs()), a.ttl))
	}
	var worthless []*claim
	for _, c := range a.claims {
		switch {
		case c.state != granted:
		case c.session != p.GetSession():
			worthless = append(worthless, c)
		default:
			a.begin(now, c)
		}
	}
	sortByID(worthless)
	for _, c := range worthless {
		a.anew(c, releasing)
	}
	return nil
}

func (a *attachment) receiveRefused(r *clientv1.Refused) error {
	c, err := a.find(r.GetId())
	if err != nil || c == nil {
		return err
	}
	why := a.refusalError(r.GetError())
	leaving := errors.Is(why, errMoved)
	a.served = a.served || !leaving
	switch c.state {
	case waiting, granted:
		c.reply(why)
	case holding: // it was to be taken up again
		if leaving {
			why = broadcast.ErrStopped
		}
		c.lose(c.loss(why))
	case releasing: // its Released is still to come
		return nil
	case withdrawing, over:
	}
	a.finish(c)
	if leaving {
		a.leave()
	}
	return nil
}

// refusalError is what a claim is answered for an error of the node's.
func (a *attachment) refusalError(e *clientv1.Error) error {
	switch e.GetCode() {
	case clientv1.Code_CODE_NODE_LEAVING:
		return errMoved
	case clientv1.Code_CODE_INVALID_NAME:
		return a.say(broadcast.ErrName, e)
	case clientv1.Code_CODE_BUSY:
		return broadcast.ErrBusy
	case clientv1.Code_CODE_NO_SESSION:
		return a.say(ErrNoSession, e)
	case clientv1.Code_CODE_FORBIDDEN:
		return a.say(ErrForbidden, e)
	case clientv1.Code_CODE_TOO_MANY_NAMES:
		return a.say(broadcast.ErrTooManyLocks, e)
	default:
		return a.say(ErrRefused, e)
	}
}

// say makes an error of the node's one of this package's.
func (a *attachment) say(sentinel error, e *clientv1.Error) error {
	return fmt.Errorf("%w: %v says: %s", sentinel, a.target, e.GetMessage())
}

func (a *attachment) receiveWithdrawn(id uint64) error {
	c, err := a.find(id)
	switch {
	case err != nil || c == nil:
		return err
	case c.state != withdrawing:
		return nonsense("Withdrawn for the id %d, which was not withdrawn", id)
	}
	a.finish(c)
	return nil
}

func (a *attachment) receiveWarned(w *clientv1.Warned) error {
	var settled error
	switch w.GetReason() {
	case clientv1.Reason_REASON_LAPSE:
	case clientv1.Reason_REASON_BREAK:
		settled = fmt.Errorf("%w: %s", broadcast.ErrBroken, w.GetText())
	case clientv1.Reason_REASON_NODE_LEAVING:
		settled = broadcast.ErrStopped
		a.leave()
	default:
		return nonsense("Warned for the reason %v", w.GetReason())
	}
	for _, id := range w.GetIds() {
		c, err := a.find(id)
		switch {
		case err != nil:
			return err
		case c == nil:
		case c.state == granted && settled != nil: // no Pong will make it a hold
			a.anew(c, releasing)
		case c.state == holding:
			if c.settled == nil {
				c.settled, c.warnedEnd = settled, c.end
			}
			c.warn()
		}
	}
	return nil
}

func (a *attachment) receiveLost(l *clientv1.Lost) error {
	why, err := lostReason(l)
	if err != nil {
		return err
	}
	if l.GetReason() == clientv1.Reason_REASON_NODE_LEAVING {
		a.leave()
	}
	for _, id := range l.GetIds() {
		c, err := a.find(id)
		switch {
		case err != nil:
			return err
		case c == nil:
		case c.state == granted: // it has not begun, so its caller waits still
			a.anew(c, over)
		case c.state == holding:
			c.lose(c.loss(why))
			a.finish(c)
		}
	}
	return nil
}

// lostReason is why holds were lost.
func lostReason(l *clientv1.Lost) (error, error) {
	switch l.GetReason() {
	case clientv1.Reason_REASON_LAPSE:
		return errLapse, nil
	case clientv1.Reason_REASON_BREAK:
		return fmt.Errorf("%w: %s", broadcast.ErrBroken, l.GetText()), nil
	case clientv1.Reason_REASON_NODE_LEAVING:
		return broadcast.ErrStopped, nil
	case clientv1.Reason_REASON_CLIENT_LEASE:
		return errClientLease, nil
	default:
		return nil, nonsense("Lost for the reason %v", l.GetReason())
	}
}

func (a *attachment) receiveReleased(r *clientv1.Released) error {
	c, err := a.find(r.GetId())
	switch {
	case err != nil || c == nil:
		return err
	case c.state != releasing || c.fence != r.GetFence():
		return nonsense("Released for the id %d with the fence %d, which was not released", r.GetId(), r.GetFence())
	}
	a.finish(c)
	return nil
}
