package token

// EffectKind tells the effects apart.
type EffectKind uint8

// What a node wants done. The driver performs effects in the order in which they were
// issued, and writes each to the log before it performs it.
const (
	// Send: hand Message to the stream to Peer. If that stream has ended, the message is
	// lost, as it may be on the way.
	Send EffectKind = iota + 1
	// Grant: Waiter has Lock, with Fence. Number is the request that was granted; zero if
	// no request was needed. Message.Token is the token, read-only; nil if the waiter
	// entered under the node's share while the token is elsewhere. Message.Note is the run or
	// the kept hold that begins; nil if it is neither. Limit is the waiter's mode. If Fence is zero, the waiter has set the lock's limit to Limit, and is gone.
	Grant
	// Refuse: Waiter, which tried for Lock, does not get it: the lock is in use, or others
	// are ahead. If Limit is not zero, that is the lock's limit, as Peer said it, and Waiter
	// wants another one. The waiter has left the queue.
	Refuse
	// Revoke: Waiter, which held Lock with Fence, has lost it.
	Revoke
	// Warn: all that is held here will be lost at Until, unless the session's lease is
	// renewed before.
	Warn
	// Save: Session and Promised must be on stable storage before any later effect is
	// performed.
	Save
	// Gone: the node has left on purpose and does nothing more.
	Gone
	// Store: Notes is to be put on stable storage, in place of what is there about Lock.
	// The driver calls Stored with Serial, or a later one, once it is. Until then no later
	// effect depends on it, so nothing has to wait. Serials rise by 1 from 1.
	Store
	// Ran: Waiter, which wanted a run of a tick, is not let in, and has left the queue: Run is
	// what forbids it. If Run.Tick is later than the waiter's, its tick was passed over.
	Ran
	// RunNoted: that Run, which Waiter ended by EndRun, is done is remembered by a quorum.
	// With a Reason that is not known, and never will be.
	RunNoted
	// Freed: a quorum remembers that the kept hold with Fence is over, which Waiter asked for
	// by Free. With a Reason, that is not known.
	Freed
	// SaveMembership: Membership and Choice must be on stable storage before any later effect
	// is performed; Choice is nil if the member has no part in a choice. A Membership that
	// does not list the member says that it was removed: its disk must not start again.
	SaveMembership
	// Adopted: the node goes by Membership from now on: the driver opens streams to its
	// members, and none to others. Streams to members that were removed end by themselves.
	Adopted
	// Changed: what came of a change that Waiter asked for by Change. Membership is the one
	// that was chosen; without a Reason it is the one that was asked for.
	Changed
)

// What a node did, for the log. There is nothing to perform.
const (
	// Received: Message came from Peer and was noted. Not issued for frequent messages:
	// KeepAlive, Ping, Pong, Busy, Clear.
	Received EffectKind = iota + 64
	// Asked: request Number begins; the Sends that follow broadcast it.
	Asked
	// Rode: the node's next request, Number, rides on the token.
	Rode
	// PassedOver: Peer, which was next to get the token, cannot be addressed.
	PassedOver
	// Withdrew: nobody here waits any more for request Number.
	Withdrew
	// Left: Waiter left the critical section that it had entered with Fence. Message.Token
	// is the token, read-only; nil if it is elsewhere.
	Left
	// Made: Message.Token was made here.
	Made
	// Dropped: Message.Token is no more, for Reason.
	Dropped
	// Began: Session has the lease of a quorum.
	Began
	// Lapsed: Session's lease ran out. With a Reason: Peer says that another incarnation of
	// this member had the number Known, which is not below Session.
	Lapsed
	// Guarded: this node guards Session of Peer.
	Guarded
	// Buried: this node buries Peer.
	Buried
	// Probed: a probe begins; Message is what the Sends that follow carry.
	Probed
	// Balloted: a ballot begins; Message is what the Sends that follow carry.
	Balloted
	// Ended: the ballot Message.Ballot came to nothing, for Reason.
	Ended
	// Forgot: Lock takes no memory here any more.
	Forgot
	// Led: from now on the node believes Message.Saying, by Peer, about who leads under Lock.
	// With a Reason nobody said so: ReasonDoubt, or why nobody leads any more. Fence is the
	// term, if the node has heard nothing of it before.
	Led
	// Witnessing: a run or a kept hold is about to begin for Waiter, or was ended by it, and
	// Message is what the Sends that follow carry.
	Witnessing
	// Keeping: the token is here, and carries the kept hold with Fence, which nobody has any
	// more: nobody gets the lock. Message.Note.Kept is the hold.
	Keeping
	// Unkept: the token, which is here, carries the kept hold with Fence no longer.
	Unkept
	// Choosing: the node proposes the next membership; Message is what the Sends that follow
	// carry. Waiter asked for that list here; 0 if nobody did.
	Choosing
	// Asking: the node asks whether a joint membership can be completed; Message is what the
	// Sends that follow carry.
	Asking
	// Departed: the node, which is no member of the next list, has ended its session. It goes
	// on giving votes.
	Departed
)

