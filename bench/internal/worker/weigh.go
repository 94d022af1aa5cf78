package worker

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"os"
	"runtime"
	"runtime/debug"
	"strconv"

	"conch/bench/internal/board"
	"conch/bench/internal/locks"
)

// Weight is how much memory a process takes, in bytes.
type Weight struct {
	// Heap is what is in use on its heap, less what was before the measurement.
	Heap uint64
	// Resident is what it has of the machine's memory, garbage counted, and Settled the
	// same when the garbage has been collected and given back. A Go program that rests
	// does so by itself within some minutes.
	Resident, Settled uint64
}

// weigh opens the lock and is there until the end; then it reports the weight of this
// process. It does not close the lock, since what it knows is of no use to anybody.
func (j Job) weigh(ctx context.Context, b *board.Board, out io.Writer) error {
	if _, err := locks.Open(context.WithoutCancel(ctx), j.Lock, b.AddMessages); err != nil {
		return fmt.Errorf("worker %d: %s: %w", j.Client, j.Lock.Kind, err)
	}
	before := heap()
	b.Ready()
	awaitEnd(ctx, b, func(error) {})
	if ctx.Err() != nil {
		return context.Cause(ctx)
	}
	var w Weight
	var err error
	if w.Resident, err = resident(); err != nil {
		return err
	}
	w.Heap = heap() - before
	debug.FreeOSMemory()
	if w.Settled, err = resident(); err != nil {
		return err
	}
	return json.NewEncoder(out).Encode(Report{Weight: w})
}

// heap is how many bytes of the heap are in use.
func heap() uint64 {
	runtime.GC()
	runtime.GC() // what the first left to finalizers and pools
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	return m.HeapAlloc
}

// resident is how much of the machine's memory this process has.
func resident() (uint64, error) {
	const path = "/proc/self/statm"
	data, err := os.ReadFile(path)
	if err != nil {
		return 0, fmt.Errorf("worker: %w", err)
	}
	fields := bytes.Fields(data) // in pages: all, resident, ...
	if len(fields) < 2 {
		return 0, fmt.Errorf("worker: %s has %d fields, want at least 2", path, len(fields))
	}
	pages, err := strconv.ParseUint(string(fields[1]), 10, 64)
	if err != nil {
		return 0, fmt.Errorf("worker: %s: %w", path, err)
	}
	return pages * uint64(os.Getpagesize()), nil
}
