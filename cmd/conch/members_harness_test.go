package main

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"math/rand/v2"
	"os/exec"
	"slices"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"conch"
	"conch/internal/verify/exclusion"
	"conch/internal/verify/nemesis"
	"conch/internal/verify/processes"
)

// maxMembers is how many nodes a changing cluster may have had.
const maxMembers = 16

// changing is a cluster of real nodes whose members change. A proxy stands before each node,
// so that it can be cut off. The node with index i has the proxy with index i.
type changing struct {
	t       testing.TB
	ctx     context.Context
	network *nemesis.Network
	cluster *processes.Cluster

	// mu is held by whoever starts or ends processes.
	mu      sync.Mutex
	members []int // the nodes that are members, as the test has changed them
}

// startChanging starts a cluster with this many first members.
func startChanging(ctx context.Context, t testing.TB, first int, ttl time.Duration, flags ...string) *changing {
	t.Helper()
	network, err := nemesis.NewNetwork(maxMembers)
	check(t, err)
	t.Cleanup(network.Close)
	c := &changing{t: t, ctx: ctx, network: network}
	c.cluster, err = processes.New(processes.Config{
		Program: program(t), Nodes: first, Dir: t.TempDir(), Use: processes.ServeClients, Advertise: network.Addresses(),
		Flags: append([]string{"--session-ttl", ttl.String()}, flags...),
	})
	check(t, err)
	network.Open(func(node int) string {
		if nodes := c.cluster.Nodes(); node < len(nodes) {
			return nodes[node].Listens()
		}
		return "" // not started yet
	})
	t.Cleanup(func() { check(t, c.cluster.Kill()) })
	check(t, c.cluster.Start(ctx))
	for i := range first {
		c.members = append(c.members, i)
	}
	c.await()
	return c
}

// join starts so many nodes that wait to be added, and returns when each says so.
func (c *changing) join(number int) (nodes []int) {
	c.t.Helper()
	c.mu.Lock()
	defer c.mu.Unlock()
	for range number {
		nodes = append(nodes, len(c.cluster.Nodes()))
		_, err := c.cluster.Join(c.addresses(c.members))
		check(c.t, err)
	}
	for _, i := range nodes {
		n := c.cluster.Nodes()[i]
		check(c.t, n.AwaitOutput(c.ctx, fmt.Sprintf("run 'conch members add %s'", n.Address())))
	}
	return nodes
}

// addresses are the addresses of some nodes.
func (c *changing) addresses(nodes []int) (all []string) {
	for _, i := range nodes {
		all = append(all, c.network.Addresses()[i])
	}
	return all
}

// sockets are the sockets of some nodes, for --node.
func (c *changing) sockets(nodes ...int) string {
	var all []string
	for _, i := range nodes {
		all = append(all, "unix:"+c.cluster.Nodes()[i].Socket())
	}
	return strings.Join(all, ",")
}

// command prepares conch members, at some nodes.
func (c *changing) command(at []int, args ...string) (*exec.Cmd, *bytes.Buffer) {
	args = append(append([]string{"members"}, args...), "--node", c.sockets(at...))
	cmd := exec.CommandContext(c.ctx, program(c.t), args...)
	said := new(bytes.Buffer)
	cmd.Stdout, cmd.Stderr = said, said
	return cmd, said
}

// run runs conch members at some nodes.
func (c *changing) run(at []int, args ...string) (code int, said string) {
	cmd, out := c.command(at, args...)
	if err := cmd.Run(); err != nil && cmd.ProcessState == nil {
		c.t.Fatal(err)
	}
	return cmd.ProcessState.ExitCode(), out.String()
}

// add and remove are the arguments for nodes.
func (c *changing) add(nodes ...int) []string {
	return []string{"add", strings.Join(c.addresses(nodes), ",")}
}

func (c *changing) remove(nodes ...int) []string {
	return []string{"remove", strings.Join(c.addresses(nodes), ",")}
}

func (c *changing) replace(old, by int) []string {
	return append([]string{"replace"}, c.addresses([]int{old, by})...)
}

// change has the members changed, and returns when these nodes are the members. While nodes
// are in trouble, a change may be refused since it would stop the cluster, and the node that is
// asked may be gone: then it is asked for again.
func (c *changing) change(members []int, args ...string) {
	c.t.Helper()
	for again := false; ; again = true {
		if again && c.are(members) {
			break // an answer was lost
		}
		at := slices.Clone(c.members)
		rand.Shuffle(len(at), func(i, j int) { at[i], at[j] = at[j], at[i] })
		code, said := c.run(at, args...)
		if code == 0 {
			break
		}
		c.t.Logf("conch members %s: exit status %d: %s", strings.Join(args, " "), code, said)
		if code != 1 && code != exitUnreachable {
			c.t.Fatal("want 0, or a refusal, or a node that is gone")
		}
		pause(c.ctx, 200*time.Millisecond)
		check(c.t, c.ctx.Err())
	}
	c.mu.Lock()
	c.members = members
	c.mu.Unlock()
	c.await()
}

