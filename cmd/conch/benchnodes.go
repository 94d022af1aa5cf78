package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"slices"
	"sync"
	"time"

	"github.com/spf13/cobra"
	healthv1 "google.golang.org/grpc/health/grpc_health_v1"
	"google.golang.org/grpc/status"

	"conch"
	"conch/internal/client"
	"conch/internal/loadgen"
	"conch/internal/render"
	"conch/internal/verify/processes"
	clientv1 "conch/proto/conch/client/v1"
)

// newOwnNodes prepares nodes of conch bench's own, with their files in a new folder. It
// starts no process.
func newOwnNodes(flags *benchFlags) (nodes *processes.Cluster, dir string, err error) {
	program, err := os.Executable()
	if err != nil {
		return nil, "", fmt.Errorf("find this program: %w", err)
	}
	dir, err = os.MkdirTemp("", "conch-bench-")
	if err != nil {
		return nil, "", err
	}
	nodes, err = processes.New(processes.Config{
		Program: program, Nodes: flags.start, Use: processes.ServeClients, Dir: dir,
		Flags: []string{"--log-level", "error", "--session-ttl", flags.sessionTTL.String()},
	})
	if err != nil {
		return nil, "", errors.Join(err, os.RemoveAll(dir))
	}
	return nodes, dir, nil
}

// benchNodes are the nodes that conch bench drives, and its clients there.
type benchNodes struct {
	loadgen.Nodes
	nodes     []*asked
	tls       conch.TLSFiles
	meter     loadgen.Meter // nil: there is none
	unmetered string        // why there is no meter

	connections []*conch.Client
	clients     []loadgen.Client
}

// reachOwn connects with started nodes. Close its result, also after an error.
func reachOwn(ctx context.Context, cmd *cobra.Command, nodes *processes.Cluster) (*benchNodes, error) {
	var sockets, pages []string
	for _, node := range nodes.Nodes() {
		sockets, pages = append(sockets, "unix:"+node.Socket()), append(pages, node.Page())
	}
	b := &benchNodes{Nodes: loadgen.Nodes{Started: true}, meter: loadgen.NewMeter(pages)}
	own, err := client.Find(sockets)
	if err != nil {
		return b, err
	}
	return b, b.reach(ctx, cmd, own.Targets, nil)
}

// reachRunning connects with nodes that already run. Close its result, also after an error.
func reachRunning(ctx context.Context, cmd *cobra.Command, flags *benchFlags) (*benchNodes, error) {
	b := &benchNodes{unmetered: "--metrics does not say where the members serve theirs"}
	running, err := client.Find(flags.nodes)
	switch {
	case err != nil && len(flags.nodes) > 0:
		return b, misuse(cmd, "--node: %w", err)
	case err != nil:
		return b, misuse(cmd, "--running: %w", err)
	}
	secure, err := flags.tls.security(cmd)
	if err != nil {
		return b, err
	}
	b.tls = flags.tls.TLSFiles
	if err := b.reach(ctx, cmd, running.Targets, secure); err != nil {
		return b, running.Explain(err)
	}
	cautionGuess(cmd, running)
	if len(flags.metrics) == 0 {
		return b, nil
	}
	if got := len(flags.metrics); got != b.Members {
		return b, misuse(cmd, "--metrics: got %d addresses, want those of all %d members of the cluster", got, b.Members)
	}
	b.meter, b.unmetered = loadgen.NewMeter(flags.metrics), ""
	return b, nil
}

// reach connects with nodes, which must be different ones of one cluster.
func (b *benchNodes) reach(ctx context.Context, cmd *cobra.Command, targets []client.Target, secure client.Security) error {
	var members, known []string
	for i, target := range targets {
		conn, _, err := client.Connect(ctx, []client.Target{target}, client.DefaultPatience, secure)
		if err != nil {
			return err
		}
		node := &asked{LockServiceClient: clientv1.NewLockServiceClient(conn), conn: conn, target: target}
		b.nodes = append(b.nodes, node)
		status, err := askOnce(ctx, node, func(ctx context.Context) (*clientv1.StatusResponse, error) {
			return node.Status(ctx, &clientv1.StatusRequest{Scope: clientv1.Scope_SCOPE_NODE})
		})
		if err != nil {
			return err
		}
		self := status.GetAnsweredBy()
		if same := slices.Index(known, self); same >= 0 {
			return misuse(cmd, "%s and %s are one node, %s; name it once", targets[same], target, render.Plain(self))
		}
		if i > 0 && !slices.Equal(members, status.GetMembers()) {
			return misuse(cmd, "%s and %s are of two clusters; name nodes of one", targets[0], target)
		}
		members, known = status.GetMembers(), append(known, self)
		b.TTL = time.Duration(status.GetTtlNs())
		b.Addresses = append(b.Addresses, target.String())
	}
	if b.Started {
		b.Addresses = known // the report needs no socket paths
	}
	b.Members = len(members)
	return nil
}

// dial connects this many clients at each node.
func (b *benchNodes) dial(ctx context.Context, clients int) error {
	for i, node := range b.nodes {
		for n := range clients {
			c, err := conch.Dial(ctx, conch.DialConfig{Nodes: []string{node.target.String()}, Command: "conch bench", TLS: b.tls})
			if err != nil {
				return err
			}
			b.connections = append(b.connections, c)
			b.clients = append(b.clients, loadgen.Client{
				Name:    fmt.Sprintf("client %d of %s", n+1, b.Addresses[i]),
				Node:    i,
				Lock:    func(ctx context.Context, lock string) (loadgen.Hold, error) { return c.Lock(ctx, lock) },
				TryLock: func(ctx context.Context, lock string) (loadgen.Hold, error) { return c.TryLock(ctx, lock) },
			})
		}
	}
	return nil
}

// errGone is wrapped by the error for a node that ends, or falls silent, while it is
// driven.
var errGone = errors.New("the node is gone")

// watched calls f with a context that ends with errGone when a node ends. A client alone
// would look for its node for a while; what the others do meanwhile must not be measured.
func (b *benchNodes) watched(ctx context.Context, f func(context.Context) error) error {
	ctx, end := context.WithCancelCause(ctx)
	var watching sync.WaitGroup
	defer watching.Wait()
	defer end(nil)
	for i, node := range b.nodes {
		watching.Go(func() {
			why := node.awaitEnd(ctx)
			end(fmt.Errorf("%w: %s: %w", errGone, b.Addresses[i], why))
		})
	}
	return f(ctx)
}

// awaitEnd waits until the node no longer serves, and returns why.
func (a *asked) awaitEnd(ctx context.Context) error {
	stream, err := healthv1.NewHealthClient(a.conn).Watch(ctx, &healthv1.HealthCheckRequest{})
	if err != nil {
		return err
	}
	for {
		health, err := stream.Recv()
		if err != nil {
			return errors.New(render.Plain(status.Convert(err).Message()))
		}
		if health.GetStatus() != healthv1.HealthCheckResponse_SERVING {
			return errors.New("it is stopping")
		}
	}
}

// close ends all clients, once their nodes have heard of each release.
func (b *benchNodes) close() error {
	failures := make([]error, len(b.connections))
	var group sync.WaitGroup
	for i, c := range b.connections {
		group.Go(func() { failures[i] = c.Close() })
	}
	group.Wait()
	for _, node := range b.nodes {
		node.close()
	}
	return errors.Join(failures...)
}
