package main

import (
	"strings"

	"github.com/spf13/cobra"

	"conch/hosts"
	"conch/token"
)

// foundBy says for the log how the node knows its members.
func (f *nodeFlags) foundBy() string {
	var by []string
	if f.discover.used() {
		by = append(by, "discover "+string(f.discover.spec.Kind))
	}
	if len(f.peers) > 0 {
		by = append(by, "peers")
	}
	if f.hostsFile != "" {
		by = append(by, "hosts-file")
	}
	if len(f.join) > 0 {
		by = append(by, "join")
	}
	return strings.Join(by, ", ")
}

// checkMembers refuses flags that leave open who the members are. A node that knows no others
// must be meant to be single: it would grant every lock by itself, beside a cluster that it
// was left out of. With a membership in the data directory, flags do not matter.
func (f *nodeFlags) checkMembers(cmd *cobra.Command, members hosts.Members, membership *token.Membership) error {
	switch n := len(members.Addresses); {
	case membership != nil || f.discover.used() || len(f.join) > 0: // the others are known, or found later
	case f.single && n > 1:
		return misuse(cmd, "--single: got %d members, %s, want none but this node; leave one of these out", n, strings.Join(members.Addresses, ", "))
	case !f.single && n == 1:
		return misuse(cmd, "%s knows no other member; name them by --peers or --hosts-file, find them by --discover, have the node added to a cluster by --join, or say by --single that there are none: such a node grants every lock by itself", members.Addresses[0])
	}
	return nil
}

// listMembers returns the named members. What is wrong is a usage error, in the hosts file
// too.
func (f *nodeFlags) listMembers(cmd *cobra.Command) (hosts.Members, error) {
	self, err := hosts.Advertise(
		hosts.Entry{Where: "--listen", Address: f.listen},
		hosts.Entry{Where: "--advertise", Address: f.advertise},
	)
	if err != nil {
		return hosts.Members{}, misuse(cmd, "%w", err)
	}
	if len(f.join) > 0 {
		return f.listJoin(cmd, self)
	}
	peers := hosts.Flag("--peers", f.peers...)
	members, err := hosts.List(self, peers)
	if err != nil {
		return hosts.Members{}, misuse(cmd, "%w", err)
	}
	if f.hostsFile == "" {
		return members, nil
	}
	file, err := hosts.ReadFile(f.hostsFile)
	if err != nil {
		return hosts.Members{}, misuse(cmd, "--hosts-file: %w", err)
	}
	members, err = hosts.List(self, peers, file)
	if err != nil {
		return hosts.Members{}, misuse(cmd, "%w", err)
	}
	return members, nil
}
