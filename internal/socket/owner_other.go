//go:build !unix

package socket

import (
	"io/fs"
	"syscall"
)

// owner does not know: files have no owner and mode here that would tell.
func owner(fs.FileInfo) (uid int, known bool) { return 0, false }

// restrict leaves a new socket as the directory makes it.
func restrict(string, string, syscall.RawConn) error { return nil }
