package modelcheck

import (
	"fmt"
	"slices"

	"conch/token"
)

const (
	maxMembers = 4
	maxLocks   = 2
	maxClients = 2 // of one lock at one member
)

// ttl is the sessions' time to live, in nanoseconds. It is divisible by every StepsPerTTL
// and by 100.
const ttl token.Time = 800e6

// Config is a small cluster and what may happen to it.
type Config struct {
	Name    string
	Members int // 1 to 4
	Locks   int // 1 or 2

	// First is how many members the first list has, if the members can change; the others may
	// join. Changes are those that may be asked for. 0: the members are always the same.
	First   int
	Changes []proposal

	// Start is the state in which the search begins.
	Start Start
	// prelude is what happens after that, whatever the budgets allow, before the search.
	prelude []action
	// Delivery is how messages arrive.
	Delivery Delivery
	// StepsPerTTL is how many steps of time a session's time to live has: 1, 2, 4 or 8.
	StepsPerTTL int
	// Slow lists the members whose clocks run slower than the others' by ρ.
	Slow []token.Member
	// Diskless: no member has a disk. Sessions and floors then start at a wall clock that
	// is never set back.
	Diskless bool
	// Clients: each client is a process of its own, and goes on holding after its member
	// crashes, until its lease is over.
	Clients bool
	// IdleToken and IdleLock are in steps; 0 means hours. FencesPerEpoch 0 means the usual
	// number.
	IdleToken, IdleLock int
	FencesPerEpoch      uint64
	// LocalBatch is each member's. With 0, which means 1, overtaking is not counted, which
	// saves states.
	LocalBatch int

	// Modes are those of each member's clients: how they want locks.
	Modes [maxMembers][maxClients]token.Limit

	// Wants are what each member's clients want beside the lock. If any wants something, the
	// members have disks for notes, and notes are written after all else that a member does.
	Wants [maxMembers][maxClients]want

	// Requests is how often each member's clients ask, for any lock, and Tries how often
	// they ask without waiting.
	Requests, Tries [maxMembers]int
	// Says is how often each member's clients say a value, while they hold a lock alone.
	Says [maxMembers]int
	// Frees is how often somebody frees a kept hold, and Lates how often the client of a run
	// whose hold was lost says that it is done.
	Frees, Lates int
	// Steps is how many steps of time there are.
	Steps int
	// Faults is how often each kind of fault may happen.
	Faults Faults
	// Faultless lists members to which only messages and time happen: no crash, pause or
	// leave.
	Faultless []token.Member

	// Faulty lists the streams that may end or stall; nil means all. A stream from a member to
	// itself is its disk, which can stall.
	Faulty []Stream

	// Rest is when every waiter must have been served.
	Rest Rest
	// Sample: one of every so many states is followed by calm, to check that every waiter
	// is served. 0 means none. It is a power of two.
	Sample int
}

// Faults counts faults by kind.
type Faults struct {
	Withdrawals int // a waiter gives up
	Breaks      int // a stream ends, and perhaps its messages are lost
	Crashes     int // a member stops at once; it may be started again
	Leaves      int // a member leaves on purpose; it may be started again
	Pauses      int // a member does not notice one step of time
	Stalls      int // a stream delivers nothing for a while, or a disk; for Prompt delivery
	Abandons    int // the holder of a kept hold is gone
}

// Stream is one direction of a pair of members.
type Stream struct{ From, To token.Member }

// Start is the state in which a search begins.
type Start uint8

// Cold: all members have just been started, and no stream is open. Ready: all are in
// session and no lock was ever used. Idle: as Ready, and member 0 has each lock's token,
// unused. Held: as Ready, and a client of member 0 holds each lock.
const (
	Cold Start = iota
	Ready
	Idle
	Held
)

// Delivery is how messages arrive.
type Delivery uint8

