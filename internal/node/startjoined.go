package node

import (
	"context"
	"errors"
	"fmt"

	"conch/hosts"
	"conch/internal/datadir"
	"conch/internal/discovery"
)

// StartJoined is [Start] after what comes before it. With addresses in join, the node first
// becomes a member of the cluster that runs there, as [Join] has it; Peers and HostsFile are empty
// then. Without, it asks the members that the configuration lists, as [Learn] has it. What the node
// waits for is in its log, and in the error if ctx ends meanwhile.
//
// The errors are those of Start, and [ErrRemoved] for a node that was removed from the cluster.
func StartJoined(ctx context.Context, cfg Config, join []string) (*Node, error) {
	cfg, err := cfg.withDefaults()
	if err != nil {
		return nil, err
	}
	field, prepare := "Peers", Learn
	if len(join) > 0 {
		field, prepare = "Join", Join
	}
	members, err := cfg.toAsk(join)
	if err != nil {
		return nil, fmt.Errorf("%w: %w", ErrConfig, err)
	}
	awaited := ""
	_, err = prepare(ctx, cfg, Joining{At: members.Addresses, Tell: func(r discovery.Report) { awaited = r.Text }})
	var mixed *discovery.MixedError
	switch {
	case errors.Is(err, datadir.ErrRemoved):
		return nil, removedError{err}
	case errors.Is(err, ErrNoDataDir):
		return nil, fmt.Errorf("%w: Join: %w; set DataDir, since that is what makes a member", ErrConfig, err)
	case errors.As(err, &mixed):
		return nil, fmt.Errorf("%w: %s: %w", ErrConfig, field, err)
	case err != nil && awaited != "" && ctx.Err() != nil:
		return nil, fmt.Errorf("waiting to be added to the members: %s: %w", awaited, err)
	case err != nil:
		return nil, err
	}
	return Start(ctx, cfg)
}

// toAsk returns whom to ask before the node starts, and the node itself.
func (cfg Config) toAsk(join []string) (hosts.Members, error) {
	if len(join) == 0 {
		return cfg.list()
	}
	if len(cfg.Peers) > 0 || cfg.HostsFile != "" {
		return hosts.Members{}, errors.New("Join has the node added to a cluster that runs, and Peers and HostsFile say that it is one of its first members; leave one of them out")
	}
	self, err := cfg.advertised()
	if err != nil {
		return hosts.Members{}, err
	}
	return ListJoin(self, hosts.Flag("Join", join...))
}

// ListJoin returns the members at which a node is to join, and the node itself. The errors
// begin with where a wrong address stands, and are those of [hosts.List], or say that the address
// is the node's own.
func ListJoin(self hosts.Entry, at hosts.Source) (hosts.Members, error) {
	for _, entry := range at {
		if address, err := hosts.ParseAddress(entry.Address); err == nil && address == self.Address {
			return hosts.Members{}, fmt.Errorf("%s: %s is this node itself; name a member of the cluster", entry.Where, self.Address)
		}
	}
	return hosts.List(self, at)
}

// removedError is the error for the data directory of a node that was removed. It is
// ErrRemoved too, which its text need not repeat.
type removedError struct{ error }

// Is reports whether the target is ErrRemoved.
func (removedError) Is(target error) bool { return target == ErrRemoved }

// Unwrap returns what is said of the directory.
func (e removedError) Unwrap() error { return e.error }
