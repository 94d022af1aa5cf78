package conch

import (
	"context"
	"errors"
	"fmt"
	"math"
	"time"

	"conch/broadcast"
	"conch/internal/runs"
	"conch/token"
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
const DefaultRememberRun = runs.DefaultRemember * time.Second

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
	// when it was done; zero if it is not, or if that is not known. Both are by the clock of
	// the run's node, in whole seconds.
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

// request is what a run is asked for with.
func (r Run) request() (runs.Request, error) {
	if r.RememberFor < 0 || r.RememberFor%time.Second != 0 {
		return runs.Request{}, fmt.Errorf("%w: a run is to be remembered for %v, want whole seconds", ErrTick, r.RememberFor)
	}
	return runs.Request{
		Tick: token.Tick(r.Tick), Skip: r.AtMostOnce, Plain: r.Plain, Remember: int64(r.RememberFor / time.Second),
	}, nil
}

// end is what is remembered of a run's end.
func (e RunEnd) end() runs.End {
	return runs.NewEnd(int32(max(math.MinInt32, min(math.MaxInt32, e.ExitCode))), e.Text)
}

func asRecord(r runs.Run) RunRecord {
	record := RunRecord{
		Tick: int64(r.Tick), Fence: uint64(r.Fence), State: asState(r.State),
		Host: r.Host, User: r.User, Command: r.Command, Identity: r.Identity, Node: r.Member, PID: r.PID,
		Began: asTime(r.Began), Ended: asTime(r.Ended), ExitCode: int(r.ExitCode), Text: r.Text, RememberedUntil: asTime(r.Until),
	}
	return record
}

func asState(s token.RunState) RunState {
	switch s {
	case token.RunBegun:
		return RunBegun
	case token.RunVoid:
		return RunVoid
	case token.RunDone:
		return RunDone
	}
	return ""
}

// asTime is the time of a number of Unix seconds; zero if that is not known.
func asTime(seconds int64) time.Time {
	if seconds == 0 {
		return time.Time{}
	}
	return time.Unix(seconds, 0)
}

func asRecords(all []runs.Run, err error) ([]RunRecord, error) {
	if err != nil {
		return nil, err
	}
	var records []RunRecord
	for _, r := range all {
		records = append(records, asRecord(r))
	}
	return records, nil
}

// runAsker asks a node for runs.
type runAsker interface {
	Runs(ctx context.Context, name string) ([]RunRecord, error)
	SessionTTL() time.Duration
}

// lockRun asks for a lock for a run by some way to do that.
func lockRun(ctx context.Context, by runAsker, name string, run Run, ask func(context.Context, string, runs.Request) (broadcast.Hold, error)) (broadcast.Hold, error) {
	request, err := run.request()
	if err != nil {
		return broadcast.Hold{}, err
	}
	hold, err := ask(ctx, name, request)
	var ran *broadcast.RanError
	if errors.As(err, &ran) {
		record := asRecord(ran.Run)
		if record.State == RunDone && record.Ended.IsZero() && !ran.PassedOver {
			record = findRecord(ctx, by, name, record)
		}
		err = &RanError{Run: record, PassedOver: ran.PassedOver}
	}
	return hold, err
}

// findRecord returns how a run ended, of which a node has only heard that it did: a token
// says no more, and may come before the message that does. Others know. If they do not tell
// within half a SessionTTL, the record is returned as it is.
func findRecord(ctx context.Context, by runAsker, name string, record RunRecord) RunRecord {
	ctx, cancel := context.WithTimeout(ctx, by.SessionTTL()/2)
	defer cancel()
	for wait := 5 * time.Millisecond; ; wait *= 2 {
		all, err := by.Runs(ctx, name)
		if err != nil {
			return record
		}
		for _, r := range all {
			if r.Tick == record.Tick && r.State == RunDone && !r.Ended.IsZero() {
				return r
			}
		}
		timer := time.NewTimer(wait)
		select {
		case <-ctx.Done():
			timer.Stop()
			return record
		case <-timer.C:
		}
	}
}

// LockRun waits until this node holds the lock for a run, as [Locker] describes. The errors
// are those of [Node.Lock]; a [*RanError]; and wrap [ErrTick], [ErrNotesFull] or [ErrNoNotes].
func (n *Node) LockRun(ctx context.Context, name string, run Run) (Hold, error) {
	hold, err := lockRun(ctx, n, name, run, n.node.AcquireRun)
	return Hold{hold}, err
}

// TryLockRun is [Node.LockRun] for a caller that does not want to wait, as [Node.TryLock] is
// Lock. The errors are those of LockRun, and [ErrBusy].
func (n *Node) TryLockRun(ctx context.Context, name string, run Run) (Hold, error) {
	hold, err := lockRun(ctx, n, name, run, n.node.TryRun)
	return Hold{hold}, err
}

// Runs returns the latest runs of a lock, as [Locker] describes. The errors wrap [ErrName],
// [ErrNoNotes] or [ErrStopped], or are the cause of the context's end.
func (n *Node) Runs(ctx context.Context, name string) ([]RunRecord, error) {
	return asRecords(n.node.Runs(ctx, name))
}

// LockRun waits until the caller holds the lock for a run, as [Locker] describes. The errors
// are those of [Client.Lock]; a [*RanError]; and wrap [ErrTick], [ErrNotesFull] or
// [ErrNoNotes]. A node of a version that knows no runs refuses: [ErrRefused].
func (c *Client) LockRun(ctx context.Context, name string, run Run) (Hold, error) {
	hold, err := lockRun(ctx, c, name, run, c.client.AcquireRun)
	return c.hold(name, token.Exclusive, hold, err)
}

// TryLockRun is [Client.LockRun] for a caller that does not want to wait, as
// [Client.TryLock] is Lock. The errors are those of LockRun; [ErrBusy]; and [ErrNoSession] if
// the node cannot know.
func (c *Client) TryLockRun(ctx context.Context, name string, run Run) (Hold, error) {
	hold, err := lockRun(ctx, c, name, run, c.client.TryRun)
	return c.hold(name, token.Exclusive, hold, err)
}

// Runs returns the latest runs of a lock, as [Locker] describes; the client's node is asked,
// or else the first other one that answers. It opens a connection of its own. The errors wrap
// [ErrName]; [ErrNoNotes]; [ErrUnreachable]; [ErrForbidden]; [ErrRefused]; are [ErrStopped]
// after [Client.Close]; or are the cause of the context's end.
func (c *Client) Runs(ctx context.Context, name string) ([]RunRecord, error) {
	return asRecords(c.client.Runs(ctx, name))
}
