package procgroup

import (
	"errors"
	"io/fs"
	"os/exec"
	"path/filepath"

	"golang.org/x/sys/unix"
)

// The exit codes with which shells tell that a command could not be started.
const (
	exitNotExecutable = 126 // it is there, but cannot be run
	exitNotFound      = 127
)

// Find returns the file of a command, as shells look for it: by PATH if its name has no
// slash. [StartExitCode] tells its errors apart.
func Find(name string) (string, error) {
	path, err := exec.LookPath(name)
	if errors.Is(err, exec.ErrDot) {
		// Found in the present folder by an entry of PATH that says so.
		return filepath.Abs(path)
	}
	return path, err
}

// StartExitCode is the exit code for a command that could not be started, as of a
// shell: 127 if it was not found, else 126.
func StartExitCode(err error) int {
	if errors.Is(err, exec.ErrNotFound) || errors.Is(err, fs.ErrNotExist) || errors.Is(err, unix.ENOTDIR) {
		return exitNotFound
	}
	return exitNotExecutable
}
