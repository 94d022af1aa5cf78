package socket

import (
	"errors"
	"fmt"
	"io/fs"
	"net"
	"os"
	"path/filepath"
	"slices"
	"strconv"
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

// EnvDir names the environment variable that names the one directory for sockets, in
// place of all others.
const EnvDir = "CONCH_SOCKET_DIR"

// envRuntimeDir is where a login finds the user's runtime directory.
const envRuntimeDir = "XDG_RUNTIME_DIR"

// They are changed by tests only, which may not meet the nodes of whoever runs them.
var (
	// runtimeDirs is where systemd makes them, for users who are logged in.
	runtimeDirs = "/run/user"
	// sharedDir is the directory for temporary files of all environments: another one
	// may be named by $TMPDIR here and not there.
	sharedDir = "/tmp"
	// serviceDir is where the packaged service (packaging/linux/systemd) has its sockets.
	serviceDir = "/run/conch"
)

// place is a directory in which the user's nodes may have their sockets.
type place struct {
	path string
	// isOurs: it is this package's to make and to check. The directories that an
	// environment variable names are made and kept private by whoever sets it.
	isOurs bool
}

// ownName is the name of a directory for this user's sockets among those of others.
func ownName() string { return "conch-" + strconv.Itoa(os.Getuid()) }

// named returns the directory that an environment variable names. A relative path is
// ignored, as the XDG base directory specification has it.
func named(variable string) (p place, isNamed bool) {
	path := os.Getenv(variable)
	return place{path: filepath.Clean(path)}, filepath.IsAbs(path)
}

// firstPlace is where a node that starts here has its socket.
func firstPlace() place {
	for _, variable := range []string{EnvDir, envRuntimeDir} {
		if p, isNamed := named(variable); isNamed {
			return p
		}
	}
	return temporaryPlace()
}

// temporaryPlace is the user's own in the directory for temporary files.
func temporaryPlace() place {
	path := filepath.Join(os.TempDir(), ownName())
	if absolute, err := filepath.Abs(path); err == nil {
		path = absolute
	}
	return place{path, true}
}

// sharedPlace is the one that is the same in all environments of the user.
func sharedPlace() place {
	if p, isNamed := named(EnvDir); isNamed {
		return p
	}
	return place{filepath.Join(sharedDir, ownName()), true}
}

// places returns the directories in which this user's nodes may have their sockets. What
// was started from a login and what cron starts have different environments, so all of
// them are looked into.
func places() []place {
	all := []place{firstPlace()}
	if _, isNamed := named(EnvDir); isNamed {
		return all
	}
	runtimeDir := place{filepath.Join(runtimeDirs, strconv.Itoa(os.Getuid())), true}
	for _, p := range []place{runtimeDir, temporaryPlace(), sharedPlace()} {
		if !slices.ContainsFunc(all, func(other place) bool { return other.path == p.path }) {
			all = append(all, p)
		}
	}
	return all
}

// Dir returns the directory that a node of this user which starts here has its socket
// in: $CONCH_SOCKET_DIR, or else $XDG_RUNTIME_DIR, or else conch-UID in the directory for
// temporary files, which is made if there is none. The error wraps [ErrDir] if that is
// not this user's alone: anyone may make things in the directory for temporary files.
func Dir() (string, error) {
	first := firstPlace()
	return first.path, first.prepare()
}

// prepare makes a directory that is ours.
func (p place) prepare() error {
	if !p.isOurs {
		return nil
	}
	if err := os.Mkdir(p.path, 0o700); err != nil && !errors.Is(err, fs.ErrExist) {
		return fmt.Errorf("directory for sockets: %w", err)
	}
	return checkPrivate(p.path)
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
