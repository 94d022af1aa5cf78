package conch

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"net"
	"os"
	"path/filepath"
	"sync"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/rs/zerolog"

	"conch/broadcast"
	"conch/hosts"
	"conch/internal/service"
	clientv1 "conch/proto/conch/client/v1"
	"conch/token"
)

var (
	// ErrConfig is wrapped by the error of [Start] for a Config that no node can
	// run with; the error names the field, or the line of the hosts file.
	ErrConfig = errors.New("configuration")
	// ErrName is wrapped by the error for the name of a lock that is empty, longer
	// than 255 bytes, or not UTF-8.
	ErrName = broadcast.ErrName
	// ErrStopped is wrapped by the error of [Node.Lock] on a node that is stopping
	// or has stopped.
	ErrStopped = broadcast.ErrStopped
	// ErrBusy is wrapped by the error of [Node.TryLock] for a lock that is in use, or
	// that others wait for.
	ErrBusy = broadcast.ErrBusy
	// ErrLost is wrapped by errors for a lock that was lost before it was unlocked.
	ErrLost = broadcast.ErrLost
	// ErrBroken is wrapped by [Hold.Warning] where somebody broke the lock, and with
	// ErrLost once it is lost for that.
	ErrBroken = broadcast.ErrBroken
	// ErrLapsing is what [Hold.Warning] returns where the session's lease is about to
	// end.
	ErrLapsing = broadcast.ErrLapsing
	// ErrTooManyLocks is wrapped by the error of [Locker.Lock] for a lock that the node does
	// not know, while it knows a million others. A lock that nobody asks for is forgotten
	// two hours later.
	ErrTooManyLocks = broadcast.ErrTooManyLocks
	// ErrUnlocked says that a hold was unlocked before.
	ErrUnlocked = broadcast.ErrReleased
)

// DefaultSessionTTL is what an unset Config.SessionTTL stands for, and
// MinSessionTTL the least that it may be.
const (
	DefaultSessionTTL = 2 * time.Second
	MinSessionTTL     = time.Duration(token.MinTTL)
)

// MaxLocalBatch is the most that Config.LocalBatch may be: longer batches gain nothing.
const MaxLocalBatch = token.MaxLocalBatch

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
	members  hosts.Members
	memory   memory
	driver   *broadcast.Driver
	service  *service.Service
	metrics  counting
	guard    *guard
	servers  servers
	serving  sync.WaitGroup
	ttl      time.Duration
	started  token.Time // by the driver's clock
	stopOnce sync.Once
	stopErr  error
}

// Start listens and runs a node until [Node.Stop]. It does not wait for other
// members: they may come later, in any order. The context bounds the start only.
//
// The errors wrap [ErrConfig], or what the system says of the address to listen on or
// of the data directory.
func Start(ctx context.Context, cfg Config) (*Node, error) {
	if cfg.Listen == "" {
		cfg.Listen = hosts.DefaultListen
	}
	if cfg.SessionTTL == 0 {
		cfg.SessionTTL = DefaultSessionTTL
	}
	if cfg.SessionTTL < MinSessionTTL {
		return nil, fmt.Errorf("%w: SessionTTL: got %v, want at least %v", ErrConfig, cfg.SessionTTL, MinSessionTTL)
	}
	if cfg.LocalBatch < 0 || cfg.LocalBatch > MaxLocalBatch {
		return nil, fmt.Errorf("%w: LocalBatch: got %d, want 1 to %d, or 0 for 1", ErrConfig, cfg.LocalBatch, MaxLocalBatch)
	}
	members, err := cfg.list()
	if err != nil {
		return nil, fmt.Errorf("%w: %w", ErrConfig, err)
	}
	// A name is looked up once: what is checked is what is listened on.
	listen, err := net.ResolveTCPAddr("tcp", cfg.Listen)
	if err != nil {
		return nil, fmt.Errorf("listen on %s: %w", cfg.Listen, err)
	}
	guard, err := cfg.guard(members, listen)
	if err != nil {
		return nil, fmt.Errorf("%w: %w", ErrConfig, err)
	}
	listeners, err := cfg.open(ctx, listen)
	if err != nil {
		return nil, err
	}
	n, err := cfg.start(members, guard)
	if err != nil {
		return nil, errors.Join(err, listeners.close())
	}
	n.serve(listeners)
	return n, nil
}

