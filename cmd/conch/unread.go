package main

import (
	"errors"
	"io"
	"os"

	"golang.org/x/sys/unix"
)

// endUnread ends this process by SIGPIPE once nobody can read any more what it writes to a
// pipe, as a write would: what writes seldom does not outlive its reader by long. It returns
// at once if the output is no file, and never if it is one on disk.
func endUnread(output io.Writer) {
	file, ok := output.(*os.File)
	if !ok {
		return
	}
	// Without events to wait for, only the reader's end is reported.
	fds := []unix.PollFd{{Fd: int32(file.Fd())}} //nolint:gosec // the number of an open file is small
	for {
		_, err := unix.Poll(fds, -1)
		switch {
		case errors.Is(err, unix.EINTR):
			continue
		case err == nil && fds[0].Revents&(unix.POLLERR|unix.POLLHUP) != 0:
			_, _ = file.Write([]byte("\n")) // which does not return
		}
		return
	}
}
