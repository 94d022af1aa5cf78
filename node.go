package conch

import (
	"context"
	"io/fs"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/rs/zerolog"

	"conch/broadcast"
	"conch/internal/node"
	"conch/internal/pki"
	"conch/token"
)

// DefaultSessionTTL is Config.SessionTTL if unset, 2 s; MinSessionTTL is the least allowed.
const (
	DefaultSessionTTL = node.DefaultSessionTTL
	MinSessionTTL     = node.MinSessionTTL
)

// MaxLocalBatch is the highest Config.LocalBatch: longer batches gain nothing.
const MaxLocalBatch = node.MaxLocalBatch

// Config is what a node needs at its start.
type Config struct {
	// Listen is the HOST:PORT that the node listens on; empty is
	// [hosts.DefaultListen]. HOST may be a wildcard if Advertise is set.
	Listen string
	// Advertise is the HOST:PORT by which the other members know this node; empty
	// is Listen.
	Advertise string
	// Peers are the addresses of the members, HOST:PORT each. They may include this node's
	// own.
	Peers []string
	// HostsFile names a file with addresses of members, one a line, in addition to Peers.
	// Empty is none.
	HostsFile string
	// Join are addresses of members of a cluster that runs, HOST:PORT each, to which this node is
	// to be added; Peers and HostsFile are empty then. Start waits until somebody has added it, by
	// [Client.ChangeMembers] or conch members add. Join needs a DataDir, which is new at first.
	// Once that is a member's, Start no longer waits, and Join may stay as it is.
	Join []string

	// SessionTTL is the time after which an unreachable node has lost its locks. It must be
	// the same at all members. Zero is [DefaultSessionTTL]; less than [MinSessionTTL] is
	// refused.
	SessionTTL time.Duration

	// LocalBatch is how many callers and clients of this node may be let in in a row while
	// others wait at other nodes: 1, the default, to [MaxLocalBatch]. A hand-over within a
	// node costs no message and no network delay, so a batch makes a lock that many want at
	// each node faster. The others wait longer, but not for ever: the next in line at a
	// node is let in after at most LocalBatch entries at each other node, so in a cluster
	// of N nodes with the same LocalBatch after at most (N-1)·LocalBatch. With 1 the nodes
	// take turns. The nodes may differ.
	LocalBatch int

	// MaxClients is how many clients may be connected to the socket, and as many to the
	// port, of which one host may have a quarter: 16 to 10,000. Zero is 1024, or fewer
	// where the process may not open enough files.
	MaxClients int

	// DataDir is a directory of this node's own, where it keeps across restarts what it
	// must not do twice; it is made if there is none. Empty keeps nothing: then locks are
	// safe only if the machine's wall clock is not set back between two starts of the node;
	// and the node stays silent for one SessionTTL after its start, since clients of an
	// earlier process might still hold locks.
	DataDir string

	// Socket is the path of a unix socket on which clients of this user reach the node,
	// beside its TCP port. If its file is removed, the node makes it again within a second.
	// Empty is none.
	Socket string
	// SocketMode is the mode of the socket's file: whoever may write it may connect, and
	// without an AllowFile may take and break every lock. Zero is 0600, or 0660 with a
	// SocketGroup. SocketGroup is the name or number of the file's group; empty is the
	// process's.
	SocketMode  fs.FileMode
	SocketGroup string

	// TLS names the files with which the node proves its identity to other members and to
	// clients, and verifies theirs. Without it, the node believes everybody, and Start
	// refuses to listen beyond this machine, unless Insecure is set.
	TLS TLSFiles
	// Insecure allows the node to listen beyond this machine without TLS: whoever reaches
	// the node can then pass for a member, and take and break every lock.
	Insecure bool
	// AllowFile names a file that says which clients may lock, break or look at which
	// locks, and who may change the members; see package rules. It is read again when it
	// changes. Empty lets users of the socket do everything, users of the page everything but
	// change the members, and other clients lock and look.
	AllowFile string

	// Log gets a line for each event that an operator wants to read: the node's start and
	// stop, its sessions, other members, losses, refusals. Each line is one call of its
	// writer, one at a time. The zero Logger writes nothing.
	Log zerolog.Logger
	// Evidence adds a line for each message and each step of the algorithm, at level
	// info: what "conch logs check" judges. A grant then takes some 2 KB of log.
	Evidence bool
	// FlushLog writes the lines that Log's writer has collected. It is called before
	// anybody can see the events that they record: before a message leaves, and before a
	// caller hears of its lock. Nil is for a writer that does not collect.
	FlushLog func()
	// LogLoss reports lines that Log's writer could not write: how many so far, and why it
	// cannot write now, if it cannot. The node's status and metrics show it. Nil is for a
	// writer that loses none.
	LogLoss func() (lines uint64, now error)
	// Version is the program's, for the log. Empty is "unknown".
	Version string

	// Metrics is where the node registers its metrics for Prometheus; they are removed when
	// the node stops. Counting takes some 0.3 µs a grant. Nil counts nothing.
	Metrics prometheus.Registerer
}