// start starts a node that does not serve yet.
func (cfg Config) start(members hosts.Members, guard *guard) (*Node, error) {
	memory, err := remember(cfg.DataDir, members.Addresses[members.Self])
	if err != nil {
		return nil, err
	}
	counts := newCounting(cfg.Metrics, members, cfg.Version)
	counts.showLog(cfg.LogLoss)
	driver, err := broadcast.Start(broadcast.Config{
		Members:     members.Addresses,
		Self:        token.Member(members.Self),
		Session:     token.Session(memory.session),
		Floor:       memory.floor,
		MaxBallot:   memory.plausible,
		Encumbered:  memory.encumbered,
		TTL:         cfg.SessionTTL,
		LocalBatch:  cfg.LocalBatch,
		Store:       memory.store,
		Memory:      memory.place,
		Credentials: guard.toMember,
		CheckMember: guard.checkMember,
		Caller:      broadcast.ThisProcess(programName()),
		Observer:    counts.observer(),
		Log:         cfg.Log,
		FlushLog:    cfg.FlushLog,
		Evidence:    cfg.Evidence,
		Version:     cfg.Version,
	})
	if err != nil {
		return nil, errors.Join(err, memory.close())
	}
	guard.driver.Store(driver)
	if err := counts.register(driver, guard.door); err != nil {
		return nil, errors.Join(err, driver.Stop(context.Background()), memory.close())
	}
	clients, err := service.New(service.Config{
		Driver:      driver,
		Members:     members.Addresses,
		Self:        members.Self,
		TTL:         cfg.SessionTTL,
		Encumber:    func() error { return memory.setClients(true) },
		LogLoss:     cfg.LogLoss,
		Rules:       guard.rules,
		Credentials: guard.toMember,
	})
	if err != nil {
		counts.unregister()
		return nil, errors.Join(err, driver.Stop(context.Background()), memory.close())
	}
	n := &Node{
		members: members,
		memory:  memory,
		driver:  driver,
		service: clients,
		metrics: counts,
		guard:   guard,
		ttl:     cfg.SessionTTL,
		started: driver.Now(),
		servers: newServers(driver, clients, guard),
	}
	return n, nil
}

// programName is what this program is called where it describes itself.
func programName() string { return filepath.Base(os.Args[0]) }

// list returns the members that the configuration names.
func (cfg Config) list() (hosts.Members, error) {
	self, err := hosts.Advertise(
		hosts.Entry{Address: cfg.Listen, Where: "Listen"},
		hosts.Entry{Address: cfg.Advertise, Where: "Advertise"},
	)
	if err != nil {
		return hosts.Members{}, err
	}
	sources := []hosts.Source{hosts.Flag("Peers", cfg.Peers...)}
	if cfg.HostsFile != "" {
		file, err := hosts.ReadFile(cfg.HostsFile)
		if err != nil {
			return hosts.Members{}, err
		}
		sources = append(sources, file)
	}
	return hosts.List(self, sources...)
}

// Address returns the address by which the members know this node.
func (n *Node) Address() string { return n.members.Addresses[n.members.Self] }

// Members returns the addresses of all members, this node's included, in the
// order that all nodes share.
func (n *Node) Members() []string { return append([]string(nil), n.members.Addresses...) }

// LockService is what the node serves its clients, to be called inside this process. It
// ends with the node.
func (n *Node) LockService() clientv1.LockServiceServer { return n.service }

// Lock waits until this node holds the lock for the caller, who is then to call
// [Hold.Unlock]. Callers on one node are served in the order in which they came, and
// the nodes in turn, each with up to Config.LocalBatch callers; a lock is not reentrant.
//
// The errors wrap [ErrName], [ErrTooManyLocks], [ErrStopped], or the cause of the
// context's end; the lock is then not held.
func (n *Node) Lock(ctx context.Context, name string) (Hold, error) {
	hold, err := n.driver.Acquire(ctx, name)
	if err != nil {
		return Hold{}, err
	}
	return nodeHold(hold), nil
}

// TryLock takes the lock if it is free. It asks the other members where the lock is,
// and for as long as none of them can tell it waits, as [Node.Lock] does. The errors
// are those of [Node.Lock], and [ErrBusy].
func (n *Node) TryLock(ctx context.Context, name string) (Hold, error) {
	hold, err := n.driver.Try(ctx, name)
	if err != nil {
		return Hold{}, err
	}
	return nodeHold(hold), nil
}

// Done returns a channel that is closed when the node has ended, by [Node.Stop]
// or because it cannot go on; [Node.Err] then tells which.
func (n *Node) Done() <-chan struct{} { return n.driver.Done() }

// Err returns why the node ended by itself. It is nil before the end, and after
// [Node.Stop].
func (n *Node) Err() error { return n.driver.Err() }

// Stop ends the node. From now on [Node.Lock] fails; those who wait get
// [ErrStopped]; those who hold a lock, clients in other processes too, are warned, and
// have until the context ends to unlock it. Then they lose it; a client's lease ends
// by itself after one time to live. What is on its way to other members is delivered
// if the context gives it time. Stop returns when nothing of the node runs any more;
// the error is the cause of the context's end if that cut it short. Later calls wait
// for the first and return the same.
func (n *Node) Stop(ctx context.Context) error {
	n.stopOnce.Do(func() {
		err := n.driver.Stop(ctx)
		errs := []error{err, n.service.Close(ctx)}
		n.servers.stop()
		n.serving.Wait()
		n.guard.door.Wait()
		n.metrics.unregister()
		if err == nil && n.driver.Err() == nil && n.unencumbered() {
			errs = append(errs, n.memory.setClients(false)) // nobody holds anything any more
		}
		n.stopErr = errors.Join(append(errs, n.memory.close())...)
	})
	return n.stopErr
}

// unencumbered reports whether no client of an earlier process can hold a lock any
// more: the leases of these ended within one time to live of this one's start.
func (n *Node) unencumbered() bool {
	return !n.memory.encumbered || n.driver.Now() >= n.started+token.Time(n.ttl)
}
