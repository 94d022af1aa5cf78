package main

import (
	"context"
	"errors"
	"io"
	"strings"
	"syscall"
	"testing"
	"testing/synctest"
	"time"
)

// heldNode is a node at which somebody holds a lock for ever.
type heldNode struct {
	ended error // why the drain ended
	by    string
}

func (h *heldNode) Drain(ctx context.Context, by string) error {
	<-ctx.Done()
	h.ended, h.by = context.Cause(ctx), by
	return h.ended
}

// TestDrainForever: a drain with "forever" ends only at another signal, others end by
// themselves. The log says which signal began the drain.
func TestDrainForever(t *testing.T) {
	const year = 365 * 24 * time.Hour
	synctest.Test(t, func(t *testing.T) {
		ctx, interrupt := context.WithCancelCause(t.Context())
		interrupt(&interruption{syscall.SIGTERM})
		for text, want := range map[string]string{"30s": "--drain 30s is over", "forever": errHurried.Error()} {
			var patience drainTime
			check(t, patience.Set(text))
			if patience.String() != text {
				t.Errorf("--drain %s is shown as %s", text, &patience)
			}
			drain, held, told := newDraining(patience, io.Discard), new(heldNode), make(chan struct{})
			go func() {
				defer close(told)
				drain.run(ctx, held)
			}()
			time.Sleep(year)
			synctest.Wait()
			if drain.hurry() != (text == forever) {
				t.Errorf("--drain %s goes on after a year: %t", text, text != forever)
			}
			<-told
			if held.ended == nil || held.ended.Error() != want || held.by != "by SIGTERM" {
				t.Errorf("--drain %s ended with %v, %s; want %s, by SIGTERM", text, held.ended, held.by, want)
			}
		}
	})
	if err := new(drainTime).Set("ever"); err == nil || !strings.Contains(err.Error(), "or forever") {
		t.Errorf("--drain ever: %v", err)
	}
	drain, held := newDraining(drainTime{forever: true}, io.Discard), new(heldNode)
	ended, end := context.WithCancelCause(t.Context())
	end(errors.New("cannot go on"))
	if drain.run(ended, held); held.ended != nil {
		t.Error("a node that cannot go on was drained")
	}
}
