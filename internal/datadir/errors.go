package datadir

import (
	"errors"
	"fmt"
	"io/fs"
	"syscall"
)

var (
	// ErrInUse is wrapped by the error of [Open] when another process has the
	// directory open.
	ErrInUse = errors.New("data directory in use")
	// ErrForeign is wrapped by the error of [Open] for the directory of another
	// member.
	ErrForeign = errors.New("data directory of another member")
	// ErrDamaged is wrapped by the error of [Open] for a file that is torn or changed, or
	// has a form that this version does not know.
	ErrDamaged = errors.New("damaged state file")
	// ErrRemoved is wrapped by the error of [Open] for the directory of a member that was
	// removed from its cluster.
	ErrRemoved = errors.New("data directory of a removed member")
	// ErrUnusable is wrapped, together with what the system said, by the error for a
	// directory that cannot be made, read, locked or written.
	ErrUnusable = errors.New("data directory cannot be used")
	// ErrClosed is wrapped by the errors of the methods of [Store] that save something, after
	// [Store.Close].
	ErrClosed = errors.New("data directory is closed")
	// ErrClock is wrapped by the error for a wall clock that numbers cannot begin at.
	ErrClock = errors.New("wall clock is wrong")
)

// Unusable makes the error for a directory with which the system refused to do
// something. What the system said names the file and the operation.
func Unusable(dir string, err error) error {
	return fmt.Errorf("%w: %s: %w; %s", ErrUnusable, dir, err, remedy(err))
}

// remedy says what a person can do about what the system said.
func remedy(err error) string {
	const another = "or give the node another data directory"
	switch {
	case errors.Is(err, syscall.ENOSPC):
		return "the disk is full: make room on it, " + another
	case errors.Is(err, syscall.EDQUOT):
		return "this user's share of the disk is used up: make room, " + another
	case errors.Is(err, syscall.EROFS):
		return "the disk is read-only: mount it for writing, " + another
	case errors.Is(err, syscall.ENOTDIR):
		return "a file stands where a directory is wanted: move it away, " + another
	case errors.Is(err, fs.ErrPermission):
		return "the directory must belong to the user that runs the node: change its owner or permissions, " + another
	}
	return "see to the disk, " + another
}

// damaged makes the error for a state file that is not to be believed. An older copy
// put back is worse than no file: its numbers have been used since, and nothing
// tells.
func damaged(path, reason string) error {
	return fmt.Errorf("%w %s: %s; if this machine's clock was not set back since the node first ran, "+
		"move the file away and start the node again: its numbers then go on from the clock; "+
		"do not put an older copy back, its numbers may have been used since", ErrDamaged, path, reason)
}
