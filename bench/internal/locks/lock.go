package locks

import (
	"context"
	"errors"
	"fmt"
	"time"

	"conch/bench/internal/wires"
	"conch/token"
)

// Name is the lock's name, everywhere.
const Name = "bench"

// Kind says which lock.
type Kind string

// The kinds of lock, and the bare trips that stand beside them.
const (
	ConchNode   Kind = "conch node"   // a member in this process; endpoints: the members
	ConchClient Kind = "conch client" // of a node elsewhere; endpoints: nodes
	EtcdMutex   Kind = "etcd mutex"   // endpoints: servers
	EtcdWatch   Kind = "etcd watch"   // the same, with a standing watch
	Redlock     Kind = "redlock"      // endpoints: servers, one or several
	RedisDelete Kind = "redis delete" // endpoints: one server that deletes a key if it has a value
	ZooKeeper   Kind = "zookeeper"    // endpoints: servers
	ZooReaders  Kind = "zookeeper, readers and writers"
	RedisSlots  Kind = "redis semaphore" // endpoints: one server
	Flock       Kind = "flock"           // endpoints: one file

	ConchValue Kind = "conch value" // a leader and an observer; endpoints: nodes, at least two
	EtcdValue  Kind = "etcd value"  // the same; endpoints: servers, at least two

	BareCall   Kind = "bare call"   // a unary call; endpoints: one echo
	BareStream Kind = "bare stream" // a round trip on a stream; endpoints: one echo
	BareShared Kind = "bare shared" // the same, on a stream with a goroutine that receives
	BarePlain  Kind = "bare plain"  // a round trip without gRPC; endpoints: one plain echo
	BareSwap   Kind = "bare swap"   // a request and a token; endpoints: the processes
)

// Lock is one client's end of a lock. One goroutine at a time may use it.
type Lock interface {
	// Lock waits until the lock is held.
	Lock(ctx context.Context) error
	// Unlock ends the hold.
	Unlock(ctx context.Context) error
	// Close ends what Open began.
	Close() error
}

// Renewed is a lock whose holder has to say that it still holds it. The others have
// sessions that their libraries keep up.
type Renewed interface {
	Lock
	// Renew makes the hold last for another TTL.
	Renew(ctx context.Context) error
}

// Shared is a lock that several goroutines of a process may want at once.
type Shared interface {
	Lock
	// Another returns one more user's end of it. It ends with the first one's Close.
	Another() Lock
}

// Named is a lock among others of its node's, which have other names.
type Named interface {
	Lock
	// Of returns one user's end of the lock of a name. It ends with the first one's Close.
	Of(name string) Lock
}

// Sharing is a lock that several may hold at once.
type Sharing interface {
	Lock
	// In has this end take the lock in a mode from now on, and returns it. Before, it takes
	// the lock for itself alone, if the lock can be taken so.
	In(mode token.Limit) Lock
}

// Spec says which lock to open, and how.
type Spec struct {
	Kind      Kind
	Endpoints []string
	// Name is the name of the lock that a client of a conch node takes; empty is [Name].
	Name string
	// Connections is how many connections a client of a conch node has, each for another
	// caller; 0 is one for all.
	Connections int
	// Self is the place of this process among the endpoints, where they are members.
	Self int
	// TTL is after how long a holder that is gone has lost the lock.
	TTL time.Duration
	// Dir is a folder of this process's own.
	Dir string
	// Log is what a node does with its log, and LocalBatch how many of its callers it lets
	// in in a row while others wait.
	Log        LogUse
	LocalBatch int
	// Socket is the path of a unix socket on which a node serves clients; empty is none.
	Socket string
	// Counting has a node of our own count what it does, as for Prometheus. Its lock is
	// then Counted.
	Counting bool
}

// LogUse says what a node of our own does with its log.
type LogUse string

// The uses of the log.
const (
	LogNothing LogUse = ""      // there is none
	LogFile    LogUse = "file"  // it is written, at level info
	LogCount   LogUse = "count" // the messages that it tells of are counted
)

// ErrKind says that there is no such kind of lock.
var ErrKind = errors.New("no such lock")

// Open opens a client's end of a lock. The context ends what runs behind it.
func Open(ctx context.Context, spec Spec, sent func(messages uint64)) (Lock, error) {
	if len(spec.Endpoints) == 0 {
		return nil, fmt.Errorf("locks: open %s: got no endpoint, want at least one", spec.Kind)
	}
	switch spec.Kind {
	case ConchNode:
		return startNode(ctx, spec, sent)
	case ConchClient:
		return dialNode(ctx, spec)
	case EtcdMutex:
		return openEtcd(ctx, spec)
	case EtcdWatch:
		return openWatch(ctx, spec)
	case Redlock:
		return openRedlock(spec), nil
	case RedisDelete:
		return openRedisDelete(ctx, spec)
	case ZooKeeper:
		return openZooKeeper(ctx, spec)
	case ZooReaders:
		return openZooReaders(ctx, spec)
	case RedisSlots:
		return openRedisSlots(spec), nil
	case Flock:
		return openFlock(spec), nil
	case ConchValue:
		return openConchValue(ctx, spec)
	case EtcdValue:
		return openEtcdValue(ctx, spec)
	case BareCall:
		return wires.DialCall(spec.Endpoints[0])
	case BareStream:
		return wires.DialStream(ctx, spec.Endpoints[0])
	case BareShared:
		return wires.DialShared(ctx, spec.Endpoints[0])
	case BarePlain:
		return wires.DialPlain(ctx, spec.Endpoints[0])
	case BareSwap:
		return wires.JoinSwap(ctx, spec.Endpoints, spec.Self)
	default:
		return nil, fmt.Errorf("%w: %q", ErrKind, spec.Kind)
	}
}
