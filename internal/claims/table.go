package claims

import (
	"fmt"
	"slices"

	"conch/internal/frames"
	"conch/internal/runs"
	"conch/token"
)

// Caller describes to people who claims a lock. Nothing depends on it.
type Caller struct {
	Host string
	PID  int64
	User string
	// Command is the command that runs under the lock.
	Command string
	// Identity is the caller as the node has identified it: the user of this machine, or
	// the name in a certificate. Empty is unknown.
	Identity string
}

// String describes a caller in one phrase: who, where, and which process.
func (c Caller) String() string {
	who := fmt.Sprintf("%s@%s", c.User, c.Host)
	if c.PID != 0 {
		who += fmt.Sprintf(", process %d", c.PID)
	}
	if c.Identity != "" {
		who += ", known as " + c.Identity
	}
	return who
}

// Stream identifies a client's stream. Values are compared with ==; nil is none.
type Stream any

// Lease is a session, and when it ends if nothing more is heard. The zero Lease is none.
type Lease struct {
	Session token.Session
	// End is by the node's own clock; [token.Never] for a cluster of one.
	End token.Time
}

// Config is what a table needs at its start.
type Config struct {
	// TTL is a session's time to live, T.
	TTL token.Time
	// Member is the address of this node, and Quorum how many of Members it must reach; all
	// three for texts.
	Member          string
	Quorum, Members int
	// Addresses are the members' by ID, for texts; empty for who is none any more.
	Addresses []string
	// MaxLocks: a node that knows this many locks refuses callers here any others.
	MaxLocks int
	// Counted: somebody counts holds, so Ended is issued for each claim.
	Counted bool
	// MaxPerClient and MaxClaims bound the claims of one client and of all clients.
	MaxPerClient, MaxClaims int
}

// Table is a node's table of claims.
type Table struct {
	cfg  Config
	node *token.Node
	// Watched: somebody subscribes to locks, so Began and Settled are issued.
	Watched bool
	// lease is the node's own.
	lease Lease

	// claims has every claim that waits or holds, by its id at this node. holds counts
	// those that hold, and ofClients those of clients.
	claims           map[token.Waiter]*Claim
	holds, ofClients int
	// lastID is the latest id of a client's claim, without clientBit.
	lastID token.Waiter
	// broken are the local holds with an end time of their own.
	broken []*Claim

	// ended are the holds whose runs are done, until the node says whether a quorum remembers
	// that; by the ids that they had here.
	ended map[token.Waiter]*ended

	// clients has every client that has a stream or a claim, or had an answer to an EndRun
	// within the last time to live; streams has the client of each
	// stream that is present.
	clients map[frames.Incarnation]*client
	streams map[Stream]*client
	due     dueQueue

	// unwanted are grants without a known claim, to be returned.
	unwanted []unwanted
	// draining: the table takes no new claims. stopping: the end of all holds is settled,
	// too. departing: the node leaves the list of members.
	draining, stopping, departing bool

	effects  []Effect
	messages []frames.NodeMessage // that the effects refer to
	spare    []*Claim             // all zero, for later claims
	view     token.LockView
}

// unwanted is a grant that goes back.
type unwanted struct {
	lock string
	id   token.Waiter
}

// New returns an empty table of the claims at a node. The driver gives inputs about claims
// to the table, which passes them on, and all others to the node. After each input it
// performs the node's effects, gives each to [Table.Take], and calls [Table.Return].
func New(node *token.Node, cfg Config) *Table {
	return &Table{
		cfg: cfg, node: node,
		claims:  make(map[token.Waiter]*Claim),
		ended:   make(map[token.Waiter]*ended),
		clients: make(map[frames.Incarnation]*client),
		streams: make(map[Stream]*client),
	}
}

// SetLease sets the node's own lease, which is zero outside a session. The driver calls it
// before [Table.Take] whenever the lease has changed.
func (t *Table) SetLease(l Lease) { t.lease = l }

// SetMembers tells the table, for its texts, who the members are now: addresses by ID, self
// among them, of which the node must reach quorum.
func (t *Table) SetMembers(self string, addresses []string, quorum int) {
	t.cfg.Member, t.cfg.Addresses, t.cfg.Quorum = self, addresses, quorum
	t.cfg.Members = 0
	for _, address := range addresses {
		if address != "" {
			t.cfg.Members++
		}
	}
}

