package conch

import (
	"context"
	"io/fs"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/rs/zerolog"

	"conch/internal/node"
	"conch/internal/pki"
)

// DefaultSessionTTL is what an unset Config.SessionTTL stands for, 2 s, and MinSessionTTL
// the least that it may be.
const (
	DefaultSessionTTL = node.DefaultSessionTTL
	MinSessionTTL     = node.MinSessionTTL
)

// MaxLocalBatch is the most that Config.LocalBatch may be: longer batches gain nothing.
const MaxLocalBatch = node.MaxLocalBatch

// Config is what a node is started with.
type Config struct {
	// Listen is the HOST:PORT that the node listens on; empty is
	// [hosts.DefaultListen]. HOST may be a wildcard if Advertise is set.
	Listen string
	// Advertise is the HOST:PORT by which the other members know this node; empty
	// is Listen.
	Advertise string
	// Peers are the addresses of the members, HOST:PORT each. This node's own may
	// be among them.
	Peers []string
	// HostsFile names a file with addresses of members, one a line, which join
	// those of Peers. Empty is none.
	HostsFile string

	// SessionTTL is the time after which a node that is not heard of has lost its
	// locks. It has to be the same at all members. Zero is [DefaultSessionTTL], and
	// less than [MinSessionTTL] is refused.
	SessionTTL time.Duration

	// LocalBatch is how many callers and clients of this node in a row may be let in
	// while others wait at other nodes, from 1, which zero stands for, to
	// [MaxLocalBatch]. A hand-over within a node costs no message and no way over the
	// network, so a batch makes a lock that many want at each node faster. It makes the
	// others wait, but not without end: whoever is next in line at a node is let in
	// after at most LocalBatch entries at each other node, so in a cluster of N nodes
	// with the same LocalBatch after at most (N-1)·LocalBatch. With 1 the nodes take
	// turns. The nodes need not have the same.
	LocalBatch int

	// DataDir is a directory of this node's own, in which it keeps across restarts
	// what it must not do twice; it is made if there is none. Empty keeps nothing:
	// then locks are safe only as long as the wall clock of the machine is not set
	// back between two starts of the node; and the node keeps still for one SessionTTL
	// after its start, since clients of an earlier process might still hold locks.
	DataDir string

	// Socket is the path of a unix socket on which clients of this user reach the node,
	// beside its TCP port. If its file is removed, it is made again within a second.
	// Empty is none.
	Socket string
	// SocketMode is the mode of the socket's file: whoever may write it may connect, and
	// without an AllowFile take and break every lock. Zero is 0600, or 0660 with a
	// SocketGroup, which is the name or number of the file's group; empty is the process's.
	SocketMode  fs.FileMode
	SocketGroup string

	// TLS names the files with which the node proves who it is to other members and to
	// clients, and by which it knows them. Without it, the node believes everybody, and
	// Start refuses to listen beyond this machine, unless Insecure is set.
	TLS TLSFiles
	// Insecure allows to listen beyond this machine without TLS: whoever reaches the
	// node can then pass for a member, and take and break every lock.
	Insecure bool
	// AllowFile names a file that says which clients may lock, break or look at which
	// locks; see package rules. It is read again when it changes. Empty lets users of
	// the socket and of the page do everything, and other clients lock and look.
	AllowFile string

	// Log gets a line for each event in the life of the node that an operator wants to
	// read: its start and stop, its sessions, other members, losses, refusals. Each line
	// takes one call of its writer, and none comes at the same time as another. The zero
	// Logger writes nothing.
	Log zerolog.Logger
	// Evidence adds a line for each message and each step of the algorithm, at level
	// info: what "conch logs check" judges. A grant then takes some 2 KB of log.
	Evidence bool
	// FlushLog has the lines written that a writer of Log's has collected. It is called
	// before anybody can see what they tell of: before a message leaves, and before a
	// caller hears of its lock. Nil is for a writer that does not collect.
	FlushLog func()
	// LogLoss tells of lines that a writer of Log's could not write: how many so far, and
	// why it cannot write now, if it cannot. The status of the node and its metrics show
	// it. Nil is for a writer that loses none.
	LogLoss func() (lines uint64, now error)
	// Version is the program's, for the log. Empty is "unknown".
	Version string

	// Metrics is where the node registers what it counts, for Prometheus; it is taken
	// away again when the node stops. Counting takes some 0.3 µs a grant. Nil counts
	// nothing.
	Metrics prometheus.Registerer
}

