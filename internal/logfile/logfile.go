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
	// Complete has nothing written after a line that is missing. Failed is then called,
	// once.
	Complete bool
	Failed   func(error)
	// GapLine makes the line that says how many lines are missing, with its line end.
	// Nil writes none.
	GapLine func(missing uint64) []byte
	// Say tells the operator, in a sentence, that lines are missing, and that the log is
	// written again. Nil tells nobody.
	Say func(sentence string)
	// Rotation says when a file is put aside. The zero Rotation never does.
	Rotation Rotation
}

// Writer is where a node's log goes. Its methods are safe for concurrent use.
type Writer struct {
	config Config
	out    io.Writer

	mu    sync.Mutex
	lines []byte // that are not written yet

	// gap is why the log cannot be written now; nil if it can. missing counts the lines
	// that are missing since then, and lost those that were ever.
	gap           error
	missing, lost uint64
	torn          bool // the last line that was written has no end
	retry         *time.Timer
	closed        bool
}

// file is what a log is kept in.
type file interface {
	io.Writer
	// reopen makes what follows go to the file that has the log's name now. If that
	// fails, it goes on to where it went.
	reopen() error
	sync() error
	close() error
}

// New makes a Writer of something that takes some lines at a time, whole.
func New(out io.Writer, config Config) *Writer { return &Writer{config: config, out: out} }

// Open makes a Writer that appends to the file at path, and makes the file if there is
// none. It ends the file's last line if that is torn, since its writer was killed: else
// the next line would be lost with it. A full disk is no error, unless the log is to be
// complete: the lines are missing then, as they are later.
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

// Write takes a line of the log. It does not fail: that is told otherwise.
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

// miss counts lines that are missing.
func (w *Writer) miss(lines []byte) {
	n := uint64(bytes.Count(lines, []byte{'\n'}))
	w.missing += n
	w.lost += n
}

// begin begins a gap: of the lines, only so many bytes could be written.
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

// resume ends the gap, if the line that tells of it can be written. It reports whether
// there is a gap no more.
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

// Miss notes that lines are missing which come here, since there was no room for them.
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

// Loss returns how many lines could not be written so far, and why none can be written
// now; nil if they can.
func (w *Writer) Loss() (lines uint64, now error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.lost, w.gap
}

// Reopen makes lines go to the file that has the log's name now, and makes it if there is
// none: for whoever has moved the file away. If that fails, they go on to where they
// went. It does nothing to a log that is not kept in a file.
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

// Close writes what is left, and sees to it that the log is on disk, as far as it is a
// file.
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
