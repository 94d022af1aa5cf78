package client

import (
	"context"
	"errors"
	"fmt"
	"net"
	"os"
	"path/filepath"
	"strings"

	"conch/hosts"
	"conch/internal/socket"
)

// EnvNode names the environment variable that tells which nodes to speak to, as a
// list separated by commas, where nothing else does.
const EnvNode = "CONCH_NODE"

// ErrTarget is wrapped by the error of [Targets]: what was given names no node, or
// nothing was given and there are several to choose from.
var ErrTarget = errors.New("node to speak to")

// unixPrefix marks a path.
const unixPrefix = "unix:"

// Target is a node to speak to: where it has its unix socket, or its TCP port.
type Target struct {
	network string // of package net
	address string
}

// ParseTarget reads unix:PATH, a PATH that has a slash in front, or HOST:PORT. The
// error wraps [ErrTarget].
func ParseTarget(text string) (Target, error) {
	path, isPath := strings.CutPrefix(text, unixPrefix)
	switch {
	case isPath && path == "":
		return Target{}, fmt.Errorf("%w: %q has no path, want unix:/PATH", ErrTarget, text)
	case isPath || strings.HasPrefix(text, "/"):
		path, err := filepath.Abs(path)
		if err != nil {
			return Target{}, fmt.Errorf("%w: %q: %w", ErrTarget, text, err)
		}
		return Target{"unix", path}, nil
	}
	address, err := hosts.ParseAddress(text)
	if err != nil {
		return Target{}, fmt.Errorf("%w: %w", ErrTarget, err)
	}
	return Target{"tcp", address}, nil
}

// String returns what [ParseTarget] reads.
func (t Target) String() string {
	if t.network == "unix" {
		return unixPrefix + t.address
	}
	return t.address
}

// dial opens a connection to a node.
func dial(ctx context.Context, t Target) (net.Conn, error) {
	return new(net.Dialer).DialContext(ctx, t.network, t.address)
}

// authority is whom a request on a connection is addressed to.
func (t Target) authority() string {
	if t.network == "unix" {
		return "localhost"
	}
	return t.address
}

// Targets returns the nodes to speak to, most wanted first: those given, or else those
// of $CONCH_NODE, or else the one whose socket is the only one that this user's nodes
// serve on this machine, or else [hosts.DefaultListen]. Each text is a list separated by
// commas of what [ParseTarget] reads. The error wraps [ErrTarget].
func Targets(nodes []string) ([]Target, error) {
	if len(nodes) > 0 {
		return parseTargets(nodes)
	}
	if list := os.Getenv(EnvNode); list != "" {
		targets, err := parseTargets([]string{list})
		if err != nil {
			return nil, fmt.Errorf("%s: %w", EnvNode, err)
		}
		return targets, nil
	}
	sockets, err := socket.List()
	switch {
	case err != nil:
		return nil, fmt.Errorf("%w: %w", ErrTarget, err)
	case len(sockets) == 1:
		return []Target{{"unix", sockets[0]}}, nil
	case len(sockets) > 1:
		return nil, fmt.Errorf("%w: several nodes run here, name one of them: %s%s", ErrTarget, unixPrefix, strings.Join(sockets, ", "+unixPrefix))
	}
	return []Target{{"tcp", hosts.DefaultListen}}, nil
}

func parseTargets(lists []string) ([]Target, error) {
	var targets []Target
	for _, list := range lists {
		for text := range strings.SplitSeq(list, ",") {
			target, err := ParseTarget(strings.TrimSpace(text))
			if err != nil {
				return nil, err
			}
			targets = append(targets, target)
		}
	}
	return targets, nil
}
