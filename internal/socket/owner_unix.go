//go:build unix

package socket

import (
	"io/fs"
	"syscall"
)

// owner returns the user who owns a file.
func owner(info fs.FileInfo) (uid int, known bool) {
	stat, ok := info.Sys().(*syscall.Stat_t)
	if !ok {
		return 0, false
	}
	return int(stat.Uid), true
}

// restrict is a net.ListenConfig's Control. It gives a socket its mode before it has
// a name: Linux makes the file with it, so that there is no moment in which others
// can connect. Where that is not so, Listen sets the mode right after.
func restrict(_, _ string, conn syscall.RawConn) error {
	return conn.Control(func(fd uintptr) { _ = syscall.Fchmod(int(fd), mode) })
}