// TLSFiles are the paths of the files that one side of TLS connections needs, all in PEM.
// The files may be replaced while they are in use.
type TLSFiles struct {
	// Cert is the certificate, and Key its key. Only the key's owner may read it; or it is
	// root's, and a group of the process may read it.
	Cert, Key string
	// CA are the certificates of the trusted authorities.
	CA string
}

// Node is one member of a cluster. Its methods are safe for concurrent use.
type Node struct {
	node *node.Node
}

// Start listens and runs a node until [Node.Stop]. It does not wait for other
// members: they may come later, in any order. With a DataDir, it first asks those members that
// are not in the list there what the cluster has come to, for up to 4 s if they do not answer.
//
// Start waits only for a node that has to be added to a cluster that runs: one with Config.Join,
// or one whose DataDir is new while the cluster of its Peers runs without it, as when its disk
// is lost. It listens meanwhile, but serves nobody. Config.Log gets the line to run, and what
// else the node waits for, at first, when that changes, and each 10 s (members_awaited). If the
// context ends, the error has it too. The context bounds the start only.
//
// The errors wrap [ErrConfig], also if Join or Peers name nodes of different clusters;
// [ErrRemoved]; the cause of the context's end; or what the system says of the address to
// listen on or of the data directory.
func Start(ctx context.Context, cfg Config) (*Node, error) {
	own := node.Config{
		Listen:      cfg.Listen,
		Advertise:   cfg.Advertise,
		Peers:       cfg.Peers,
		HostsFile:   cfg.HostsFile,
		SessionTTL:  cfg.SessionTTL,
		LocalBatch:  cfg.LocalBatch,
		MaxClients:  cfg.MaxClients,
		DataDir:     cfg.DataDir,
		Socket:      cfg.Socket,
		SocketMode:  cfg.SocketMode,
		SocketGroup: cfg.SocketGroup,
		TLS:         pki.Files(cfg.TLS),
		Insecure:    cfg.Insecure,
		AllowFile:   cfg.AllowFile,
		Log:         cfg.Log,
		Evidence:    cfg.Evidence,
		FlushLog:    cfg.FlushLog,
		LogLoss:     cfg.LogLoss,
		Version:     cfg.Version,
		Metrics:     cfg.Metrics,
	}
	n, err := node.StartJoined(ctx, own, cfg.Join)
	if err != nil {
		return nil, err
	}
	return &Node{n}, nil
}

// Address returns the address by which the members know this node.
func (n *Node) Address() string { return n.node.Address() }

// Members returns the addresses of all members, this node's included, in the
// order that all nodes share.
func (n *Node) Members() []string { return n.node.Members() }

// SessionTTL returns the time to live of this node's sessions: Config.SessionTTL, or its
// default.
func (n *Node) SessionTTL() time.Duration { return n.node.SessionTTL() }

// Lock waits until this node holds the lock for the caller, who must then call
// [Hold.Unlock]. Callers on one node are served in the order in which they came, and the
// nodes in turn, each with up to Config.LocalBatch callers; a lock is not reentrant.
//
// The errors wrap [ErrName], [ErrTooManyLocks], [ErrStopped], or the cause of the context's
// end; the lock is then not held.
func (n *Node) Lock(ctx context.Context, name string) (Hold, error) {
	hold, err := n.node.Acquire(ctx, name, token.Exclusive)
	if err != nil {
		return Hold{}, err
	}
	return Hold{hold}, nil
}

// TryLock takes the lock if it is free. It asks the other members where the token is. While
// none of them can tell, it waits, as [Node.Lock] does. The errors are those of
// [Node.Lock], and [ErrBusy].
func (n *Node) TryLock(ctx context.Context, name string) (Hold, error) {
	hold, err := n.node.Try(ctx, name, token.Exclusive)
	if err != nil {
		return Hold{}, err
	}
	return Hold{hold}, nil
}

