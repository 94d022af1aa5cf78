package loadgen

import (
	"errors"
	"fmt"
	"strings"
)

// Workload says what clients do with locks. Its text is its name.
type Workload string

// The workloads.
const (
	// Contended: every client wants one lock, all the time.
	Contended Workload = "contended"
	// Local: one client wants it again and again; the token stays at its node.
	Local Workload = "local"
	// Remote: a client of each node wants it in turn; the token is always elsewhere, and
	// nobody competes for it.
	Remote Workload = "remote"
	// Many: every client wants some lock of many, drawn anew each time.
	Many Workload = "many"
)

// Workloads are all of them.
func Workloads() []Workload { return []Workload{Contended, Local, Remote, Many} }

var (
	// ErrWorkload is wrapped by the error for a name that no workload has.
	ErrWorkload = errors.New("no such workload")
	// ErrClients is wrapped by the error for a workload for which there are too few
	// clients, or nodes.
	ErrClients = errors.New("too few clients")
)

// ParseWorkload returns the workload of a name.
func ParseWorkload(name string) (Workload, error) {
	var names []string
	for _, w := range Workloads() {
		if name == string(w) {
			return w, nil
		}
		names = append(names, string(w))
	}
	return "", fmt.Errorf("%w: got %.40q, want one of %s", ErrWorkload, name, strings.Join(names, ", "))
}

// Check returns an error unless the workload can be had with some nodes and this many
// clients at each.
func (w Workload) Check(nodes, clients int) error {
	switch {
	case w == Remote && nodes < 2:
		return fmt.Errorf("%w: %s wants two nodes or more: the token goes from one to the other", ErrClients, w)
	case w == Contended && nodes*clients < 2:
		return fmt.Errorf("%w: %s wants two clients or more: nobody competes with himself", ErrClients, w)
	}
	return nil
}

// players are the clients that take part, of all.
func (w Workload) players(all []Client) []Client {
	switch w {
	case Local:
		return all[:1]
	case Remote:
		var first []Client
		for _, c := range all {
			if c.Node == len(first) {
				first = append(first, c)
			}
		}
		return first
	case Contended, Many:
	}
	return all
}

// competes reports whether clients compete, so that it matters how they are served.
func (w Workload) competes() bool { return w == Contended || w == Many }