// Why a token was dropped, or a ballot or a session failed.
const (
	ReasonAddressee = "addressed to another session"
	ReasonPromised  = "promised to a later token"
	ReasonLapsed    = "session lapsed"
	ReasonFences    = "fences used up"
	ReasonIdle      = "idle for long"
	ReasonHeld      = "token is held"
	ReasonOutbid    = "outbid by another ballot"
	ReasonTooLow    = "number too low"
	ReasonTime      = "out of time"
	ReasonCame      = "token came"
	ReasonLeaving   = "node leaves"
	ReasonUsed      = "session number was used" // why a session lapsed
	ReasonSharer    = "member with a share is gone"
	ReasonOver      = "session over"               // why nobody leads any more; so are these
	ReasonUnsaid    = "not said again"             // on a new stream
	ReasonDoubt     = "nothing heard for a TTL"    // why a leader is in doubt
	ReasonRefused   = "refused by witnesses"       // why a token was dropped
	ReasonUnknown   = "no such hold is known here" // why none is freed
	ReasonFull      = "a member remembers as many notes as it may"
	ReasonNoDisk    = "a member has no data directory" // why a run or a kept hold is refused; so is the one above
	ReasonMembers   = "the members change"             // why a ballot failed
	ReasonRemoved   = "removed from the members"       // why a session ended, and the node is gone
	ReasonStranger  = "the cluster lists another disk" // why a node is gone that never had a session
	ReasonOther     = "another change came first"      // why a change failed
)

// Effect is one thing that a node wants done, or did. Which fields are used
// depends on the kind; the others are zero, and Peer is NoMember.
type Effect struct {
	Kind    EffectKind
	Peer    Member
	Lock    string
	Waiter  Waiter
	Number  Number
	Fence   Fence
	Limit   Limit  // Grant, Left, Revoke: the waiter's mode; Refuse: the lock's limit
	Hop     uint64 // Grant, Left, Made: the token's, as Fence is
	Message Message
	State   State

	// Notes and Serial: Store. Run: Ran and RunNoted.
	Notes  *Notes
	Serial uint64
	Run    *Run

	// Membership: SaveMembership, Adopted, Changed. Choice: SaveMembership. Both are read-only.
	Membership *Membership
	Choice     *Choice

	// Repeat: a Send of a Request that an ended stream may have lost.
	Repeat bool
	// Session: Save, Began, Lapsed, Guarded, Gone.
	// Known: Lapsed for ReasonUsed.
	Session, Known Session
	// Promised: Save, the highest ballot number that may have been promised.
	Promised uint64
	// Until: Warn.
	Until Time
	// Reason: one of the Reason constants, in Dropped, Ended, Lapsed, Led, RunNoted, Freed
	// and Refuse. In Lapsed it is empty if the lease ran out, in RunNoted and Freed if a quorum remembers it,
	// and in Refuse if the lock is in use or has another limit.
	Reason string
}

// State is a copy of what the node knew about a lock when the effect was issued.
// LastGranted and Queue are nil if the token was elsewhere. It is valid until the node's
// next input.
type State struct {
	RequestNumbers []Number // RN
	LastGranted    []Number // LN
	Queue          []Member // Q
}

// issue appends an effect and returns it for the caller to fill in: an effect is large, and
// copying it would cost more than the rules do. If l is not nil, the effect carries the
// lock's name and state.
func (n *Node) issue(l *lock, kind EffectKind, peer Member) *Effect {
	if len(n.effects) < cap(n.effects) {
		n.effects = n.effects[:len(n.effects)+1]
	} else {
		n.effects = append(n.effects, Effect{})
	}
	e := &n.effects[len(n.effects)-1]
	*e = Effect{}
	e.Kind, e.Peer = kind, peer
	if l != nil {
		e.Lock = l.name
		n.copyState(l, &e.State)
	}
	return e
}

// send issues a message to a peer, if the stream to it is open. l is nil if the message is
// about no lock.
func (n *Node) send(l *lock, to Member, m Message) {
	if !n.peers[to].connected {
		return
	}
	if l != nil {
		m.Lock = l.name
	}
	n.issue(l, Send, to).Message = m
}

// broadcast issues a message about a lock to all peers with an open stream. The effects
// share one copy of the state.
func (n *Node) broadcast(l *lock, m Message) {
	m.Lock = l.name
	var state State
	n.copyState(l, &state)
	for peer := range n.peers {
		if n.peers[peer].connected {
			e := n.issue(nil, Send, Member(peer))
			e.Lock, e.Message, e.State = l.name, m, state
		}
	}
}

// copyState copies what the node knows about a lock to an empty State.
func (n *Node) copyState(l *lock, s *State) {
	s.RequestNumbers = n.copyNumbers(l.requestNumbers)
	if l.token != nil {
		s.LastGranted = n.copyNumbers(l.token.LastGranted)
		from := len(n.members)
		n.members = append(n.members, l.token.Queue...)
		s.Queue = n.members[from:len(n.members):len(n.members)]
	}
}

func (n *Node) copyNumbers(numbers []Number) []Number {
	from := len(n.numbers)
	n.numbers = append(n.numbers, numbers...)
	return n.numbers[from:len(n.numbers):len(n.numbers)]
}
