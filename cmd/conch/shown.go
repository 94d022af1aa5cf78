package main

import (
	"bytes"
	"fmt"
	"io"
	"sync"
	"time"
)

const (
	// maxShown is how many lines wait to be shown. Further ones are left out, and counted.
	maxShown = 4096
	// showPatience is how long the end waits for a stopped terminal.
	showPatience = time.Second
)

// shown shows lines of the log to people. A terminal that is stopped, as by Ctrl-S, or gone
// does not hold up the node: the file has the lines.
type shown struct {
	lines chan []byte
	done  chan struct{} // closed when all are shown

	mu      sync.Mutex
	leftOut int // lines since the last one that was taken
	closed  bool
}

func newShown(out io.Writer) *shown {
	s := &shown{lines: make(chan []byte, maxShown), done: make(chan struct{})}
	go func() {
		defer close(s.done)
		for line := range s.lines {
			_, _ = out.Write(line) // the reader is gone
		}
	}()
	return s
}

// Write takes a line. It never waits, and does not fail.
func (s *shown) Write(line []byte) (int, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.closed {
		return len(line), nil
	}
	taken := bytes.Clone(line)
	if s.leftOut > 0 {
		taken = fmt.Appendf(nil, `{"level":"warn","message":"lines are left out here, but not in the log file","lines":%d}`+"\n%s", s.leftOut, line)
	}
	select {
	case s.lines <- taken:
		s.leftOut = 0
	default:
		s.leftOut++
	}
	return len(line), nil
}

// close ends it when all lines are shown, or the terminal is stopped.
func (s *shown) close() {
	s.mu.Lock()
	s.closed = true
	close(s.lines)
	s.mu.Unlock()
	select {
	case <-s.done:
	case <-time.After(showPatience):
	}
}
