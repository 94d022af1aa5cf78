package client

import (
	"errors"
	"fmt"
	"time"

	"conch/broadcast"
	"conch/internal/client/attachment"
	"conch/internal/frames"
	"conch/internal/runs"
)

var (
	// ErrNoSession is wrapped by the error of a wait that ended while the node had no
	// session: it did not reach a quorum of the members.
	ErrNoSession = errors.New("the node has no session with a quorum of the members")
	// ErrRefused is wrapped by the error for a request that the node refused, for a
	// reason that no other error here stands for. It has the node's own words.
	ErrRefused = errors.New("the node refused")
	// ErrForbidden is wrapped by the error for a request that the node's rules do not
	// grant. It wraps ErrRefused.
	ErrForbidden = fmt.Errorf("%w by its rules", ErrRefused)

	// errClosed answers those who want something of a client that is closed.
	errClosed error = closedError{}
	// errMoved answers a claim that the node will not grant, where another node may.
	errMoved = errors.New("to be asked of another node")
)

// closedError is broadcast.ErrStopped for a client.
type closedError struct{}

func (closedError) Error() string { return "the client is closed" }

func (closedError) Is(target error) bool { return target == broadcast.ErrStopped }

// leavingError is broadcast.ErrStopped in the words of a node that takes no requests.
type leavingError struct{ text string }

func (e leavingError) Error() string {
	if e.text == "" {
		return broadcast.ErrStopped.Error()
	}
	return e.text
}

func (leavingError) Is(target error) bool { return target == broadcast.ErrStopped }

// Why streams end, where gRPC does not say it.
var (
	errSilent   = errors.New("nothing was heard of it for one time to live")
	errNonsense = errors.New("it does not keep to the protocol")
	errEnded    = errors.New("it ended the stream")
)

// nonsense is an error for a message that breaks the protocol.
func nonsense(format string, args ...any) error {
	return fmt.Errorf("%w: %w", errNonsense, fmt.Errorf(format, args...))
}

// Why holds end, where the node or somebody else does not say it.
var (
	errLease       = errors.New("its lease is over, and nothing was heard in time that extends it")
	errLapse       = errors.New("the node's session lapsed: it does not reach a quorum of the members")
	errClientLease = errors.New("the node heard nothing of this client in time")
)

// lossError says why a hold is lost, and the times that tell how it came to that.
func (n *node) lossError(e attachment.Effect) error {
	var why error
	switch e.Cause {
	case attachment.CauseLease:
		why = errLease
	case attachment.CauseLapse:
		why = errLapse
	case attachment.CauseBroken:
		why = fmt.Errorf("%w: %s", broadcast.ErrBroken, e.Text)
	case attachment.CauseNodeLeaving:
		why = broadcast.ErrStopped
	case attachment.CauseClientLease:
		why = errClientLease
	case attachment.CauseRefused:
		why = n.refusalError(e.Refusal)
	case attachment.CauseClosed:
		return fmt.Errorf("%w: %w", broadcast.ErrLost, errClosed)
	}
	return fmt.Errorf("%w: %w (%s)", broadcast.ErrLost, why, describeTimes(e.Times))
}

// warningError says why a hold is about to end.
func warningError(e attachment.Effect) error {
	why := broadcast.ErrLapsing
	switch e.Cause {
	case attachment.CauseBroken:
		why = fmt.Errorf("%w: %s", broadcast.ErrBroken, e.Text)
	case attachment.CauseNodeLeaving:
		why = broadcast.ErrStopped
	case attachment.CauseLapse:
		why = fmt.Errorf("%w: the node says so of its session", why)
	}
	return fmt.Errorf("%w (%s)", why, describeTimes(e.Times))
}

// describeTimes says how it came that a lease was not extended.
func describeTimes(t attachment.Times) string {
	var text string
	if t.Left >= 0 {
		text = fmt.Sprintf("%v of the lease left", round(t.Left))
	} else {
		text = fmt.Sprintf("the lease over for %v", round(-t.Left))
	}
	if t.HadPong {
		text += fmt.Sprintf("; the last Pong came %v ago, to a Ping of %v ago", round(t.SincePong), round(t.SincePing))
	} else {
		text += "; no Pong has come yet"
	}
	if t.HadPing && (!t.HadPong || t.SinceLatest < t.SincePing) {
		text += fmt.Sprintf("; a Ping of %v ago has no answer", round(t.SinceLatest))
	}
	if time.Duration(t.Late) >= worthTelling {
		text += fmt.Sprintf("; this process looked at its clock %v late", round(t.Late))
	}
	return text
}

// worthTelling is how late a timer has to be to be spoken of.
const worthTelling = 10 * time.Millisecond

func round[T ~int64](d T) time.Duration { return time.Duration(d).Round(time.Millisecond) }

// refusalError is what a claim is answered for a refusal of the node's.
func (n *node) refusalError(r frames.Refusal) error {
	say := func(sentinel error) error { return fmt.Errorf("%w: %v says: %s", sentinel, n.target, r.Text) }
	switch r.Code {
	case frames.CodeInvalidName:
		return say(broadcast.ErrName)
	case frames.CodeBusy:
		return broadcast.ErrBusy
	case frames.CodeNoSession:
		return say(ErrNoSession)
	case frames.CodeForbidden:
		return say(ErrForbidden)
	case frames.CodeOtherLimit:
		return say(broadcast.ErrLimit)
	case frames.CodeNotHeld:
		return say(broadcast.ErrLost)
	case frames.CodeTooManyValues:
		return say(broadcast.ErrTooManyValues)
	case frames.CodeInvalidTick:
		return say(runs.ErrTick)
	case frames.CodeNotesFull:
		return say(broadcast.ErrNotesFull)
	case frames.CodeNoNotes:
		return say(broadcast.ErrNoNotes)
	case frames.CodeTooManyNames:
		return say(broadcast.ErrTooManyLocks)
	default:
		return say(ErrRefused)
	}
}
