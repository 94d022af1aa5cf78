package conch_test

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/signal"
	"sync"
	"syscall"

	"conch"
)

// storage is where the jobs' results go. It stands for a database, or anything else that
// can compare numbers: each write brings the fence of its lock. A fence lower than one
// already seen comes from a runner that has lost its lock, perhaps without knowing it.
type storage struct {
	mu      sync.Mutex
	fences  map[string]uint64 // the highest of each job
	results map[string]string
}

var errStale = errors.New("a later runner has been here")

func (s *storage) put(job string, fence uint64, result string) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if fence < s.fences[job] {
		return fmt.Errorf("%s: %w", job, errStale)
	}
	s.fences[job], s.results[job] = fence, result
	return nil
}

// done reports whether a job has a result.
func (s *storage) done(job string) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.results[job] != ""
}

// runJobs does those jobs that nobody does or has done, each under a lock of its own. It
// returns when ctx ends or nothing is left.
func runJobs(ctx context.Context, locks conch.Locker, store *storage, jobs []string) error {
	for _, job := range jobs {
		err := locks.Do(ctx, "job/"+job, func(ctx context.Context, fence uint64) error {
			if store.done(job) { // by the runner that had the lock before
				return nil
			}
			// The work must watch ctx, which ends when the lock is lost.
			result := "result of " + job
			if err := context.Cause(ctx); err != nil {
				return err
			}
			return store.put(job, fence, result)
		})
		switch {
		case ctx.Err() != nil:
			return nil //nolint:nilerr // it was asked to end
		case errors.Is(err, conch.ErrLost) || errors.Is(err, errStale):
			fmt.Fprintln(os.Stderr, "left to another runner:", err)
		case err != nil:
			return fmt.Errorf("job %s: %w", job, err)
		}
	}
	return nil
}

// runner is the program: it runs on several machines, and each job is done once.
func runner(nodes []string, store *storage) (err error) {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	client, err := conch.Dial(ctx, conch.DialConfig{Nodes: nodes, Command: "job runner"})
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, client.Close()) }()
	return runJobs(ctx, client, store, []string{"invoices", "newsletter", "backup"})
}

// Several runners share a list of jobs.
func Example_jobRunner() {
	address, stop := exampleNode() // as it runs on each machine
	defer stop()
	store := &storage{fences: make(map[string]uint64), results: make(map[string]string)}

	var machines sync.WaitGroup
	for range 3 {
		machines.Go(func() {
			if err := runner([]string{address}, store); err != nil {
				fmt.Println(err)
			}
		})
	}
	machines.Wait()
	for _, job := range []string{"invoices", "newsletter", "backup"} {
		fmt.Println(store.results[job])
	}
	fmt.Println(store.put("backup", 1, "from a runner that overslept"))

	// Output:
	// result of invoices
	// result of newsletter
	// result of backup
	// backup: a later runner has been here
}
