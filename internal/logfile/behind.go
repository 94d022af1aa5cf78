package logfile

import (
	"bytes"
	"io"
	"sync"
)

// mostBehind is how many bytes of lines may wait to be written. Lines beyond that are
// dropped, and counted in the log.
const mostBehind = 4 << 20

// Behind writes lines in a goroutine of its own, so that the logger never waits for a disk:
// a write to a busy one may take seconds. It is for a log that is not evidence: a line may
// be written after its event can be seen, and a killed process leaves its last lines out.
// Its methods are safe for concurrent use.
type Behind struct {
	out  io.Writer
	log  *Writer
	most int
	wake chan struct{} // has room for one
	done chan struct{} // closed when all is written

	mu      sync.Mutex
	lines   []byte // that wait
	missing uint64 // lines after these for which there was no room
	closed  bool
}

// NewBehind makes a Behind that writes each line to out, which leads to log.
func NewBehind(out io.Writer, log *Writer) *Behind { return newBehind(out, log, mostBehind) }

func newBehind(out io.Writer, log *Writer, most int) *Behind {
	b := &Behind{out: out, log: log, most: most, wake: make(chan struct{}, 1), done: make(chan struct{})}
	go b.run()
	return b
}

// Write takes a line. It does not wait, and does not fail.
func (b *Behind) Write(line []byte) (int, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	switch {
	case b.closed:
	case b.missing > 0 || len(b.lines)+len(line) > b.most:
		b.missing++ // the gap comes after the waiting lines
	default:
		b.lines = append(b.lines, line...)
	}
	return len(line), nil
}

// Flush starts the writing of the lines taken. It does not wait for it.
func (b *Behind) Flush() {
	select {
	case b.wake <- struct{}{}:
	default: // it is awake
	}
}

// Close writes the rest. Later lines are ignored.
func (b *Behind) Close() {
	b.mu.Lock()
	b.closed = true
	b.mu.Unlock()
	b.Flush()
	<-b.done
}

// run writes lines until Close.
func (b *Behind) run() {
	defer close(b.done)
	var spare []byte
	for range b.wake {
		b.mu.Lock()
		lines, missing, closed := b.lines, b.missing, b.closed
		b.lines, b.missing = spare[:0], 0
		b.mu.Unlock()
		for line := range bytes.Lines(lines) {
			_, _ = b.out.Write(line) // a log that cannot be written is reported elsewhere
		}
		if missing > 0 {
			b.log.Miss(missing)
		}
		b.log.Flush()
		spare = lines
		if closed {
			return
		}
	}
}
