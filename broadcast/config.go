package broadcast

import (
	"cmp"
	"context"
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

// Config is what a driver is started with.
type Config struct {
	// Members are the addresses of all members in the order that all share, and
	// Self is the position of this one.
	Members []string
	Self    token.Member
	// Session numbers the first session: above those of earlier processes that ran
	// as this member.
	Session token.Session
	// Floor is not below any ballot number that earlier processes promised.
	Floor uint64
	// MaxBallot returns the highest number of a ballot that makes sense at the moment: a
	// peer that names a higher one is refused. Nil is all that a fence has room for.
	MaxBallot func() uint64
	// Encumbered: clients of an earlier process may still hold locks; see [token.Config].
	Encumbered bool
	// TTL is a session's time to live, at least [token.MinTTL]. It is the same at all
	// members.
	TTL time.Duration
	// LocalBatch is how many waiters of this node in a row may be let in while other
	// members wait; see [token.Config]. Zero is 1.
	LocalBatch int
	// Store keeps what must outlast this process. Nil keeps nothing: then Session
	// and Floor of the next process have to be above all that this one will use.
	Store Store
	// Memory says in words where Session comes from, for the log: "the data directory /d".
	// Empty is the wall clock.
	Memory string

	// Caller describes this process, for whoever asks who holds a lock.
	Caller Caller

	// Dial connects to a member. Nil is TCP.
	Dial func(ctx context.Context, address string) (net.Conn, error)
	// Credentials are what connections to a member are secured with. Nil is nothing.
	Credentials func(address string) credentials.TransportCredentials
	// CheckMember tells whether a stream comes from the member that it claims to come
	// from, by the context of its call. Nil believes everybody.
	CheckMember func(ctx context.Context, address string) error
	// Clock reads this node's clock; nil is [Clock].
	Clock func() token.Time

	// Observer is told what happens, for metrics. Nil is nobody.
	Observer Observer

	// Log gets the lines; the zero Logger writes none.
	Log zerolog.Logger
	// FlushLog has lines written that Log's writer has collected, before anybody can see
	// what they tell of. Nil is for a writer that does not collect.
	FlushLog func()
	// Evidence has a line written for each message and each step of the algorithm, at
	// level info. Without it the log has what an operator wants to read.
	Evidence bool
	// Version is the program's, for the log. Empty is "unknown".
	Version string
}

// Observer is told what happens at a node. Whoever works for the owner calls its methods,
// one at a time: they must return at once.
type Observer interface {
	// Effect is called for each effect, before it is performed. The effect is valid until
	// the call returns.
	Effect(e *token.Effect)
	// Waited is called for each grant, with how long its claim has waited.
	Waited(lock string, wait time.Duration)
	// Held is called at the end of each hold, lost or released.
	Held(lock string, hold time.Duration)
	// Connected is called when a stream to another member is accepted.
	Connected(peer token.Member)
}

// nobody is the Observer that does not look.
type nobody struct{}

func (nobody) Effect(*token.Effect)         {}
func (nobody) Waited(string, time.Duration) {}
func (nobody) Held(string, time.Duration)   {}
func (nobody) Connected(token.Member)       {}

// Store is stable storage for two numbers: of the session, and of the highest ballot
// that may have been promised.
type Store interface {
	// Save returns once the next process will find both numbers, or higher ones,
	// even if the machine goes down now. An error ends the driver. Only one call is
	// made at a time.
	Save(session, promised uint64) error
}

// nowhere is the Store that keeps nothing.
type nowhere struct{}

func (nowhere) Save(uint64, uint64) error { return nil }

// complete checks a configuration and fills in what was left out.
func (cfg *Config) complete() error {
	for i, address := range cfg.Members {
		if slices.Contains(cfg.Members[:i], address) {
			return fmt.Errorf("broadcast: Config.Members: %q stands in it twice", address)
		}
	}
	cfg.Members = slices.Clone(cfg.Members)
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
		cfg.Observer = nobody{}
	}
	cfg.Version = cmp.Or(cfg.Version, "unknown")
	if cfg.Store == nil {
		cfg.Store = nowhere{}
	}
	return nil
}

func dialTCP(ctx context.Context, address string) (net.Conn, error) {
	var dialer net.Dialer
	return dialer.DialContext(ctx, "tcp", address)
}

// limits bound what peers and callers can make the driver wait for or keep.
type limits struct {
	inbox int // inputs that wait for the owner
	queue int // messages in an outgoing queue, from which on it is full
	locks int // that are known, from which on callers can ask for no others
	// claims of one client, and of all clients
	perClient, claims int
	open              time.Duration // from the dial until the peer has answered HELLO
	hello             time.Duration // from the start of an incoming stream until HELLO is there
}

var defaultLimits = limits{
	inbox: 1024,
	queue: 4096,
	locks: 1_000_000,

	perClient: 1 << 16,
	claims:    1 << 18,

	open:  2 * time.Second,
	hello: 2 * time.Second,
}
