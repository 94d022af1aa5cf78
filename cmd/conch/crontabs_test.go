package main

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"conch"
	"conch/internal/schedule"
	"conch/internal/verify/nemesis"
	"conch/internal/verify/processes"
)

const (
	// machines have the same crontabs.
	machines = 20
	// clockError is how far a machine's clock is off at most, in both directions.
	clockError = 20 * time.Second
	// programs is how many machines of a turn run the program; they come first. The others are
	// clients in Go. The latest of all come when the rest has ended.
	programs, latest = 2, 3
	// headStart is how long ahead of the others programs start at most.
	headStart = 100 * time.Millisecond
	// longestLife is how long after its start a program is killed at the latest.
	longestLife = 250 * time.Millisecond
)

// The jobs of the crontabs.
const (
	mostJob  = "at-most-once"
	leastJob = "at-least-once"
)

var crontabJobs = map[string]bool{mostJob: true, leastJob: false}

// crontabs are the machines, and what they run.
type crontabs struct {
	t        *testing.T
	ctx      context.Context
	cluster  *processes.Cluster
	network  *nemesis.Network // between the nodes
	draw     *rand.Rand       // for the one goroutine that begins turns
	file     *os.File
	turns    schedule.Schedule
	clients  []*conch.Client // by machine
	isLocked bool            // a plain lock in place of runs: the test that the judge notices it

	mu       sync.Mutex
	outcomes map[string]int
}

func startCrontabs(ctx context.Context, t *testing.T, seed uint64) *crontabs {
	t.Helper()
	turns, err := schedule.Every(time.Minute)
	check(t, err)
	const nodes = 5
	network, err := nemesis.NewNetwork(nodes)
	check(t, err)
	t.Cleanup(network.Close)
	cluster, err := processes.New(processes.Config{
		Program: program(t), Nodes: nodes, Dir: t.TempDir(), Advertise: network.Addresses(),
		Flags: []string{"--auto-think", maxPause.String(), "--socket", none, "--session-ttl", "500ms"},
	})
	check(t, err)
	network.Open(func(node int) string { return cluster.Nodes()[node].Listens() })
	t.Cleanup(func() { check(t, cluster.Kill()) })
	check(t, cluster.Start(ctx))
	c := &crontabs{
		t: t, ctx: ctx, draw: rand.New(rand.NewPCG(seed, 0)), turns: turns,
		cluster: cluster, network: network,
		file:     openTurns(t, filepath.Join(t.TempDir(), "turns.txt")),
		outcomes: map[string]int{},
	}
	for machine := range machines {
		client, err := conch.Dial(ctx, conch.DialConfig{Nodes: c.nodesOf(machine)})
		check(t, err)
		t.Cleanup(func() { _ = client.Close() }) // the nodes may be gone
		c.clients = append(c.clients, client)
	}
	return c
}

// nodesOf are the nodes of a machine, its own first.
func (c *crontabs) nodesOf(machine int) (nodes []string) {
	all := c.cluster.Nodes()
	for i := range all {
		nodes = append(nodes, all[(machine+i)%len(all)].Listens())
	}
	return nodes
}

// run lets all machines start both jobs at a turn, each by its own clock, and returns when
// they have ended: so that no turn is passed over while somebody still waits for it.
func (c *crontabs) run(turn time.Time) {
	var running sync.WaitGroup
	for i, machine := range c.draw.Perm(machines) {
		switch i {
		case programs:
			pause(c.ctx, time.Duration(c.draw.Int64N(int64(headStart))))
		case machines - latest:
			running.Wait()
		}
		clock := turn.Add(time.Duration(c.draw.Int64N(int64(2*clockError))) - clockError)
		nearest, err := c.turns.Nearest(clock)
		check(c.t, err)
		death := deaths[c.draw.IntN(len(deaths))]
		life := time.Duration(c.draw.Int64N(int64(longestLife)))
		for job := range crontabJobs {
			running.Go(func() {
				if i < programs && !c.isLocked {
					c.startProgram(machine, job, nearest.Time, death, life)
				} else {
					c.startClient(machine, job, nearest.Time.Unix())
				}
			})
		}
	}
	running.Wait()
}

