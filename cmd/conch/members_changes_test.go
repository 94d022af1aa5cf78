package main

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"math/rand/v2"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"conch"
	"conch/internal/verify/nemesis"
)

// membersTTL is the nodes' session TTL in tests of changes.
const membersTTL = time.Second

// TestMembersGrowAndShrink: a cluster of one grows to three and to five members, shrinks to
// three, without those who were there first, and to one, while clients lock. Clients of nodes
// that are removed move on.
func TestMembersGrowAndShrink(t *testing.T) {
	ctx, cancel := context.WithTimeout(t.Context(), 6*patience)
	defer cancel()
	c := startChanging(ctx, t, 1, membersTTL, "--evidence")
	load := c.load(3, 0)
	load.await(ctx)
	c.join(2)
	c.change([]int{0, 1, 2}, c.add(1, 2)...)
	c.loadMore(load, 2, 1, 2)
	c.join(2)
	c.change([]int{0, 1, 2, 3, 4}, c.add(3, 4)...)
	load.await(ctx)
	c.leave(0, 1)
	c.change([]int{2, 3, 4}, c.remove(0, 1)...)
	c.checkRemoved(0, 1)
	load.await(ctx)
	c.leave(2, 4)
	c.change([]int{3}, c.remove(2, 4)...)
	c.checkRemoved(2, 4)
	load.await(ctx)
	load.check(false)
	check(t, c.cluster.Stop(ctx))
	checkLogs(t, c.cluster.LogFiles()...)
}

// TestMembersReplaceKilledMachines: a killed machine is replaced by another, and one that has
// lost its disk by itself, while clients lock.
func TestMembersReplaceKilledMachines(t *testing.T) {
	ctx, cancel := context.WithTimeout(t.Context(), 6*patience)
	defer cancel()
	c := startChanging(ctx, t, 3, membersTTL)
	load := c.load(2, 0, 1, 2)
	load.await(ctx)
	nodes := c.cluster.Nodes()
	check(t, nodes[1].Kill())
	c.members = []int{0, 2}
	c.join(1)
	c.change([]int{0, 2, 3}, c.replace(1, 3)...)
	load.await(ctx)
	// What has come back of the dead machine learns that it is no member, and ends.
	check(t, nodes[1].Launch())
	check(t, nodes[1].AwaitEnd(ctx))

	check(t, nodes[2].Kill())
	check(t, nodes[2].Wipe())
	check(t, nodes[2].Launch())
	remedy := strings.Join(append([]string{"run 'conch members"}, c.replace(2, 2)...), " ")
	check(t, nodes[2].AwaitOutput(ctx, remedy))
	before, ok := c.show(0)
	if !ok {
		t.Fatal("node 0 does not show the members")
	}
	c.members = []int{0, 3}
	c.changeDisk([]int{0, 2, 3}, before, c.replace(2, 2)...)
	load.await(ctx)
	load.check(true)
}

// changeDisk is change where the addresses stay the same.
func (c *changing) changeDisk(members []int, before shownMembers, args ...string) {
	c.t.Helper()
	for {
		code, said := c.run(c.members, args...)
		if code == 0 {
			break
		}
		c.t.Logf("conch members %s: exit status %d: %s", strings.Join(args, " "), code, said)
		if shown, ok := c.show(c.members...); ok && !shown.Changing && shown.Version != before.Version {
			break
		}
		if !pause(c.ctx, 200*time.Millisecond) {
			c.t.Fatal("the disk was not replaced")
		}
	}
	c.members = members
	c.await()
}

// TestMembersTenChangesInARow: members are added, removed and replaced ten times in a row,
// while clients lock and nodes are killed, frozen and cut off.
func TestMembersTenChangesInARow(t *testing.T) {
	ctx, cancel := context.WithTimeout(t.Context(), 10*patience)
	defer cancel()
	c := startChanging(ctx, t, 3, membersTTL)
	load := c.load(2, 0, 1, 2)
	load.await(ctx)
	disturbed, stop := context.WithCancel(ctx)
	defer stop()
	var made map[string]int
	var wrong error
	var disturbing sync.WaitGroup
	disturbing.Go(func() { made, wrong = c.disturb(disturbed, membersTTL, rand.New(rand.NewPCG(1, 1))) })
	for number := range 10 {
		members := c.members
		began := time.Now()
		switch {
		case number%2 == 0 && len(members) < 5:
			added := c.join(1)
			c.change(append(added, members...), c.add(added...)...)
		case number%5 == 1:
			c.leave(members[len(members)-1])
			c.change(members[:len(members)-1], c.remove(members[len(members)-1])...)
		default:
			added := c.join(1)
			c.leave(members[len(members)-1])
			c.change(append(added, members[:len(members)-1]...), c.replace(members[len(members)-1], added[0])...)
		}
		t.Logf("change %d took %v", number+1, time.Since(began).Round(time.Millisecond))
	}
	stop()
	disturbing.Wait()
	check(t, wrong)
	t.Logf("faults %v", made)
	load.await(ctx)
	load.check(true)
}