// shown is what conch members --json shows.
type shownMembers struct {
	Version  string `json:"list_version"`
	Changing bool   `json:"changing"`
	Listed   []struct {
		Address string  `json:"address"`
		Disk    string  `json:"disk"`
		Trouble *string `json:"trouble"`
	} `json:"listed"`
}

// show asks some nodes for the members, and reports whether one answered.
func (c *changing) show(at ...int) (shown shownMembers, ok bool) {
	cmd, _ := c.command(at, "--json")
	out := new(bytes.Buffer)
	cmd.Stdout, cmd.Stderr = out, nil
	if cmd.Run() != nil {
		return shown, false
	}
	check(c.t, json.Unmarshal(out.Bytes(), &shown))
	return shown, true
}

// are reports whether these nodes are the members, and no change is under way.
func (c *changing) are(members []int) bool {
	shown, ok := c.show(append(slices.Clone(members), c.members...)...)
	if !ok || shown.Changing {
		return false
	}
	var listed []string
	for _, m := range shown.Listed {
		listed = append(listed, m.Address)
	}
	want := c.addresses(members)
	slices.Sort(listed)
	slices.Sort(want)
	return slices.Equal(listed, want)
}

// await waits until each member shows the members that the test wants.
func (c *changing) await() {
	c.t.Helper()
	for _, i := range c.members {
		for {
			shown, ok := c.show(i)
			if ok && !shown.Changing && len(shown.Listed) == len(c.members) {
				break
			}
			if c.ctx.Err() != nil {
				c.t.Fatalf("node %d shows %+v, want the members %v", i, shown, c.addresses(c.members))
			}
			pause(c.ctx, 50*time.Millisecond)
		}
	}
}

// leave notes that nodes are about to be removed.
func (c *changing) leave(nodes ...int) {
	for _, i := range nodes {
		c.cluster.Nodes()[i].Leave()
	}
}

// checkRemoved waits until removed nodes have ended with 0, saying why, and checks that none
// starts again.
func (c *changing) checkRemoved(nodes ...int) {
	c.t.Helper()
	for _, i := range nodes {
		n := c.cluster.Nodes()[i]
		check(c.t, n.AwaitEnd(c.ctx))
		if said := n.Output(); !strings.Contains(said, "removed from the cluster") {
			c.t.Errorf("node %d was removed, and says only %q", i, said)
		}
		check(c.t, n.Launch())
		if err := n.AwaitEnd(c.ctx); err == nil || !strings.Contains(err.Error(), "removed") {
			c.t.Errorf("node %d was started after it had been removed: %v, want that it refuses", i, err)
		}
	}
}

// cutOff sets the condition of all messages between a node and the others.
func (c *changing) cutOff(node int, condition nemesis.Condition) {
	for other := range c.network.Addresses() {
		if other != node {
			c.network.Set(node, other, condition)
			c.network.Set(other, node, condition)
		}
	}
}

// restart kills a node, and starts it again after a while. A node that was removed meanwhile
// ends again.
func (c *changing) restart(node int, down time.Duration) error {
	c.mu.Lock()
	defer c.mu.Unlock()
	n := c.cluster.Nodes()[node]
	if err := n.Kill(); err != nil {
		return err
	}
	pause(c.ctx, down)
	return n.Launch()
}

// disturb makes faults until the context ends: a node, member or not, is killed and started
// again, frozen, or cut off. Between two faults all is well for a while.
func (c *changing) disturb(ctx context.Context, longest time.Duration, draw *rand.Rand) (faults map[string]int, err error) {
	faults = map[string]int{}
	for err == nil && pause(ctx, longest/2+time.Duration(draw.Int64N(int64(longest)))) {
		c.mu.Lock()
		candidates := slices.Clone(c.members)
		if newest := len(c.cluster.Nodes()) - 1; !slices.Contains(candidates, newest) {
			candidates = append(candidates, newest)
		}
		c.mu.Unlock()
		victim := candidates[draw.IntN(len(candidates))]
		down := time.Duration(draw.Int64N(int64(longest)))
		fault := []string{"kill", "freeze", "cut", "stall"}[draw.IntN(4)]
		faults[fault]++
		n := c.cluster.Nodes()[victim]
		switch fault {
		case "kill":
			err = c.restart(victim, down)
		case "freeze":
			if n.Freeze() == nil { // otherwise it has been removed
				pause(c.ctx, down)
				err = n.Thaw()
			}
		case "cut", "stall":
			c.cutOff(victim, map[string]nemesis.Condition{"cut": nemesis.Cut, "stall": nemesis.Stalled}[fault])
			pause(c.ctx, down)
			c.cutOff(victim, nemesis.Open)
		}
	}
	return faults, err
}

