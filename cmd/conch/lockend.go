package main

import (
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"syscall"

	"github.com/spf13/cobra"
	"golang.org/x/sys/unix"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"

	"conch"
	"conch/internal/procgroup"
	"conch/internal/render"
)

const (
	// maxExitCode is the highest exit code that a shell sees.
	maxExitCode = 255
	// signalExit is added to a signal's number to make an exit code, as shells do.
	signalExit = 128
)

// lockExits are the exit codes of conch lock that flags can change.
type lockExits struct {
	notAcquired, lost, noSession, unreachable, forbidden int

	skipped, notNoted int // of conch once only
}

// usualLockExits are the codes without such flags.
var usualLockExits = lockExits{
	notAcquired: exitNotAcquired, lost: exitLost, noSession: exitNoSession, unreachable: exitUnreachable, forbidden: exitForbidden,
	notNoted: exitNotNoted,
}

// byFlag returns the codes by the names of their flags.
func (e lockExits) byFlag() map[string]int {
	return map[string]int{
		"not-acquired-exit": e.notAcquired, "lost-exit": e.lost,
		"no-session-exit": e.noSession, "unreachable-exit": e.unreachable,
		"forbidden-exit": e.forbidden, "skipped-exit": e.skipped, "not-noted-exit": e.notNoted,
	}
}

// lockEnd is how conch lock ended, and the line for --status-fd.
type lockEnd struct {
	// Outcome is ended (the command, or standard input, ended), signal (one came while
	// conch waited, or held the lock without a command), not_acquired, no_session, lost,
	// unreachable, forbidden, usage, nested (a command around this one holds the lock),
	// other_limit (others share the lock with another limit), no_notes (a member has no data
	// directory), not_started (the command could not be started) or failed; of conch once also
	// skipped (the turn was run, or is left to another), done_elsewhere (with --wait-done),
	// crashed_elsewhere (likewise, and nobody runs it again), max_hold or not_noted.
	Outcome string `json:"outcome"`
	// Code is the exit code.
	Code int    `json:"code"`
	Lock string `json:"lock,omitempty"`
	// Fence is the grant's, as text since it can be above 2^53; empty if there was none.
	Fence string `json:"fence,omitempty"`
	// Mode is shared or permit; empty if the lock is wanted alone.
	Mode string `json:"mode,omitempty"`
	// Limit is how many permits the lock has, as wanted; 0 unless Mode is permit.
	Limit int `json:"limit,omitempty"`
	// Tick is conch once's, as text; empty otherwise.
	Tick string `json:"tick,omitempty"`
	// Node is where the lock was held, or last asked for.
	Node string `json:"node,omitempty"`
	// CommandCode is the exit code of the command, if it was run.
	CommandCode *int `json:"command_code,omitempty"`
	// Signal is the one that ended the command or the wait.
	Signal string `json:"signal,omitempty"`
	// Error is one line in plain English.
	Error string `json:"error,omitempty"`

	err    error // for standard error; nil for no message
	isLoss bool  // the lock was lost, or given up just before
}

// errWaitOver is the cause of a context that ended with --wait.
var errWaitOver = errors.New("the time to wait is over")

// signalError is the cause of a context that a signal ended.
type signalError struct{ number syscall.Signal }

func (e *signalError) Error() string { return "ended by " + unix.SignalName(e.number) }

