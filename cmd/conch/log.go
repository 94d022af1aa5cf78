package main

import (
	"fmt"
	"io"
	"os"

	"github.com/mattn/go-isatty"

	"conch/internal/logfile"
	"conch/logs/console"
)

// openLog opens the log: the file at path or, if path is empty, standard output, formatted
// for people on a terminal.
func openLog(path string, config logfile.Config) (*logfile.Writer, error) {
	if path == "" {
		if isatty.IsTerminal(os.Stdout.Fd()) {
			return logfile.New(console.New(os.Stdout), config), nil
		}
		return logfile.New(os.Stdout, config), nil
	}
	log, err := logfile.Open(path, config)
	if err != nil {
		return nil, fmt.Errorf("--log-file: %w; %s", err, wantWritable)
	}
	return log, nil
}

// alsoShown returns where the lines of the log go: to the log and, if that is a file and
// standard output is a terminal, also there, for people. The second value ends that.
func alsoShown(log io.Writer, path string) (io.Writer, func()) {
	if path == "" || !isatty.IsTerminal(os.Stdout.Fd()) {
		return log, func() {}
	}
	shown := newShown(console.New(os.Stdout))
	return io.MultiWriter(log, shown), shown.close
}

// wantWritable says what to do about a file that cannot be opened for writing.
const wantWritable = "name a file that may be written to, in a folder that exists"

// openAppend opens a file so that each write is appended at once and whole.
func openAppend(path string) (*os.File, error) {
	return os.OpenFile(path, os.O_RDWR|os.O_APPEND|os.O_CREATE, 0o644)
}
