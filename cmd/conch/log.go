package main

import (
	"errors"
	"fmt"
	"io"
	"os"
	"sync"

	"github.com/mattn/go-isatty"
)

// logWriter is where a node's log goes. A log is evidence, so a line that cannot be
// written ends the node: it is told by failed, once, and nothing is written after
// it.
type logWriter struct {
	out    io.Writer
	file   *os.File // nil if out is not a file of our own
	failed func(error)

	mu  sync.Mutex
	err error // of the first line that could not be written
}

// openLog opens the log: the file at path, or standard output if path is empty,
// for people if that is a terminal.
func openLog(path string, failed func(error)) (*logWriter, error) {
	if path == "" {
		out := io.Writer(os.Stdout)
		if isatty.IsTerminal(os.Stdout.Fd()) {
			out = newConsole(os.Stdout)
		}
		return &logWriter{out: out, failed: failed}, nil
	}
	file, err := openAppend(path)
	if err != nil {
		return nil, fmt.Errorf("--log-file: %w; %s", err, wantWritable)
	}
	if err := endTornLine(file); err != nil {
		file.Close()
		return nil, fmt.Errorf("--log-file: %w", err)
	}
	return &logWriter{out: file, file: file, failed: failed}, nil
}

// wantWritable says what to do about a file that cannot be opened for writing.
const wantWritable = "name a file that may be written to, in a folder that exists"

// openAppend opens a file so that each write adds to its end, at once and whole.
func openAppend(path string) (*os.File, error) {
	return os.OpenFile(path, os.O_RDWR|os.O_APPEND|os.O_CREATE, 0o644)
}

// endTornLine ends the last line of a file if it is not: its writer was killed in
// the middle of it. Without that, the next line would be lost with it.
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

// Write writes a line of the log.
func (w *logWriter) Write(line []byte) (int, error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.err == nil {
		if _, w.err = w.out.Write(line); w.err != nil {
			w.err = fmt.Errorf("write the log, which must be complete: %w", w.err)
			w.failed(w.err)
		}
	}
	return len(line), nil
}

// Close sees to it that the log is on disk, as far as it is a file.
func (w *logWriter) Close() error {
	w.mu.Lock()
	defer w.mu.Unlock()
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