// fail sets the end from an error on the way to the lock.
func (e *lockEnd) fail(err error, exits lockExits) {
	e.err = err
	var usage *exitError
	var signal *signalError
	var nested *nestedError
	switch {
	case errors.Is(err, conch.ErrLost): // between the grant and the start of the command
		e.lose(err, exits)
	case errors.As(err, &nested):
		e.Outcome, e.Code = "nested", nested.code
	case errors.Is(err, conch.ErrForbidden) || status.Code(err) == codes.PermissionDenied || exitCode(err) == exitForbidden:
		e.Outcome, e.Code = "forbidden", exits.forbidden
	case exitCode(err) == exitUnreachable:
		e.Outcome, e.Code = "unreachable", exits.unreachable
	case errors.As(err, &usage):
		e.Outcome, e.Code = "usage", usage.code
	case errors.As(err, &signal):
		e.Outcome, e.Code, e.Signal = "signal", signalExit+int(signal.number), unix.SignalName(signal.number)
	case errors.Is(err, conch.ErrLimit):
		e.Outcome, e.Code = "other_limit", exitUsage
	case errors.Is(err, conch.ErrNoNotes):
		e.Outcome, e.Code = "no_notes", exitUsage
		e.err = fmt.Errorf("%w; give --data-dir to each node that has none (conch status names them), and start it again", err)
	case errors.Is(err, conch.ErrName) || errors.Is(err, conch.ErrTick) || errors.Is(err, conch.ErrOwner):
		e.Outcome, e.Code = "usage", exitUsage
	case errors.Is(err, conch.ErrUnreachable) || errors.Is(err, conch.ErrStopped):
		e.Outcome, e.Code = "unreachable", exits.unreachable
	case errors.Is(err, conch.ErrNoSession):
		e.Outcome, e.Code = "no_session", exits.noSession
	case errors.Is(err, conch.ErrBusy) || errors.Is(err, errWaitOver):
		e.Outcome, e.Code = "not_acquired", exits.notAcquired
	default:
		e.Outcome, e.Code = "failed", exitFailure
	}
}

// lose sets the end to a lost lock.
func (e *lockEnd) lose(err error, exits lockExits) {
	e.isLoss = true
	e.Outcome, e.Code, e.err = "lost", exits.lost, fmt.Errorf("lost the lock: %w", err)
}

// finish sets the end from the command's.
func (e *lockEnd) finish(result procgroup.Result, err error, exits lockExits) {
	if err != nil {
		e.Outcome, e.Code, e.err = "not_started", procgroup.StartExitCode(err), err
		return
	}
	code := result.ExitCode()
	e.Outcome, e.Code = "ended", code
	isOver := errors.Is(result.Lost, errMaxHold)
	if isOver {
		e.Outcome, e.Code, e.err = "max_hold", exitMaxHold, result.Lost
	}
	if result.State != nil {
		e.CommandCode = &code
		if number := result.Signal(); number != 0 {
			e.Signal = unix.SignalName(number)
		}
	}
	if result.Lost != nil && !isOver {
		e.lose(result.Lost, exits)
	}
}

// tell writes the line for --status-fd, and returns the error that ends the program.
func (e *lockEnd) tell(cmd *cobra.Command, status *os.File) error {
	e.Error = e.text()
	if status != nil {
		if err := json.NewEncoder(status).Encode(e); err != nil {
			fmt.Fprintf(cmd.ErrOrStderr(), "conch: --status-fd: %v\n", err)
		}
	}
	switch {
	case e.err != nil:
		return &exitError{code: e.Code, err: errors.New(e.Error)}
	case e.Code != 0:
		return &exitError{code: e.Code, err: errSaid} // the command has said why, or whoever sent the signal knows
	}
	return nil
}

// text is what people are told; empty for nothing.
func (e *lockEnd) text() string {
	if e.err == nil {
		return ""
	}
	return render.Plain(toldLast(e.err.Error()))
}

// statusFile returns the file for --status-fd, nil if there is none.
func (f *lockFlags) statusFile(cmd *cobra.Command) (*os.File, error) {
	if !cmd.Flags().Changed("status-fd") {
		return nil, nil
	}
	mode, err := unix.FcntlInt(uintptr(f.statusFD), unix.F_GETFL, 0)
	switch {
	case f.statusFD < 1:
		return nil, misuse(cmd, "--status-fd: got %d, want 1 or more", f.statusFD)
	case err != nil:
		return nil, misuse(cmd, "--status-fd: descriptor %d is not open: %w; open it as in 'conch lock ... %d>status.json'", f.statusFD, err, f.statusFD)
	case mode&unix.O_ACCMODE == unix.O_RDONLY:
		return nil, misuse(cmd, "--status-fd: descriptor %d is not open for writing", f.statusFD)
	}
	if f.statusFD > int(os.Stderr.Fd()) {
		// Otherwise processes that the command leaves behind would keep its reader waiting.
		unix.CloseOnExec(f.statusFD)
	}
	return os.NewFile(uintptr(f.statusFD), "status"), nil
}
