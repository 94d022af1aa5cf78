package token

import (
	"errors"
	"fmt"
)

// Config is what a node must know at its start.
type Config struct {
	Self    Member // this node
	Members int    // how many members there are, this node counted

	// Incarnation is drawn at random by each process at its start.
	Incarnation Incarnation
	// Session is the first session's number. It is higher than that of every session
	// this member had before, as far as is known, and on stable storage already.
	Session Session
	// Floor is not lower than any ballot number that this member promised before
	// this start. No ballot at or below it is promised. It is not lower than the wall
	// clock either, in BallotsPerSecond, where the clock is right.
	Floor uint64
	// Encumbered: an earlier process of this member may have left clients behind, in
	// processes of their own, that hold locks under leases of its session. The node is
	// then silent until T has passed since its start.
	Encumbered bool

	// TTL is T, a session's time to live; the same in the whole cluster.
	TTL Time
	// IdleToken is how long a token lies idle before it is dropped, and IdleLock how
	// long a lock is not heard of before it is forgotten. IdleLock is the longer.
	IdleToken, IdleLock Time
	// FencesPerEpoch is how many grants a token is good for: at most, and usually,
	// MaxFencesPerEpoch.
	FencesPerEpoch uint64

	// LocalBatch is how many local waiters in a row may enter while other members wait,
	// at most MaxLocalBatch: with 1, or 0, each leave passes the token on to the member that
	// is next. The nodes of a cluster need not have the same. A member that waits is let
	// in after at most LocalBatch entries of each other one.
	LocalBatch int
}

// MaxLocalBatch is the most that Config.LocalBatch may be. A longer batch would gain
// nothing that could be measured, and make the others wait all the same.
const MaxLocalBatch = 1000

// MaxFencesPerEpoch leaves the low FenceBits bits of a fence to the grants of one
// token; the bits above are its ballot's number.
const MaxFencesPerEpoch = 1<<FenceBits - 1

// FenceBits is how many bits of a fence count the grants of one token.
const FenceBits = 24

// BallotsPerSecond is the unit of ballot numbers: numbers that begin at a clock count
// this many for each of its seconds. A lock has fewer ballots than that, so its numbers
// stay behind the clock, and a start that finds no memory of them and begins at the
// clock is above them. In fences, whatever the unit, a second is 2^32.
const BallotsPerSecond = 256

// MinTTL is the shortest time to live that a session may have.
const MinTTL = 200 * millisecond

const (
	millisecond Time = 1e6
	second           = 1000 * millisecond
	hour             = 3600 * second
)

// DefaultIdleToken and DefaultIdleLock are what Config.IdleToken and
// Config.IdleLock usually are.
const (
	DefaultIdleToken = hour
	DefaultIdleLock  = 2 * hour
)

// ErrConfig is wrapped by what New returns; the text names the field.
var ErrConfig = errors.New("token: bad configuration")

func (cfg Config) check() error {
	bad := func(field string, got any, want string) error {
		return fmt.Errorf("%w: Config.%s: got %v, want %s", ErrConfig, field, got, want)
	}
	switch {
	case cfg.Members < 1:
		return bad("Members", cfg.Members, "at least 1")
	case cfg.Self < 0 || int(cfg.Self) >= cfg.Members:
		return bad("Self", cfg.Self, fmt.Sprintf("0 to %d", cfg.Members-1))
	case cfg.Session == 0:
		return bad("Session", cfg.Session, "at least 1")
	case cfg.TTL < MinTTL:
		return bad("TTL", cfg.TTL, fmt.Sprintf("at least %d ns", MinTTL))
	case cfg.IdleToken <= 0:
		return bad("IdleToken", cfg.IdleToken, "more than 0")
	case cfg.IdleLock <= cfg.IdleToken:
		return bad("IdleLock", cfg.IdleLock, "more than IdleToken")
	case cfg.FencesPerEpoch < 1 || cfg.FencesPerEpoch > MaxFencesPerEpoch:
		return bad("FencesPerEpoch", cfg.FencesPerEpoch, "1 to MaxFencesPerEpoch")
	case cfg.LocalBatch < 0 || cfg.LocalBatch > MaxLocalBatch:
		return bad("LocalBatch", cfg.LocalBatch, fmt.Sprintf("0 to %d", MaxLocalBatch))
	}
	return nil
}

