package worker

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"runtime"
	"time"

	"conch/bench/internal/board"
	"conch/bench/internal/locks"
	"conch/bench/internal/virtual"
	"conch/bench/internal/wires"
	"conch/token"
)

// Role is the first argument of this program when it is to be a worker; the second is
// the job.
const Role = "worker"

// Mode says what to do.
type Mode string

// The modes.
const (
	Loop  Mode = "loop"  // lock and unlock, again and again
	Batch Mode = "batch" // the same, a hundred at a time, for what is faster than a clock
	Turns Mode = "turns" // lock and unlock, then let another worker do so
	Idle  Mode = "idle"  // be there
	Hold  Mode = "hold"  // lock, and never unlock
	Fill  Mode = "fill"  // lock and unlock many locks, each once
	Weigh Mode = "weigh" // be there, and say how much memory that takes
	Crowd Mode = "crowd" // be so many clients of one node, which want nothing
	Relay Mode = "relay" // pass messages on
	Echo  Mode = "echo"  // send messages back
	Plain Mode = "plain" // the same, without gRPC

	Each    Mode = "each"    // of many locks, each is wanted all the time
	Any     Mode = "any"     // of many locks, one is taken at random each time
	Virtual Mode = "virtual" // be a whole cluster, in virtual time
)

// Job is what a worker is told. It travels as JSON.
type Job struct {
	Mode  Mode
	Board string // path
	// Client is this worker's place on the board. With several Users the first of them
	// has it; the others have places Stride apart.
	Client, Users, Stride int
	// Locks is how many locks there are for each, any and fill. For each, there are so many
	// Users of every lock; for the others, of all of them. Fill's are those from From on.
	From, Locks int
	// Members is how many members a virtual cluster has.
	Members int
	// Threads is how many threads may run Go code at once; 0 is as many as the process
	// may use cores.
	Threads int
	// Patience is the longest that a user in a loop waits before it gives up; each wait has
	// a time of its own, drawn anew. 0 is forever.
	Patience time.Duration
	// Share is how the users of a loop share the lock; 0 is that each wants it alone. Of
	// those who share it, the first Alone want it alone all the same.
	Share token.Limit
	Alone int
	// Stay is how long a user stays in the critical section.
	Stay time.Duration
	// After is how often the lock is to be granted before this worker begins to use it.
	After uint64
	// Lock is the lock, but for relay and echo.
	Lock locks.Spec
	// Turn and NextTurn are the sockets on which this worker hears that it is its
	// turn, and tells the next one so. Client 0 has the first turn.
	Turn, NextTurn string
	// Relay is the relay to be part of.
	Relay wires.Relay
	// Addresses are where to echo.
	Addresses []string
}

// Report is what a worker says at its end, about the phase in which it measured.
type Report struct {
	// Wait is from asking until the lock is held, and Cycle from asking until Unlock has
	// returned, in nanoseconds: histograms, encoded.
	Wait, Cycle []byte
	// Operations is how many pairs of lock and unlock batches have made, in Spent of
	// time and with Allocations on the heap of the whole process.
	Operations, Allocations uint64
	Spent                   time.Duration
	// Weight is what Weigh found.
	Weight Weight
	// Counts are what a node that counts has counted in CountedFor.
	Counts     locks.Counts
	CountedFor time.Duration
	// Virtual is what was measured of a virtual cluster.
	Virtual virtual.Result
}

// errEnd ends what waits when the board says that it is the end.
var errEnd = errors.New("the measurement is over")

// Run does a job, and writes the report.
func Run(ctx context.Context, job string, out io.Writer) error {
	var j Job
	if err := json.Unmarshal([]byte(job), &j); err != nil {
		return fmt.Errorf("worker: job: %w", err)
	}
	if err := j.check(); err != nil {
		return fmt.Errorf("worker: job: %w", err)
	}
	if j.Threads > 0 {
		runtime.GOMAXPROCS(j.Threads)
	}
	if j.Mode == Virtual {
		result, err := virtual.Measure(j.Members)
		if err != nil {
			return err
		}
		return json.NewEncoder(out).Encode(Report{Virtual: result})
	}
	b, err := board.Open(j.Board)
	if err != nil {
		return err
	}
	// The page stays mapped until the process ends: servers may still count on it.
	switch j.Mode {
	case Relay:
		return j.Relay.Run(ctx, b)
	case Echo:
		return wires.Echo(ctx, j.Addresses, b)
	case Plain:
		return wires.EchoPlain(ctx, j.Addresses[0], b)
	case Fill:
		return locks.Fill(ctx, j.Lock.Endpoints, j.From, j.Locks, j.Users)
	case Weigh:
		return j.weigh(ctx, b, out)
	case Crowd:
		return j.crowd(ctx, b)
	}
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	go awaitEnd(ctx, b, cancel)
	report, err := j.use(ctx, b)
	if err != nil {
		return fmt.Errorf("worker %d: %s: %w", j.Client, j.Lock.Kind, err)
	}
	return json.NewEncoder(out).Encode(report)
}

func (j Job) check() error {
	onBoard := j.Mode == Each || j.Mode == Any
	if j.Locks < 0 || onBoard && j.Locks > board.MaxLocks {
		return fmt.Errorf("locks: got %d, want 0 to %d", j.Locks, board.MaxLocks)
	}
	return board.CheckPlace(j.Client)
}

// awaitEnd ends a context when the board says that it is the end.
func awaitEnd(ctx context.Context, b *board.Board, end context.CancelCauseFunc) {
	if err := b.AwaitPhase(ctx, board.End); err != nil {
		end(err)
		return
	}
	end(errEnd)
}

// use opens the lock and uses it as the mode says.
func (j Job) use(ctx context.Context, b *board.Board) (Report, error) {
	// What runs behind the lock outlives the measurement's end by Close.
	lock, err := locks.Open(context.WithoutCancel(ctx), j.Lock, b.AddMessages)
	if err != nil {
		return Report{}, err
	}
	count, err := j.counting(ctx, b, lock)
	if err != nil {
		return Report{}, errors.Join(err, lock.Close())
	}
	b.Ready()
	w := newUser(b, j.Client, lock)
	w.patience, w.stay = j.Patience, j.Stay
	err = b.Await(0, j.After, func() error { return context.Cause(ctx) })
	if err == nil {
		err = j.run(ctx, w)
	}
	if b.Phase() == board.End {
		err = nil // what was cut short by the end is no failure
	}
	report := w.report()
	err = errors.Join(err, count(&report))
	return report, errors.Join(err, lock.Close())
}

// run uses the lock until ctx ends, which is an error.
func (j Job) run(ctx context.Context, w *user) error {
	switch j.Mode {
	case Loop:
		return j.loops(ctx, w)
	case Batch:
		return w.batches(ctx)
	case Turns:
		return w.turns(ctx, j.Turn, j.NextTurn)
	case Each, Any:
		return j.many(ctx, w)
	case Hold:
		return w.hold(ctx, j.Lock.TTL/4)
	case Idle:
	default:
		return fmt.Errorf("mode: got %q", j.Mode)
	}
	<-ctx.Done()
	return context.Cause(ctx)
}

// crowd connects clients to a node and is there until the end.
func (j Job) crowd(ctx context.Context, b *board.Board) error {
	clients, err := locks.Attach(ctx, j.Lock.Endpoints[0], j.Users)
	if err != nil {
		return fmt.Errorf("worker %d: %w", j.Client, err)
	}
	b.Ready()
	err = b.AwaitPhase(ctx, board.End)
	return errors.Join(err, clients.Close())
}
