package token

import "fmt"

// Node is one member's part in the algorithm, for all locks. Its methods are the inputs;
// what they cause is collected as effects.
//
// Each input takes now, the reading of the node's own clock. Readings never decrease.
type Node struct {
	cfg   Config
	self  Member
	now   Time
	peers []peer // by member; of this node's own entry only listed and values are used

	// The members; the rules are in members.go, choose.go and joining.go. version is the
	// membership's. adoptedAt is when this node adopted it. removed: it does not list this
	// node. choiceAt is when this node last changed its choice, ended a proposal, or began a
	// session.
	membership *Membership
	version    uint64
	adoptedAt  Time
	removed    bool
	birth      birth
	choice     *Choice
	choiceAt   Time
	proposal   *proposal
	joining    joining

	// The session; the rules are in session.go and lapse.go.
	boot     Session // orders the streams of this process after those of others
	session  Session
	begun    bool // the session has begun: the node is inside it until leaseEnd
	warned   bool // the end of this lease was announced
	leaseEnd Time // Never for a cluster of one
	// carried is the end of the lease by the membership before this one, 0 once the lease
	// rests on this one alone.
	carried  Time
	newer    int // at least how many peers answered a stamp newer than the one that leaseEnd counts from
	nextPing Time

	// The wait after the start; the rules are in start.go. clientsLeft: clients may have
	// been left behind. fresh: Config.Fresh, until the wait
	// is over, or a member is heard that is not fresh.
	startedAt                   Time
	waiting, clientsLeft, fresh bool

	// Leaving; the rules are in bye.go. leaving: nobody is let in any more, since the node
	// retires, or is no member of the next list. departed: for the latter reason its session
	// has ended.
	leaving, retiring, departed, gone bool
	// ended is the session that departed ended; 0 if it had none. (The clients of an earlier
	// process may still hold locks, and no BYE ends that.)
	ended Session

	// Rounds; the rules are in promise.go and forget.go.
	promised  uint64 // the highest ballot number promised, at least Config.Floor
	floor     uint64 // the node promises no ballot at or below this number
	forgotten uint64 // the highest ballot number of any forgotten lock
	probes    uint64 // how many probes have begun

	values int // how many values are kept; the rules are in say.go

	// What this member remembers, by lock; the rules are in notes.go. Serials count the
	// Stores: that of the latest, and of the latest that is on stable storage. storing are
	// those in between.
	notes          map[string]*remembered
	serial, stored uint64
	storing        []storing

	count  uint64 // of the latest request in this session, for any lock
	locks  map[string]*lock
	order  []*lock // the same locks, in an order that depends only on the inputs
	active []*lock // locks that may be in use or wanted
	spare  []*use  // empty, for locks that wake
	timers timers

	effects []Effect
	numbers []Number // backs the State of the effects
	members []Member // likewise
	stamps  []Time   // scratch
}

// New returns a node that has heard of no lock and has no stream. Errors wrap
// ErrConfig.
func New(now Time, cfg Config) (*Node, error) {
	if err := cfg.check(); err != nil {
		return nil, err
	}
	n := &Node{
		cfg:         cfg,
		self:        cfg.Self,
		now:         now,
		boot:        cfg.Session,
		session:     cfg.Session,
		startedAt:   now,
		nextPing:    now,
		waiting:     true,
		clientsLeft: cfg.Encumbered,
		fresh:       cfg.Fresh,
		promised:    cfg.Floor,
		floor:       cfg.Floor,
		locks:       make(map[string]*lock),
	}
	n.loadNotes()
	n.loadMembership()
	n.checkWait()
	return n, nil
}

// Effects returns what the inputs since the last call caused, in order. The slice is valid
// until the next input.
func (n *Node) Effects() []Effect {
	effects := n.effects
	n.effects, n.numbers, n.members = emptied(n.effects, keptEffects), emptied(n.numbers, keptEffects), emptied(n.members, keptEffects)
	return effects
}

// keptEffects is for how many effects, and parts of their states, memory is kept. The end
// of a session issues one for each token here; that memory is given back.
const keptEffects = 1024

// Acquire queues a local waiter for a lock. A Grant follows, now or later.
func (n *Node) Acquire(now Time, name string, w Waiter) {
	n.advance(now)
	l := n.lock(name)
	l.waiters.push(request{waiter: w})
	switch {
	case l.idle() && !n.leaving:
		n.enter(l)
	case !l.holdsToken() && !l.outstanding:
		n.ask(l)
	}
	n.schedule(l)
}

// Withdraw takes a waiter that was not granted the lock out of the queue. Its request is
// not recalled: the token comes, and is passed on at once.
func (n *Node) Withdraw(now Time, name string, w Waiter) {
	// First the waiter, then the clock: in a cluster of one, advance may begin the session
	// and let the waiters in.
	known, waited := n.locks[name]
	waited = waited && known.use != nil && known.waiters.remove(w)

	n.advance(now)
	l := n.lock(name)
	if waited {
		l.forgetTry(w)
		n.noteWithdrawal(l)
		n.moveUp(l)
	}
	n.schedule(l)
}

// noteWithdrawal notes that nobody here waits any more, if so.
func (n *Node) noteWithdrawal(l *lock) {
	if l.waiters.empty() && l.outstanding {
		n.issue(l, Withdrew, NoMember).Number = l.requestNumbers[n.self]
	}
}

