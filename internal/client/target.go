package client

import (
	"context"
	"errors"
	"fmt"
	"net"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"conch/hosts"
	"conch/internal/socket"
)

// EnvNode names the environment variable that tells which nodes to speak to, as a
// list separated by commas, where nothing else does.
const EnvNode = "CONCH_NODE"

// ErrTarget is wrapped by the error of [Find]: what was given names no node, or nothing
// was given and there are nodes of several clusters to choose from.
var ErrTarget = errors.New("node to speak to")

// unixPrefix marks a path.
const unixPrefix = "unix:"

// Target is a node to speak to: where it has its unix socket, or its TCP port.
type Target struct {
	network string // of package net
	address string
}

// ParseTarget reads unix:PATH, a PATH that begins with /, ./ or ../, or HOST:PORT. The
// error wraps [ErrTarget].
func ParseTarget(text string) (Target, error) {
	path, isPath := strings.CutPrefix(text, unixPrefix)
	switch {
	case isPath && path == "":
		return Target{}, fmt.Errorf("%w: %q has no path, want unix:/PATH", ErrTarget, text)
	case isPath || strings.HasPrefix(text, "/") || strings.HasPrefix(text, "./") || strings.HasPrefix(text, "../"):
		path, err := filepath.Abs(path)
		if err != nil {
			return Target{}, fmt.Errorf("%w: %q: %w", ErrTarget, text, err)
		}
		return Target{"unix", path}, nil
	}
	address, err := hosts.ParseAddress(text)
	if err != nil && strings.Contains(text, "/") {
		return Target{}, fmt.Errorf("%w: %w; the path of a socket begins with /, ./ or ../", ErrTarget, err)
	}
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

// Nodes are the nodes to speak to, and how they were found.
type Nodes struct {
	// Targets are the nodes, most wanted first.
	Targets []Target
	// Hint is empty if the nodes were named, or one of them runs here. Otherwise it says
	// where they were looked for and what was found, and how to name one.
	Hint string
	// IsGuess: nothing tells that a node of this user is or was here, and the target is
	// where a node listens by default.
	IsGuess bool
}

// Explain adds the hint to the error for nodes that cannot be reached.
func (n Nodes) Explain(err error) error {
	if n.Hint == "" || !errors.Is(err, ErrUnreachable) {
		return err
	}
	return fmt.Errorf("%w; %s", err, n.Hint)
}

// Find returns the nodes to speak to: those given, or else those of $CONCH_NODE, or else
// those of this user on this machine, which must be of one cluster, or else, if there is
// no trace of any, [hosts.DefaultListen]. Each text is a list separated by commas of what
// [ParseTarget] reads. The error wraps [ErrTarget].
func Find(nodes []string) (Nodes, error) {
	if len(nodes) > 0 {
		targets, err := parseTargets(nodes)
		return Nodes{Targets: targets}, err
	}
	if list := os.Getenv(EnvNode); list != "" {
		targets, err := parseTargets([]string{list})
		if err != nil {
			return Nodes{}, fmt.Errorf("%s: %w", EnvNode, err)
		}
		return Nodes{Targets: targets}, nil
	}
	found, err := socket.Find()
	for range announcePatience {
		if !slices.ContainsFunc(found.Nodes, func(n socket.Node) bool { return n.IsServed && len(n.Members) == 0 }) || len(found.Nodes) == 1 {
			break
		}
		time.Sleep(announcePause)
		found, err = socket.Find()
	}
	if err != nil && !slices.ContainsFunc(found.Nodes, isServed) {
		return Nodes{}, fmt.Errorf("%w: %w; %s", ErrTarget, err, howToName)
	}
	return choose(found)
}

// A node that starts says which cluster it is of a moment after it has its socket. So
// often it is looked for again, after a pause each time, where that matters.
const (
	announcePatience = 3
	announcePause    = 50 * time.Millisecond
)

// howToName says how to choose a node.
const howToName = "name the node by --node or $" + EnvNode

// choose returns the nodes of the one cluster that has nodes here.
func choose(found socket.Found) (Nodes, error) {
	clusters := clustersOf(found.Nodes)
	switch {
	case len(clusters) == 0:
		return Nodes{
			Targets: []Target{{"tcp", hosts.DefaultListen}},
			Hint:    "there is no socket of a node of this user" + where(found) + ", so " + hosts.DefaultListen + " is asked, where nodes listen by default; " + howToName,
			IsGuess: true,
		}, nil
	case len(clusters) > 1:
		var running, gone []string
		var dead []socket.Node
		for _, cluster := range clusters {
			if slices.ContainsFunc(cluster, isServed) {
				running = append(running, describe(cluster))
			} else {
				gone = append(gone, describe(cluster))
				dead = append(dead, cluster...)
			}
		}
		return Nodes{}, fmt.Errorf("%w: nodes of %d clusters run here, or did: %s; %s", ErrTarget, len(clusters),
			firstOf(append(running, gone...), shownClusters, "; "), howToName+orRemove("the files of clusters that do not run here", dead))
	}
	chosen := Nodes{}
	for _, served := range []bool{true, false} { // one that is away may be back when it is needed
		for _, node := range clusters[0] {
			if node.IsServed == served {
				chosen.Targets = append(chosen.Targets, Target{"unix", node.Socket})
			}
		}
	}
	if !slices.ContainsFunc(clusters[0], isServed) {
		chosen.Hint = "a node of this user ran here, and has not been stopped in order: start it again, or " + howToName + orRemove("what it left", clusters[0]) + "; nodes were looked for" + where(found)
	}
	return chosen, nil
}

func isServed(n socket.Node) bool { return n.IsServed }

// clustersOf sorts nodes by clusters. A node whose cluster is not known is one of its own,
// and is left out if it does not run and others do.
func clustersOf(nodes []socket.Node) (clusters [][]socket.Node) {
	anyServed := slices.ContainsFunc(nodes, isServed)
	for _, node := range nodes {
		if len(node.Members) == 0 && !node.IsServed && anyServed {
			continue
		}
		i := slices.IndexFunc(clusters, func(c []socket.Node) bool {
			return slices.ContainsFunc(c, func(other socket.Node) bool { return sameCluster(other, node) })
		})
		if i < 0 {
			clusters = append(clusters, nil)
			i = len(clusters) - 1
		}
		clusters[i] = append(clusters[i], node)
	}
	return clusters
}

// sameCluster reports whether two nodes are of one cluster. Its members may have changed
// since one of them said who they are.
func sameCluster(a, b socket.Node) bool {
	if a.Cluster != "" && b.Cluster != "" {
		return a.Cluster == b.Cluster
	}
	return len(a.Members) > 0 && slices.Equal(a.Members, b.Members)
}

// How many clusters, members of a cluster, and files are named.
const (
	shownClusters = 4
	shownMembers  = 4
	shownFiles    = 8
)

// firstOf joins the first of several texts, and says how many more there are.
func firstOf(texts []string, shown int, separator string) string {
	if len(texts) <= shown {
		return strings.Join(texts, separator)
	}
	return fmt.Sprintf("%s%sand %d more", strings.Join(texts[:shown], separator), separator, len(texts)-shown)
}

// describe names the nodes of a cluster to people.
func describe(cluster []socket.Node) string {
	var names []string
	for _, node := range cluster {
		name := unixPrefix + node.Socket
		if !node.IsServed {
			name += " (does not run)"
		}
		names = append(names, name)
	}
	text := strings.Join(names, ", ")
	if members := cluster[0].Members; len(members) > 0 {
		text += " with the members " + firstOf(members, shownMembers, ", ")
	}
	return text
}

// orRemove names the files that nodes have left which do not run. It is empty if there are
// none.
func orRemove(what string, nodes []socket.Node) string {
	var files []string
	for _, node := range nodes {
		files = append(files, node.Left...)
	}
	if len(files) == 0 {
		return ""
	}
	return ", or remove " + what + ": " + firstOf(files, shownFiles, ", ")
}

// where says where nodes were looked for.
func where(found socket.Found) string {
	text := " in " + strings.Join(found.Looked, ", ")
	if found.Unset != "" {
		text += " ($" + found.Unset + " is not set here, as in jobs of cron and system services)"
	}
	return text
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
