package logfile

import (
	"bytes"
	"io"
	"sync"
)

// mostBehind is how many bytes of lines wait to be written behind. Lines beyond that are
// missing, which is told.
const mostBehind = 4 << 20

// Behind writes lines in a goroutine of its own, so that whoever logs never waits for a
// disk: on a busy one a write may take seconds. It is for a log that is not evidence: a
// line may be written after what it tells of can be seen, and a process that is killed
// leaves its last lines out. Its methods are safe for concurrent use.
type Behind struct {
	out  io.Writer
	log  *Writer
	most int
	wake chan struct{} // has room for one
	done chan struct{} // closed when all is written

	mu      sync.Mutex
	lines   []byte // that wait
	missing uint64 // lines after these that there was no room for
	closed  bool
}

// NewBehind makes a Behind of something that passes lines on to a log, one with each call.
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
		b.missing++ // until what waits is written: the gap is behind that
	default:
		b.lines = append(b.lines, line...)
	}
	return len(line), nil
}

// Flush has the lines written that were taken. It does not wait for that.
func (b *Behind) Flush() {
	select {
	case b.wake <- struct{}{}:
	default: // it is awake
	}
}

// Close writes what is left. Later lines are passed over.
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
			_, _ = b.out.Write(line) // a log that cannot be written tells that otherwise
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
