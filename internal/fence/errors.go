package fence

import (
	"errors"
	"fmt"
	"io/fs"
	"syscall"
)

var (
	// ErrStale is wrapped by the error of [Take] for a number below the highest that
	// the file has seen; the error names both.
	ErrStale = errors.New("stale fence")
	// ErrInUse is wrapped, together with the cause of the context's end, by the error of
	// [Take] when another still works under the file.
	ErrInUse = errors.New("fence file in use")
	// ErrFile is wrapped by the error of [Take] for a fence file that is damaged, or
	// with which the system refuses to work.
	ErrFile = errors.New("fence file cannot be used")
)

// unusable makes the error for a file with which the system refused an operation. The
// system's error names the file and the operation.
func unusable(path string, err error) error {
	return fmt.Errorf("%w: %s: %w; %s", ErrFile, path, err, remedy(err))
}

// remedy says what to do about an error of the system.
func remedy(err error) string {
	switch {
	case errors.Is(err, syscall.ENOSPC):
		return "the disk is full: make room on it"
	case errors.Is(err, syscall.EDQUOT):
		return "this user's share of the disk is used up: make room"
	case errors.Is(err, syscall.EROFS):
		return "the disk is read-only: mount it for writing"
	case errors.Is(err, syscall.EBUSY):
		return "the file is replaced as a whole, so mount its directory, not the file alone"
	case errors.Is(err, syscall.ENOTDIR):
		return "a file stands where a directory is wanted: move it away"
	case errors.Is(err, fs.ErrPermission):
		return "the file, its directory and the directory of its locks must be writable for the user who works: change their owner or permissions"
	case errors.Is(err, fs.ErrNotExist):
		return "make the directory that the file is to lie in"
	}
	return "see to the file and its disk"
}

// damaged makes the error for a file whose number cannot be trusted.
func damaged(path, reason string) error {
	return fmt.Errorf("%w: %s: %s; if nobody works with an old fence any more, move the file away: "+
		"the next number begins a new one", ErrFile, path, reason)
}
