package broadcast

import (
	"errors"
	"fmt"
	"slices"
	"time"

	"google.golang.org/grpc/codes"

	"conch/internal/claims"
	"conch/internal/frames"
	"conch/token"
)

// inputKind tells the owner's inputs apart.
type inputKind uint8

const (
	// Callers in this process: lock, limit, id, and the localClaim that gets the answer.
	inputAcquire inputKind = iota + 1
	inputTry
	inputWithdraw
	inputRelease
	// A client's frame came on stream.
	inputClient
	// inspect is to be called.
	inputInspect
	// The time of the node's or the table's next tick has come.
	inputTick
	// Outgoing streams: outgoing asks for its HELLO, was accepted, ended for a reason
	// (err), or was refused by the peer (peer, reason).
	inputHello
	inputUp
	inputDown
	inputRefusedThere
	// Incoming streams: incoming said HELLO, brought messages, or was refused (peer or
	// remote, reason).
	inputAccept
	inputFrame
	inputRefusedHere
	// The driver's end: no more callers; holders lose their locks; queues are sent and
	// closed; the owner ends, with err or without.
	inputStop
	inputAbandon
	inputFlush
	inputEnd
	inputFail
)

// endsHold reports whether an input may end a hold and so pass a token on.
func (in *input) endsHold() bool {
	switch in.kind {
	case inputRelease, inputWithdraw:
		return true
	case inputClient:
		return slices.ContainsFunc(in.frame, func(m frames.ClientMessage) bool {
			return m.Kind == frames.Release || m.Kind == frames.Withdraw
		})
	default:
		return false
	}
}

// input is one event for the owner. The kind decides which fields are used.
type input struct {
	kind     inputKind
	peer     token.Member
	limit    token.Limit
	lock     string
	id       token.Waiter
	local    *localClaim
	stream   ClientStream
	frame    []frames.ClientMessage
	inspect  func(*owner)
	outgoing *outgoing
	incoming *incoming
	greeting *greeting
	messages []token.Message
	remote   string
	reason   string
	err      error
}

// peer is what the owner knows of a member.
type peer struct {
	link *link // nil for this node itself
	// out is the stream to it that it has accepted, nil if there is none.
	out *outgoing
	// in is the newest stream from it that was accepted; it may have ended.
	in *incoming
	// pending is what the present batch of inputs has for it.
	pending []token.Message
	// The reasons of the last refusals in either direction: a repeated one is not logged.
	// They are empty once a stream was accepted.
	refusedThere, refusedHere string
	// incarnation is that of the newest stream from it, and before the one before that.
	incarnation, before token.Incarnation
	refusals            refusals
}

// owner has the node, and all that only the worker touches; see work.go.
type owner struct {
	*Driver
	now        token.Time // of the input that is being taken
	timer      *time.Timer
	armed      token.Time // what the timer is set for; -1 if it has fired
	saving     saving
	storing    storing
	leaseTimes leaseTimes
	node       *token.Node
	log        *eventLog
	observer   Observer
	peers      []peer
	table      *claims.Table
	batch      []input // the inputs that are being taken
	// subscriptions are told which locks change.
	subscriptions map[*Subscription]struct{}
	view          token.LockView // scratch
	// unauthenticated are refusals of peers not known to be members, by host.
	unauthenticated refusals
	// filled are the streams whose queues got messages that their senders do not know of
	// yet.
	filled []*outgoing
	// told are the streams of clients that wait for the worker to have something sent.
	told []ClientStream
	// changes are those that this node was asked for and proposes. saveMembers is
	// Config.SaveMembership.
	changes     map[token.Waiter]requestedChange
	saveMembers func(*token.Membership, *token.Choice) error
	// frees are those who wait to hear that a kept hold is over. Each has room for one answer.
	frees map[token.Waiter]chan error
	// barred are locks whose token came here, or was here, with a kept hold that nobody has
	// any more; see barredHere.
	barred map[string]struct{}

	flushing bool // no more is sent
	ended    bool
}