// Node is one member's part in the algorithm, for all locks. Its methods are the
// inputs; what is to be done about them is collected as effects.
//
// Each input takes now, the reading of the node's own clock; readings never
// decrease.
type Node struct {
	cfg   Config
	self  Member
	now   Time
	peers []peer // by member; of the own entry, only the votes are used

	// The session; the rules are in session.go.
	boot     Session // orders the streams of this process after those of others
	session  Session
	begun    bool // whether it has begun: then this node is inside it until leaseEnd
	warned   bool // whether the end of this lease was announced
	leaseEnd Time // Never for a cluster of one
	newer    int  // at least as many as peers have answered a stamp that is newer than the one leaseEnd counts from
	nextPing Time

	// The wait after the start; the rules are in start.go.
	startedAt Time
	waiting   bool

	// Leaving; the rules are in bye.go.
	leaving, gone bool

	// Rounds; the rules are in promise.go and forget.go.
	promised  uint64 // the highest ballot number that was promised, at least Config.Floor
	floor     uint64 // no ballot at or below this number is promised
	forgotten uint64 // the highest ballot number of any lock that was forgotten
	probes    uint64 // how many probes were begun

	count  uint64 // of the latest request in this session, for any lock
	locks  map[string]*lock
	order  []*lock // the same, in an order that depends on the inputs alone
	active []*lock // those that may be in use, or wanted
	spare  []*use  // empty, for locks that awake
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
		cfg:       cfg,
		self:      cfg.Self,
		now:       now,
		peers:     make([]peer, cfg.Members),
		boot:      cfg.Session,
		session:   cfg.Session,
		startedAt: now,
		nextPing:  now,
		waiting:   true,
		promised:  cfg.Floor,
		floor:     cfg.Floor,
		locks:     make(map[string]*lock),
	}
	n.checkWait()
	return n, nil
}

// Effects returns what the inputs since the last call brought about, in order.
// The slice is valid until the next input.
func (n *Node) Effects() []Effect {
	effects := n.effects
	n.effects, n.numbers, n.members = emptied(n.effects, keptEffects), emptied(n.numbers, keptEffects), emptied(n.members, keptEffects)
	return effects
}

// keptEffects is how many effects, and parts of their states, there is kept memory for.
// The end of a session has one for each token here: that memory is given back.
const keptEffects = 1024

// Acquire queues a local waiter for a lock. A Grant follows, now or later.
func (n *Node) Acquire(now Time, name string, w Waiter) {
	n.advance(now)
	l := n.lock(name)
	l.waiters.push(w)
	switch {
	case l.idle() && !n.leaving:
		n.enter(l)
	case !l.holdsToken() && !l.outstanding:
		n.ask(l)
	}
	n.schedule(l)
}

// Withdraw takes a waiter that was not granted the lock out of the queue. Its
// request is not recalled: the token comes, and goes on at once.
func (n *Node) Withdraw(now Time, name string, w Waiter) {
	// Before time moves on: in a cluster of one that may begin the session, which lets
	// in the waiters.
	known, waited := n.locks[name]
	waited = waited && known.use != nil && known.waiters.remove(w)

	n.advance(now)
	l := n.lock(name)
	if waited {
		l.forgetTry(w)
		n.noteWithdrawal(l)
	}
	n.schedule(l)
}

// noteWithdrawal notes that nobody here waits any more, if that is so.
func (n *Node) noteWithdrawal(l *lock) {
	if l.waiters.empty() && l.outstanding {
		n.issue(l, Withdrew, NoMember).Number = l.requestNumbers[n.self]
	}
}

// Release ends a hold. It does nothing if the waiter does not hold the lock (any
// more).
func (n *Node) Release(now Time, name string, w Waiter) {
	n.advance(now)
	l := n.lock(name)
	if l.holder == w && w != 0 {
		n.leave(l)
	}
	n.schedule(l)
	n.checkGone()
}

// PeerUp says that the stream to a peer opened. Requests that the last stream may
// have lost are repeated, and a token that lies idle may have become deliverable.
func (n *Node) PeerUp(now Time, peer Member) {
	n.advance(now)
	n.peers[peer].connected = true
	n.sayClear(peer)
	n.ping(peer)
	n.checkWait()
	for _, l := range n.order {
		if l.use != nil && l.outstanding {
			n.repeat(l, peer)
		}
	}
	n.lookAgain()
	if n.peers[peer].returned {
		n.peers[peer].returned = false
		n.suspectAll()
	}
}

// PeerDown says that the stream to a peer ended.
func (n *Node) PeerDown(now Time, peer Member) {
	n.advance(now)
	n.peers[peer].connected = false
}

// Tick says what time it is. It is to be called at NextTick, or soon after.
func (n *Node) Tick(now Time) {
	n.advance(now)
	if n.gone {
		return
	}
	if n.nextPing <= now {
		n.nextPing = now + n.cfg.TTL/4
		n.pingAll()
	}
	n.fireTimers()
}

// NextTick returns when the node wants to hear what time it is.
func (n *Node) NextTick() Time {
	if n.gone {
		return Never
	}
	next := min(n.nextPing, n.timers.next())
	if n.waiting {
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

// Receive takes a message. Messages of one sender come in the order in which
// they were sent, and only from the newest stream that ReceiveHello accepted.
func (n *Node) Receive(now Time, from Member, message Message) {
	m := &message
	n.advance(now)
	if n.gone {
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
	default:
		n.receiveAbout(from, m)
	}
}

// receiveAbout takes a message that is about a lock.
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
	default:
		panic(fmt.Sprintf("token: message of unknown kind %d", m.Kind))
	}
	n.schedule(l)
}

// advance moves time on. It comes first in every input, so that nothing is done
// in a session whose lease is over.
func (n *Node) advance(now Time) {
	n.now = now
	if !n.gone {
		n.checkLease()
		n.checkWait()
	}
}

// lock returns what is known about a lock, which is nothing at first.
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

// newLock is a lock that nothing was heard of.
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