// Release ends a hold. It does nothing if the waiter does not hold the lock.
func (n *Node) Release(now Time, name string, w Waiter) {
	n.advance(now)
	l := n.lock(name)
	if l.holder == w && w != 0 {
		if l.notes != nil {
			n.giveBack(l)
		}
		n.leave(l)
	} else if l.sharing != nil {
		n.leaveShare(l, w)
	}
	n.schedule(l)
	n.checkGone()
}

// PeerUp says that the stream to a peer has opened. The node repeats requests that the last
// stream may have lost, and sends an idle token that it could not deliver before.
func (n *Node) PeerUp(now Time, peer Member) {
	n.advance(now)
	if !n.peers[peer].listed {
		return
	}
	n.peers[peer].connected = true
	n.tellMembership(peer)
	n.sayClear(peer)
	if n.ended != 0 && !n.gone {
		n.send(nil, peer, Message{Kind: Bye, Session: n.ended}) // the last may be lost
	}
	n.sayAgain(peer)
	n.ping(peer)
	n.checkWait()
	for _, l := range n.order {
		if l.use != nil && l.outstanding {
			n.repeat(l, peer)
		}
		if l.use != nil && l.notes != nil {
			n.repeatWitness(l, peer)
		}
	}
	n.repeatChange(peer)
	n.passOnIdle()
	if n.peers[peer].returned {
		n.peers[peer].returned = false
		n.suspectAll()
	}
}

// PeerDown says that the stream to a peer has ended.
func (n *Node) PeerDown(now Time, peer Member) {
	n.advance(now)
	n.peers[peer].connected = false
}

// Tick tells the node the time. The driver calls it at NextTick, or soon after.
func (n *Node) Tick(now Time) {
	n.advance(now)
	if n.gone {
		return
	}
	if n.nextPing <= now {
		n.nextPing = now + n.cfg.TTL/4
		n.pingAll()
	}
	n.doubt()
	n.fireTimers()
	n.fireChange()
	n.checkGone()
}

// NextTick returns when the node needs its next Tick.
func (n *Node) NextTick() Time {
	if n.gone {
		return Never
	}
	next := min(n.nextPing, n.timers.next(), n.nextDoubt(), n.changeDue())
	if n.waiting && !n.birth.awaited {
		next = min(next, n.startedAt+n.cfg.TTL)
	}
	if n.begun {
		next = min(next, n.leaseEnd)
		if !n.warned {
			next = min(next, n.warnAt())
		}
	}
	return next
}

// Receive takes a message. The messages of one sender come in the order in which they were
// sent, and only from the newest stream that ReceiveHello accepted.
func (n *Node) Receive(now Time, from Member, message Message) {
	m := &message
	n.advance(now)
	if n.gone || n.version != 0 && !n.heeds(from, m) {
		return
	}
	switch m.Kind {
	case KeepAlive:
	case Ping:
		n.receivePing(from, m)
	case Pong:
		n.receivePong(from, m)
	case Busy:
		n.receiveBusy(m)
	case Clear:
		n.receiveClear(from, m)
	case Bye:
		n.receiveBye(from, m)
	case Known:
		n.learn(from, m.Session, m.Incarnation)
	case MembershipMessage, Choose, ChooseAnswer, Accept, AcceptAnswer, Joined, JoinedAnswer, Sync, SyncAnswer:
		n.receiveChange(from, m)
	default:
		n.receiveAbout(from, m)
	}
}

// receiveAbout takes a message about a lock.
func (n *Node) receiveAbout(from Member, m *Message) {
	l := n.lock(m.Lock)
	l.heardOf = true
	switch m.Kind {
	case Request:
		n.receiveRequest(l, from, m)
	case TokenMessage:
		n.receiveToken(l, from, m)
	case Probe:
		n.receiveProbe(l, from, m)
	case ProbeAnswer:
		n.receiveProbeAnswer(l, from, m)
	case Ballot:
		n.receiveBallot(l, from, m)
	case BallotAnswer:
		n.receiveBallotAnswer(l, from, m)
	case Abort:
		n.receiveAbort(l, from, m)
	case Recall:
		n.receiveRecall(l, from, m)
	case Done:
		n.receiveDone(l, from, m)
	case Say:
		n.receiveSay(l, from, m)
	case Witness:
		n.receiveWitness(l, from, m)
	case WitnessAnswer:
		n.receiveWitnessAnswer(l, from, m)
		n.checkGone()
	default:
		panic(fmt.Sprintf("token: message of unknown kind %d", m.Kind))
	}
	n.schedule(l)
}

// advance sets the time. Every input calls it first, so that nothing is done in a session
// whose lease is over.
func (n *Node) advance(now Time) {
	n.now = now
	if !n.gone {
		n.checkLease()
		n.checkWait()
	}
}

// lock returns what the node knows about a lock; at first that is nothing.
func (n *Node) lock(name string) *lock {
	l, known := n.locks[name]
	if !known {
		l = n.newLock(name)
		l.position = int32(len(n.order))
		n.locks[name] = l
		n.order = append(n.order, l)
	}
	l.usedAt = n.now
	n.wake(l)
	return l
}

// newLock is a lock that the node has heard nothing of.
func (n *Node) newLock(name string) *lock {
	return &lock{
		name:           name,
		requestNumbers: make([]Number, len(n.peers)),
		use: &use{
			epoch:    above(n.forgotten),
			highest:  n.forgotten,
			passedAt: n.now - n.cfg.TTL, // long enough ago
		},
	}
}
