package main

import (
	"context"
	"slices"

	"github.com/spf13/cobra"

	clientv1 "conch/proto/conch/client/v1"
)

func newStatusCommand() *cobra.Command {
	var flags askFlags
	cmd := &cobra.Command{
		Use:   "status [flags]",
		Short: "Show the members, their sessions and connections",
		Long: `Shows each member of the cluster: whether it has a session, how many clients it has,
what they hold and wait for, and how many of the streams between it and the others are
open; and says in words what is wrong, and which locks are kept though nobody alive has
them. Any node answers for all. Members that did not
answer are also named on standard error.

Exit codes: 0 a node answered, 69 none could be reached, 80 the node's rules
do not let this caller look, 64 wrong usage.`,
		Example: `  conch status
  conch status --node node1:7400,node2:7400
  conch status --json | jq '.statuses[] | select(.session == null) | .member'`,
		Args:              noArguments,
		ValidArgsFunction: cobra.NoFileCompletions,
		RunE: func(cmd *cobra.Command, _ []string) error {
			node, err := flags.ask(cmd)
			if err != nil {
				return err
			}
			defer node.close()
			answer, err := askOnce(cmd.Context(), node, func(ctx context.Context) (*clientv1.StatusResponse, error) {
				return node.Status(ctx, &clientv1.StatusRequest{Scope: clientv1.Scope_SCOPE_CLUSTER})
			})
			if err != nil {
				return err
			}
			warnMissing(cmd, answer.GetMissing())
			kept, err := keptLocks(cmd.Context(), node, answer)
			if err != nil {
				return err
			}
			return flags.printer(cmd.OutOrStdout()).Status(answer, kept)
		},
	}
	flags.addTo(cmd)
	return cmd
}

// keptLocks returns the locks that kept holds bar. It asks for the locks only if a member
// remembers a kept hold: there may be many locks.
func keptLocks(ctx context.Context, node *asked, status *clientv1.StatusResponse) (kept []*clientv1.LockStatus, err error) {
	if !slices.ContainsFunc(status.GetStatuses(), func(m *clientv1.MemberStatus) bool { return m.GetKept() > 0 }) {
		return nil, nil
	}
	request := &clientv1.ListLocksRequest{Scope: clientv1.Scope_SCOPE_CLUSTER}
	_, err = node.eachLock(ctx, request, func(lock *clientv1.LockStatus, _ []*clientv1.Missing) error {
		if lock.GetKept() != nil {
			kept = append(kept, lock)
		}
		return nil
	})
	return kept, err
}
