package client

import (
	"context"
	"fmt"
	"slices"

	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"

	"conch/broadcast"
	"conch/internal/clientwire"
	"conch/internal/runs"
	clientv1 "conch/proto/conch/client/v1"
)

// Runs returns the latest runs of a lock that the members remember, as the first node that
// answers has found out; the one that the client speaks to is asked first. It opens a
// connection of its own. The errors wrap [broadcast.ErrName], [broadcast.ErrNoNotes],
// [ErrUnreachable], [ErrForbidden] or [ErrRefused]; or are the cause of the context's end, or
// that the client is closed.
func (c *Client) Runs(ctx context.Context, lock string) ([]runs.Run, error) {
	if err := broadcast.CheckName(lock); err != nil {
		return nil, err
	}
	conn, target, err := c.askFirst(ctx)
	if err != nil {
		return nil, err
	}
	answer, err := clientv1.NewLockServiceClient(conn).ListRuns(ctx, &clientv1.ListRunsRequest{Lock: lock})
	_ = conn.Close()
	if err != nil {
		if ctx.Err() != nil {
			return nil, context.Cause(ctx)
		}
		return nil, listError(target, err)
	}
	var all []runs.Run
	for _, r := range answer.GetRuns() {
		all = append(all, clientwire.Run(r))
	}
	return all, nil
}

// inOrder returns the nodes to ask, the one that the client speaks to first.
func (c *Client) inOrder() []Target {
	targets := []Target{c.Node()}
	for _, t := range c.targets() {
		if !slices.Contains(targets, t) {
			targets = append(targets, t)
		}
	}
	return targets
}

// listError says why a node does not tell of runs.
func listError(t Target, err error) error {
	switch why := status.Convert(err).Message(); status.Code(err) {
	case codes.FailedPrecondition:
		return fmt.Errorf("%w: %v says: %s", broadcast.ErrNoNotes, t, why)
	case codes.PermissionDenied:
		return fmt.Errorf("%w: %v says: %s", ErrForbidden, t, why)
	case codes.Unimplemented:
		return fmt.Errorf("%w: %v is of a version that knows no runs and kept holds", ErrRefused, t)
	case codes.Unavailable:
		return fmt.Errorf("%w: %v: %s", ErrUnreachable, t, why)
	default:
		return fmt.Errorf("%w: %v says: %s", ErrRefused, t, why)
	}
}
