package datadir

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
)

// spareSuffix ends the name of the file that the next content is written to.
const spareSuffix = ".spare"

// replaceFile puts data on stable storage under path. A crash leaves the old content
// or the new, whole.
//
// The data is written over the spare file beside it, and the two exchange their names. So
// a full disk does not matter: neither step takes new space. (A file system that copies on
// each write, or has no exchange of names, may still want some.)
func replaceFile(path string, data []byte) error {
	spare := path + spareSuffix
	if err := overwrite(spare, data); err != nil {
		return err
	}
	exchanged, err := moveOver(spare, path)
	if err != nil {
		return err
	}
	if !exchanged {
		// Best while there is room. Without a spare file the next call makes one.
		_ = overwrite(spare, data)
	}
	return SyncDir(filepath.Dir(path))
}

// overwrite puts data on stable storage in a file, in the space that the file has.
func overwrite(path string, data []byte) error {
	file, err := os.OpenFile(path, os.O_WRONLY|os.O_CREATE, 0o600)
	if err != nil {
		return err
	}
	_, err = file.Write(data)
	if err == nil {
		err = file.Truncate(int64(len(data)))
	}
	if err == nil {
		err = file.Sync()
	}
	return errors.Join(err, file.Close())
}

// moveOver gives the file at from the name to, at once. Where there was a file of that
// name, and the system can do it, that one is now at from.
func moveOver(from, to string) (exchanged bool, err error) {
	if exchange(from, to) == nil {
		return true, nil
	}
	return false, os.Rename(from, to)
}

// SyncDir puts the names in a directory on stable storage.
func SyncDir(dir string) error {
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
		if err := SyncDir(filepath.Dir(d)); err != nil {
			return err
		}
	}
	return nil
}
