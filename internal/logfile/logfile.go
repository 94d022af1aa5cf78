package logfile

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"sync"
	"time"
)

const (
	// most is how many bytes are collected.
	most = 64 << 10
	// retryEvery is the time between two attempts to write after one has failed.
	retryEvery = time.Second
)

// Config says how a log is written.
type Config struct {
	// Complete: nothing is written after a missing line. Failed is then called, once.
	Complete bool
	Failed   func(error)
	// GapLine returns the line, with its line end, that counts missing lines. Nil writes
	// none.
	GapLine func(missing uint64) []byte
	// Say tells the operator, in a sentence, that lines are missing, or that the log is
	// written again. May be nil.
	Say func(sentence string)
	// Rotation says when a file is renamed. The zero Rotation never does.
	Rotation Rotation
}

// Writer writes a node's log. Its methods are safe for concurrent use.
type Writer struct {
	config Config
	out    io.Writer

	mu    sync.Mutex
	lines []byte // not written yet

	// gap is why the log cannot be written now, nil if it can. missing counts the lines
	// missing since then, lost all that were ever missing.
	gap           error
	missing, lost uint64
	torn          bool // the last line written has no end
	retry         *time.Timer
	closed        bool
}

// file is what holds a log.
type file interface {
	io.Writer
	// reopen makes later lines go to the file that now has the log's name. If it fails,
	// they go where they went before.
	reopen() error
	sync() error
	close() error
}

// New makes a Writer of a function that takes several whole lines at a time.
func New(out io.Writer, config Config) *Writer { return &Writer{config: config, out: out} }

// Open makes a Writer that appends to the file at path, and makes the file if there is
// none. It ends a torn last line, left by a killed writer: otherwise the next line would be
// lost with it. A full disk is no error, unless the log must be complete: lines are then
// missing, as they are later.
func Open(path string, config Config) (*Writer, error) {
	w := &Writer{config: config}
	if config.Rotation == (Rotation{}) {
		w.out = &plain{path: path}
	} else {
		w.out = newRotating(path, config.Rotation)
	}
	err := w.out.(file).reopen()
	if err != nil && (config.Complete || !isFull(err)) {
		return nil, err
	}
	return w, nil
}

// Write takes a line of the log. It does not fail: failures are reported otherwise.
func (w *Writer) Write(line []byte) (int, error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.lines = append(w.lines, line...)
	if len(w.lines) >= most {
		w.flush()
	}
	return len(line), nil
}

// Flush writes the lines that were taken.
func (w *Writer) Flush() {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.flush()
}

// flush is Flush. The caller has the lock.
func (w *Writer) flush() {
	if len(w.lines) == 0 {
		return
	}
	if w.gap != nil {
		w.miss(w.lines)
	} else if n, err := w.out.Write(w.lines); err != nil {
		w.begin(n, err)
	}
	w.lines = w.lines[:0]
}

// miss counts missing lines.
func (w *Writer) miss(lines []byte) {
	n := uint64(bytes.Count(lines, []byte{'\n'}))
	w.missing += n
	w.lost += n
}

// begin begins a gap: only so many bytes of the lines could be written.
func (w *Writer) begin(written int, err error) {
	rest := w.lines[written:]
	w.torn = written > 0 && w.lines[written-1] != '\n'
	if w.torn && rest[0] == '\n' {
		rest = rest[1:] // of its last line only the end is missing
	}
	w.miss(rest)
	w.gap = fmt.Errorf("write the log: %w", err)
	if w.config.Complete {
		w.gap = fmt.Errorf("write the log, which must be complete: %w", err)
		w.config.Failed(w.gap)
		return
	}
	w.say("the log cannot be written, and lines will be missing from it; the node goes on: %v", err)
	if w.retry == nil {
		w.retry = time.AfterFunc(retryEvery, w.again)
	} else {
		w.retry.Reset(retryEvery)
	}
}

// again tries to end the gap.
func (w *Writer) again() {
	w.mu.Lock()
	defer w.mu.Unlock()
	if !w.closed && !w.resume() {
		w.retry.Reset(retryEvery)
	}
}

// resume ends the gap if it can write the line that reports it. It reports whether the gap
// is over.
func (w *Writer) resume() bool {
	if w.gap == nil {
		return true
	}
	if w.config.Complete {
		return false
	}
	var text []byte
	if w.torn {
		text = append(text, '\n')
	}
	if w.config.GapLine != nil && w.missing > 0 {
		text = append(text, w.config.GapLine(w.missing)...)
	}
	if len(text) > 0 {
		if n, err := w.out.Write(text); err != nil {
			if n > 0 {
				w.torn = text[n-1] != '\n'
			}
			w.gap = fmt.Errorf("write the log: %w", err)
			return false
		}
	}
	w.say("the log is written again; %d of its lines are missing", w.missing)
	w.gap, w.missing, w.torn = nil, 0, false
	return true
}

func (w *Writer) say(format string, args ...any) {
	if w.config.Say != nil {
		w.config.Say(fmt.Sprintf(format, args...))
	}
}

// Miss notes lines that are missing at this point, since there was no room for them.
func (w *Writer) Miss(lines uint64) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.lost += lines
	switch {
	case w.gap != nil:
		w.missing += lines
	case w.config.GapLine != nil:
		w.lines = append(w.lines, w.config.GapLine(lines)...)
	}
}

// Loss returns how many lines could not be written so far, and why none can be written now,
// nil if they can.
func (w *Writer) Loss() (lines uint64, now error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.lost, w.gap
}

// Reopen makes lines go to the file that now has the log's name, and makes it if there is
// none; call it after moving the file away. If it fails, lines go where they went before.
// It does nothing for a log that is not in a file.
func (w *Writer) Reopen() error {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.flush()
	kept, ok := w.out.(file)
	if !ok || w.closed {
		return nil
	}
	if err := kept.reopen(); err != nil {
		return err
	}
	w.torn = false // the file that is open now has whole lines
	w.resume()
	return nil
}

// Close writes the rest, and makes sure that the log is on disk if it is a file.
func (w *Writer) Close() error {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.flush()
	if !w.resume() && !w.config.Complete {
		w.say("the log ends without its last %d lines: %v", w.missing, w.gap)
	}
	w.closed = true
	if w.retry != nil {
		w.retry.Stop()
	}
	kept, ok := w.out.(file)
	if !ok {
		return nil
	}
	var err error
	if w.gap == nil {
		err = kept.sync()
	}
	if err := errors.Join(err, kept.close()); err != nil {
		return fmt.Errorf("flush the log: %w", err)
	}
	return nil
}
