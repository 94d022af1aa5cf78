package conch

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"time"

	"conch/internal/client"
	"conch/internal/pki"
	"conch/token"
)

// DialConfig is what a client needs at its start. The zero value finds a node on this
// machine.
type DialConfig struct {
	// Nodes are the nodes to try, most wanted first: HOST:PORT, or unix:PATH for a node's
	// socket; an element may be a comma-separated list of these. Empty is the list in the
	// environment variable CONCH_NODE; without that, the sockets of this user's nodes on
	// this machine, which must be of one cluster; and if there is no trace of any,
	// [hosts.DefaultListen].
	Nodes []string
	// Command describes the program to those who ask who holds a lock. Empty is its name.
	Command string
	// TLS names the files with which the client proves its identity to a node at a
	// HOST:PORT and verifies the node's. Without it, nothing is encrypted.
	TLS TLSFiles
}

// Client uses the locks of a cluster without being a member: it speaks to one node. Its
// methods are safe for concurrent use.
type Client struct {
	client *client.Client
	seen   client.FencesSeen
}

// Dial connects to the first node that answers. If that node is gone later, the client
// moves its waiters to the next. Holders keep their locks until their deadline, and beyond
// it if the node is back before.
//
// The errors wrap [ErrConfig] for Nodes that name no node; [ErrUnreachable], at once if all
// refuse the connection, and after five seconds if some stay silent; and the cause of the
// context's end, which bounds the dial only.
func Dial(ctx context.Context, cfg DialConfig) (*Client, error) {
	nodes, err := client.Find(cfg.Nodes)
	if err != nil {
		return nil, fmt.Errorf("%w: Nodes: %w", ErrConfig, err)
	}
	secure, err := cfg.TLS.secure()
	if err != nil {
		return nil, fmt.Errorf("%w: %w", ErrConfig, err)
	}
	if cfg.Command == "" {
		cfg.Command = filepath.Base(os.Args[0])
	}
	c, err := client.Dial(ctx, client.Config{Targets: nodes.Targets, Caller: client.Describe(cfg.Command), Secure: secure})
	if err != nil {
		return nil, nodes.Explain(err)
	}
	return &Client{client: c}, nil
}

// SessionTTL returns the time to live of the cluster's sessions, as told by the node that
// the client speaks to, or spoke to last: Config.SessionTTL there.
func (c *Client) SessionTTL() time.Duration { return c.client.SessionTTL() }

// Node returns the node that the client speaks to, or spoke to last, in a form that
// DialConfig.Nodes takes.
func (c *Client) Node() string { return c.client.Node().String() }

// Lock waits until the caller holds the lock; the caller must then call [Hold.Unlock].
// Callers of one node, in its own process or its clients, are served in the order in which
// they came; a lock is not reentrant.
//
// The errors wrap [ErrName]; [ErrTooManyLocks]; [ErrStopped] after [Client.Close];
// [ErrUnreachable] once no node has been reached for five seconds; [ErrRefused];
// [ErrStaleFence] for a grant whose fence is not above an earlier one of the lock, which
// means that the cluster was set back; or the cause of the context's end, and
// [ErrNoSession] or [ErrUnreachable] too if that is why it took so long. The lock is then
// not held.
func (c *Client) Lock(ctx context.Context, name string) (Hold, error) {
	return c.acquire(ctx, name, token.Exclusive)
}

// TryLock takes the lock if it is free. A node knows within one SessionTTL of the cluster;
// if it is gone meanwhile, the next one is asked. The errors are those of [Client.Lock];
// [ErrBusy]; and [ErrNoSession] if the node cannot know.
func (c *Client) TryLock(ctx context.Context, name string) (Hold, error) {
	return c.try(ctx, name, token.Exclusive)
}

// Do calls f under a lock, as [Locker] describes.
func (c *Client) Do(ctx context.Context, name string, f func(ctx context.Context, fence uint64) error) error {
	return do(ctx, c.Lock, name, f)
}

// Close ends the client. From now on [Client.Lock] fails, and waiters get [ErrStopped].
// Holders lose locks that were not unlocked, but nobody else gets these before their
// deadline. Close returns when the node has heard of every Unlock, so that these locks are
// free when the program ends. If the node does not answer, Close gives up after one
// SessionTTL, when they are free anyway, and returns an error. Only kept holds are not free
// then: a hold of [Client.LockKept] whose node does not hear of the Unlock, for instance since
// the program ends without Close, stays kept until somebody frees or adopts it. The error says
// so.
func (c *Client) Close() error { return c.client.Close() }

// secure returns what secures a client's connections; nil without files.
func (f TLSFiles) secure() (client.Security, error) {
	if err := pki.Files(f).Check(); err != nil {
		return nil, fmt.Errorf("TLS: %w", err)
	}
	if f == (TLSFiles{}) {
		return nil, nil
	}
	tls, err := pki.LoadClient(pki.Files(f), func(error) {}) // it goes on with the files that it has
	if err != nil {
		return nil, fmt.Errorf("TLS: %w", err)
	}
	return tls.ToNodeCredentials, nil
}
