package logfile

import (
	"errors"
	"fmt"
	"io"
	"os"
	"sync"
)

// most is how many bytes are collected.
const most = 64 << 10

// Writer is where a node's log goes. A line that cannot be written is told by a call,
// once, and nothing is written after it. Its methods are safe for concurrent use.
type Writer struct {
	out    io.Writer
	file   *os.File // nil if out is not ours to close
	failed func(error)

	mu    sync.Mutex
	lines []byte // that are not written yet
	err   error  // of the first that could not be written
}

// New makes a Writer of something that takes some lines at a time, whole.
func New(out io.Writer, failed func(error)) *Writer { return &Writer{out: out, failed: failed} }

// Append makes a Writer of a file that is open for reading and appending, and ends its
// last line if that is torn, since its writer was killed: else the next line would be
// lost with it. Close closes the file.
func Append(file *os.File, failed func(error)) (*Writer, error) {
	if err := endTornLine(file); err != nil {
		return nil, err
	}
	return &Writer{out: file, file: file, failed: failed}, nil
}

func endTornLine(file *os.File) error {
	info, err := file.Stat()
	if err != nil || info.Size() == 0 {
		return err
	}
	var last [1]byte
	if _, err := file.ReadAt(last[:], info.Size()-1); err != nil {
		return err
	}
	if last[0] != '\n' {
		_, err = file.Write([]byte{'\n'})
	}
	return err
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

// flush is Flush by who has the lock.
func (w *Writer) flush() {
	if w.err == nil && len(w.lines) > 0 {
		if _, w.err = w.out.Write(w.lines); w.err != nil {
			w.err = fmt.Errorf("write the log, which must be complete: %w", w.err)
			w.failed(w.err)
		}
	}
	w.lines = w.lines[:0]
}

// Close writes what is left, and sees to it that the log is on disk, as far as it is a
// file.
func (w *Writer) Close() error {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.flush()
	if w.file == nil {
		return nil
	}
	info, err := w.file.Stat()
	if err == nil && w.err == nil && info.Mode().IsRegular() {
		err = w.file.Sync()
	}
	if err := errors.Join(err, w.file.Close()); err != nil {
		return fmt.Errorf("flush the log: %w", err)
	}
	return nil
}
