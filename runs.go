package conch

import (
	"context"
	"errors"
	"fmt"
	"time"
)

// Run is a run of a job at one turn of its schedule: what [Locker].LockRun asks for.
type Run struct {
	// Tick says which turn the run is for: the turn's time in Unix seconds, the same on all
	// machines; or, if Plain, any other number from 1. Ticks of one lock rise: once a run has
	// begun, no earlier tick is run any more.
	Tick int64
	// AtMostOnce: if a run of the tick begins and ends without a word, because its process or
	// its machine died, nobody runs the tick again. Otherwise somebody may: at least once.
	// Exactly once is not to be had: the machine may die after the job's last act and before
	// that is noted.
	AtMostOnce bool
	// Plain: the tick is no time, so it is not compared with the clock. Otherwise a tick is
	// refused that is more than a day ahead of the node's clock, or so old that it may be
	// forgotten: see RememberFor.
	Plain bool
	// RememberFor is how long after it began the run is remembered; afterwards its tick might
	// run again. 0 is [DefaultRememberRun]. It has whole seconds. If ticks are times, it is 3
	// days at least, and a tick is refused that is older than RememberFor less 2 days.
	RememberFor time.Duration
}

// DefaultRememberRun is how long a run is remembered if nothing is said: 35 days.
const DefaultRememberRun = 35 * 24 * time.Hour

// RunEnd is how a run ended, for people and programs that ask.
type RunEnd struct {
	// ExitCode is that of the run's process, or anything like it; 0 if it went well. It fits
	// 32 bits.
	ExitCode int
	// Text says more. A long one is shortened.
	Text string
}

// RunState says what became of a run.
type RunState string

// The states of a run.
const (
	// RunBegun: the run was let in, and has not said that it is done. It may be under way, or
	// have ended without a word.
	RunBegun RunState = "begun"
	// RunVoid: it was about to be let in, and was not.
	RunVoid RunState = "void"
	// RunDone: the tick needs no other run.
	RunDone RunState = "done"
)

// RunRecord is what is remembered of a run.
type RunRecord struct {
	Tick  int64
	Fence uint64 // of its hold
	State RunState
	// Host, PID, User and Command describe who runs, by its own account; Identity is who that
	// is as its node has identified it, and Node the address of that node. What is not known
	// is empty, and what is long is shortened.
	Host, User, Command, Identity, Node string
	PID                                 int64
	// Began is when the run was let in; until it is done, when it was asked for. Ended is
	// when it was done; zero if it is not. Both are by the clock of the run's node, in whole
	// seconds.
	Began, Ended time.Time
	// ExitCode and Text are those of [RunEnd].
	ExitCode int
	Text     string
	// RememberedUntil is when the run may be forgotten.
	RememberedUntil time.Time
}

// RanError says that a run is not needed.
type RanError struct {
	// Run is the run that makes the other unnecessary.
	Run RunRecord
	// PassedOver: Run is of a later tick than the one that was asked for, which will not be
	// run any more.
	PassedOver bool
}

// Error describes the run.
func (e *RanError) Error() string {
	if e.PassedOver {
		return fmt.Sprintf("the tick was passed over: a run of the later tick %d has begun", e.Run.Tick)
	}
	if e.Run.State == RunDone {
		return fmt.Sprintf("the tick %d was run", e.Run.Tick)
	}
	return fmt.Sprintf("a run of the tick %d began, and nobody is to run it again", e.Run.Tick)
}

// RunOption changes what [Locker].Once does.
type RunOption func(*onceOptions)

// onceOptions are what the options of Once say.
type onceOptions struct {
	run          Run
	againOnError bool
	try          bool
}

// AtMostOnce is [Run].AtMostOnce.
func AtMostOnce() RunOption { return func(o *onceOptions) { o.run.AtMostOnce = true } }

// PlainTick is [Run].Plain.
func PlainTick() RunOption { return func(o *onceOptions) { o.run.Plain = true } }

// RememberFor is [Run].RememberFor.
func RememberFor(d time.Duration) RunOption { return func(o *onceOptions) { o.run.RememberFor = d } }

// AgainOnError lets the tick be run again if f returns an error. Otherwise the tick has been
// run, whatever f returns.
func AgainOnError() RunOption { return func(o *onceOptions) { o.againOnError = true } }

// SkipIfRunning has Once return at once while the lock is in use, in place of waiting whether
// the run that is under way gets done.
func SkipIfRunning() RunOption { return func(o *onceOptions) { o.try = true } }

var errNotBuilt = errors.New("not built")

// Once calls f at most once for each tick, as [Locker] describes. The errors are those of
// [Node.LockRun] but for [*RanError], [ErrNotNoted], and f's.
func (n *Node) Once(ctx context.Context, name string, tick int64, f func(ctx context.Context, fence uint64) error, opts ...RunOption) (ran bool, err error) {
	return false, errNotBuilt
}

// LockRun waits until this node holds the lock for a run, as [Locker] describes. The errors
// are those of [Node.Lock]; a [*RanError]; and wrap [ErrTick], [ErrNotesFull] or [ErrNoNotes].
func (n *Node) LockRun(ctx context.Context, name string, run Run) (Hold, error) {
	return Hold{}, errNotBuilt
}

// TryLockRun is [Node.LockRun] for a caller that does not want to wait, as [Node.TryLock] is
// Lock. The errors are those of LockRun, and [ErrBusy].
func (n *Node) TryLockRun(ctx context.Context, name string, run Run) (Hold, error) {
	return Hold{}, errNotBuilt
}

// Runs returns the latest runs of a lock, as [Locker] describes. The errors wrap [ErrName],
// [ErrNoNotes] or [ErrStopped], or are the cause of the context's end.
func (n *Node) Runs(ctx context.Context, name string) ([]RunRecord, error) {
	return nil, errNotBuilt
}

// Once calls f at most once for each tick, as [Locker] describes. The errors are those of
// [Client.LockRun] but for [*RanError], [ErrNotNoted], and f's.
func (c *Client) Once(ctx context.Context, name string, tick int64, f func(ctx context.Context, fence uint64) error, opts ...RunOption) (ran bool, err error) {
	return false, errNotBuilt
}

// LockRun waits until the caller holds the lock for a run, as [Locker] describes. The errors
// are those of [Client.Lock]; a [*RanError]; and wrap [ErrTick], [ErrNotesFull] or
// [ErrNoNotes]. A node of a version that knows no runs refuses: [ErrRefused].
func (c *Client) LockRun(ctx context.Context, name string, run Run) (Hold, error) {
	return Hold{}, errNotBuilt
}

// TryLockRun is [Client.LockRun] for a caller that does not want to wait, as
// [Client.TryLock] is Lock. The errors are those of LockRun; [ErrBusy]; and [ErrNoSession] if
// the node cannot know.
func (c *Client) TryLockRun(ctx context.Context, name string, run Run) (Hold, error) {
	return Hold{}, errNotBuilt
}

// Runs returns the latest runs of a lock, as the client's node remembers them, or else the
// first other one that answers. It opens a connection of its own. The errors wrap [ErrName];
// [ErrNoNotes]; [ErrUnreachable]; [ErrForbidden]; [ErrRefused]; are [ErrStopped] after
// [Client.Close]; or are the cause of the context's end.
func (c *Client) Runs(ctx context.Context, name string) ([]RunRecord, error) {
	return nil, errNotBuilt
}
