package main

import (
	"context"
	"errors"
	"fmt"
	"math"
	"os/signal"
	"slices"
	"strconv"
	"sync"
	"time"

	"conch"
	"conch/internal/client"
	"conch/internal/procgroup"
	"conch/internal/render"
	clientv1 "conch/proto/conch/client/v1"
)

// tickVariable is the environment variable in which a command finds for which turn it runs.
const tickVariable = "CONCH_TICK"

// errMaxHold is wrapped by the reason why a command was ended after --max-hold.
var errMaxHold = errors.New("--max-hold is over")

// boundedLease is a lease that ends early as far as a command is concerned.
type boundedLease struct {
	procgroup.Lease
	end   time.Time     // when the command is told to end
	grace time.Duration // how long it may take, with the margin before SIGKILL
	why   error
}

// Warning implements [procgroup.Lease].
func (b *boundedLease) Warning() error {
	if time.Now().Before(b.end) {
		return b.Lease.Warning()
	}
	return b.why
}

// Deadline implements [procgroup.Lease].
func (b *boundedLease) Deadline() time.Time {
	deadline, killed := b.Lease.Deadline(), b.end.Add(b.grace)
	if time.Now().Before(b.end) || !deadline.IsZero() && deadline.Before(killed) {
		return deadline
	}
	return killed
}

// leaseOf returns what the command runs under.
func (l *locking) leaseOf(hold conch.Hold, began time.Time) procgroup.Lease {
	if l.flags.once == nil || l.flags.once.maxHold == 0 {
		return hold
	}
	longest := l.flags.once.maxHold
	return &boundedLease{
		Lease: hold, end: began.Add(longest), grace: l.grace + l.ttl/killShare,
		why: fmt.Errorf("%w: the command was ended after %v", errMaxHold, longest),
	}
}

// isDone reports whether the turn needs no other run, by how the command ended.
func (o *onceFlags) isDone(result procgroup.Result, started error) bool {
	code := result.ExitCode()
	switch {
	case started != nil || result.State == nil:
		return o.onCrash == wordSkip // it did not run
	case code == 0:
		return true
	case errors.Is(result.Lost, errMaxHold):
		return o.onFailure == wordDone
	case result.Signal() != 0 || result.Asked != 0 || result.Lost != nil:
		return o.onCrash == wordSkip
	}
	return o.onFailure == wordDone
}

// noteTimes is how many sessions' times to live the note of a run may take. A node knows
// after one; if it is gone, others are asked.
const noteTimes = 4

// endRun ends the hold, and says whether the turn needs no other run.
func (l *locking) endRun(hold conch.Hold, result procgroup.Result, started error, began time.Time) {
	if !l.flags.once.isDone(result, started) {
		l.free = hold.Deadline()
		_ = hold.Unlock() // a loss is known by now
		return
	}
	l.holdAtLeast(hold, began)
	ctx, stop := context.WithTimeout(l.cmd.Context(), noteTimes*l.ttl)
	defer stop()
	err := hold.EndRun(ctx, conch.RunEnd{ExitCode: l.recordedCode(), Text: l.endText()})
	switch {
	case err == nil:
		if l.flags.verbose {
			l.say("a majority of the members has noted that the turn %s was run", l.turn())
		}
	case l.end.isLoss: // it is told
	case errors.Is(err, conch.ErrLost):
		l.end.lose(fmt.Errorf("%s, and before that was noted: %w; another may run the turn %s too", l.ended(), err, l.turn()), l.flags.exits)
	default:
		l.end.Outcome, l.end.Code = "not_noted", l.flags.exits.notNoted
		l.end.err = fmt.Errorf("%s, but it is not known whether a majority of the members has noted that, so the turn %s may be run again: %w", l.ended(), l.turn(), err)
	}
}

// ended says how the command ended.
func (l *locking) ended() string {
	if l.end.CommandCode == nil {
		return "the command was not started"
	}
	return fmt.Sprintf("the command ended with exit code %d", *l.end.CommandCode)
}

// recordedCode is the exit code that the run's record has: the command's, whatever became of
// the lock.
func (l *locking) recordedCode() int {
	if l.end.CommandCode == nil || l.end.Outcome == "max_hold" {
		return l.end.Code
	}
	return *l.end.CommandCode
}

// endText is what the run's record says beside the exit code.
func (l *locking) endText() string {
	if l.end.err != nil {
		return l.end.text()
	}
	return l.end.Signal
}

// holdAtLeast holds the lock until --at-least is over, a signal comes, or the lock is lost.
func (l *locking) holdAtLeast(hold conch.Hold, began time.Time) {
	left := time.Until(began.Add(l.flags.once.atLeast))
	if left <= 0 || l.end.isLoss {
		return
	}
	signal.Notify(l.signals, endingSignals...)
	defer signal.Stop(l.signals)
	over := make(chan struct{})
	go func() {
		defer close(over)
		timer := time.NewTimer(left)
		defer timer.Stop()
		select {
		case <-timer.C:
		case <-l.signals:
		case <-hold.Done():
		}
	}()
	_ = procgroup.AwaitLoss(hold, l.grace, over) // a loss is told by EndRun
}

// turn names the turn for people.
func (l *locking) turn() string { return turnText(l.flags.once.run) }

func turnText(run conch.Run) string {
	if run.Plain {
		return strconv.FormatInt(run.Tick, 10)
	}
	return instantText(time.Unix(run.Tick, 0))
}

