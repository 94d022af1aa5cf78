package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"sync"
	"time"

	"golang.org/x/sys/unix"

	"conch/broadcast"
)

// drainTime is the value of --drain: how long a stopping node lets holders finish.
type drainTime struct {
	time    time.Duration
	forever bool
}

// forever is --drain without a limit.
const forever = "forever"

// String implements [pflag.Value].
func (d *drainTime) String() string {
	if d.forever {
		return forever
	}
	return d.time.String()
}

// Set implements [pflag.Value].
func (d *drainTime) Set(text string) error {
	if text == forever {
		*d = drainTime{forever: true}
		return nil
	}
	parsed, err := time.ParseDuration(text)
	if err != nil || parsed < 0 {
		return fmt.Errorf("want a time such as 30s, 0 for at once, or %s", forever)
	}
	*d = drainTime{time: parsed}
	return nil
}

// Type implements [pflag.Value].
func (d *drainTime) Type() string { return "duration" }

// draining lets holders finish before a node stops.
type draining struct {
	patience drainTime
	told     io.Writer
	// life ends when a signal ends the drain; end ends it.
	life context.Context
	end  context.CancelCauseFunc

	mu      sync.Mutex
	running bool
}

// errHurried is the cause of a drain's end by a signal.
var errHurried = errors.New("another signal came")

func newDraining(patience drainTime, told io.Writer) *draining {
	d := &draining{patience: patience, told: told}
	d.life, d.end = context.WithCancelCause(context.Background())
	return d
}

// hurry ends the drain that is under way. It reports whether there was one.
func (d *draining) hurry() bool {
	d.mu.Lock()
	defer d.mu.Unlock()
	was := d.running
	if was {
		d.end(errHurried)
	}
	return was
}

// begin and finish bound the time in which hurry ends the drain rather than the process.
func (d *draining) begin() {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.running = true
}

func (d *draining) finish() {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.running = false
	d.end(nil)
}

// drainer is a [node.Node], which is to be drained.
type drainer interface {
	Drain(ctx context.Context, by string) error
}

// run drains a node that stops because of a signal, which has ended ctx. It does not drain
// a node that cannot go on.
func (d *draining) run(ctx context.Context, n drainer) {
	var signal *interruption
	if !errors.As(context.Cause(ctx), &signal) || d.patience == (drainTime{}) {
		return
	}
	d.begin()
	defer d.finish()
	patient := d.life
	if !d.patience.forever {
		var cancel context.CancelFunc
		patient, cancel = context.WithTimeoutCause(patient, d.patience.time, fmt.Errorf("--drain %v is over", &d.patience))
		defer cancel()
	}
	err := n.Drain(patient, "by "+unix.SignalName(signal.number))
	if err != nil && !errors.Is(err, broadcast.ErrStopped) {
		fmt.Fprintf(d.told, "conch: locks are still held here, and their holders are told to end: %v\n", err)
	}
}
