//go:build linux

package netns

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"os"
	"os/exec"
	"os/signal"
	"runtime"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"time"

	"conch"
)

// Environment variables that give a process of a run its role.
const (
	roleVar    = "CONCH_NETNS_ROLE" // client, locker, command or proxy
	witnessVar = "CONCH_NETNS_WITNESS"
	holderVar  = "CONCH_NETNS_HOLDER"
	nodesVar   = "CONCH_NETNS_NODES" // addresses, with commas between
	seedVar    = "CONCH_NETNS_SEED"
	ttlVar     = "CONCH_NETNS_TTL"
	programVar = "CONCH_NETNS_PROGRAM"
)

// role is what a process of a run knows of itself.
type role struct {
	recorder *recorder
	nodes    []string
	random   *rand.Rand
	ttl      time.Duration
	done     context.Context // done once the faults are over
}

// Play plays the role that the environment gives this process, and reports whether there is
// one. Run starts such processes from the program that calls it.
func Play() (ok bool, err error) {
	name := os.Getenv(roleVar)
	if name == "" {
		return false, nil
	}
	ttl, err := time.ParseDuration(os.Getenv(ttlVar))
	if err != nil {
		return true, err
	}
	seed, err := strconv.ParseUint(os.Getenv(seedVar), 10, 64)
	if err != nil {
		return true, err
	}
	recorder, err := newRecorder(os.Getenv(witnessVar), os.Getenv(holderVar))
	if err != nil {
		return true, err
	}
	r := &role{recorder: recorder, nodes: strings.Split(os.Getenv(nodesVar), ","), random: rand.New(rand.NewPCG(seed, 1)), ttl: ttl}
	if name == "command" {
		return true, r.command()
	}
	var stop context.CancelFunc
	r.done, stop = signal.NotifyContext(context.Background(), syscall.SIGUSR1)
	defer stop()
	switch name {
	case "client":
		return true, r.client()
	case "locker":
		return true, r.locker()
	case "proxy":
		return true, r.proxy()
	}
	return true, fmt.Errorf("%s=%q: want client, locker, command or proxy", roleVar, name)
}

const (
	// workers is how many callers a client has, and poolSize how many locks they and those
	// of other clients want: each client holds far more than one frame restates.
	workers  = 120
	poolSize = 200
)

func poolLock(i int) string { return fmt.Sprint("pool", i) }

// caller is a client with all its holds.
type caller struct {
	*role
	client *conch.Client
	holds  map[string]conch.Hold // guarded by the recorder's mutex
}

// client holds many locks until the faults are over. Then it must be served once more.
func (r *role) client() error {
	c := &caller{role: r, holds: make(map[string]conch.Hold)}
	r.recorder.write(ready, "-", 0, now())
	for c.client == nil {
		var err error
		if c.client, err = conch.Dial(context.Background(), conch.DialConfig{Nodes: r.nodes}); err != nil && !errors.Is(err, conch.ErrUnreachable) {
			return err
		}
	}
	looked := make(chan struct{})
	looking, stopLooking := context.WithCancel(context.Background())
	go func() {
		defer close(looked)
		c.check(looking)
	}()
	errs := make([]error, workers)
	var all sync.WaitGroup
	for i := range workers {
		random := rand.New(rand.NewPCG(r.random.Uint64(), uint64(i)))
		all.Go(func() {
			for r.done.Err() == nil && errs[i] == nil {
				errs[i] = c.turn(r.done, random)
			}
		})
	}
	all.Wait()
	stopLooking()
	<-looked
	if err := errors.Join(errs...); err != nil {
		return err
	}
	for range 5 {
		hold, err := c.client.Lock(context.Background(), poolLock(r.random.IntN(poolSize)))
		if err != nil {
			return fmt.Errorf("after the faults: %w", err)
		}
		if err := hold.Unlock(); err != nil && !errors.Is(err, conch.ErrLost) {
			return err
		}
	}
	r.recorder.write(served, "-", 0, now())
	_ = c.client.Close() // a slow machine may make it give up
	return nil
}

