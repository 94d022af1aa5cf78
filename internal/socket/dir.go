package socket

import (
	"errors"
	"fmt"
	"io/fs"
	"net"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"time"
)

// ErrDir is wrapped by the error for a directory that is not fit for sockets: it is
// not a directory, belongs to someone else, or lets others in.
var ErrDir = errors.New("not a private directory")

// Sockets are named conch-PORT.sock.
const (
	namePrefix = "conch-"
	nameSuffix = ".sock"
)

// dir returns the user's directory for sockets, and whether it is ours to make and
// to check. XDG_RUNTIME_DIR is made and kept private by whoever sets it.
func dir() (path string, ours bool) {
	// The XDG base directory specification has a relative path ignored.
	if path := os.Getenv("XDG_RUNTIME_DIR"); filepath.IsAbs(path) {
		return path, false
	}
	return filepath.Join(os.TempDir(), "conch-"+strconv.Itoa(os.Getuid())), true
}

// Dir returns the directory that the user's nodes have their sockets in:
// $XDG_RUNTIME_DIR, or else conch-UID in the directory for temporary files, which is
// made if there is none. The error wraps [ErrDir] if that is not this user's alone:
// anyone may make things in the directory for temporary files.
func Dir() (string, error) {
	path, ours := dir()
	if !ours {
		return path, nil
	}
	if err := os.Mkdir(path, 0o700); err != nil && !errors.Is(err, fs.ErrExist) {
		return "", fmt.Errorf("directory for sockets: %w", err)
	}
	return path, checkPrivate(path)
}

// checkPrivate returns an error unless path is a directory, of this user, that
// nobody else can use.
func checkPrivate(path string) error {
	info, err := os.Lstat(path) // a symbolic link could be led elsewhere at any time
	if err != nil {
		return fmt.Errorf("directory for sockets: %w", err)
	}
	switch stat, ok := info.Sys().(*syscall.Stat_t); {
	case !info.IsDir():
		return fmt.Errorf("%w: %s is no directory", ErrDir, path)
	case !ok || int(stat.Uid) != os.Getuid():
		return fmt.Errorf("%w: %s belongs to someone else than user %d", ErrDir, path, os.Getuid())
	case info.Mode().Perm() != 0o700:
		return fmt.Errorf("%w: %s has mode %04o, want 0700", ErrDir, path, info.Mode().Perm())
	}
	return nil
}

// Path returns the path of the socket of this user's node that listens on a TCP
// port. The errors are those of [Dir].
func Path(port string) (string, error) {
	dir, err := Dir()
	if err != nil {
		return "", err
	}
	return filepath.Join(dir, namePrefix+port+nameSuffix), nil
}

// List returns the paths of the sockets in the user's directory that some process
// serves, ordered by name. It makes no directory; where there is none, there is no
// socket.
func List() ([]string, error) {
	dir, ours := dir()
	entries, err := os.ReadDir(dir)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return nil, nil
	case err != nil:
		return nil, fmt.Errorf("look for sockets of nodes: %w", err)
	}
	if ours {
		if err := checkPrivate(dir); err != nil {
			return nil, err
		}
	}
	var paths []string
	for _, entry := range entries {
		name := entry.Name()
		if entry.Type() != fs.ModeSocket || !strings.HasPrefix(name, namePrefix) || !strings.HasSuffix(name, nameSuffix) {
			continue
		}
		path := filepath.Join(dir, name)
		if err := knock(path); !errors.Is(err, syscall.ECONNREFUSED) {
			paths = append(paths, path)
		}
	}
	return paths, nil
}

// knock connects to a socket and hangs up. The error is syscall.ECONNREFUSED if no
// process serves it.
func knock(path string) error {
	// The kernel answers, not the process, so it does not take long.
	conn, err := net.DialTimeout("unix", path, time.Second)
	if err != nil {
		return err
	}
	return conn.Close()
}