// RLock waits until this node holds the lock for the caller and other readers, as [Locker]
// describes. A node that has let readers in may let in more without asking anybody, until
// somebody wants the lock alone. The errors are those of [Node.Lock], and [ErrLimit].
func (n *Node) RLock(ctx context.Context, name string) (Hold, error) {
	hold, err := n.node.Acquire(ctx, name, token.Unlimited)
	if err != nil {
		return Hold{}, err
	}
	return Hold{hold}, nil
}

// TryRLock is [Node.RLock] for a caller that does not want to wait, as [Node.TryLock] is
// Lock. The errors are those of RLock, and [ErrBusy].
func (n *Node) TryRLock(ctx context.Context, name string) (Hold, error) {
	hold, err := n.node.Try(ctx, name, token.Unlimited)
	if err != nil {
		return Hold{}, err
	}
	return Hold{hold}, nil
}

// Acquire waits until this node holds one of limit permits of the lock for the caller, as
// [Locker] describes. The errors are those of [Node.Lock], [ErrLimit] and [ErrPermits].
func (n *Node) Acquire(ctx context.Context, name string, limit int) (Hold, error) {
	mode, err := broadcast.CheckPermits(limit)
	if err != nil {
		return Hold{}, err
	}
	hold, err := n.node.Acquire(ctx, name, mode)
	if err != nil {
		return Hold{}, err
	}
	return Hold{hold}, nil
}

// TryAcquire is [Node.Acquire] for a caller that does not want to wait, as [Node.TryLock]
// is Lock. The errors are those of Acquire, and [ErrBusy].
func (n *Node) TryAcquire(ctx context.Context, name string, limit int) (Hold, error) {
	mode, err := broadcast.CheckPermits(limit)
	if err != nil {
		return Hold{}, err
	}
	hold, err := n.node.Try(ctx, name, mode)
	if err != nil {
		return Hold{}, err
	}
	return Hold{hold}, nil
}

// Done returns a channel that is closed when the node has ended, by [Node.Stop]
// or because it cannot go on; [Node.Err] then tells which.
func (n *Node) Done() <-chan struct{} { return n.node.Done() }

// Err returns why the node ended by itself. It is nil before the end, and after
// [Node.Stop].
func (n *Node) Err() error { return n.node.Err() }

// Drain takes no more requests and lets holders finish. [Node.Lock] fails from now on, and
// waiters, clients in other processes too, get [ErrStopped]: clients move to other nodes.
// Holds go on as before. Drain returns nil when nobody holds a lock at this node any more;
// otherwise the cause of the context's end, or an error that wraps ErrStopped. The node
// stays drained until [Node.Stop] or [Node.Undrain].
//
// A drain before Stop gives the work of a node's clients the time that it takes:
//
//	_ = node.Drain(patient) // whoever is not done by then is warned, and has until ctx ends
//	err := node.Stop(ctx)
func (n *Node) Drain(ctx context.Context) error { return n.node.Drain(ctx, byProgram) }

// Undrain takes requests again after a Drain. A Drain that still waits then returns
// [ErrUndrained]. The error wraps [ErrStopped], or is the cause of the context's end.
func (n *Node) Undrain(ctx context.Context) error { return n.node.Undrain(ctx, byProgram) }

// byProgram is who drains, for the log.
const byProgram = "by this program"

// Stop ends the node. From now on [Node.Lock] fails, and waiters get [ErrStopped]. Holders,
// clients in other processes too, are warned and have until the context ends to unlock.
// Then they lose their locks; a client's lease ends by itself after one time to live.
// Messages on their way to other members are delivered if the context gives them time. Stop
// returns when nothing of the node runs any more; the error is the cause of the context's
// end if that cut it short. Later calls wait for the first and return the same.
func (n *Node) Stop(ctx context.Context) error { return n.node.Stop(ctx) }

// Do calls f under a lock, as [Locker] describes.
func (n *Node) Do(ctx context.Context, name string, f func(ctx context.Context, fence uint64) error) error {
	return do(ctx, n.Lock, name, f)
}

// RDo calls f under a lock that is shared with other readers, as [Locker] describes.
func (n *Node) RDo(ctx context.Context, name string, f func(ctx context.Context, fence uint64) error) error {
	return do(ctx, n.RLock, name, f)
}

// DoPermit calls f under one of limit permits, as [Locker] describes.
func (n *Node) DoPermit(ctx context.Context, name string, limit int, f func(ctx context.Context, fence uint64) error) error {
	acquire := func(ctx context.Context, name string) (Hold, error) { return n.Acquire(ctx, name, limit) }
	return do(ctx, acquire, name, f)
}
