package procgroup

import (
	"os"
	"os/signal"

	"golang.org/x/sys/unix"
)

// isInit reports whether this process is the first of its container or machine, to which
// all orphans fall.
func isInit() bool { return os.Getpid() == 1 }

// ReapOrphans waits for orphans, if this is the first process of a container, until stop is
// called; else it does nothing. The process must have no children of its own meanwhile,
// since it would wait for those as well. [Run] does the same by itself.
func ReapOrphans() (stop func()) {
	if !isInit() {
		return func() {}
	}
	ended := make(chan os.Signal, 1)
	signal.Notify(ended, unix.SIGCHLD)
	stopped, gone := make(chan struct{}), make(chan struct{})
	go func() {
		defer close(gone)
		for {
			for reapAny() {
			}
			select {
			case <-ended:
			case <-stopped:
				return
			}
		}
	}()
	return func() {
		signal.Stop(ended)
		close(stopped)
		<-gone
	}
}

// reapAny waits for a child that has ended, and reports whether there was one.
func reapAny() bool {
	pid, err := unix.Wait4(-1, nil, unix.WNOHANG, nil)
	return err == unix.EINTR || err == nil && pid > 0
}