// TestMembersTwoOperators: of two operators, the one that comes while a change is under way is
// told which. Of two at once, nobody's change is lost.
func TestMembersTwoOperators(t *testing.T) {
	ctx, cancel := context.WithTimeout(t.Context(), 6*patience)
	defer cancel()
	c := startChanging(ctx, t, 3, membersTTL)
	load := c.load(1, 0, 1, 2)
	load.await(ctx)

	added := c.join(2)
	var both sync.WaitGroup
	codes, said := make([]int, 2), make([]string, 2)
	for i, node := range added {
		both.Go(func() { codes[i], said[i] = c.run([]int{i}, c.add(node)...) })
	}
	both.Wait()
	t.Logf("exit statuses %v, and said:\n%s\n%s", codes, said[0], said[1])
	for i, node := range added {
		switch {
		case codes[i] == 0:
			c.members = append(c.members, node)
		case codes[1-i] != 0:
			t.Fatal("nobody's change came first")
		case codes[i] != 1 || !strings.Contains(said[i], c.addresses(added)[1-i]):
			t.Errorf("operator %d was not told which change came first", i)
		}
	}
	c.await()
	for i, node := range added {
		if codes[i] != 0 {
			c.change(append([]int{node}, c.members...), c.add(node)...)
		}
	}

	// A member that leaves, and on which a lock is held, holds up the change.
	leaving := c.members[0]
	end := c.hold(leaving)
	first := c.startUntil([]int{1}, "The change is chosen", c.remove(leaving)...)
	added = c.join(1)
	code, told := c.run([]int{1}, c.add(added...)...)
	if code != 1 || !strings.Contains(told, c.addresses([]int{leaving})[0]) {
		t.Errorf("during the change of another, exit status %d, and said: %s", code, told)
	}
	end()
	if err := first.Wait(); err != nil {
		t.Errorf("the first operator's command: %v", err)
	}
	c.members = c.members[1:]
	c.await()
	c.change(append(added, c.members...), c.add(added...)...)
	load.await(ctx)
	load.check(true)
}

// hold holds a lock of its own at a node, until end is called.
func (c *changing) hold(node int) (end func()) {
	c.t.Helper()
	cmd := exec.CommandContext(c.ctx, program(c.t), "lock", "held", "--node", c.sockets(node), "--", "sh", "-c", "echo in; cat")
	input, err := cmd.StdinPipe()
	check(c.t, err)
	output, err := cmd.StdoutPipe()
	check(c.t, err)
	check(c.t, cmd.Start())
	_, err = bufio.NewReader(output).ReadString('\n')
	check(c.t, err)
	return func() {
		c.t.Helper()
		check(c.t, input.Close())
		if err := cmd.Wait(); err != nil {
			c.t.Errorf("the holder's command: %v", err)
		}
	}
}

// TestMembersChangesGoOn: a change that is chosen goes on when the command that asked for it
// is killed, and when the node that was asked is killed.
func TestMembersChangesGoOn(t *testing.T) {
	ctx, cancel := context.WithTimeout(t.Context(), 6*patience)
	defer cancel()
	c := startChanging(ctx, t, 3, membersTTL)
	load := c.load(2, 0, 1, 2)
	load.await(ctx)
	for _, killed := range []string{"command", "node"} {
		added := c.join(1)
		// A member that is cut off holds up the change, until it is buried.
		c.cutOff(2, nemesis.Cut)
		cmd := c.startUntil([]int{1}, "The change is chosen", c.add(added...)...)
		kill(t, cmd)
		if killed == "node" {
			check(t, c.restart(1, 0))
		}
		c.cutOff(2, nemesis.Open)
		c.members = append(added, c.members...)
		c.await()
		load.await(ctx)
	}
	load.check(true)
}