func newOwner(d *Driver, node *token.Node, cfg Config) *owner {
	r := d.roster.Load()
	o := &owner{
		Driver: d,
		saving: saving{
			store: cfg.Store, always: cfg.Evidence, inPlace: cfg.Evidence || len(r.members) == 1, locks: make(map[string]struct{}),
		},
		storing:  newStoring(cfg.Notes, node, d),
		node:     node,
		log:      newEventLog(cfg, r),
		observer: cfg.Observer,
		table: claims.New(node, claims.Config{
			TTL:          token.Time(d.ttl),
			Member:       r.address(),
			Quorum:       r.quorum(),
			Members:      len(r.members),
			Addresses:    r.byID(),
			MaxLocks:     d.limits.locks,
			Counted:      cfg.Observer != Observer(noObserver{}),
			MaxPerClient: d.limits.perClient,
			MaxClaims:    d.limits.claims,
		}),

		subscriptions: make(map[*Subscription]struct{}),
		changes:       make(map[token.Waiter]requestedChange),
		saveMembers:   cfg.SaveMembership,
		frees:         make(map[token.Waiter]chan error),
		barred:        make(map[string]struct{}),
	}
	o.log.memory = cfg.Memory
	o.log.times = o.describeTimes
	o.log.awaits = func() []token.Member { return o.node.InspectMembership().Awaited }
	return o
}

// take feeds one input to the node and performs its effects.
func (o *owner) take(now token.Time, in *input) {
	o.now = now
	switch in.kind {
	case inputTick:
		o.ticked(now)
		o.armed = -1
		o.node.Tick(now)
		o.perform() // so that the table knows of a lapse
		o.table.Tick(now)
		o.performClaims() // of expired holds, before the node's next grants of these locks
	case inputAcquire, inputTry:
		o.table.Ask(now, in.id, in.lock, in.limit, in.kind == inputTry, in.local, &o.caller)
	case inputWithdraw:
		o.table.Withdraw(now, in.id)
	case inputRelease:
		o.table.Release(now, in.id)
	case inputClient:
		o.takeClient(in)
	case inputInspect:
		in.inspect(o)
	case inputHello:
		in.outgoing.hello <- o.node.Hello(in.peer)
	case inputUp:
		o.up(now, in.outgoing)
	case inputDown:
		if o.peers[in.outgoing.peer].out == in.outgoing {
			o.down(now, in.outgoing.peer, in.err.Error())
		}
	case inputAccept:
		from, err := o.accept(in)
		in.incoming.verdict <- verdict{from, err}
	case inputFrame:
		o.takeFrame(now, in)
	case inputRefusedThere, inputRefusedHere:
		o.logRefusal(in)
	default:
		o.takeEnd(now, in)
	}
	o.perform()
}

// takeFrame takes the messages of a stream, unless a later stream has replaced it.
func (o *owner) takeFrame(now token.Time, in *input) {
	if o.peers[in.peer].in != in.incoming {
		return
	}
	for i := range in.messages {
		m := &in.messages[i]
		o.log.arriving(m)
		o.node.Receive(now, in.peer, *m)
		o.perform()
		if o.ended {
			return
		}
		if m.Kind == token.MembershipMessage {
			if wrong := o.checkTold(m.Change.Membership); wrong != nil {
				o.endIncoming(in.peer, wrong)
				return
			}
		}
		now = o.clock()
		o.now = now
	}
}

// up notes that a peer has accepted a stream.
func (o *owner) up(now token.Time, out *outgoing) {
	p := &o.peers[out.peer]
	switch {
	case o.flushing:
		out.queue.close()
		return
	case p.link == nil:
		out.cancel(errNotMember)
		return
	}
	p.out, p.refusedThere = out, ""
	o.log.peerConnected(out.peer)
	o.observer.Connected(o.address(out.peer))
	o.changed("")
	o.node.PeerUp(now, out.peer)
}

// down notes that the stream to a peer has ended.
func (o *owner) down(now token.Time, m token.Member, reason string) {
	p := &o.peers[m]
	p.out = nil
	p.pending = p.pending[:0]
	if !o.flushing {
		o.log.peerLost(m, reason)
		o.changed("")
	}
	o.node.PeerDown(now, m)
}

// errNotMember ends a stream to a peer that is no member any more.
var errNotMember = errors.New("it is no member any more")

// accept decides on a stream that a peer opened, and returns who that is. An accepted stream
// ends the peer's earlier one, and any wait before this node dials the peer.
func (o *owner) accept(in *input) (token.Member, error) {
	g := in.greeting
	from, adopt, refusal := o.roster.Load().identify(g)
	if adopt {
		err := o.node.ReceiveMembership(o.now, from, g.hello.Membership)
		if o.perform(); o.ended {
			return from, errEnded
		}
		if err != nil {
			return from, refused("%v", err)
		}
		if from, adopt, refusal = o.roster.Load().identify(g); adopt {
			return from, refused("the membership that it shows is not taken")
		}
	}
	if refusal != nil {
		return from, refusal
	}
	if err := o.node.ReceiveHello(o.now, from, g.hello); err != nil {
		return from, o.notWelcome(from, g, err)
	}
	p := &o.peers[from]
	if g.hello.Incarnation != p.incarnation {
		p.incarnation, p.before = g.hello.Incarnation, p.incarnation
	}
	if p.in != nil {
		close(p.in.replaced)
	}
	p.in, p.refusedHere = in.incoming, ""
	if p.out == nil && p.link != nil {
		p.link.wake()
	}
	return from, nil
}

