package main

import (
	"os"
	"os/signal"
	"syscall"
	"time"
)

// SIGHUP means two things: an operator, systemctl reload or logrotate asks the node to
// reopen its log, or the node's terminal has been closed. The kernel tells them apart:
// after a terminal hangs up, its processes have no controlling terminal; after any other
// signal they still have it. So a node that had a controlling terminal when it started, and
// has none when SIGHUP comes, stops in order; any other node reopens its log. A node
// started with SIGHUP ignored, as by nohup, does not end with its terminal.

const (
	// hangupPatience is how long after a SIGHUP the terminal may take to go: a shell that
	// ends signals its jobs a moment before it gives up its terminal.
	hangupPatience = 500 * time.Millisecond
	// hangupCheckInterval is the time between two checks of the terminal.
	hangupCheckInterval = 20 * time.Millisecond
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
// process has been closed. The caller must call stop when SIGHUP no longer needs handling.
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
	ticker := time.NewTicker(hangupCheckInterval)
	defer ticker.Stop()
	for deadline := time.Now().Add(hangupPatience); hasTerminal(); {
		if time.Now().After(deadline) {
			return false
		}
		select {
		case <-ticker.C:
		case <-stopped:
			return false
		}
	}
	return true
}
