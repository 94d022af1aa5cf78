package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/signal"
	"syscall"
	"time"
)

// errInterrupted is the cause of a context that a signal ended.
var errInterrupted = errors.New("interrupted")

// interruption is errInterrupted for a given signal.
type interruption struct{ number syscall.Signal }

func (*interruption) Error() string { return errInterrupted.Error() }

func (*interruption) Is(target error) bool { return target == errInterrupted }

// secondSignalAfter is how long after the first signal a second one counts. Supervisors
// often send two together, and people press Ctrl-C twice.
const secondSignalAfter = time.Second

// untilSignal returns a context that the first SIGINT or SIGTERM ends, with an interruption
// as its cause. A second one, unless it comes right after the first, calls abandon and ends
// the process at once. The caller must call stop when signals no longer need handling.
func untilSignal(parent context.Context, abandon func()) (ctx context.Context, stop func()) {
	return untilSignals(parent, func() bool { return false }, abandon)
}

// untilSignals is untilSignal with an activity that the second signal may end instead of
// the process: hurry reports whether it was under way. The next signal that does not come
// right after then ends the process.
func untilSignals(parent context.Context, hurry func() bool, abandon func()) (ctx context.Context, stop func()) {
	ctx, cancel := context.WithCancelCause(parent)
	signals := make(chan os.Signal, 2)
	signal.Notify(signals, os.Interrupt, syscall.SIGTERM)
	stopped, gone := make(chan struct{}), make(chan struct{})
	go func() {
		defer close(gone)
		var last time.Time // when the last signal that counted came
		for {
			select {
			case got := <-signals:
				switch {
				case last.IsZero():
					last = time.Now()
					number, _ := got.(syscall.Signal)
					cancel(&interruption{number})
				case time.Since(last) < secondSignalAfter:
				case hurry():
					last = time.Now()
				default:
					abandon()
					fmt.Fprintln(os.Stderr, "conch: ended at once by another signal")
					os.Exit(exitFailure)
				}
			case <-stopped:
				return
			}
		}
	}()
	return ctx, func() {
		signal.Stop(signals)
		close(stopped)
		<-gone
		cancel(nil)
	}
}