// turn waits for a lock for a while, and holds it for a while.
func (c *caller) turn(ctx context.Context, random *rand.Rand) error {
	lock := poolLock(random.IntN(poolSize))
	within, cancel := context.WithTimeout(ctx, time.Duration(random.Int64N(int64(3*c.ttl))))
	defer cancel()
	hold, err := c.client.Lock(within, lock)
	if err != nil {
		wait(ctx, time.Millisecond)
		return nil // it took too long, or no node was there
	}
	if !c.enter(lock, hold) {
		_ = hold.Unlock() // it is lost
		return nil
	}
	stay := int64(2 * c.ttl)
	if random.IntN(2) == 0 {
		stay = int64(20 * time.Millisecond)
	}
	wait(ctx, time.Duration(random.Int64N(stay)))
	c.leave(lock, hold)
	if err := hold.Unlock(); err != nil && !errors.Is(err, conch.ErrLost) {
		return fmt.Errorf("unlock %s: %w", lock, err)
	}
	return nil
}

// enter notes that a lock is held, if it is.
func (c *caller) enter(lock string, hold conch.Hold) bool {
	c.recorder.mu.Lock()
	defer c.recorder.mu.Unlock()
	at := now()
	if hold.Err() != nil {
		return false
	}
	if before, ok := c.holds[lock]; ok { // its caller has not checked it yet
		c.lose(lock, before)
	}
	c.recorder.write(enter, lock, hold.Fence(), at)
	c.holds[lock] = hold
	return true
}

// leave notes that a lock is given back, unless it was found lost before.
func (c *caller) leave(lock string, hold conch.Hold) {
	c.recorder.mu.Lock()
	defer c.recorder.mu.Unlock()
	if c.holds[lock].Fence() != hold.Fence() {
		return
	}
	at := now()
	if hold.Err() != nil {
		c.lose(lock, hold)
		return
	}
	c.recorder.write(leave, lock, hold.Fence(), at)
	delete(c.holds, lock)
}

// lose notes that a lock was found lost, or was given up. If it is in fact held, it is
// recorded as alive.
func (c *caller) lose(lock string, hold conch.Hold) {
	at := now()
	if hold.Err() != nil {
		at = 0
	}
	c.recorder.write(lost, lock, hold.Fence(), at)
	delete(c.holds, lock)
}

// check checks all holds again and again, until ctx ends.
func (c *caller) check(ctx context.Context) {
	for ctx.Err() == nil {
		c.recorder.mu.Lock()
		at := now()
		for lock, hold := range c.holds {
			if hold.Err() != nil {
				c.lose(lock, hold)
			}
		}
		if len(c.holds) > 0 {
			c.recorder.write(alive, "-", 0, at)
		}
		c.recorder.mu.Unlock()
		wait(ctx, 10*time.Millisecond)
	}
}

// locker runs `conch lock` with a command in a loop until the faults are over. Then one run
// must succeed.
func (r *role) locker() error {
	// The thread that starts a process must outlive it: see Pdeathsig.
	runtime.LockOSThread()
	defer runtime.UnlockOSThread()
	r.recorder.write(ready, "-", 0, now())
	for n := 0; ; n++ {
		last := r.done.Err() != nil
		cmd := exec.Command(os.Getenv(programVar), "lock", "--node", strings.Join(r.nodes, ","), poolLock(r.random.IntN(poolSize)), "--", os.Args[0])
		cmd.Env = append(os.Environ(), roleVar+"=command", fmt.Sprintf("%s=%s.command%d", holderVar, r.recorder.holder, n), fmt.Sprintf("%s=%d", seedVar, r.random.Uint64()))
		cmd.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL}
		output, err := cmd.CombinedOutput()
		switch {
		case err != nil && strings.Contains(string(output), "DATA RACE"):
			return fmt.Errorf("conch lock: %w: %s", err, output)
		case last && err == nil:
			r.recorder.write(served, "-", 0, now())
			return nil
		}
	}
}

// command is the command of `conch lock`. While it runs, the lock is held.
func (r *role) command() error {
	fence, err := strconv.ParseUint(os.Getenv("CONCH_FENCE"), 10, 64)
	if err != nil {
		return err
	}
	lock := os.Getenv("CONCH_LOCK")
	r.recorder.write(enter, lock, fence, now())
	end := time.Now().Add(time.Duration(r.random.Int64N(int64(r.ttl))))
	for time.Now().Before(end) {
		r.recorder.write(alive, "-", 0, now())
		wait(context.Background(), 5*time.Millisecond)
	}
	r.recorder.write(leave, lock, fence, now())
	return nil
}

// wait lets time pass, unless ctx ends.
func wait(ctx context.Context, d time.Duration) {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-ctx.Done():
	case <-timer.C:
	}
}