// deaths are when a program is killed: never, when its command has begun or ended, or after
// some time.
var deaths = []string{"", "", "", dieBegun, dieEnded, "life"}

// startProgram runs conch once.
func (c *crontabs) startProgram(machine int, job string, turn time.Time, death string, life time.Duration) {
	args := []string{"once", job, "--tick", instantText(turn), "--node", strings.Join(c.nodesOf(machine), ",")}
	if crontabJobs[job] {
		args = append(args, "--on-crash", "skip")
	} else {
		args = append(args, "--wait-done")
	}
	cmd := exec.CommandContext(c.ctx, program(c.t), append(args, "--", "witness", c.file.Name(), "turn", job, death)...)
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	if err := cmd.Start(); err != nil {
		c.t.Error(err)
		return
	}
	if death == "life" {
		timer := time.AfterFunc(life, func() { _ = cmd.Process.Kill() }) // it may have ended
		defer timer.Stop()
	}
	_ = cmd.Wait()
	c.count(fmt.Sprintf("program %d", cmd.ProcessState.ExitCode()))
	if cmd.ProcessState.ExitCode() < 0 {
		c.count("program killed: " + death)
	}
}

// startClient runs a job from Go.
func (c *crontabs) startClient(machine int, job string, tick int64) {
	client := c.clients[machine]
	work := func(context.Context, uint64) error {
		return runTurn(c.file, job, strconv.FormatInt(tick, 10), "")
	}
	if c.isLocked {
		_ = client.Do(c.ctx, job, work) // the judge sees what comes of it
		return
	}
	options := []conch.RunOption{conch.RememberFor(72 * time.Hour)}
	if crontabJobs[job] {
		options = append(options, conch.AtMostOnce(), conch.SkipIfRunning())
	}
	ran, err := client.Once(c.ctx, job, tick, work, options...)
	if ran && err == nil {
		_, err = fmt.Fprintf(c.file, "noted %s %d\n", job, tick)
	}
	c.count(outcomeOf(ran, err))
}

// outcomeOf names the outcome of a run from Go.
func outcomeOf(ran bool, err error) string {
	for _, known := range []error{conch.ErrLost, conch.ErrNotNoted, conch.ErrNoSession, conch.ErrUnreachable, conch.ErrBusy} {
		if errors.Is(err, known) {
			return known.Error()
		}
	}
	return fmt.Sprintf("ran %t, %v", ran, err)
}

// count counts an outcome.
func (c *crontabs) count(outcome string) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.outcomes[outcome]++
}

// disturb makes faults until the context ends: a node is killed, frozen or cut off from the
// others, or a majority is killed and started at once. Between two faults all is well for a while.
func (c *crontabs) disturb(ctx context.Context, draw *rand.Rand) (faults map[string]int, err error) {
	faults = map[string]int{}
	for err == nil && pause(ctx, time.Second+time.Duration(draw.Int64N(int64(3*time.Second)))) {
		nodes := c.cluster.Nodes()
		victims := draw.Perm(len(nodes))
		down := time.Duration(draw.Int64N(int64(time.Second)))
		switch fault := []string{"kill", "freeze", "cut", "majority"}[draw.IntN(4)]; fault {
		case "kill":
			faults[fault]++
			err = nodes[victims[0]].Kill()
			pause(c.ctx, down)
			err = errors.Join(err, nodes[victims[0]].Start(c.ctx))
		case "freeze":
			faults[fault]++
			err = nodes[victims[0]].Freeze()
			pause(c.ctx, down)
			err = errors.Join(err, nodes[victims[0]].Thaw())
		case "cut":
			faults[fault]++
			c.cutOff(victims[0], nemesis.Cut)
			pause(c.ctx, down)
			c.cutOff(victims[0], nemesis.Open)
		case "majority":
			faults[fault]++
			for _, i := range victims[:3] {
				err = errors.Join(err, nodes[i].Kill())
			}
			for _, i := range victims[:3] {
				err = errors.Join(err, nodes[i].Start(c.ctx))
			}
		}
	}
	return faults, err
}