// TLSFiles are the paths of what one side of TLS connections needs, all in PEM. The
// files may be replaced while they are in use.
type TLSFiles struct {
	// Cert is the certificate, and Key its key, which only its owner may read, or which is root's
	// and a group of the process may read.
	Cert, Key string
	// CA are the certificates of the authorities that are trusted.
	CA string
}

// Node is one member of a cluster. Its methods are safe for concurrent use.
type Node struct {
	node *node.Node
}

// Start listens and runs a node until [Node.Stop]. It does not wait for other
// members: they may come later, in any order. The context bounds the start only.
//
// The errors wrap [ErrConfig], or what the system says of the address to listen on or
// of the data directory.
func Start(ctx context.Context, cfg Config) (*Node, error) {
	n, err := node.Start(ctx, node.Config{
		Listen:      cfg.Listen,
		Advertise:   cfg.Advertise,
		Peers:       cfg.Peers,
		HostsFile:   cfg.HostsFile,
		SessionTTL:  cfg.SessionTTL,
		LocalBatch:  cfg.LocalBatch,
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
	})
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

// SessionTTL returns the time to live of this node's sessions: Config.SessionTTL, or what
// it stands for if it was not set.
func (n *Node) SessionTTL() time.Duration { return n.node.SessionTTL() }

// Lock waits until this node holds the lock for the caller, who is then to call
// [Hold.Unlock]. Callers on one node are served in the order in which they came, and
// the nodes in turn, each with up to Config.LocalBatch callers; a lock is not reentrant.
//
// The errors wrap [ErrName], [ErrTooManyLocks], [ErrStopped], or the cause of the
// context's end; the lock is then not held.
func (n *Node) Lock(ctx context.Context, name string) (Hold, error) {
	hold, err := n.node.Lock(ctx, name)
	if err != nil {
		return Hold{}, err
	}
	return Hold{hold}, nil
}

// TryLock takes the lock if it is free. It asks the other members where the lock is,
// and for as long as none of them can tell it waits, as [Node.Lock] does. The errors
// are those of [Node.Lock], and [ErrBusy].
func (n *Node) TryLock(ctx context.Context, name string) (Hold, error) {
	hold, err := n.node.TryLock(ctx, name)
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

// Drain takes no more requests and lets holders finish. [Node.Lock] fails from now on,
// and those who wait, clients in other processes too, get [ErrStopped]: clients move to
// other nodes. Holds go on as before. Drain returns nil when nobody holds a lock at this
// node any more, or else the cause of the context's end, or an error that wraps
// ErrStopped. The node stays as it is then, until [Node.Stop] or [Node.Undrain].
//
// Before a node that serves clients is stopped, a drain gives their work the time that it
// takes:
//
//	_ = node.Drain(patient) // whoever is not done by then is warned, and has until ctx ends
//	err := node.Stop(ctx)
func (n *Node) Drain(ctx context.Context) error { return n.node.Drain(ctx, byProgram) }

// Undrain takes requests again after a Drain. A Drain that waits still then returns
// [ErrUndrained]. The error wraps [ErrStopped], or is the cause of the context's end.
func (n *Node) Undrain(ctx context.Context) error { return n.node.Undrain(ctx, byProgram) }

// byProgram is who drains, for the log.
const byProgram = "by this program"

// Stop ends the node. From now on [Node.Lock] fails; those who wait get
// [ErrStopped]; those who hold a lock, clients in other processes too, are warned, and
// have until the context ends to unlock it. Then they lose it; a client's lease ends
// by itself after one time to live. What is on its way to other members is delivered
// if the context gives it time. Stop returns when nothing of the node runs any more;
// the error is the cause of the context's end if that cut it short. Later calls wait
// for the first and return the same.
func (n *Node) Stop(ctx context.Context) error { return n.node.Stop(ctx) }

// Do calls f under a lock, as [Locker] describes.
func (n *Node) Do(ctx context.Context, name string, f func(ctx context.Context, fence uint64) error) error {
	return do(ctx, n.Lock, name, f)
}
