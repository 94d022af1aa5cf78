package logfile

import (
	"errors"
	"os"
	"syscall"
)

// isFull reports whether an error says that there is no room for more.
func isFull(err error) bool {
	return errors.Is(err, syscall.ENOSPC) || errors.Is(err, syscall.EDQUOT)
}

// openAppend opens a file for appending and reading, and ends a torn last line.
func openAppend(path string) (*os.File, error) {
	file, err := os.OpenFile(path, os.O_RDWR|os.O_APPEND|os.O_CREATE, 0o644) //nolint:gosec // others may read a log
	if err != nil {
		return nil, err
	}
	if err := endTornLine(file); err != nil {
		return nil, errors.Join(err, file.Close())
	}
	return file, nil
}

func endTornLine(file *os.File) error {
	info, err := file.Stat()
	if err != nil || info.Size() == 0 {
		return err
	}
	var last [1]byte
	if _, err := file.ReadAt(last[:], info.Size()-1); err != nil {
		return err
	}
	if last[0] != '\n' {
		_, err = file.Write([]byte{'\n'})
	}
	return err
}

// syncRegular makes sure that a file's content is on disk, if it is a regular file.
func syncRegular(file *os.File) error {
	info, err := file.Stat()
	if err == nil && info.Mode().IsRegular() {
		err = file.Sync()
	}
	return err
}

// plain is a file that is only ever appended to.
type plain struct {
	path string
	file *os.File // nil if it could not be opened yet
}

func (p *plain) Write(lines []byte) (int, error) {
	if p.file == nil {
		if err := p.reopen(); err != nil {
			return 0, err
		}
	}
	return p.file.Write(lines)
}

func (p *plain) reopen() error {
	opened, err := openAppend(p.path)
	if err != nil {
		return err
	}
	if p.file != nil {
		_ = p.file.Close() // all has been written to it, or reported as missing
	}
	p.file = opened
	return nil
}

func (p *plain) sync() error {
	if p.file == nil {
		return nil
	}
	return syncRegular(p.file)
}

func (p *plain) close() error {
	if p.file == nil {
		return nil
	}
	return p.file.Close()
}
