package node

import (
	"context"
	"errors"
	"fmt"
	"net"
	"os"
	"path/filepath"
	"sync"
	"time"

	"conch/broadcast"
	"conch/hosts"
	"conch/internal/runs"
	"conch/internal/service"
	clientv1 "conch/proto/conch/client/v1"
	"conch/token"
)

// Node is one member of a cluster. Its methods are safe for concurrent use.
type Node struct {
	address  string
	memory   memory
	driver   *broadcast.Driver
	service  *service.Service
	metrics  counting
	access   *access
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
	cfg, err := cfg.withDefaults()
	if err != nil {
		return nil, err
	}
	members, err := cfg.members()
	if err != nil {
		return nil, err
	}
	// The name is resolved once, so the address that is checked is the one listened on.
	listen, err := net.ResolveTCPAddr("tcp", cfg.Listen)
	if err != nil {
		return nil, fmt.Errorf("listen on %s: %w", cfg.Listen, err)
	}
	access, err := cfg.access(members, listen)
	if err != nil {
		return nil, fmt.Errorf("%w: %w", ErrConfig, err)
	}
	listeners, err := cfg.open(ctx, listen)
	if err != nil {
		return nil, err
	}
	n, err := cfg.start(members, access)
	if err != nil {
		return nil, errors.Join(err, listeners.close())
	}
	n.serve(listeners)
	if n.memory.encumbered {
		n.serving.Go(n.waitForClients)
	}
	return n, nil
}

// start starts a node that does not serve yet.
func (cfg Config) start(members hosts.Members, access *access) (*Node, error) {
	memory, err := remember(cfg.DataDir, members.Addresses[members.Self])
	if err != nil {
		return nil, err
	}
	foundBy := cfg.FoundBy
	if memory.membership != nil {
		foundBy = "data-dir"
	}
	counts := newCounting(cfg.Metrics, members, cfg.Version)
	counts.showLog(cfg.LogLoss)
	started := broadcast.Clock() // before the driver's first tick, which may wait for the disk
	driver, err := broadcast.Start(broadcast.Config{
		Members:     members.Addresses,
		Self:        token.Member(members.Self),
		Membership:  memory.membership,
		Disk:        memory.disk,
		Choice:      memory.choice,
		Session:     token.Session(memory.session),
		Floor:       memory.floor,
		MaxBallot:   memory.plausible,
		Encumbered:  memory.encumbered,
		Fresh:       memory.fresh,
		TTL:         cfg.SessionTTL,
		LocalBatch:  cfg.LocalBatch,
		Store:       memory.store,
		Notes:       memory.notes,
		Memory:      memory.storeName,
		Credentials: access.toMember,
		CheckMember: access.checkMember,
		Caller:      broadcast.ThisProcess(programName()),
		Observer:    counts.observer(),
		Log:         cfg.Log,
		FlushLog:    cfg.FlushLog,
		Evidence:    cfg.Evidence,
		Version:     cfg.Version,
		FoundBy:     foundBy,

		SaveMembership: memory.saveMembership,
	})
	if err != nil {
		return nil, errors.Join(err, memory.close())
	}
	access.driver.Store(driver)
	if err := counts.register(driver, access.control); err != nil {
		return nil, errors.Join(err, driver.Stop(context.Background()), memory.close())
	}
	clients, err := service.New(service.Config{
		Driver:      driver,
		Members:     members.Addresses,
		Self:        members.Self,
		TTL:         cfg.SessionTTL,
		Encumber:    memory.clients.set,
		LogLoss:     cfg.LogLoss,
		Rules:       access.rules,
		Credentials: access.toMember,
	})
	if err != nil {
		counts.unregister()
		return nil, errors.Join(err, driver.Stop(context.Background()), memory.close())
	}
	n := &Node{
		address: members.Addresses[members.Self],
		memory:  memory,
		driver:  driver,
		service: clients,
		metrics: counts,
		access:  access,
		ttl:     cfg.SessionTTL,
		started: started,
		servers: newServers(driver, clients, access),
	}
	return n, nil
}

// programName is the name by which this program describes itself.
func programName() string { return filepath.Base(os.Args[0]) }

// Address returns the address by which the members know this node.
func (n *Node) Address() string { return n.address }

// Members returns the addresses of the present members, in the order that all nodes share.
// They change when members are added or removed. A node that is to be removed is among them
// until it is.
func (n *Node) Members() []string { return n.driver.Members() }

// Cluster is [broadcast.Driver.Cluster].
func (n *Node) Cluster() string { return n.driver.Cluster() }

