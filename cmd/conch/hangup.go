package main

import (
	"os"
	"os/signal"
	"syscall"
	"time"
)

// SIGHUP means two things: an operator, systemctl reload or logrotate asks the node to
// open its log anew, or the terminal that the node was started in has been closed. The
// kernel tells them apart. When a terminal hangs up, its processes have no controlling
// terminal any more; a signal that somebody sends leaves them theirs. So a node that had
// a controlling terminal when it started, and has none when SIGHUP comes, stops in order;
// any other node opens its log anew. A node that was started with SIGHUP ignored, as by
// nohup, is not to end with its terminal.

const (
	// hangupPatience is for how long after a SIGHUP the terminal may still be seen to go:
	// a shell that ends signals its jobs a moment before it gives its terminal up.
	hangupPatience = 500 * time.Millisecond
	// hangupLook is the time between two looks at the terminal.
	hangupLook = 20 * time.Millisecond
)

// hasTerminal reports whether this process has a controlling terminal.
func hasTerminal() bool {
	tty, err := os.OpenFile("/dev/tty", os.O_RDWR|syscall.O_NOCTTY|syscall.O_NONBLOCK, 0)
	if err != nil {
		return false
	}
	_ = tty.Close() // nothing was written
	return true
}

// onHangup calls reopen at each SIGHUP, and closed when the controlling terminal of this
// process has been closed. Whoever calls onHangup must call stop when SIGHUP needs no
// care any more.
func onHangup(reopen, closed func()) (stop func()) {
	bound := hasTerminal() && !signal.Ignored(syscall.SIGHUP)
	hangups := make(chan os.Signal, 1)
	signal.Notify(hangups, syscall.SIGHUP)
	stopped, gone := make(chan struct{}), make(chan struct{})
	go func() {
		defer close(gone)
		for {
			select {
			case <-hangups:
				reopen()
				if bound && terminalGoes(stopped) {
					closed()
				}
			case <-stopped:
				return
			}
		}
	}()
	return func() {
		signal.Stop(hangups)
		close(stopped)
		<-gone
	}
}

// terminalGoes reports whether the controlling terminal is gone, or goes within a moment.
func terminalGoes(stopped <-chan struct{}) bool {
	look := time.NewTicker(hangupLook)
	defer look.Stop()
	for deadline := time.Now().Add(hangupPatience); hasTerminal(); {
		if time.Now().After(deadline) {
			return false
		}
		select {
		case <-look.C:
		case <-stopped:
			return false
		}
	}
	return true
}