// skip sets how it ended if an error on the way to the lock says that the turn is left to
// another, and reports whether it does.
func (l *locking) skip(err error) bool {
	var ran *conch.RanError
	var running *runningError
	switch {
	case l.flags.once == nil:
		return false
	case errors.As(err, &ran):
		l.ranElsewhere(ran)
		return true
	case errors.As(err, &running):
		l.end.Outcome, l.end.Code = "skipped", l.flags.exits.skipped
		if l.flags.verbose {
			l.say("left the turn %s to another: the lock %s is %v", l.turn(), render.Plain(l.name), running)
		}
		return true
	}
	return false
}

// ranElsewhere sets how it ended from the run that makes this one unnecessary.
func (l *locking) ranElsewhere(ran *conch.RanError) {
	record := asRun(ran.Run)
	l.end.Outcome, l.end.Code = "skipped", l.flags.exits.skipped
	why := "it needs no other run"
	switch {
	case ran.PassedOver:
		why = "it was passed over for the turn " + render.Turn(record.GetTick())
	case !l.flags.once.waitDone:
	case ran.Run.State == conch.RunDone && ran.Run.Ended.IsZero():
		l.end.Outcome, l.end.Code = "done_elsewhere", exitFailure
		l.end.err = fmt.Errorf("the turn %s was run, but no node that answered knows how that ended", l.turn())
		return
	case ran.Run.State == conch.RunDone:
		l.end.Outcome, l.end.Code = "done_elsewhere", ran.Run.ExitCode
		if l.end.Code < 0 || l.end.Code > maxExitCode {
			l.end.Code = exitFailure
		}
	default:
		l.end.Outcome, l.end.Code = "crashed_elsewhere", exitFailure
		l.end.err = fmt.Errorf("nobody runs the turn %s again (--on-crash skip): %s", l.turn(), render.RunSentence(record))
		return
	}
	if l.flags.verbose {
		l.say("did not run the turn %s, since %s: %s", l.turn(), why, render.RunSentence(record))
	}
}

const (
	// seekShare: whoever waits for a run looks every T/seekShare whether somebody holds the
	// lock.
	seekShare = 10
	// unseenTimes is for how many T it waits while nobody is seen to hold the lock, or those
	// who do may not be seen. A token that is lost is made anew within two.
	unseenTimes = 4
)

// runningError is the cause of a context that ended because another holds the lock.
type runningError struct{ holder string }

func (e *runningError) Error() string { return e.holder }

// askUnlessRunning waits for a run until another is seen to hold the lock. A try would not
// do: it is also refused if nobody holds the lock, but its token has to be made anew, or
// another's try is under way; and then each would leave the turn to the others.
func (l *locking) askUnlessRunning(ctx context.Context) (conch.Hold, error) {
	ctx, stop := context.WithTimeoutCause(ctx, unseenTimes*l.ttl, errWaitOver)
	defer stop()
	ctx, leave := context.WithCancelCause(ctx)
	var watching sync.WaitGroup
	defer watching.Wait()
	defer leave(nil)
	watching.Go(func() {
		if err := l.seekHolder(ctx); err != nil {
			leave(err)
		}
	})
	return l.node.LockRun(ctx, l.name, l.flags.once.run)
}

// seekHolder returns a runningError once another is seen to hold the lock; a barredError if a
// kept hold bars it; or nil when the context has ended.
func (l *locking) seekHolder(ctx context.Context) error {
	self := client.Describe("")
	for pause(ctx, l.ttl/seekShare) {
		node, err := l.connect(ctx, []string{l.node.Node()})
		if err != nil {
			continue // the wait goes on elsewhere
		}
		lock, _, err := node.lock(ctx, l.name)
		node.close()
		held := slices.DeleteFunc(slices.Clone(render.Holders(lock)), func(h *clientv1.Holder) bool {
			return h.GetClient().GetPid() == self.GetPid() && h.GetClient().GetHost() == self.GetHost()
		})
		switch {
		case exitCode(err) == exitForbidden:
			if pause(ctx, unseenTimes*l.ttl/2) {
				return &runningError{"in use, or was; this caller may not look"}
			}
		case err != nil:
		case len(held) > 0:
			return &runningError{heldBy(lock, held)}
		case lock.GetKept() != nil:
			return &barredError{render.KeptSentence(l.name, lock.GetKept()), conch.ErrBusy}
		}
	}
	return nil
}

// asRun is a run as nodes tell of it.
func asRun(r conch.RunRecord) *clientv1.RunRecord {
	states := map[conch.RunState]clientv1.RunRecord_State{
		conch.RunBegun: clientv1.RunRecord_STATE_BEGUN, conch.RunVoid: clientv1.RunRecord_STATE_VOID, conch.RunDone: clientv1.RunRecord_STATE_DONE,
	}
	seconds := func(t time.Time) int64 {
		if t.IsZero() {
			return 0
		}
		return t.Unix()
	}
	return &clientv1.RunRecord{
		Tick: r.Tick, Fence: r.Fence, State: states[r.State],
		Client: &clientv1.Client{Host: r.Host, Pid: r.PID, User: r.User, Command: r.Command, Identity: r.Identity},
		Member: r.Node, BeganS: seconds(r.Began), EndedS: seconds(r.Ended),
		ExitCode: int32(min(max(r.ExitCode, math.MinInt32), math.MaxInt32)), //nolint:gosec // bounded
		Text:     r.Text, RememberedUntilS: seconds(r.RememberedUntil),
	}
}
