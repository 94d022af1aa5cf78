package procgroup

import (
	"os"
	"syscall"
	"time"
)

// Lease is a hold of a lock, as seen by who must be done when it ends.
type Lease interface {
	// Done returns a channel that is closed when the lock is lost.
	Done() <-chan struct{}
	// Warned returns a channel that is closed when the end is near or settled.
	Warned() <-chan struct{}
	// Warning says why the end is near or settled: it wraps [broadcast.ErrLapsing] if
	// it may yet come to nothing. It is nil if there is nothing to be said.
	Warning() error
	// Err is nil while the lock is held.
	Err() error
	// Deadline is when the lock is lost unless it is renewed, reckoned anew at each
	// call; zero if it cannot lapse.
	Deadline() time.Time
}

// OnLost says what becomes of the command when the lock is lost.
type OnLost int

const (
	// Kill: it is dead before somebody else gets the lock.
	Kill OnLost = iota
	// Warn: it goes on, and Config.Notify is told.
	Warn
	// Ignore: it goes on, and nobody is told before it has ended.
	Ignore
)

// Notice is something that happens while the command runs.
type Notice int

const (
	// Lapsing: the lock will be lost unless it is renewed. With [Warn] only.
	Lapsing Notice = iota
	// Lost: the lock is lost and the command goes on. With [Warn] only.
	Lost
	// Ending: the command was sent SIGTERM, since the lock is about to be lost.
	Ending
	// Killed: the command was sent SIGKILL, since the lock is lost or nearly so.
	Killed
	// Stopped: the command is stopped; the reason is a [StopError], which says whether
	// the lock is held meanwhile. It is told again each time that the terminal stops the
	// command.
	Stopped
	// Leftover: the command has ended and left processes behind, which were sent
	// SIGTERM.
	Leftover
)

// Config says what to run, and under what.
type Config struct {
	// Lease is the hold under which the command runs.
	Lease Lease
	// Path is the command's file (see [Find]), and Args its arguments, its name first.
	Path string
	Args []string
	// Env is added to this process's environment: NAME=VALUE each.
	Env []string
	// Stdin, Stdout and Stderr are the command's.
	Stdin, Stdout, Stderr *os.File

	// OnLost says what becomes of the command when the lock is lost.
	OnLost OnLost
	// Grace is how long ahead of the lease's end the command is sent SIGTERM, and how
	// long what it left behind may take to end. Margin is how long ahead of the
	// lease's end it is sent SIGKILL: as long as it may take this process to be
	// scheduled and the command to die.
	Grace, Margin time.Duration

	// Signals, if not nil, are signals that the caller has asked for already. What is
	// in it is passed on to the command. Its capacity must be at least one.
	Signals chan os.Signal
	// Notify, if not nil, is told what happens, with the reason where there is one. It
	// must not take long.
	Notify func(Notice, error)
}

// Result is how it ended.
type Result struct {
	// State is how the command ended; nil if it was not started.
	State *os.ProcessState
	// Lost says why the lock was lost, or was so close to it that the command was told
	// to end; nil if the lock was held all the time and still is.
	Lost error
	// Asked is the latest signal passed on to the command by which people, terminals and
	// service managers end a process; 0 if there was none.
	Asked syscall.Signal
}

// signalBase is added to a signal's number to make an exit code, as shells do.
const signalBase = 128

// ExitCode is the command's exit code, or 128 and the number of the signal that ended
// it; 0 if it was not started.
func (r Result) ExitCode() int {
	if r.State == nil {
		return 0
	}
	if number := r.Signal(); number != 0 {
		return signalBase + int(number)
	}
	return r.State.ExitCode()
}

// Signal is the signal that ended the command; 0 if it ended otherwise or was not started.
func (r Result) Signal() syscall.Signal {
	if r.State == nil {
		return 0
	}
	return endingSignal(r.State)
}
