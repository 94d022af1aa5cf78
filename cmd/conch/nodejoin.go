package main

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"conch/hosts"
	"conch/internal/datadir"
	"conch/internal/discovery"
	"conch/internal/node"
	"conch/token"
)

// checkJoin refuses flags that contradict --join.
func (f *nodeFlags) checkJoin(cmd *cobra.Command) error {
	if len(f.join) == 0 {
		return nil
	}
	for _, name := range []string{"peers", "hosts-file", "discover", "single"} {
		if cmd.Flags().Changed(name) {
			return misuse(cmd, "--join has the node added to a cluster that runs, and --%s says that it is one of its first members; leave one of them out", name)
		}
	}
	if f.dataDir == none {
		return misuse(cmd, "--join needs a data directory, since that is what makes a member; leave out --data-dir none")
	}
	return nil
}

// listJoin returns the members that --join names, and this node.
func (f *nodeFlags) listJoin(cmd *cobra.Command, self hosts.Entry) (hosts.Members, error) {
	members, err := node.ListJoin(self, hosts.Flag("--join", f.join...))
	if err != nil {
		return hosts.Members{}, misuse(cmd, "%w", err)
	}
	return members, nil
}

// stand finds out how the node stands to its cluster, and has it wait until it is a member
// where that is needed. named are nodes that may be members.
func (f *nodeFlags) stand(ctx context.Context, cmd *cobra.Command, cfg *node.Config, named []string, page *page) error {
	var end []func()
	var wait *waiting
	joining := node.Joining{At: named, Tell: func(r discovery.Report) {
		if wait == nil {
			wait = newWaiting(ctx, cmd.ErrOrStderr(), "waiting to be added", true)
			end = append(end, page.wait(wait.text), wait.stop)
		}
		wait.tell(r)
	}}
	before := node.Learn
	if len(f.join) > 0 {
		before = node.Join
	}
	standing, err := before(ctx, *cfg, joining)
	for _, end := range end {
		end()
	}
	if mixed := (*discovery.MixedError)(nil); errors.As(err, &mixed) {
		flag := "--peers"
		if len(f.join) > 0 {
			flag = "--join"
		}
		return fmt.Errorf("%s: %w", flag, err)
	}
	if err != nil {
		return err
	}
	if standing.Membership != nil {
		cfg.Peers = standing.Members()
		f.tellMembers(cmd, cfg, standing)
	}
	return nil
}

// tellMembers says which list of members counts, where the flags say something else.
func (f *nodeFlags) tellMembers(cmd *cobra.Command, cfg *node.Config, standing node.Standing) {
	members := standing.Members()
	list := strings.Join(members, ", ")
	tell := func(format string, args ...any) { fmt.Fprintf(cmd.ErrOrStderr(), "conch: "+format+"\n", args...) }
	counts := fmt.Sprintf("the members are those in the data directory %s: %s", cfg.DataDir, list)
	named := slices.Sorted(slices.Values(append([]string{cfg.Advertise}, f.named...)))
	switch {
	case standing.Joined:
		tell("added to the cluster; its members are %s", list)
	case len(f.join) > 0:
		tell("--join does nothing any more: %s", counts)
	case f.single && len(members) > 1:
		tell("--single does not count: %s", counts)
	case f.discover.used() && f.discover.expect != len(members):
		tell("--expect does not count: %s", counts)
	case (len(f.peers) > 0 || f.hostsFile != "") && !slices.Equal(named, members):
		tell("%s; --peers and --hosts-file only help to find them", counts)
	}
}

// endOf is how a node's end is told: one that was removed has done what it was to do.
func endOf(cmd *cobra.Command, err error) error {
	switch {
	case errors.Is(err, node.ErrRemoved):
		fmt.Fprintln(cmd.ErrOrStderr(), "conch: removed from the cluster; the node has ended, and its data directory does not start again")
		return nil
	case errors.Is(err, datadir.ErrRemoved): // a wrong setting, which stays wrong
		return usageError(err)
	case errors.Is(err, token.ErrStranger):
		return fmt.Errorf("%w; started again, the node waits for that", err)
	}
	return err
}
