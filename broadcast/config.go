package broadcast

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"net"
	"slices"
	"time"

	"github.com/rs/zerolog"
	"google.golang.org/grpc/credentials"
	"google.golang.org/grpc/credentials/insecure"

	"conch/broadcast/wire"
	"conch/token"
)

// Config is what a driver needs at its start.
type Config struct {
	// Members are the addresses of all members, in the order that all share. Self is the
	// position of this one.
	Members []string
	Self    token.Member
	// Membership is the one on the member's disk, nil if there is none; if it is settled it takes
	// the place of Members and Self. Disk is the member's, zero without a data directory: then
	// the members never change, nor do they if there are more than [token.MaxListed]. Choice is
	// the member's part in the choice of the next membership, nil if it has none.
	Membership *token.Membership
	Disk       token.Disk
	Choice     *token.Choice
	// SaveMembership returns once the next process will find both, even if the machine goes down
	// now. Choice may be nil. A membership that does not list Disk says that the member was
	// removed: its data directory must not start again. An error ends the driver. If it is nil,
	// nothing is kept.
	SaveMembership func(*token.Membership, *token.Choice) error
	// Session numbers the first session: above those of earlier processes of this member.
	Session token.Session
	// Floor is not below any ballot number that earlier processes promised.
	Floor uint64
	// MaxBallot returns the highest ballot number that is plausible now. A peer that names
	// a higher one is refused. If it is nil, the limit is what fits into a fence.
	MaxBallot func() uint64
	// Encumbered: clients of an earlier process may still hold locks; see [token.Config].
	Encumbered bool
	// Fresh: nothing is known of earlier processes; see [token.Config].
	Fresh bool
	// TTL is a session's time to live, at least [token.MinTTL], and the same at all
	// members.
	TTL time.Duration
	// LocalBatch is how many waiters of this node may be let in in a row while other
	// members wait; see [token.Config]. Zero is 1.
	LocalBatch int
	// Store keeps what must outlast this process. If it is nil, the next process needs a
	// Session and a Floor above all that this one will use.
	Store Store
	// Notes keeps what is to be remembered of runs and kept holds. If it is nil, the node
	// remembers nothing, and no member gets either.
	Notes Notes
	// Memory says in words where Session comes from, for the log: "the data directory /d".
	// Empty is the wall clock.
	Memory string

	// Caller describes this process to those who ask who holds a lock.
	Caller Caller

	// Dial connects to a member. Nil is TCP.
	Dial func(ctx context.Context, address string) (net.Conn, error)
	// Credentials secure connections to a member. Nil is no security.
	Credentials func(address string) credentials.TransportCredentials
	// CheckMember refuses a stream that does not come from the member that it claims to
	// come from. It gets the context of the stream's call. Nil accepts every stream.
	CheckMember func(ctx context.Context, address string) error
	// Clock reads this node's clock; nil is [Clock].
	Clock func() token.Time

	// Observer is told what happens, for metrics. May be nil.
	Observer Observer

	// Log gets the lines; the zero Logger writes none.
	Log zerolog.Logger
	// FlushLog writes the lines that Log's writer has collected. It is called before
	// anybody can see the events that the lines record. Nil is for a writer that does not
	// collect.
	FlushLog func()
	// Evidence: the log has a line for each message and each step of the algorithm, at
	// level info. Otherwise it has what an operator wants to read.
	Evidence bool
	// Version is the program's, for the log. Empty is "unknown".
	Version string
	// FoundBy says for the log how the members are known. Empty says nothing.
	FoundBy string
}

// Observer is told what happens at a node. The worker calls its methods, one at a time;
// they must return at once.
type Observer interface {
	// Effect is called for each effect before it is performed. The effect is valid until
	// the call returns.
	Effect(e *token.Effect)
	// Waited is called for each grant, with how long its claim waited.
	Waited(lock string, wait time.Duration)
	// Held is called at the end of each hold, lost or released.
	Held(lock string, hold time.Duration)
	// Connected is called when a stream to another member is accepted.
	Connected(peer string)
	// Stored is called when notes are on disk, with how long that took.
	Stored(notes int, took time.Duration)
}