// SessionTTL returns the time to live of this node's sessions.
func (n *Node) SessionTTL() time.Duration { return n.ttl }

// LockService is what the node serves its clients, for calls inside this process. It ends
// with the node.
func (n *Node) LockService() clientv1.LockServiceServer { return n.service }

// Acquire is [broadcast.Driver.Acquire].
func (n *Node) Acquire(ctx context.Context, name string, limit token.Limit) (broadcast.Hold, error) {
	return n.driver.Acquire(ctx, name, limit)
}

// Try is [broadcast.Driver.Try].
func (n *Node) Try(ctx context.Context, name string, limit token.Limit) (broadcast.Hold, error) {
	return n.driver.Try(ctx, name, limit)
}

// AcquireRun is [broadcast.Driver.AcquireRun].
func (n *Node) AcquireRun(ctx context.Context, name string, run runs.Request) (broadcast.Hold, error) {
	return n.driver.AcquireRun(ctx, name, run)
}

// TryRun is [broadcast.Driver.TryRun].
func (n *Node) TryRun(ctx context.Context, name string, run runs.Request) (broadcast.Hold, error) {
	return n.driver.TryRun(ctx, name, run)
}

// AcquireKept is [broadcast.Driver.AcquireKept].
func (n *Node) AcquireKept(ctx context.Context, name string, keep runs.Keep) (broadcast.Hold, error) {
	return n.driver.AcquireKept(ctx, name, keep)
}

// TryKept is [broadcast.Driver.TryKept].
func (n *Node) TryKept(ctx context.Context, name string, keep runs.Keep) (broadcast.Hold, error) {
	return n.driver.TryKept(ctx, name, keep)
}

// Runs is [service.Service.Runs].
func (n *Node) Runs(ctx context.Context, name string) ([]runs.Run, error) {
	return n.service.Runs(ctx, name)
}

// Leader is [broadcast.Driver.Leader].
func (n *Node) Leader(ctx context.Context, name string) (broadcast.Leader, error) {
	return n.driver.Leader(ctx, name)
}

// Follow is [broadcast.Driver.Follow] without ticks.
func (n *Node) Follow(ctx context.Context, name string, tell func(broadcast.Leader) error) error {
	return n.driver.Follow(ctx, name, nil, tell)
}

// Done returns a channel that is closed when the node has ended, by [Node.Stop]
// or because it cannot go on; [Node.Err] then tells which.
func (n *Node) Done() <-chan struct{} { return n.driver.Done() }

// Err returns why the node ended by itself. It is nil before the end, and after
// [Node.Stop].
func (n *Node) Err() error { return n.driver.Err() }

// Stop ends the node. From now on [Node.Lock] fails, and waiters get
// [broadcast.ErrStopped]. Holders, clients in other processes too, are warned and have
// until the context ends to unlock. Then they lose their locks; a client's lease ends by
// itself after one time to live. Messages on their way to other members are delivered if
// the context gives them time. Stop returns when nothing of the node runs any more; the
// error is the cause of the context's end if that cut it short. Later calls wait for the
// first and return the same.
func (n *Node) Stop(ctx context.Context) error {
	n.stopOnce.Do(func() {
		err := n.driver.Stop(ctx)
		errs := []error{err, n.service.Close(ctx)}
		n.servers.stop()
		n.serving.Wait()
		n.access.control.Wait()
		n.metrics.unregister()
		if err == nil && n.driver.Err() == nil && n.unencumbered() {
			errs = append(errs, n.memory.clients.remove()) // nobody holds anything any more
		}
		n.stopErr = errors.Join(append(errs, n.memory.close())...)
	})
	return n.stopErr
}

// waitForClients waits until no client of an earlier process can hold a lock, and takes
// back the mark that there may be some.
func (n *Node) waitForClients() {
	for {
		select {
		case <-time.After(n.ttl / 4):
		case <-n.driver.Done():
			return
		}
		if !n.unencumbered() {
			continue
		}
		if err := n.memory.clients.waited(); err != nil {
			n.driver.Fail(err)
		}
		return
	}
}

// unencumbered reports whether no client of an earlier process, or of a session that ended
// early, can still hold a lock. The leases of an earlier process's clients ended within one
// time to live of this process's start.
func (n *Node) unencumbered() bool {
	until := n.driver.ClientsLeftUntil()
	if n.memory.encumbered {
		until = max(until, n.started+token.Time(n.ttl))
	}
	return n.driver.Now() >= until
}