// startUntil starts conch members, and returns when it has said something.
func (c *changing) startUntil(at []int, text string, args ...string) *exec.Cmd {
	c.t.Helper()
	for {
		args := append(append([]string{"members"}, args...), "--node", c.sockets(at...))
		cmd := exec.CommandContext(c.ctx, program(c.t), args...)
		said, err := cmd.StderrPipe()
		check(c.t, err)
		check(c.t, cmd.Start())
		var all []byte
		piece := make([]byte, 4096)
		for {
			n, err := said.Read(piece)
			all = append(all, piece[:n]...)
			if strings.Contains(string(all), text) {
				return cmd
			}
			if err != nil {
				break
			}
		}
		_ = cmd.Wait() // it may be refused, as long as the members do not all hear each other
		c.t.Logf("conch %s: %v: %s", strings.Join(args, " "), cmd.ProcessState, all)
		if !pause(c.ctx, 200*time.Millisecond) {
			c.t.Fatalf("conch members never said %q", text)
		}
	}
}

// TestMembersKeepRunsAndHolds: when all members have been replaced one by one, a tick that was
// run is not run again, and a kept hold is still kept.
func TestMembersKeepRunsAndHolds(t *testing.T) {
	ctx, cancel := context.WithTimeout(t.Context(), 8*patience)
	defer cancel()
	c := startChanging(ctx, t, 3, membersTTL)
	tick := time.Now().Truncate(time.Hour).Unix()
	once := func(node int) (ran bool) {
		client := c.dial(node)
		ran, err := client.Once(ctx, "job", tick, func(context.Context, uint64) error { return nil })
		check(t, err)
		check(t, client.Close())
		return ran
	}
	if !once(0) {
		t.Fatal("the tick was not run at first")
	}
	// The holder of a kept hold dies.
	held := filepath.Join(t.TempDir(), "held")
	holder := exec.CommandContext(ctx, program(t), "lock", "kept", "--on-death", "keep", "--owner", "operator", "--node", c.sockets(0), "--", "witness", held, "alone")
	check(t, holder.Start())
	until(func() bool { return readTestimony(t, held).lines > 0 })
	kill(t, holder)
	if !until(func() bool { return c.keeps(0) }) {
		t.Fatal("the hold is not kept")
	}
	for old := range 3 {
		c.replaceLive(old)
	}
	for node := 3; node < 6; node++ {
		if once(node) {
			t.Errorf("node %d ran the tick again", node)
		}
		if !c.keeps(node) {
			t.Errorf("node %d does not show the kept hold", node)
		}
	}
	client := c.dial(4)
	defer client.Close()
	if hold, err := client.TryLock(ctx, "kept"); !errors.Is(err, conch.ErrBusy) {
		t.Errorf("the kept lock: got %v, %v, want %v", hold, err, conch.ErrBusy)
	}
	if _, err := client.LockKept(ctx, "kept", conch.Keep{Owner: "operator", Adopt: true}); err != nil {
		t.Errorf("its owner cannot adopt the kept lock: %v", err)
	}
}

// dial returns a client that knows one node.
func (c *changing) dial(node int) *conch.Client {
	c.t.Helper()
	client, err := conch.Dial(c.ctx, conch.DialConfig{Nodes: []string{c.sockets(node)}})
	check(c.t, err)
	return client
}

// keeps reports whether a node shows a kept hold.
func (c *changing) keeps(node int) bool {
	out, err := exec.CommandContext(c.ctx, program(c.t), "status", "--json", "--node", c.sockets(node)).Output()
	var shown struct {
		KeptLocks []struct {
			Lock string `json:"lock"`
		} `json:"kept_locks"`
	}
	if err != nil || json.Unmarshal(out, &shown) != nil {
		return false
	}
	return len(shown.KeptLocks) == 1 && shown.KeptLocks[0].Lock == "kept"
}

// replaceLive replaces a member that runs by a new one.
func (c *changing) replaceLive(old int) {
	c.t.Helper()
	added := c.join(1)
	var members []int
	for _, i := range c.members {
		if i != old {
			members = append(members, i)
		}
	}
	c.leave(old)
	c.change(append(members, added...), c.replace(old, added[0])...)
	c.checkRemoved(old)
}
