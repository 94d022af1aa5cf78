package client

import (
	"context"
	"errors"
	"fmt"
	"io"

	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"

	clientv1 "conch/proto/conch/client/v1"
)

var (
	// ErrCannotChange is wrapped by the error for a change of the members that would stop the
	// cluster or makes no sense. Nothing has changed then.
	ErrCannotChange = errors.New("the members cannot be changed like that")
	// ErrOtherChange is wrapped by the error for a change of the members that another one came
	// before.
	ErrOtherChange = errors.New("another change of the members came first")
)

// Members returns who the members are, as the first node that answers knows; the one that the
// client speaks to is asked first. It opens a connection of its own. The errors wrap
// [ErrUnreachable], [ErrForbidden] or [ErrRefused]; or are the cause of the context's end, or
// that the client is closed.
func (c *Client) Members(ctx context.Context) (*clientv1.ShowMembersResponse, error) {
	conn, target, err := c.askFirst(ctx)
	if err != nil {
		return nil, err
	}
	defer conn.Close()
	answer, err := clientv1.NewLockServiceClient(conn).ShowMembers(ctx, &clientv1.ShowMembersRequest{AskOthers: true})
	if err != nil {
		return nil, membersError(ctx, target, err)
	}
	return answer, nil
}

// ChangeMembers asks the first node that answers to change the members, and tells of each step.
// It returns once the change is complete, or planned if only that is asked for. The errors are
// those of [Client.Members], [ErrCannotChange], [ErrOtherChange], or told's.
func (c *Client) ChangeMembers(ctx context.Context, r *clientv1.ChangeMembersRequest, told func(*clientv1.ChangeMembersResponse) error) error {
	conn, target, err := c.askFirst(ctx)
	if err != nil {
		return err
	}
	defer conn.Close()
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	r.Caller = c.caller
	stream, err := clientv1.NewLockServiceClient(conn).ChangeMembers(ctx, r)
	if err != nil {
		return membersError(ctx, target, err)
	}
	complete := false
	for {
		step, err := stream.Recv()
		switch {
		case errors.Is(err, io.EOF) && (complete || r.GetPlan()), err != nil && complete:
			return nil // a node that is removed ends
		case errors.Is(err, io.EOF):
			return fmt.Errorf("%w: %v ended its answer before the change was complete", ErrUnreachable, target)
		case err != nil:
			return membersError(ctx, target, err)
		}
		if err := told(step); err != nil {
			return err
		}
		complete = step.GetStage() == clientv1.ChangeStage_CHANGE_STAGE_COMPLETE
	}
}

// askFirst connects to the first node that answers.
func (c *Client) askFirst(ctx context.Context) (*grpc.ClientConn, Target, error) {
	if c.life.Err() != nil {
		return nil, Target{}, errClosed
	}
	return c.connector.first(ctx, c.inOrder(), DefaultPatience)
}

// membersError says why a node does not tell of the members, or change them.
func membersError(ctx context.Context, t Target, err error) error {
	if ctx.Err() != nil {
		return context.Cause(ctx)
	}
	switch why := status.Convert(err).Message(); status.Code(err) {
	case codes.FailedPrecondition:
		return fmt.Errorf("%w: %v says: %s", ErrCannotChange, t, why)
	case codes.Aborted:
		return fmt.Errorf("%w: %v says: %s", ErrOtherChange, t, why)
	case codes.PermissionDenied:
		return fmt.Errorf("%w: %v says: %s", ErrForbidden, t, why)
	case codes.Unimplemented:
		return fmt.Errorf("%w: %v is of a version whose members do not change", ErrRefused, t)
	case codes.Unavailable:
		return fmt.Errorf("%w: %v: %s", ErrUnreachable, t, why)
	default:
		return fmt.Errorf("%w: %v says: %s", ErrRefused, t, why)
	}
}
