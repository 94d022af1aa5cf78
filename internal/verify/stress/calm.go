package stress

import (
	"context"
	"errors"
	"fmt"
	"time"

	"google.golang.org/grpc"
	"google.golang.org/grpc/credentials/insecure"

	"conch"
	clientv1 "conch/proto/conch/client/v1"
)

// awaitCalm waits until a fresh client of each node has had each lock, and until no node
// remembers a hold, a wait or a client. It returns an error if that does not happen.
func (s *Scenario) awaitCalm(ctx context.Context) error {
	var errs []error
	for _, node := range s.nodes {
		errs = append(errs, s.awaitFree(ctx, node))
	}
	for _, node := range s.nodes {
		errs = append(errs, s.awaitEmpty(ctx, node))
	}
	return errors.Join(errs...)
}

// awaitFree takes each lock once, as a client of a node.
func (s *Scenario) awaitFree(ctx context.Context, node *conch.Node) error {
	ctx, cancel := context.WithTimeout(ctx, s.Patience)
	defer cancel()
	client, err := conch.Dial(ctx, conch.DialConfig{Nodes: []string{node.Address()}})
	if err != nil {
		return err
	}
	for i := range s.Locks {
		hold, err := client.Lock(ctx, lockName(i))
		if err != nil {
			return errors.Join(fmt.Errorf("%q cannot be had at %s after the faults: %w", lockName(i), node.Address(), err), client.Close())
		}
		_ = hold.Unlock() // it may be lost on a busy machine
	}
	return client.Close()
}

// awaitEmpty waits until a node remembers nothing.
func (s *Scenario) awaitEmpty(ctx context.Context, node *conch.Node) error {
	ctx, cancel := context.WithTimeout(ctx, s.Patience)
	defer cancel()
	conn, err := grpc.NewClient("passthrough:///"+node.Address(), grpc.WithTransportCredentials(insecure.NewCredentials()))
	if err != nil {
		return err
	}
	defer conn.Close()
	var last error // what was left at the node's latest answer
	for {
		status, err := clientv1.NewLockServiceClient(conn).Status(ctx, &clientv1.StatusRequest{Scope: clientv1.Scope_SCOPE_NODE})
		if err != nil && ctx.Err() != nil && last != nil {
			return last
		}
		if err != nil {
			return fmt.Errorf("ask %s whether its tables are empty: %w", node.Address(), err)
		}
		m := status.GetStatuses()[0]
		if m.GetHolds() == 0 && m.GetWaits() == 0 && m.GetClients() == 0 {
			return nil
		}
		last = fmt.Errorf("%s still has %d holds, %d waits and %d clients", m.GetMember(), m.GetHolds(), m.GetWaits(), m.GetClients())
		pause(ctx, 10*time.Millisecond)
		if ctx.Err() != nil {
			return last
		}
	}
}