// loaded are clients that lock in a loop, and the witness of what they are told.
type loaded struct {
	t      testing.TB
	ctx    context.Context
	end    context.CancelFunc
	began  time.Time
	all    sync.WaitGroup
	number int

	mu      sync.Mutex
	holds   []exclusion.Interval
	entries map[int]int // by client
	errors  map[string]int
	clients []*conch.Client
}

// loadedLock is the lock that all want.
const loadedLock = "load"

// load starts clients, so many for each of some nodes. Each knows only its own node at
// first, by its address: those that know sockets stay on their machine.
func (c *changing) load(perNode int, nodes ...int) *loaded {
	c.t.Helper()
	ctx, end := context.WithCancel(c.ctx)
	l := &loaded{t: c.t, ctx: ctx, end: end, began: time.Now(), entries: map[int]int{}, errors: map[string]int{}}
	c.t.Cleanup(l.stop)
	c.loadMore(l, perNode, nodes...)
	return l
}

// loadMore adds such clients.
func (c *changing) loadMore(l *loaded, perNode int, nodes ...int) {
	c.t.Helper()
	for _, node := range nodes {
		for range perNode {
			client, err := conch.Dial(l.ctx, conch.DialConfig{Nodes: c.addresses([]int{node})})
			check(c.t, err)
			l.clients = append(l.clients, client)
			i := l.number
			l.number++
			l.all.Go(func() {
				for l.ctx.Err() == nil {
					l.enter(l.ctx, i, client)
				}
			})
		}
	}
}

func (l *loaded) now() int64 { return int64(time.Since(l.began)) }

// enter locks once. The witness is told the first and the last moment at which the hold
// certainly was the client's.
func (l *loaded) enter(ctx context.Context, client int, locks *conch.Client) {
	hold, err := locks.Lock(ctx, loadedLock)
	if err != nil {
		if ctx.Err() == nil {
			l.failed(err)
			pause(ctx, 10*time.Millisecond)
		}
		return
	}
	stay := exclusion.Interval{Lock: loadedLock, Fence: hold.Fence(), Holder: fmt.Sprintf("client %d", client)}
	for i := range 3 {
		certain := l.now()
		if hold.Err() != nil {
			break
		}
		if i == 0 {
			stay.From = certain
		}
		stay.To = certain
		pause(ctx, 500*time.Microsecond)
	}
	if err := hold.Unlock(); err != nil && ctx.Err() == nil {
		l.failed(err)
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	if stay.From != 0 { // otherwise it was lost at once
		l.holds = append(l.holds, stay)
		l.entries[client]++
	}
}

// failed counts an error, and fails the test if no trouble explains it.
func (l *loaded) failed(err error) {
	for _, known := range []error{conch.ErrUnreachable, conch.ErrNoSession, conch.ErrLost} {
		if errors.Is(err, known) {
			l.mu.Lock()
			l.errors[known.Error()]++
			l.mu.Unlock()
			return
		}
	}
	l.t.Errorf("a client: %v", err)
}

// await waits until each client has entered once more.
func (l *loaded) await(ctx context.Context) {
	l.t.Helper()
	l.mu.Lock()
	before := map[int]int{}
	for i := range l.number {
		before[i] = l.entries[i]
	}
	l.mu.Unlock()
	for i, count := range before {
		for {
			l.mu.Lock()
			entered, errs := l.entries[i] > count, fmt.Sprint(l.errors)
			l.mu.Unlock()
			if entered {
				break
			}
			if ctx.Err() != nil {
				l.t.Fatalf("client %d at %s did not enter again; errors of all: %s", i, l.clients[i].Node(), errs)
			}
			pause(ctx, 10*time.Millisecond)
		}
	}
}

// stop ends the clients.
func (l *loaded) stop() {
	l.end()
	l.all.Wait()
	for _, client := range l.clients {
		_ = client.Close() // its node may be gone
	}
	l.clients = nil
}

// check ends the clients, and judges every entry. Without trouble no client sees an error.
func (l *loaded) check(troubled bool) {
	l.t.Helper()
	l.stop()
	l.t.Logf("%d entries by %d clients in %v; errors %v", len(l.holds), l.number, time.Since(l.began).Round(time.Millisecond), l.errors)
	if err := exclusion.Check(l.holds); err != nil {
		l.t.Error(err)
	}
	if !troubled && l.errors[conch.ErrLost.Error()] > 0 {
		l.t.Errorf("holds were lost, though no node was in trouble: %v", l.errors)
	}
}

// kill ends a command at once, as at the loss of its terminal's machine.
func kill(t *testing.T, cmd *exec.Cmd) {
	t.Helper()
	check(t, cmd.Process.Signal(syscall.SIGKILL))
	_ = cmd.Wait() // it was killed
}
