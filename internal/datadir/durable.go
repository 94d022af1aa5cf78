package datadir

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"

	"github.com/google/renameio/v2"
)

// replaceFile puts data on stable storage under path. A crash leaves the old content
// or the new, whole.
func replaceFile(path string, data []byte) error {
	dir := filepath.Dir(path)
	// Beside the file: a rename from another file system would not be atomic.
	file, err := renameio.NewPendingFile(path, renameio.WithTempDir(dir), renameio.WithPermissions(0o600))
	if err != nil {
		return err
	}
	// Does nothing after the rename. If it fails, the next start removes the file.
	defer func() { _ = file.Cleanup() }()
	if _, err := file.Write(data); err != nil {
		return err
	}
	if err := file.CloseAtomicallyReplace(); err != nil {
		return err
	}
	// renameio syncs the file, not the directory: until that is on stable storage too,
	// a power failure brings the old file back.
	return syncDir(dir)
}

// syncDir puts the names in a directory on stable storage.
func syncDir(dir string) error {
	file, err := os.Open(dir)
	if err != nil {
		return err
	}
	return errors.Join(file.Sync(), file.Close())
}

// makeDir makes a directory, and those above it that are missing, for this user only,
// and puts their names on stable storage.
func makeDir(dir string) error {
	var missing []string
	for d := dir; ; d = filepath.Dir(d) {
		_, err := os.Stat(d)
		if err == nil {
			break
		}
		if !errors.Is(err, fs.ErrNotExist) || d == filepath.Dir(d) {
			return err
		}
		missing = append(missing, d)
	}
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return err
	}
	for _, d := range missing {
		if err := syncDir(filepath.Dir(d)); err != nil {
			return err
		}
	}
	return nil
}
