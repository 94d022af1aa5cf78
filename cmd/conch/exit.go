package main

import "errors"

// Exit codes of all commands.
const (
	exitFailure      = 1  // it did not work, or the logs show a violation
	exitInsufficient = 3  // the logs, or the members that answered, do not suffice for a verdict
	exitNotHeld      = 4  // nobody holds the lock
	exitWrongFence   = 5  // the lock's holder has another fence than was named
	exitUsage        = 64 // wrong flags or arguments; EX_USAGE of sysexits.h
	exitUnreachable  = 69 // no node answers, or not the one needed; EX_UNAVAILABLE
)

// Exit codes of conch lock, which flags can change.
const (
	exitNotAcquired = 75 // --wait is over, or --try found the lock in use; EX_TEMPFAIL
	exitLost        = 76 // lost while the command ran
	exitNoSession   = 77 // not acquired, and the node has no session with a quorum
)

// Exit codes of conch once, beside those of conch lock.
const (
	exitNotNoted = 81  // the command ended, but no majority is known to remember the run
	exitMaxHold  = 124 // --max-hold is over; the code of timeout(1)
)

// exitForbidden says that the node's rules deny the request: trying again is useless until
// somebody changes them. It is not EX_NOPERM of sysexits.h, since that, 77, is taken above,
// and 78 and 79 by conch fence, whose codes conch lock passes on. A flag of conch lock can
// change it.
const exitForbidden = 80

// exitError is an error that ends the program with a given code.
type exitError struct {
	code int
	err  error
}

func (e *exitError) Error() string { return e.err.Error() }

func (e *exitError) Unwrap() error { return e.err }

// usageError makes an error of wrong flags or arguments.
func usageError(err error) error { return &exitError{code: exitUsage, err: err} }

// errSaid is the error of a command that has already written to standard output what the
// exit code means.
var errSaid = errors.New("said on standard output")

// exitCode is the program's exit code for an error.
func exitCode(err error) int {
	if e := (*exitError)(nil); errors.As(err, &e) {
		return e.code
	}
	return exitFailure
}
