package main

import "errors"

// The exit codes of the program.
const (
	exitFailure      = 1  // it did not work, or the logs show a violation
	exitInsufficient = 3  // the logs, or the members that answered, do not suffice to tell
	exitNotHeld      = 4  // nobody holds the lock
	exitWrongFence   = 5  // the lock's holder has another fence than was named
	exitUsage        = 64 // wrong flags or arguments; EX_USAGE of sysexits.h
	exitUnreachable  = 69 // no node, or not the one that is needed, answers; EX_UNAVAILABLE
)

// The exit codes of conch lock, which flags can change.
const (
	exitNotAcquired = 75 // --wait is over, or --try found the lock in use; EX_TEMPFAIL
	exitLost        = 76 // lost while the command ran
	exitNoSession   = 77 // not acquired, and the node has no session with a quorum
)

// exitForbidden says that the node's rules do not grant what was asked for: it is in vain
// to try again until somebody changes them. EX_NOPERM of sysexits.h, 77, is taken above,
// and 78 and 79 by conch fence, whose codes conch lock passes on. Of conch lock it can be
// changed by a flag.
const exitForbidden = 80

// exitError is an error that ends the program with a code of its own.
type exitError struct {
	code int
	err  error
}

func (e *exitError) Error() string { return e.err.Error() }

func (e *exitError) Unwrap() error { return e.err }

// usageError makes an error of wrong flags or arguments.
func usageError(err error) error { return &exitError{code: exitUsage, err: err} }

// errSaid is the error of a command that has said on standard output already what the
// exit code tells.
var errSaid = errors.New("said on standard output")

// exitCode is the code with which the program ends for an error.
func exitCode(err error) int {
	if e := (*exitError)(nil); errors.As(err, &e) {
		return e.code
	}
	return exitFailure
}
