package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"time"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"conch/internal/client"
	"conch/internal/render"
	clientv1 "conch/proto/conch/client/v1"
)

// changeFlags are the flags of the commands that change the members.
type changeFlags struct {
	ask  askFlags
	plan bool
	wait time.Duration
}

// addTo adds the flags to a command.
func (f *changeFlags) addTo(cmd *cobra.Command) {
	changing := pflag.NewFlagSet("", pflag.ContinueOnError)
	changing.BoolVar(&f.plan, "plan", false, "only show what the change means, and whether it is possible; change nothing")
	changing.DurationVar(&f.wait, "wait", 0, "wait at most `TIME` until the change is complete (default: until it is)")
	addGroup(cmd, "Changing", changing)
	f.ask.addTo(cmd)
}

// errChangeWaitOver is the cause of a context that ended with --wait.
var errChangeWaitOver = errors.New("--wait is over")

// run asks a node for a change, and shows how far it is.
func (f *changeFlags) run(cmd *cobra.Command, request *clientv1.ChangeMembersRequest) error {
	bounded := cmd.Flags().Changed("wait")
	switch {
	case bounded && f.wait <= 0:
		return misuse(cmd, "--wait: got %v, want more than 0s", f.wait)
	case f.plan && bounded:
		return misuse(cmd, "--plan does not wait; leave --wait out")
	}
	node, err := f.ask.ask(cmd)
	if err != nil {
		return err
	}
	defer node.close()
	ctx, end := context.WithCancelCause(cmd.Context())
	defer end(nil)
	if bounded {
		timer := time.AfterFunc(f.wait, func() { end(errChangeWaitOver) })
		defer timer.Stop()
	}
	request.Plan, request.Caller = f.plan, client.Describe(cmd.CommandPath())
	stream, err := node.ChangeMembers(ctx, request)
	if err != nil {
		return node.failure(ctx, err)
	}
	// The plan is owed; the steps come in their time.
	plan, err := within(end, stream.Recv)
	if err != nil {
		return f.broken(ctx, node, clientv1.ChangeStage_CHANGE_STAGE_UNSPECIFIED, err)
	}
	result := f.ask.printer(cmd.OutOrStdout())
	progress := result
	if !f.ask.asJSON && !f.plan {
		progress = render.Text(cmd.ErrOrStderr())
	}
	if err := progress.Planned(plan.GetPlan()); err != nil {
		return err
	}
	return f.follow(ctx, node, stream.Recv, progress, result)
}

// follow shows the steps of a change as they come.
func (f *changeFlags) follow(ctx context.Context, node *asked, receive func() (*clientv1.ChangeMembersResponse, error), progress, result render.Printer) error {
	stage := clientv1.ChangeStage_CHANGE_STAGE_UNSPECIFIED
	for {
		step, err := receive()
		complete := stage == clientv1.ChangeStage_CHANGE_STAGE_COMPLETE
		switch {
		case errors.Is(err, io.EOF) && (f.plan || complete):
			return nil
		case errors.Is(err, io.EOF):
			return node.exit(exitUnreachable, errors.New("it ended its answer before the change was complete"))
		case err != nil && complete:
			return nil // it may have been removed, and have ended
		case err != nil:
			return f.broken(ctx, node, stage, err)
		}
		if stage = step.GetStage(); stage == clientv1.ChangeStage_CHANGE_STAGE_COMPLETE {
			err = result.Stepped(step)
		} else {
			err = progress.Stepped(step)
		}
		if err != nil {
			return err
		}
	}
}

// broken says why an answer ended early, and what that means for the change.
func (f *changeFlags) broken(ctx context.Context, node *asked, stage clientv1.ChangeStage, err error) error {
	chosen := stage == clientv1.ChangeStage_CHANGE_STAGE_JOINT
	if errors.Is(context.Cause(ctx), errChangeWaitOver) {
		goes := "whether the change is chosen is not known"
		switch {
		case chosen:
			goes = "the change goes on"
		case stage == clientv1.ChangeStage_CHANGE_STAGE_UNSPECIFIED:
			goes = "nothing has changed"
		}
		return &exitError{exitNotAcquired, fmt.Errorf("--wait %v is over, and %s; 'conch members' shows how far it is", f.wait, goes)}
	}
	failure := node.failure(ctx, err)
	if chosen && exitCode(failure) == exitUnreachable {
		return &exitError{exitUnreachable, fmt.Errorf("%w; the change is chosen and goes on: 'conch members --node' at another node shows how far it is", failure)}
	}
	return failure
}
