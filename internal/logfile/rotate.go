package logfile

import (
	"errors"
	"os"

	"gopkg.in/natefinch/lumberjack.v2"
)

// Rotation says when a log file is renamed, and how many renamed files are kept.
type Rotation struct {
	// MaxMegabytes is the size above which a file is renamed, to its own name with the time
	// in it, and a new one is begun. A megabyte is 2^20 bytes.
	MaxMegabytes int
	// Keep is how many renamed files are kept, at least 1.
	Keep int
}

// rotating is a file that is renamed when it is large.
type rotating struct{ log *lumberjack.Logger }

func newRotating(path string, r Rotation) *rotating {
	return &rotating{&lumberjack.Logger{Filename: path, MaxSize: r.MaxMegabytes, MaxBackups: r.Keep}}
}

func (r *rotating) Write(lines []byte) (int, error) { return r.log.Write(lines) }

// reopen opens the file itself, to end a torn line, and because lumberjack would make a new
// file that only its owner may read.
func (r *rotating) reopen() error {
	opened, err := openAppend(r.log.Filename)
	if err != nil {
		return err
	}
	return errors.Join(opened.Close(), r.log.Close()) // the next Write opens it
}

func (r *rotating) sync() error {
	file, err := os.OpenFile(r.log.Filename, os.O_RDWR, 0)
	if err != nil {
		return err
	}
	return errors.Join(syncRegular(file), file.Close())
}

func (r *rotating) close() error { return r.log.Close() }
