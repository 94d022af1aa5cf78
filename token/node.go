package token

import "fmt"

// Config is what a node must know at its start.
type Config struct {
	Self    Member  // this node
	Members int     // how many members there are, this node counted
	Session Session // the first session's number

	// Incarnation is drawn at random by each process at its start.
	Incarnation Incarnation
}

// Node is one member's part in the algorithm, for all locks. Its methods are the
// inputs; what is to be done about them is collected as effects.
type Node struct {
	self        Member
	incarnation Incarnation
	boot        Session // the session number at the start of this process
	session     Session
	count       uint64 // of the latest request in this session, for any lock
	peers       []peer // by member; the own entry is not used

	locks map[string]*lock
	order []*lock // the same, in the order in which they were first heard of

	effects []Effect
	numbers []Number // backs the State of the effects
	members []Member // likewise
}

// New returns a node that has heard of no lock and has no stream.
func New(cfg Config) (*Node, error) {
	switch {
	case cfg.Members < 1:
		return nil, fmt.Errorf("token: Config.Members: got %d, want at least 1", cfg.Members)
	case cfg.Self < 0 || int(cfg.Self) >= cfg.Members:
		return nil, fmt.Errorf("token: Config.Self: got %d, want 0 to %d", cfg.Self, cfg.Members-1)
	}
	return &Node{
		self:        cfg.Self,
		incarnation: cfg.Incarnation,
		boot:        cfg.Session,
		session:     cfg.Session,
		peers:       make([]peer, cfg.Members),
		locks:       make(map[string]*lock),
	}, nil
}

// Effects returns what the inputs since the last call brought about, in order.
// The slice is valid until the next input.
func (n *Node) Effects() []Effect {
	effects := n.effects
	n.effects, n.numbers, n.members = n.effects[:0], n.numbers[:0], n.members[:0]
	return effects
}

// Acquire queues a local waiter for a lock. A Grant follows, now or later.
func (n *Node) Acquire(now Time, name string, w Waiter) {
	l := n.lock(name)
	l.waiters.push(w)
	switch {
	case l.idle():
		n.enter(l)
	case !l.holdsToken() && !l.outstanding:
		n.ask(l)
	}
}

// Withdraw takes a waiter that was not granted the lock out of the queue. Its
// request is not recalled: the token comes, and goes on at once.
func (n *Node) Withdraw(now Time, name string, w Waiter) {
	l := n.lock(name)
	if l.waiters.remove(w) && l.waiters.empty() && l.outstanding {
		n.note(l, Effect{Kind: Withdrew, Number: l.requestNumbers[n.self]})
	}
}

// Release ends a hold. It does nothing if the waiter does not hold the lock (any
// more).
func (n *Node) Release(now Time, name string, w Waiter) {
	l := n.lock(name)
	if l.holder != w || w == 0 {
		return
	}
	n.leave(l)
}

// PeerUp says that the stream to a peer opened. Requests that the last stream may
// have lost are repeated, and a token that lies idle may have become deliverable.
func (n *Node) PeerUp(now Time, peer Member) {
	n.peers[peer].connected = true
	for _, l := range n.order {
		if l.outstanding {
			n.repeat(l, peer)
		}
		if l.idle() {
			n.passOn(l)
		}
	}
}

// PeerDown says that the stream to a peer ended.
func (n *Node) PeerDown(now Time, peer Member) { n.peers[peer].connected = false }

// Receive takes a message. Messages of one sender come in the order in which
// they were sent.
func (n *Node) Receive(now Time, from Member, m Message) {
	switch m.Kind {
	case Request:
		n.receiveRequest(n.lock(m.Lock), from, m)
	case TokenMessage:
		n.receiveToken(n.lock(m.Lock), from, m)
	default:
		panic(fmt.Sprintf("token: message of unknown kind %d", m.Kind))
	}
}

// lock returns what is known about a lock, which is nothing at first.
//
// Until rounds make tokens, the first member makes each lock's, when it first
// hears of the lock.
func (n *Node) lock(name string) *lock {
	if l, ok := n.locks[name]; ok {
		return l
	}
	l := &lock{name: name, requestNumbers: make([]Number, len(n.peers))}
	n.locks[name] = l
	n.order = append(n.order, l)
	if n.self == 0 {
		l.token = &Token{Epoch: Epoch{Number: 1}, LastGranted: make([]Number, len(n.peers))}
		n.note(l, Effect{Kind: Made, Message: Message{Token: l.token}})
	}
	return l
}

// note issues an effect about a lock that concerns no peer.
func (n *Node) note(l *lock, e Effect) {
	e.Peer, e.Lock, e.State = NoMember, l.name, n.state(l)
	n.effects = append(n.effects, e)
}

// received notes that a message about a lock came.
func (n *Node) received(l *lock, from Member, m Message) {
	n.effects = append(n.effects, Effect{Kind: Received, Peer: from, Lock: l.name, Message: m, State: n.state(l)})
}

// state copies what is known about a lock.
func (n *Node) state(l *lock) State {
	s := State{RequestNumbers: n.copyNumbers(l.requestNumbers)}
	if l.token != nil {
		s.LastGranted = n.copyNumbers(l.token.LastGranted)
		from := len(n.members)
		n.members = append(n.members, l.token.Queue...)
		s.Queue = n.members[from:len(n.members):len(n.members)]
	}
	return s
}

func (n *Node) copyNumbers(numbers []Number) []Number {
	from := len(n.numbers)
	n.numbers = append(n.numbers, numbers...)
	return n.numbers[from:len(n.numbers):len(n.numbers)]
}
