package processes

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
)

// Cluster is some nodes on this machine. Only one goroutine at a time may call its methods,
// except Kill, which may be called at any time.
type Cluster struct {
	config  Config
	witness witness
	started bool // a node has been started
	settled bool // the nodes had addresses before

	mu    sync.Mutex
	nodes []*Node
}

// New prepares a cluster. It starts no process.
func New(config Config) (*Cluster, error) {
	if config.Nodes < 1 {
		return nil, fmt.Errorf("cluster: Config.Nodes: got %d, want at least 1", config.Nodes)
	}
	if got := len(config.Advertise); got != 0 && got < config.Nodes {
		return nil, fmt.Errorf("cluster: Config.Advertise: got %d addresses, want none or one for each of %d nodes", got, config.Nodes)
	}
	c := &Cluster{config: config}
	c.witness.path = c.WitnessFile()
	if err := c.settle(); err != nil {
		return nil, err
	}
	return c, nil
}

// settle gives every node free addresses.
func (c *Cluster) settle() error {
	n := c.config.Nodes
	listen, err := freeAddresses(3 * n)
	if err != nil {
		return fmt.Errorf("cluster: %w", err)
	}
	listen, pages, agents := listen[:n], listen[n:2*n], listen[2*n:]
	if wanted := inARow(c.config.Port, n); c.config.Port != 0 && !c.settled && areFree(wanted) {
		listen = wanted
	}
	c.settled = true // another call means that these were taken meanwhile
	addresses := listen
	if len(c.config.Advertise) > 0 {
		addresses = c.config.Advertise[:n]
	}
	nodes := make([]*Node, n)
	for i, address := range addresses {
		nodes[i] = &Node{
			address: address, listen: listen[i],
			logFile: filepath.Join(c.config.Dir, fmt.Sprintf("node%d.log", i+1)),
		}
		nodes[i].dataDir = c.dataDir(nodes[i])
		if c.config.Use == ServeClients {
			nodes[i].socket = filepath.Join(c.config.Dir, fmt.Sprintf("node%d.sock", i+1))
			nodes[i].page = pages[i]
		}
		members := []string{"--peers", strings.Join(addresses, ",")}
		if c.config.Serf {
			members = []string{"--serf-listen", agents[i], "--discover", "serf:" + agents[0], "--expect", strconv.Itoa(n)}
		} else if n == 1 {
			members = append(members, "--single")
		}
		nodes[i].command = append(c.command(nodes[i]), members...)
		if i == 0 {
			nodes[i].command = append(nodes[i].command, c.config.FirstFlags...)
		}
		if c.config.FlagsOf != nil {
			flags, err := c.config.FlagsOf(address)
			if err != nil {
				return fmt.Errorf("cluster: Config.FlagsOf: %w", err)
			}
			nodes[i].command = append(nodes[i].command, flags...)
		}
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	c.nodes = nodes
	return nil
}

// command is what starts a node, but for what says who the others are.
func (c *Cluster) command(n *Node) []string {
	command := []string{
		c.config.Program, "node",
		"--listen", n.listen,
		"--log-file", n.logFile,
		"--drain", "0", // a test that wants holders to finish says so in Flags
		"--data-dir", n.dataDir,
	}
	switch c.config.Use {
	case TakeTurns:
		command = append(command, "--auto-request", "--cs-file", c.WitnessFile())
	case ServeClients:
		command = append(command, "--socket", n.socket, "--http", n.page)
	}
	if n.address != n.listen {
		command = append(command, "--advertise", n.address)
	}
	return append(command, c.config.Flags...)
}

// Nodes are the cluster's nodes. They change if Start has to look for other ports.
func (c *Cluster) Nodes() []*Node {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.nodes
}

// WitnessFile is the file to which all nodes append when they enter and leave the critical
// section.
func (c *Cluster) WitnessFile() string { return filepath.Join(c.config.Dir, "cs.txt") }

// LogFiles are the nodes' logs, in the order of the nodes.
func (c *Cluster) LogFiles() []string {
	var files []string
	for _, node := range c.Nodes() {
		files = append(files, node.LogFile())
	}
	return files
}

// maxAttempts bounds how often Start looks for ports.
const maxAttempts = 5

// Start starts the nodes with these positions in the given order, or all if none is given,
// and waits until each has started. If the first nodes to be started find a port in use,
// all get other ports.
func (c *Cluster) Start(ctx context.Context, order ...int) error {
	if len(order) == 0 {
		for i := range c.config.Nodes {
			order = append(order, i)
		}
	}
	first := !c.started
	c.started = true
	for attempt := 1; ; attempt++ {
		err := c.start(ctx, order)
		if !errors.Is(err, errPortTaken) || !first || attempt == maxAttempts {
			return err
		}
		if err := c.reset(); err != nil {
			return err
		}
	}
}

// start launches nodes and waits until each has started.
func (c *Cluster) start(ctx context.Context, order []int) error {
	nodes := c.Nodes()
	offsets := make([]int64, len(nodes))
	for _, i := range order {
		if ctx.Err() != nil {
			return context.Cause(ctx)
		}
		offset, err := nodes[i].launch()
		if err != nil {
			return err
		}
		offsets[i] = offset
	}
	for _, i := range order {
		if err := nodes[i].awaitStarted(ctx, offsets[i]); err != nil {
			return err
		}
	}
	return nil
}

// reset ends all nodes, removes their files and gives them other addresses.
func (c *Cluster) reset() error {
	if err := c.Kill(); err != nil {
		return err
	}
	for _, path := range append(c.LogFiles(), c.WitnessFile()) {
		if err := os.RemoveAll(path); err != nil {
			return err
		}
	}
	return c.settle()
}

// Follow gives visit each new line of the shared file, until visit has seen enough. It
// fails when ctx ends, and when a node that should run has ended.
func (c *Cluster) Follow(ctx context.Context, visit func(Line) (enough bool)) error {
	return poll(ctx, func() (bool, error) {
		if err := c.witness.read(); err != nil {
			return false, err
		}
		for {
			line, ok := c.witness.next()
			if !ok {
				break
			}
			if visit(line) {
				return true, nil
			}
		}
		return false, c.failure()
	})
}

// AwaitEvent waits until a node's log has an event of this name.
func (c *Cluster) AwaitEvent(ctx context.Context, node int, event string) error {
	path := c.Nodes()[node].LogFile()
	err := poll(ctx, func() (bool, error) {
		if ok, err := contains(path, 0, `"event":"`+event+`"`); ok || err != nil {
			return ok, err
		}
		return false, c.failure()
	})
	if err != nil {
		return fmt.Errorf("cluster: wait for %s in %s: %w", event, path, err)
	}
	return nil
}

// failure says which nodes ended that should run, and how.
func (c *Cluster) failure() error {
	var failures []error
	for _, node := range c.Nodes() {
		if err := node.failure(); err != nil {
			failures = append(failures, fmt.Errorf("node %s: %w", node.Address(), err))
		}
	}
	return errors.Join(failures...)
}

// Stop stops all nodes at the same time; see Node.Stop. A node that ended before, although
// it should run, is an error too.
func (c *Cluster) Stop(ctx context.Context) error {
	nodes := c.Nodes()
	failures := make([]error, len(nodes)+1)
	failures[len(nodes)] = c.failure()
	var group sync.WaitGroup
	for i, node := range nodes {
		group.Go(func() { failures[i] = node.Stop(ctx) })
	}
	group.Wait()
	return errors.Join(failures...)
}

// Kill ends all nodes at once. It may be called at any time, from any goroutine.
func (c *Cluster) Kill() error {
	var failures []error
	for _, node := range c.Nodes() {
		failures = append(failures, node.Kill())
	}
	return errors.Join(failures...)
}