// Claim is one wait, and the hold that may follow.
type Claim struct {
	id     token.Waiter
	lock   string
	limit  token.Limit   // the mode
	sets   bool          // it wants to change the lock's limit to that, and holds nothing
	run    *runs.Request // nil if it is for no run
	keep   *runs.Keep    // nil if the hold is not kept
	caller *Caller
	local  any     // the waiter in this process; nil for a client's claim
	client *client // nil for a local one
	// number is the client's id for the claim.
	number uint64
	// stream is where a client asked for the lock or resumed the hold; nil for a hold whose
	// stream is over.
	stream Stream

	holding bool
	fence   token.Fence // while it holds
	said    uint64      // the client's number of the value said last; 0 before
	session token.Session
	since   token.Time // when it began to wait, or to hold
	// tryEnds is when a client's try is refused for lack of a result; 0 for others.
	tryEnds token.Time
	// settled is why the end of the hold is settled, 0 if it is not, and text what is said
	// about it. ends is when a hold ends that nothing extends: see [Table.end].
	settled frames.Reason
	text    string
	ends    token.Time
}

// clientBit is set in the ids of clients' claims, not in those of local callers.
const clientBit token.Waiter = 1 << 63

// add makes a claim and passes it on to the node.
func (t *Table) add(now token.Time, id token.Waiter, lock string, limit token.Limit, try bool, caller *Caller, want Want) *Claim {
	c := t.enter(now, id, lock, limit)
	c.caller, c.run, c.keep = caller, want.Run, want.Keep
	switch {
	case want.Run != nil || want.Keep != nil:
		t.askNoted(now, c, want, try)
	case limit != token.Exclusive && try:
		t.node.TryShare(now, lock, id, limit)
	case limit != token.Exclusive:
		t.node.AcquireShare(now, lock, id, limit)
	case try:
		t.node.Try(now, lock, id)
	default:
		t.node.Acquire(now, lock, id)
	}
	return c
}

// enter puts a claim on the table.
func (t *Table) enter(now token.Time, id token.Waiter, lock string, limit token.Limit) *Claim {
	var c *Claim
	if n := len(t.spare); n > 0 {
		c, t.spare = t.spare[n-1], t.spare[:n-1]
	} else {
		c = new(Claim)
	}
	c.id, c.lock, c.limit, c.since = id, lock, limit, now
	t.claims[id] = c
	if t.Watched {
		t.issue(Began).Lock = lock
	}
	return c
}

// remove takes a claim off the table. The caller tells the node what it must know.
func (t *Table) remove(now token.Time, c *Claim) {
	delete(t.claims, c.id)
	if t.cfg.Counted || t.Watched {
		e := t.issue(Ended)
		e.Lock, e.Fence, e.Lasted = c.lock, c.fence, now-c.since
	}
	if c.holding {
		t.holds--
	}
	if c.client != nil {
		t.ofClients--
		c.client.remove(c)
		t.forget(c.client)
	} else if c.ends != 0 {
		t.broken = slices.DeleteFunc(t.broken, func(b *Claim) bool { return b == c })
	}
	if len(t.spare) < keptClaims {
		*c = Claim{}
		t.spare = append(t.spare, c)
	}
}

// keptClaims is for how many claims memory is kept.
const keptClaims = 1024

// giveUp takes a claim off the table and out of the node: a wait is withdrawn, a hold
// released.
func (t *Table) giveUp(now token.Time, c *Claim) {
	id, lock, held := c.id, c.lock, c.holding
	t.remove(now, c)
	if held {
		t.node.Release(now, lock, id)
	} else {
		t.node.Withdraw(now, lock, id)
	}
}

// full reports whether nobody here can ask for a lock, because it is unknown and as many
// are known as may be.
//
// Names that other members use are always taken in. Each member refuses its own callers new
// names once it knows the maximum, others' names included. So one bound holds for all
// members together; while they are cut off from each other, it holds for each.
func (t *Table) full(lock string) bool {
	return t.node.InspectCount() >= t.cfg.MaxLocks && !t.node.InspectKnown(lock)
}

// admit returns why a claim of a lock is refused; Code is 0 if it is not.
func (t *Table) admit(lock string, limit token.Limit) frames.Refusal {
	if refusal := frames.CheckLimit(limit); refusal.Code != 0 {
		return refusal
	}
	switch {
	case t.draining:
		return t.leaving()
	case t.full(lock):
		return t.tooManyNames(lock)
	}
	return frames.Refusal{}
}

// tooManyNames refuses a lock that is not known.
func (t *Table) tooManyNames(lock string) frames.Refusal {
	return frames.Refuse(frames.CodeTooManyNames,
		"the node knows %d locks, which is as many as it may, and %q is not among them; a lock that nobody asks for is forgotten two hours after its last use",
		t.node.InspectCount(), lock)
}

// sorted returns all claims in the order of their ids.
func (t *Table) sorted() []*Claim {
	all := make([]*Claim, 0, len(t.claims))
	for _, c := range t.claims {
		all = append(all, c)
	}
	slices.SortFunc(all, byID)
	return all
}

func byID(a, b *Claim) int {
	switch {
	case a.id < b.id:
		return -1
	case a.id > b.id:
		return 1
	}
	return 0
}