// noObserver ignores everything.
type noObserver struct{}

func (noObserver) Effect(*token.Effect)         {}
func (noObserver) Waited(string, time.Duration) {}
func (noObserver) Held(string, time.Duration)   {}
func (noObserver) Connected(string)             {}
func (noObserver) Stored(int, time.Duration)    {}

// Store is stable storage for two numbers: of the session, and of the highest ballot that
// may have been promised.
type Store interface {
	// Save returns once the next process will find both numbers or higher ones, even if the
	// machine goes down now. An error ends the driver. Only one call is made at a time.
	Save(session, promised uint64) error
}

// noStore keeps nothing.
type noStore struct{}

func (noStore) Save(uint64, uint64) error { return nil }

// complete checks a configuration and fills in defaults.
func (cfg *Config) complete() error {
	for i, address := range cfg.Members {
		if slices.Contains(cfg.Members[:i], address) {
			return fmt.Errorf("broadcast: Config.Members: %q stands in it twice", address)
		}
	}
	cfg.Members = slices.Clone(cfg.Members)
	if err := cfg.completeMembership(); err != nil {
		return err
	}
	if cfg.Dial == nil {
		cfg.Dial = dialTCP
	}
	if cfg.Credentials == nil {
		cfg.Credentials = func(string) credentials.TransportCredentials { return insecure.NewCredentials() }
	}
	if cfg.CheckMember == nil {
		cfg.CheckMember = func(context.Context, string) error { return nil }
	}
	if cfg.MaxBallot == nil {
		cfg.MaxBallot = func() uint64 { return wire.MaxBallot }
	}
	if cfg.Clock == nil {
		cfg.Clock = Clock
	}
	if cfg.Observer == nil {
		cfg.Observer = noObserver{}
	}
	cfg.Version = cmp.Or(cfg.Version, "unknown")
	if cfg.Store == nil {
		cfg.Store = noStore{}
	}
	return nil
}

// completeMembership settles with which membership the node starts, and where in it.
func (cfg *Config) completeMembership() error {
	switch m := cfg.Membership; {
	case m == nil && (cfg.Disk == token.Disk{} || len(cfg.Members) > token.MaxListed):
		cfg.Disk = token.Disk{}
		return nil
	case m == nil:
		cfg.Membership = token.NewMembership(cfg.Members)
		return nil
	case cfg.Disk == token.Disk{}:
		return errors.New("broadcast: Config.Disk: got none, want the disk of the member, beside Config.Membership")
	case m.Check() != nil:
		return fmt.Errorf("broadcast: Config.Membership: %w", m.Check())
	case m.Born():
		i := slices.IndexFunc(m.All(), func(l token.Listed) bool { return l.Disk == cfg.Disk })
		if i < 0 {
			return fmt.Errorf("broadcast: Config.Membership: %w: it does not list the disk %s", token.ErrStranger, cfg.Disk)
		}
		cfg.Self = m.All()[i].ID
	}
	return nil
}

func dialTCP(ctx context.Context, address string) (net.Conn, error) {
	var dialer net.Dialer
	return dialer.DialContext(ctx, "tcp", address)
}

// limits bound what peers and callers can make the driver wait for or keep.
type limits struct {
	inbox int // inputs that wait for the worker
	queue int // messages in an outgoing queue, above which it is full
	locks int // known locks, above which callers can ask for no others
	notes int // locks with notes, above which the node remembers no others
	// claims of one client, and of all clients
	perClient, claims int
	open              time.Duration // from the dial until the peer has answered HELLO
	hello             time.Duration // from the start of an incoming stream until HELLO is there
}

var defaultLimits = limits{
	inbox: 1024,
	queue: 4096,
	locks: 1_000_000,
	notes: 100_000,

	perClient: 1 << 16,
	claims:    1 << 18,

	open:  2 * time.Second,
	hello: 2 * time.Second,
}
