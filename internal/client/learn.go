package client

import (
	"slices"

	"conch/hosts"
)

// A node tells its clients, and those who observe leaders, who the members are: in its first
// message and whenever they have changed. A client that was given a HOST:PORT goes on to any of
// them when its node is gone, also to those that have joined since it started. One that was given
// sockets only stays on its machine: beyond it, others may be let in, and under other names.

// learn takes the members that a node tells, if it does.
func (c *Client) learn(addresses []string) {
	if len(addresses) == 0 || !slices.ContainsFunc(c.given, isPort) {
		return
	}
	var told []Target
	for _, address := range addresses[:min(len(addresses), hosts.MaxMembers)] {
		if form, err := hosts.ParseAddress(address); err == nil && form == address {
			told = append(told, Target{"tcp", address})
		}
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	c.told = told
}

func isPort(t Target) bool { return t.network == "tcp" }

// targets are the nodes to try: those that were given, and the members that are not among
// them.
func (c *Client) targets() []Target {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.allTargets()
}

// allTargets is targets. The caller has the lock.
func (c *Client) allTargets() []Target {
	all := slices.Clone(c.given)
	for _, t := range c.told {
		if !slices.Contains(all, t) {
			all = append(all, t)
		}
	}
	return all
}
