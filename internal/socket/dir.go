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

// EnvDir is the environment variable that names the only directory for sockets.
const EnvDir = "CONCH_SOCKET_DIR"

// envRuntimeDir is where a login finds the user's runtime directory.
const envRuntimeDir = "XDG_RUNTIME_DIR"

// Only tests change these, so as not to meet the nodes of whoever runs them.
var (
	// runtimeDirs is where systemd makes them, for users who are logged in.
	runtimeDirs = "/run/user"
	// sharedDir is the directory for temporary files of all environments: another one
	// may be named by $TMPDIR here and not there.
	sharedDir = "/tmp"
	// serviceDir is where the packaged service (packaging/linux/systemd) has its sockets.
	serviceDir = "/run/conch"
)

// directory is a directory in which this user's nodes may have their sockets.
type directory struct {
	path string
	// isOurs: this package makes and checks the directory. Directories that an environment
	// variable names are made, and kept private, by whoever sets it.
	isOurs bool
}

// ownName is the name of this user's directory among those of other users.
func ownName() string { return "conch-" + strconv.Itoa(os.Getuid()) }

// named returns the directory that an environment variable names. A relative path is
// ignored, as the XDG base directory specification has it.
func named(variable string) (d directory, isNamed bool) {
	path := os.Getenv(variable)
	return directory{path: filepath.Clean(path)}, filepath.IsAbs(path)
}

// firstDirectory is the directory of the socket of a node that starts here.
func firstDirectory() directory {
	for _, variable := range []string{EnvDir, envRuntimeDir} {
		if d, isNamed := named(variable); isNamed {
			return d
		}
	}
	return temporaryDirectory()
}

// temporaryDirectory is the user's own directory among the temporary files.
func temporaryDirectory() directory {
	path := filepath.Join(os.TempDir(), ownName())
	if absolute, err := filepath.Abs(path); err == nil {
		path = absolute
	}
	return directory{path, true}
}

// sharedDirectory is the one that is the same in all environments of the user.
func sharedDirectory() directory {
	if d, isNamed := named(EnvDir); isNamed {
		return d
	}
	return directory{filepath.Join(sharedDir, ownName()), true}
}

// directories returns the directories in which this user's nodes may have their sockets.
// Logins and cron jobs have different environments, so commands search all of them.
func directories() []directory {
	all := []directory{firstDirectory()}
	if _, isNamed := named(EnvDir); isNamed {
		return all
	}
	runtimeDir := directory{filepath.Join(runtimeDirs, strconv.Itoa(os.Getuid())), true}
	for _, d := range []directory{runtimeDir, temporaryDirectory(), sharedDirectory()} {
		if !slices.ContainsFunc(all, func(other directory) bool { return other.path == d.path }) {
			all = append(all, d)
		}
	}
	return all
}

// Dir returns the directory that a node of this user which starts here has its socket
// in: $CONCH_SOCKET_DIR, or else $XDG_RUNTIME_DIR, or else conch-UID in the directory for
// temporary files, which is made if there is none. The error wraps [ErrDir] if that is
// not this user's alone: anyone may make things in the directory for temporary files.
func Dir() (string, error) {
	first := firstDirectory()
	return first.path, first.prepare()
}

// prepare makes a directory that is ours.
func (d directory) prepare() error {
	if !d.isOurs {
		return nil
	}
	if err := os.Mkdir(d.path, 0o700); err != nil && !errors.Is(err, fs.ErrExist) {
		return fmt.Errorf("directory for sockets: %w", err)
	}
	return checkPrivate(d.path)
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

// dial connects to a socket and closes the connection. The error is syscall.ECONNREFUSED if no
// process serves it.
func dial(path string) error {
	// The kernel answers, not the process, so it does not take long.
	conn, err := net.DialTimeout("unix", path, time.Second)
	if err != nil {
		return err
	}
	return conn.Close()
}