// cutOff sets the condition of all messages to and from a node.
func (c *crontabs) cutOff(node int, condition nemesis.Condition) {
	for other := range c.network.Addresses() {
		if other != node {
			c.network.Set(node, other, condition)
			c.network.Set(other, node, condition)
		}
	}
}

// TestCrontabsOfManyMachines: 20 machines start the same two jobs at 200 turns, while nodes
// are killed, frozen and cut off, and programs are killed. The job that runs at most once never runs twice at a
// turn. The one that runs at least once is run at each turn, as a quorum comes back each time,
// and not again once a majority has noted it.
func TestCrontabsOfManyMachines(t *testing.T) {
	turns := 200
	if raceDetector {
		turns = 40
	}
	testCrontabs(t, turns)
}

// TestSoakCrontabs does the same until CONCH_SOAK is over, with new nodes each time.
func TestSoakCrontabs(t *testing.T) {
	text := os.Getenv("CONCH_SOAK")
	if text == "" {
		t.Skip("CONCH_SOAK is not set: it says how long to go on, for example 10m")
	}
	length, err := time.ParseDuration(text)
	check(t, err)
	for began := time.Now(); time.Since(began) < length; {
		t.Run("crontabs", func(t *testing.T) { testCrontabs(t, 200) })
	}
}

// testCrontabs runs that many turns.
func testCrontabs(t *testing.T, turns int) {
	t.Helper()
	seed := rand.Uint64()
	if text := os.Getenv("CONCH_SEED"); text != "" {
		given, err := strconv.ParseUint(text, 10, 64)
		check(t, err)
		seed = given
	}
	t.Logf("CONCH_SEED=%d draws the same faults", seed)
	ctx, cancel := context.WithTimeout(t.Context(), 6*patience)
	defer cancel()
	c := startCrontabs(ctx, t, seed)
	disturbed, stop := context.WithCancel(ctx)
	defer stop()
	var made map[string]int
	var wrong error
	var disturbing sync.WaitGroup
	disturbing.Go(func() { made, wrong = c.disturb(disturbed, rand.New(rand.NewPCG(seed, 1))) })

	began := time.Now()
	first := began.Truncate(time.Minute).Add(-12 * time.Hour)
	var ticks []int64
	for i := range turns {
		turn := first.Add(time.Duration(i) * time.Minute)
		ticks = append(ticks, turn.Unix())
		c.run(turn)
	}
	stop()
	disturbing.Wait()
	check(t, wrong)
	if ctx.Err() != nil {
		t.Error("turns are not served any more")
	}
	text, err := os.ReadFile(c.file.Name())
	check(t, err)
	judge := judgeTurns(text, crontabJobs, ticks)
	for _, fault := range judge.faults {
		t.Error(fault)
	}
	for job := range crontabJobs {
		begun, runs := judge.count(job)
		t.Logf("%s: %d of %d turns begun, %d times", job, begun, len(ticks), runs)
		if job == mostJob && begun < len(ticks)/2 {
			t.Errorf("%s: only %d of %d turns were begun", job, begun, len(ticks))
		}
	}
	t.Logf("%v; faults %v; outcomes %v", time.Since(began).Round(time.Second), made, c.outcomes)
	check(t, c.cluster.Stop(ctx))
}

// TestPlainLocksRunTurnsTwice: with a plain lock, who comes late runs the job again. The judge
// of the test above notices that.
func TestPlainLocksRunTurnsTwice(t *testing.T) {
	ctx, cancel := context.WithTimeout(t.Context(), 2*patience)
	defer cancel()
	c := startCrontabs(ctx, t, 1)
	c.isLocked = true
	turn := time.Now().Truncate(time.Minute)
	c.run(turn)
	text, err := os.ReadFile(c.file.Name())
	check(t, err)
	if faults := judgeTurns(text, crontabJobs, []int64{turn.Unix()}).faults; len(faults) == 0 {
		t.Errorf("no fault was found in\n%s", text)
	}
}
