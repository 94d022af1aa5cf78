package main

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"conch/hosts"
	clientv1 "conch/proto/conch/client/v1"
)

func newMembersCommand() *cobra.Command {
	var flags askFlags
	cmd := &cobra.Command{
		Use:   "members [flags]",
		Short: "Show which members the cluster has, or change them",
		Long: `Shows the members of the cluster: number, address, session, for how long each has been
running, and the disk by which the others know it; how far a change of the members is;
and what is wrong with a member, for example that a process with another disk runs at its
address. Any node answers for all.

The commands below change the members while the cluster serves: one change of any size
at a time. Every member then needs a data directory.

Exit codes: 0 a node answered, 69 none could be reached, 80 the node's rules
do not let this caller look, 64 wrong usage.`,
		Example: `  conch members
  conch members add node4:7400,node5:7400
  conch members replace node2:7400 node6:7400 --plan
  conch members --json | jq -r '.listed[] | select(.heard | not) | .address'`,
		Args: func(_ *cobra.Command, args []string) error {
			if len(args) > 0 {
				return fmt.Errorf("unknown command %q; want add, remove or replace, or none of them", args[0])
			}
			return nil
		},
		ValidArgsFunction: cobra.NoFileCompletions,
		RunE: func(cmd *cobra.Command, _ []string) error {
			node, err := flags.ask(cmd)
			if err != nil {
				return err
			}
			defer node.close()
			answer, err := askOnce(cmd.Context(), node, func(ctx context.Context) (*clientv1.ShowMembersResponse, error) {
				return node.ShowMembers(ctx, &clientv1.ShowMembersRequest{AskOthers: true})
			})
			if err != nil {
				return err
			}
			return flags.printer(cmd.OutOrStdout()).Members(answer)
		},
	}
	flags.addTo(cmd)
	cmd.AddCommand(newMembersAddCommand(), newMembersRemoveCommand(), newMembersReplaceCommand())
	return cmd
}

// changeHelp ends the help of all commands that change the members.
const changeHelp = `

A change that would stop the cluster is refused before anything happens, with the reason.
Otherwise the members choose it; from then on it cannot be taken back, and decisions need
a quorum of the old list and one of the new until all go by the new one, which takes a few
times --session-ttl. Locks are served as ever meanwhile. Standard error shows how far it
is. The change goes on if this command ends.

Users of the socket of a node may change the members; over TCP the node's rules (conch node
--allow) have to grant "members *" to the caller.

Exit codes: 0 the change is complete, or with --plan possible; 1 it is refused, or another
change came first; 75 --wait is over, and the change goes on; 69 the node could not be
reached, or it is not known what came of the change; 80 the node's rules do not let this
caller change the members; 64 wrong usage.`

func newMembersAddCommand() *cobra.Command {
	var flags changeFlags
	cmd := &cobra.Command{
		Use:   "add ADDR[,ADDR...] [flags]",
		Short: "Add members to the cluster",
		Long: `Adds members to the cluster. Each runs already, with an empty data directory and --join:

  conch node --listen node4:7400 --join node1:7400` + changeHelp,
		Example: `  conch members add node4:7400,node5:7400 --plan
  conch members add node4:7400,node5:7400`,
		Args:              someAddresses,
		ValidArgsFunction: cobra.NoFileCompletions,
		RunE: func(cmd *cobra.Command, args []string) error {
			return flags.run(cmd, &clientv1.ChangeMembersRequest{Add: addressList(args)})
		},
	}
	flags.addTo(cmd)
	return cmd
}

func newMembersRemoveCommand() *cobra.Command {
	var flags changeFlags
	cmd := &cobra.Command{
		Use:   "remove ADDR[,ADDR...] [flags]",
		Short: "Remove members from the cluster",
		Long: `Removes members from the cluster. One that runs takes no more requests, so that those who
wait there move to other nodes, and lets holders finish; then its process ends with 0. Its
data directory does not start again.` + changeHelp,
		Example: `  conch members remove node5:7400 --plan
  conch members remove node4:7400,node5:7400`,
		Args:              someAddresses,
		ValidArgsFunction: flags.ask.completeMembers,
		RunE: func(cmd *cobra.Command, args []string) error {
			return flags.run(cmd, &clientv1.ChangeMembersRequest{Remove: addressList(args)})
		},
	}
	flags.addTo(cmd)
	return cmd
}

func newMembersReplaceCommand() *cobra.Command {
	var flags changeFlags
	cmd := &cobra.Command{
		Use:   "replace OLD NEW [flags]",
		Short: "Replace a member by another in one step",
		Long: `Removes the member OLD and adds NEW in one step, for example when a machine is dead. NEW
runs already, with an empty data directory and --join. OLD and NEW are the same where a
machine has lost its disk: its node runs again, and the others take it for a stranger until
the list has its new disk.` + changeHelp,
		Example: `  conch members replace node2:7400 node6:7400
  conch members replace node2:7400 node2:7400   # it has lost its data directory`,
		Args: func(cmd *cobra.Command, args []string) error {
			if len(args) != 2 {
				return fmt.Errorf("got %d arguments, want two: the member that leaves, and the one that takes its place", len(args))
			}
			return checkAddresses(args)
		},
		ValidArgsFunction: func(cmd *cobra.Command, args []string, begun string) ([]cobra.Completion, cobra.ShellCompDirective) {
			if len(args) > 1 {
				return nil, cobra.ShellCompDirectiveNoFileComp
			}
			return flags.ask.completeMembers(cmd, nil, begun)
		},
		RunE: func(cmd *cobra.Command, args []string) error {
			return flags.run(cmd, &clientv1.ChangeMembersRequest{Remove: args[:1], Add: args[1:]})
		},
	}
	flags.addTo(cmd)
	return cmd
}

// someAddresses requires addresses, in lists separated by commas.
func someAddresses(_ *cobra.Command, args []string) error {
	if len(args) == 0 {
		return fmt.Errorf("got no address, want HOST:PORT, or several separated by commas")
	}
	return checkAddresses(addressList(args))
}

// addressList splits lists.
func addressList(args []string) []string {
	var all []string
	for _, list := range args {
		for address := range strings.SplitSeq(list, ",") {
			all = append(all, strings.TrimSpace(address))
		}
	}
	return all
}

func checkAddresses(all []string) error {
	for _, address := range all {
		if _, err := hosts.ParseAddress(address); err != nil {
			return err
		}
	}
	return nil
}

// completePatience is how long a shell waits for the members' addresses.
const completePatience = time.Second

// completeMembers offers the addresses of members that do not stand on the line yet.
func (f *askFlags) completeMembers(cmd *cobra.Command, args []string, begun string) ([]cobra.Completion, cobra.ShellCompDirective) {
	var offered []cobra.Completion
	before := ""
	if i := strings.LastIndex(begun, ","); i >= 0 {
		before = begun[:i+1]
	}
	there := addressList(append(slices.Clone(args), strings.TrimSuffix(before, ",")))
	node, err := f.ask(cmd)
	if err != nil {
		return nil, cobra.ShellCompDirectiveNoFileComp // the command itself says why
	}
	defer node.close()
	ctx, cancel := context.WithTimeout(cmd.Context(), completePatience)
	defer cancel()
	answer, err := node.ShowMembers(ctx, &clientv1.ShowMembersRequest{})
	if err != nil {
		return nil, cobra.ShellCompDirectiveNoFileComp
	}
	for _, m := range answer.GetMembers() {
		if !slices.Contains(there, m.GetAddress()) {
			offered = append(offered, before+m.GetAddress())
		}
	}
	return offered, cobra.ShellCompDirectiveNoFileComp
}
