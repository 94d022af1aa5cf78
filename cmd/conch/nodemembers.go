package main

import (
	"strings"

	"github.com/spf13/cobra"

	"conch/hosts"
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
	return strings.Join(by, ", ")
}

// members returns the members. A node that knows no others must be meant to be single: it
// would grant every lock by itself, beside a cluster that it was left out of.
func (f *nodeFlags) members(cmd *cobra.Command) (hosts.Members, error) {
	members, err := f.listMembers(cmd)
	if err != nil {
		return hosts.Members{}, err
	}
	switch n := len(members.Addresses); {
	case f.discover.used(): // the others are found later
	case f.single && n > 1:
		return hosts.Members{}, misuse(cmd, "--single: got %d members, %s, want none but this node; leave one of these out", n, strings.Join(members.Addresses, ", "))
	case !f.single && n == 1:
		return hosts.Members{}, misuse(cmd, "%s knows no other member; name them by --peers or --hosts-file, find them by --discover, or say by --single that there are none: such a node grants every lock by itself", members.Addresses[0])
	}
	return members, nil
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