// notWelcome says why the node takes no stream with this greeting.
func (o *owner) notWelcome(from token.Member, g *greeting, err error) *refusal {
	switch {
	case errors.Is(err, token.ErrStranger):
		return refused("%v", err)
	case g.hello.Incarnation == o.peers[from].before:
		// The process that was there before lives on.
		return &refusal{code: codes.Aborted,
			reason: fmt.Sprintf("another process runs as the same member, %s, or did until just now", o.address(from))}
	}
	return &refusal{code: codes.Aborted, reason: err.Error()}
}

// address is a member's, also of one that was removed.
func (o *owner) address(m token.Member) string { return o.log.address(m) }

// perform performs the effects of the node and of the table of claims, in order, until
// neither has more.
func (o *owner) perform() {
	for more := true; more && !o.ended; {
		o.noteLease()
		for effects := o.node.Effects(); len(effects) > 0; effects = o.node.Effects() {
			for i := range effects {
				e := &effects[i]
				o.log.effect(e)
				o.performOne(e)
				if o.ended {
					return
				}
				o.table.Take(o.now, e)
			}
			if o.table.Return(o.now) {
				o.noteLease()
			}
		}
		more = o.performClaims()
	}
}

// performOne performs an effect of the node, except what it says about claims.
func (o *owner) performOne(e *token.Effect) {
	o.observer.Effect(e)
	if len(o.subscriptions) > 0 {
		o.changedBy(e)
	}
	switch e.Kind {
	case token.Send:
		if p := &o.peers[e.Peer]; p.out != nil && !o.holdsBack(e, p.out) {
			p.pending = append(p.pending, e.Message)
		}
	case token.Grant:
		if e.Fence == 0 {
			o.limitSet(e)
		}
	case token.Warn:
		if holds, _, _ := o.table.Counts(); holds > 0 {
			o.log.sessionWarned(e.Session, o.describeTimes())
		}
	case token.Lapsed:
		if e.Reason == token.ReasonUsed { // the lease goes on
			o.leftUntil.Store(int64(o.now + token.Time(o.ttl)))
		}
	case token.Save:
		o.save(e)
	case token.Store:
		o.store(e)
	case token.Freed:
		o.freed(e)
	case token.Keeping:
		o.barred[e.Lock] = struct{}{}
	case token.Unkept:
		delete(o.barred, e.Lock)
	case token.SaveMembership:
		o.saveMembership(e)
	case token.Adopted:
		o.adopted(e.Membership)
	case token.Choosing:
		o.choosing(e)
	case token.Changed:
		o.changeEnded(e)
	case token.Gone:
		o.left(e)
	}
}

// noteLease tells the table and all callers when the node's lease ends.
func (o *owner) noteLease() {
	end, inSession := o.node.InSession()
	session := o.node.InspectSession().Session
	if inSession {
		o.leaseTimes.end = end
	} else {
		session, end = 0, 0
	}
	if l := o.lease.Load(); l == nil || l.Session != session || l.End != end {
		lease := Lease{Session: session, End: end}
		o.lease.Store(&lease)
		o.table.SetLease(lease)
	}
}

// flush puts each stream's part of the batch into its queue.
func (o *owner) flush() {
	for again := true; again; {
		again = false
		o.log.flush()
		for i := range o.peers {
			p := &o.peers[i]
			if len(p.pending) == 0 {
				continue
			}
			full := !p.out.queue.put(p.pending)
			clear(p.pending)
			p.pending = p.pending[:0]
			if full {
				o.overflow(token.Member(i))
				again = true // the node reacts to the loss
				continue
			}
			o.filled = append(o.filled, p.out)
		}
	}
}

// overflow closes a stream whose queue is full.
func (o *owner) overflow(m token.Member) {
	err := fmt.Errorf("its queue of %d messages is full", o.limits.queue)
	o.peers[m].out.cancel(err)
	o.down(o.clock(), m, err.Error())
	o.perform()
}
