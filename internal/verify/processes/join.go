package processes

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
)

// Join starts another node, with --join and the addresses of members. It waits there until
// somebody adds it to the members, and Join does not wait for that. Its address is the next
// one of Config.Advertise, or a free one. flags are given to it in addition.
func (c *Cluster) Join(at []string, flags ...string) (*Node, error) {
	i := len(c.Nodes())
	free, err := freeAddresses(2)
	if err != nil {
		return nil, fmt.Errorf("cluster: %w", err)
	}
	n := &Node{
		address: free[0], listen: free[0],
		logFile: filepath.Join(c.config.Dir, fmt.Sprintf("node%d.log", i+1)),
	}
	if i < len(c.config.Advertise) {
		n.address = c.config.Advertise[i]
	}
	if c.config.Use == ServeClients {
		n.socket = filepath.Join(c.config.Dir, fmt.Sprintf("node%d.sock", i+1))
		n.page = free[1]
	}
	n.dataDir = c.dataDir(n)
	n.command = append(c.command(n), "--join", strings.Join(at, ","))
	n.command = append(n.command, flags...)
	if _, err := n.launch(); err != nil {
		return nil, err
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	c.nodes = append(slices.Clone(c.nodes), n)
	return n, nil
}

// Output is what the node's latest process has written to its standard output and error.
func (n *Node) Output() string {
	if p := n.latest(); p != nil {
		return p.output.String()
	}
	return ""
}

// AwaitOutput waits until the node's latest process has written a text, or has ended although
// it should run.
func (n *Node) AwaitOutput(ctx context.Context, text string) error {
	err := poll(ctx, func() (bool, error) {
		if strings.Contains(n.Output(), text) {
			return true, nil
		}
		return false, n.failure()
	})
	if err != nil {
		return fmt.Errorf("node %s: wait for %q in its output: %w; it has %q", n.address, text, err, n.Output())
	}
	return nil
}

// Launch starts a process for the node as Start does, and does not wait for its start: it
// may have to be added to the members first.
func (n *Node) Launch() error {
	_, err := n.launch()
	return err
}

// Leave notes that the node's process is to end by itself: it is to be removed from the
// members.
func (n *Node) Leave() { n.dismiss() }

// AwaitEnd waits until the node's latest process has ended by itself. The error tells of an
// exit status other than 0.
func (n *Node) AwaitEnd(ctx context.Context) error {
	p := n.dismiss()
	if p == nil {
		return fmt.Errorf("node %s: it was never started", n.address)
	}
	select {
	case <-p.gone:
	case <-ctx.Done():
		return fmt.Errorf("node %s: wait for the end of its process: %w", n.address, context.Cause(ctx))
	}
	if p.err != nil {
		return fmt.Errorf("node %s: it did not end cleanly: %s", n.address, p.ending())
	}
	return nil
}

// Wipe removes the data directory of a node that does not run.
func (n *Node) Wipe() error {
	if p := n.latest(); p != nil && !p.isGone() {
		return errors.New("node " + n.address + ": it runs, and so its data directory stays")
	}
	return os.RemoveAll(n.dataDir)
}

// dataDir is where a node of the cluster keeps its state.
func (c *Cluster) dataDir(n *Node) string {
	return filepath.Join(c.config.Dir, "state", strings.ReplaceAll(n.address, ":", "-"))
}
