package socket

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"net"
	"os"
	"os/user"
	"path/filepath"
	"strconv"
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

// mode is the mode of a socket's file, unless Access says otherwise. Whoever can write the
// file can connect.
const mode fs.FileMode = 0o600

// Access says who may connect to a socket beside its owner. The zero Access lets nobody
// else in.
type Access struct {
	// Mode is the mode of the socket's file: who may write it may connect. Zero is 0600,
	// or 0660 with a group.
	Mode fs.FileMode
	// Group is the name or number of the file's group; empty is this process's.
	Group string
}

// mode is the mode of the file.
func (a Access) mode() fs.FileMode {
	switch {
	case a.Mode != 0:
		return a.Mode
	case a.Group != "":
		return mode | 0o060
	}
	return mode
}

// ErrGroup is wrapped by the error for a group that does not exist.
var ErrGroup = errors.New("no such group")

// Check reports whether the group exists; the error wraps [ErrGroup].
func (a Access) Check() error {
	_, err := a.group()
	return err
}

// group returns the number of the file's group; -1 leaves it as it is.
func (a Access) group() (int, error) {
	if a.Group == "" {
		return -1, nil
	}
	if number, err := strconv.ParseUint(a.Group, 10, 31); err == nil {
		return int(number), nil
	}
	group, err := user.LookupGroup(a.Group)
	if err != nil {
		return -1, fmt.Errorf("%w: %q: %w", ErrGroup, a.Group, err)
	}
	return strconv.Atoi(group.Gid)
}

// grant opens a socket's file, which only its owner can use so far, to the others.
func (a Access) grant(path string) error {
	group, err := a.group()
	if err != nil {
		return err
	}
	if group >= 0 {
		if err := os.Lchown(path, -1, group); err != nil {
			return fmt.Errorf("%w; only root, and members of a group, may give a file to it", err)
		}
	}
	return os.Chmod(path, a.mode())
}

// maxPath is the length in bytes of the longest path of a socket; the system wants a zero
// byte after it.
const maxPath = len(syscall.RawSockaddrUnix{}.Path) - 1

// Listen opens a unix socket that this user can connect to, and nobody else but those to
// whom access gives it. It replaces the file of a socket that nobody serves any more, and
// nothing else. The listener's Close removes the file. The errors wrap [ErrInUse],
// [ErrNoSocket], [ErrTooLong] or [ErrGroup], or what the system says.
func Listen(ctx context.Context, path string, access Access) (net.Listener, error) {
	// The path must be absolute, since Close removes the file by its name, and since on
	// Linux a name that begins with @ is no file's.
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
	if errors.Is(err, fs.ErrNotExist) {
		return nil, fmt.Errorf("socket: %s does not exist; make the directory, or name another: %w", filepath.Dir(path), err)
	}
	if err != nil {
		return nil, fmt.Errorf("socket: %w", err)
	}
	if err := access.grant(path); err != nil {
		return nil, errors.Join(fmt.Errorf("socket: %w", err), listener.Close())
	}
	return listener, nil
}

// restrict is a net.ListenConfig's Control. It gives a socket its mode before it has a
// name: Linux makes the file with that mode, so there is no moment in which others can
// connect. Elsewhere Listen sets the mode right after.
func restrict(_, _ string, conn syscall.RawConn) error {
	return conn.Control(func(fd uintptr) { _ = syscall.Fchmod(int(fd), uint32(mode)) })
}

// removeStale removes a dead socket at path.
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
	switch err := dial(path); {
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
