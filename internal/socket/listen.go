package socket

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"net"
	"os"
	"path/filepath"
	"syscall"
)

var (
	// ErrInUse is wrapped by the error for a socket that another process serves.
	ErrInUse = errors.New("another process serves this socket")
	// ErrNoSocket is wrapped by the error for a path where something else is.
	ErrNoSocket = errors.New("there is something that is no socket")
	// ErrTooLong is wrapped by the error for a path that no socket can have.
	ErrTooLong = errors.New("the path is too long for a unix socket")
)

// mode is what a socket's file has: who can write it can connect.
const mode = 0o600

// maxPath is the length in bytes of the longest path that a socket can have; the
// system wants a zero byte after it.
const maxPath = len(syscall.RawSockaddrUnix{}.Path) - 1

// Listen opens a unix socket that only this user can connect to. It replaces the file
// of a socket that nobody serves any more, and nothing else. The listener's Close
// removes the file. The errors wrap [ErrInUse], [ErrNoSocket] or [ErrTooLong], or
// what the system says.
func Listen(ctx context.Context, path string) (net.Listener, error) {
	// Absolute, since the file is removed by its name at the end, and since on Linux
	// a name that begins with @ is that of no file.
	path, err := filepath.Abs(path)
	if err != nil {
		return nil, fmt.Errorf("socket %s: %w", path, err)
	}
	if len(path) > maxPath {
		return nil, fmt.Errorf("%w: %s has %d bytes, want at most %d", ErrTooLong, path, len(path), maxPath)
	}
	if err := removeStale(path); err != nil {
		return nil, err
	}
	config := net.ListenConfig{Control: restrict}
	listener, err := config.Listen(ctx, "unix", path)
	if err != nil {
		return nil, fmt.Errorf("socket: %w", err)
	}
	if err := os.Chmod(path, mode); err != nil {
		return nil, errors.Join(fmt.Errorf("socket: %w", err), listener.Close())
	}
	return listener, nil
}

// restrict is a net.ListenConfig's Control. It gives a socket its mode before it has
// a name: Linux makes the file with it, so that there is no moment in which others
// can connect. Elsewhere Listen sets the mode right after.
func restrict(_, _ string, conn syscall.RawConn) error {
	return conn.Control(func(fd uintptr) { _ = syscall.Fchmod(int(fd), mode) })
}

// removeStale makes the way free for a socket at path.
func removeStale(path string) error {
	info, err := os.Lstat(path)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return nil
	case err != nil:
		return fmt.Errorf("socket: %w", err)
	case info.Mode().Type() != fs.ModeSocket:
		return fmt.Errorf("%w: %s; choose another path, or remove it", ErrNoSocket, path)
	}
	switch err := knock(path); {
	case err == nil:
		return fmt.Errorf("%w: %s", ErrInUse, path)
	case !errors.Is(err, syscall.ECONNREFUSED):
		return fmt.Errorf("socket: see whether a process serves it: %w", err)
	}
	if err := os.Remove(path); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return fmt.Errorf("socket that nobody serves: %w", err)
	}
	return nil
}
