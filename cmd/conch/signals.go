package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/signal"
	"syscall"
)

// errInterrupted is the cause of a context that a signal ended.
var errInterrupted = errors.New("interrupted")

// interruption is errInterrupted, and tells which signal it was.
type interruption struct{ number syscall.Signal }

func (*interruption) Error() string { return errInterrupted.Error() }

func (*interruption) Is(target error) bool { return target == errInterrupted }

// untilSignal returns a context that the first SIGINT or SIGTERM ends, with an
// interruption as its cause. The second calls abandon and ends the process at
// once. Whoever calls untilSignal must call stop when signals need no care any more.
func untilSignal(parent context.Context, abandon func()) (ctx context.Context, stop func()) {
	ctx, cancel := context.WithCancelCause(parent)
	signals := make(chan os.Signal, 2)
	signal.Notify(signals, os.Interrupt, syscall.SIGTERM)
	stopped, gone := make(chan struct{}), make(chan struct{})
	go func() {
		defer close(gone)
		for range 2 {
			select {
			case got := <-signals:
				if ctx.Err() == nil {
					number, _ := got.(syscall.Signal)
					cancel(&interruption{number})
					continue
				}
				abandon()
				fmt.Fprintln(os.Stderr, "conch: ended at once by a second signal")
				os.Exit(exitFailure)
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