// OneByOne: each message waits as long as the search likes, and is delivered by itself.
// Batched: all messages in a stream are delivered together, and nothing happens in between.
// Prompt: every message is delivered at once, except on streams that are stalled, which is
// a fault; there messages are delivered one by one, until the stream flows again. Each has
// far fewer states for the same time than the one before.
const (
	OneByOne Delivery = iota
	Batched
	Prompt
)

// Rest is when every waiter must have been served.
type Rest uint8

// AfterCalm: after some multiple of the time to live without faults, once all budgets are
// spent. AtOnce: as soon as all budgets are spent.
const (
	AfterCalm Rest = iota
	AtOnce
)

// check panics if the configuration exceeds what the package supports.
func (c *Config) check() {
	switch {
	case c.Members < 1 || c.Members > maxMembers:
		panic(fmt.Sprintf("explore: %s: %d members", c.Name, c.Members))
	case c.Locks < 1 || c.Locks > maxLocks:
		panic(fmt.Sprintf("explore: %s: %d locks", c.Name, c.Locks))
	case c.StepsPerTTL != 1 && c.StepsPerTTL != 2 && c.StepsPerTTL != 4 && c.StepsPerTTL != 8:
		panic(fmt.Sprintf("explore: %s: %d steps to the time to live", c.Name, c.StepsPerTTL))
	case c.First < 0 || c.First > c.Members || c.First == 0 && c.Changes != nil || len(c.Changes) > 8:
		panic(fmt.Sprintf("explore: %s: %d of %d members are in the first list, and there are %d changes", c.Name, c.First, c.Members, len(c.Changes)))
	case c.Sample&(c.Sample-1) != 0:
		panic(fmt.Sprintf("explore: %s: a sample of one in %d", c.Name, c.Sample))
	}
}

// faulty reports whether the stream of i to j may end or stall.
func (c *Config) faulty(i, j int) bool {
	return c.Faulty == nil || slices.Contains(c.Faulty, Stream{token.Member(i), token.Member(j)})
}

// faultless reports whether only messages and time happen to member i.
func (c *Config) faultless(i int) bool { return slices.Contains(c.Faultless, token.Member(i)) }

// step is the length of a step of time.
func (c *Config) step() token.Time { return ttl / token.Time(c.StepsPerTTL) }

// elapsed is how far member i's clock moves in some time.
func (c *Config) elapsed(i int, passed token.Time) token.Time {
	if slices.Contains(c.Slow, token.Member(i)) {
		return passed - passed/100
	}
	return passed
}

// node is the configuration of member i for its n-th start (from 0), with this disk.
// Encumbered is left out.
func (c *Config) node(i, n int, disk disk) token.Config {
	cfg := token.Config{
		Self:           token.Member(i),
		Members:        c.Members,
		Incarnation:    token.Incarnation{0: byte(i + 1), 1: byte(n + 1)},
		Session:        disk.session + 1,
		Floor:          disk.promised,
		TTL:            ttl,
		IdleToken:      token.DefaultIdleToken,
		IdleLock:       token.DefaultIdleLock,
		FencesPerEpoch: token.MaxFencesPerEpoch,
		LocalBatch:     c.LocalBatch,
		Remembers:      c.remembers(),
		MaxNotes:       maxLocks,
	}
	if c.changes() {
		cfg.Members, cfg.Membership, cfg.Choice = 0, disk.membership, disk.choice
		for _, l := range disk.membership.All() {
			if l.ID == cfg.Self {
				cfg.Disk = l.Disk
			}
		}
	}
	if c.Diskless { // as if a second had at most 100 ballots and 100 sessions
		cfg.Session, cfg.Floor = token.Session(100*(n+1)), uint64(100*(n+1))
	}
	if c.IdleToken != 0 {
		cfg.IdleToken = token.Time(c.IdleToken) * c.step()
	}
	if c.IdleLock != 0 {
		cfg.IdleLock = token.Time(c.IdleLock) * c.step()
	}
	if c.FencesPerEpoch != 0 {
		cfg.FencesPerEpoch = c.FencesPerEpoch
	}
	return cfg
}
