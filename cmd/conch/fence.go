package main

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"strconv"
	"syscall"
	"time"

	"github.com/spf13/cobra"

	"conch/internal/fence"
)

// Exit codes of conch fence if it did not run the command. conch lock has 75 to 77, and
// passes these on.
const (
	exitStaleFence  = 78
	exitFenceInUse  = 79
	exitFenceFailed = 125 // as env, nice and timeout have for their own failures
	exitCannotRun   = 126 // as shells have it
	exitNoCommand   = 127 // the same
)

// fenceVariable is the environment variable in which a command finds its fence.
const fenceVariable = "CONCH_FENCE"

func newFenceCommand() *cobra.Command {
	var wait time.Duration
	var shared bool
	cmd := &cobra.Command{
		Use:   "fence [flags] FILE [N] -- COMMAND [ARGS...]",
		Short: "Run a command unless a later holder of the lock has been here",
		Long: `Remembers N, the fence of a lock's holder, in FILE, and runs a command, unless FILE has
seen a higher number. N is $CONCH_FENCE by default, which conch lock sets. So a holder
that was frozen and has lost the lock does no harm when it goes on.

While the command, or anything that it started, runs, no other command runs under FILE.
A newer holder waits that long; what a stale one would begin meanwhile is refused. An
equal number is let in, one after the other, so a holder may work in several steps.

With --shared, for the holders of conch lock --shared, commands run under FILE at once,
whatever their numbers, but not beside one without --shared. Such a command is refused
only below the highest number without --shared; one without is refused below both.

The first number makes FILE. It must be on the machine, or the file system, that the
command changes. It shows the number; its locks are in FILE.lock beside it. Remove
neither while somebody may still work with an old fence.

The command takes the place of this process: signals and the exit code are its own, and
$CONCH_FENCE is N. If it was not run, the exit code is
   78  FILE has seen a higher number
   79  another still worked under FILE when --wait was over
  125  FILE is damaged, or cannot be read, locked or written
  126  the command cannot be run
  127  there is no such command
   64  wrong usage`,
		Example: `  conch lock nightly -- conch fence /var/lib/nightly.fence -- ./job
  conch lock --shared config -- conch fence --shared /var/lib/config.fence -- ./read
  conch lock nightly -- sh -c 'prepare && conch fence /var/lib/nightly.fence $CONCH_FENCE -- job'
  conch fence --wait 5m /var/lib/nightly.fence 120924134203981825 -- ./job`,
		Args: fenceArguments,
		RunE: func(cmd *cobra.Command, args []string) error {
			if wait < 0 {
				return misuse(cmd, "--wait: got %v, want 0 or more", wait)
			}
			own, command := args[:cmd.ArgsLenAtDash()], args[cmd.ArgsLenAtDash():]
			n, err := fenceNumber(own)
			if err == nil && len(own) == 1 {
				err = fenceFits(os.Getenv(modeVariable), shared)
			}
			if err != nil {
				return misuse(cmd, "%w", err)
			}
			take := fence.Take
			if shared {
				take = fence.TakeShared
			}
			return runFenced(cmd.Context(), take, own[0], n, wait, command)
		},
	}
	cmd.Flags().BoolVar(&shared, "shared", false, "run beside others that share: what the command does is a reader's work")
	cmd.Flags().DurationVar(&wait, "wait", 10*time.Second, "how long to wait for what still runs under FILE: a `DURATION` like 90s or 5m")
	return cmd
}

// fenceArguments requires a file, perhaps a number, and a command after --.
func fenceArguments(cmd *cobra.Command, args []string) error {
	switch dash := cmd.ArgsLenAtDash(); {
	case dash < 0:
		return errors.New("want -- in front of the command")
	case dash == 0 || args[0] == "":
		return errors.New("want the FILE that remembers fences")
	case dash > 2:
		return fmt.Errorf("unexpected argument %q; want FILE, perhaps a fence, and after -- the command", args[2])
	case dash == len(args) || args[dash] == "":
		return errors.New("want a command after --")
	}
	return nil
}

// fenceNumber is the fence given before --, or in the environment.
func fenceNumber(own []string) (uint64, error) {
	where := "$" + fenceVariable
	text, given := os.LookupEnv(fenceVariable)
	if len(own) == 2 {
		where, text, given = "N", own[1], true
	}
	if !given {
		return 0, fmt.Errorf("no fence: want a number after FILE, or in %s, which conch lock sets", where)
	}
	n, err := strconv.ParseUint(text, 10, 64)
	if err != nil || n == 0 {
		return 0, fmt.Errorf("%s: got %q, want a fence: a whole number from 1 to 18446744073709551615", where, text)
	}
	return n, nil
}

// fenceFits refuses a fence from the environment whose mode, as conch lock sets it, does
// not go with the flag: readers would refuse each other, and permits come in no order.
func fenceFits(mode string, shared bool) error {
	switch {
	case mode == modeShared && !shared:
		return fmt.Errorf("the lock is held by readers ($%s): add --shared, or hold it by conch lock without --shared", modeVariable)
	case mode == modePermit:
		return fmt.Errorf("the lock is held by a permit ($%s), whose fence puts its holders in no order: there is nothing to compare", modeVariable)
	}
	return nil
}

// runFenced replaces this process by a command, under a fence file. It returns only if that
// fails.
//
// A process that stayed and waited for the command as its child would have to forward
// signals and repeat the exit code. If it were killed, the file would be free while the
// command lives on. After exec, the file's lock ends with the command.
func runFenced(ctx context.Context, take func(context.Context, string, uint64) (*fence.Lock, error), file string, n uint64, wait time.Duration, command []string) error {
	// Before anything else, since a remembered number cannot be taken back.
	program, err := exec.LookPath(command[0])
	if err != nil {
		return cannotRun(err)
	}
	ctx, cancel := context.WithTimeoutCause(ctx, wait, fmt.Errorf("waited %v for it", wait))
	defer cancel()
	guard, err := take(ctx, file, n)
	if err == nil {
		err = guard.Inherit()
	}
	switch {
	case errors.Is(err, fence.ErrStale):
		return &exitError{code: exitStaleFence, err: err}
	case errors.Is(err, fence.ErrInUse):
		return &exitError{code: exitFenceInUse, err: err}
	case err != nil:
		return &exitError{code: exitFenceFailed, err: err}
	}
	if err := os.Setenv(fenceVariable, strconv.FormatUint(n, 10)); err != nil {
		return &exitError{code: exitFenceFailed, err: err}
	}
	return cannotRun(&fs.PathError{Op: "exec", Path: program, Err: syscall.Exec(program, command, os.Environ())})
}

// cannotRun makes the error for a command that the system does not find or run.
func cannotRun(err error) error {
	code := exitCannotRun
	if errors.Is(err, exec.ErrNotFound) || errors.Is(err, fs.ErrNotExist) {
		code = exitNoCommand
	}
	return &exitError{code: code, err: err}
}
