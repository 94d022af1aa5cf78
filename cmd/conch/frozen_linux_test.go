package main

import (
	"bytes"
	"context"
	"fmt"
	"os"
	"testing"
	"time"
)

// awaitFrozen waits until all of a process has stopped after SIGSTOP; on a busy machine
// threads go on for a while.
func awaitFrozen(ctx context.Context, t *testing.T, pid int) {
	t.Helper()
	tick := time.NewTicker(time.Millisecond)
	defer tick.Stop()
	for {
		stat, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", pid))
		check(t, err)
		// The name in parentheses may contain anything.
		if fields := bytes.Fields(stat[bytes.LastIndexByte(stat, ')')+1:]); string(fields[0]) == "T" {
			return
		}
		select {
		case <-tick.C:
		case <-ctx.Done():
			t.Fatalf("process %d does not stand still: %s", pid, stat)
		}
	}
}
