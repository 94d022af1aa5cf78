package fence

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"syscall"

	"github.com/google/renameio/v2"
)

// fenceFile is where a fence file and its locks are.
type fenceFile struct {
	path  string // of the file, absolute and without symbolic links
	locks string // the directory beside it
}

// open finds the place of a fence file, which need not exist yet, and makes the
// directory for its locks.
func open(path string) (fenceFile, error) {
	target, err := follow(path)
	if err != nil {
		return fenceFile{}, unusable(path, err)
	}
	p := fenceFile{path: target, locks: target + ".lock"}
	// Before anything is made: what is no fence file gets no locks.
	if _, err := p.read(); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return fenceFile{}, err
	}
	if err := os.Mkdir(p.locks, 0o700); err != nil && !errors.Is(err, fs.ErrExist) {
		return fenceFile{}, unusable(path, err)
	}
	switch info, err := os.Lstat(p.locks); {
	case err != nil:
		return fenceFile{}, unusable(path, err)
	case !info.IsDir():
		return fenceFile{}, unusable(path, &fs.PathError{Op: "open", Path: p.locks, Err: syscall.ENOTDIR})
	}
	return p, nil
}

// follow returns the one path of a file that may have several, by symbolic links.
func follow(path string) (string, error) {
	if path == "" {
		return "", errors.New("its name is empty")
	}
	absolute, err := filepath.Abs(path)
	if err != nil {
		return "", err
	}
	target, err := filepath.EvalSymlinks(absolute)
	if !errors.Is(err, fs.ErrNotExist) {
		return target, err
	}
	if _, err := os.Lstat(absolute); err == nil {
		return "", fmt.Errorf("%s is a symbolic link that leads nowhere", absolute)
	}
	dir, err := filepath.EvalSymlinks(filepath.Dir(absolute))
	if err != nil {
		return "", err
	}
	return filepath.Join(dir, filepath.Base(absolute)), nil
}

// read returns the highest numbers that the file has seen. Without a file the error
// wraps [fs.ErrNotExist], otherwise [ErrFile]. It needs no lock: the file is replaced
// as a whole.
func (p fenceFile) read() (seen, error) {
	// To open a pipe would wait for its writer.
	info, err := os.Lstat(p.path)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return seen{}, err
	case err != nil:
		return seen{}, unusable(p.path, err)
	case !info.Mode().IsRegular():
		return seen{}, unusable(p.path, fmt.Errorf("it is not a regular file (%s)", info.Mode().Type()))
	}
	if stat, ok := info.Sys().(*syscall.Stat_t); ok && stat.Nlink > 1 {
		return seen{}, unusable(p.path, fmt.Errorf("it has %d names (hard links), each of which would go on alone when it is replaced", stat.Nlink))
	}
	file, err := os.Open(p.path)
	if err != nil {
		return seen{}, unusable(p.path, err)
	}
	defer file.Close()
	line, err := io.ReadAll(io.LimitReader(file, maxBytes+1))
	if err != nil {
		return seen{}, unusable(p.path, err)
	}
	numbers, err := decode(line)
	if err != nil {
		return seen{}, damaged(p.path, err.Error())
	}
	return numbers, nil
}

// raise makes what the file has seen now durable. It is for the holder of the lock on the
// number.
func (p fenceFile) raise(before, now seen) error {
	if before != now {
		if err := p.replace(now); err != nil {
			return unusable(p.path, err)
		}
	}
	// Also where nothing was written: whoever wrote these numbers may have been killed
	// before it came to this, and a power failure would bring lower ones back.
	if err := syncDir(filepath.Dir(p.path)); err != nil {
		return unusable(p.path, err)
	}
	return nil
}

// replace writes a file with these numbers, and puts it in place of the old.
func (p fenceFile) replace(numbers seen) error {
	if err := p.removeLeftovers(); err != nil {
		return err
	}
	file, err := renameio.NewPendingFile(p.path, renameio.WithTempDir(p.locks),
		renameio.WithPermissions(0o600), renameio.WithExistingPermissions())
	if err != nil {
		return err
	}
	// Does nothing after the rename. If it fails, the next number removes the file.
	defer func() { _ = file.Cleanup() }()
	if _, err := file.Write(encode(numbers)); err != nil {
		return err
	}
	return file.CloseAtomicallyReplace()
}

// removeLeftovers removes the files that a crash left half written.
func (p fenceFile) removeLeftovers() error {
	entries, err := os.ReadDir(p.locks)
	if err != nil {
		return err
	}
	for _, entry := range entries {
		digits, ok := strings.CutPrefix(entry.Name(), "."+filepath.Base(p.path))
		if !ok || digits == "" || strings.Trim(digits, "0123456789") != "" {
			continue
		}
		if err := os.Remove(filepath.Join(p.locks, entry.Name())); err != nil {
			return err
		}
	}
	return nil
}

// syncDir puts the names in a directory on stable storage.
func syncDir(dir string) error {
	file, err := os.Open(dir)
	if err != nil {
		return err
	}
	return errors.Join(file.Sync(), file.Close())
}
