package rules

import (
	"os"
	"sync"
	"time"
)

// checkInterval is how often a file of rules is looked at, at most.
const checkInterval = time.Second

// File is a file of rules that is read again when it has changed. Its methods are safe
// for concurrent use.
type File struct {
	path    string
	changed func(error)

	mu      sync.Mutex
	rules   *Rules
	seen    os.FileInfo
	checked time.Time
}

// Open reads a file of rules; the errors are those of [Load]. When the file has changed
// changed is called, once for each change: with nil if it was taken up, and if it is
// wrong with what is. The rules then stay as they were.
func Open(path string, changed func(error)) (*File, error) {
	f := &File{path: path, changed: changed, checked: time.Now()}
	// Looked at before it is read: a change in between is then seen later.
	seen, err := os.Stat(path)
	if err != nil {
		return nil, err
	}
	if f.rules, err = Load(path); err != nil {
		return nil, err
	}
	f.seen = seen
	return f, nil
}

// Rules returns the rules as they are in the file, or were a second ago.
func (f *File) Rules() *Rules {
	f.mu.Lock()
	defer f.mu.Unlock()
	if now := time.Now(); now.Sub(f.checked) >= checkInterval {
		f.checked = now
		f.reload()
	}
	return f.rules
}

// reload reads the file if it has changed. The caller has the lock.
func (f *File) reload() {
	seen, err := os.Stat(f.path)
	if err != nil {
		if f.seen != nil {
			f.changed(err)
		}
		f.seen = nil
		return
	}
	if f.seen != nil && os.SameFile(seen, f.seen) && seen.ModTime().Equal(f.seen.ModTime()) && seen.Size() == f.seen.Size() {
		return
	}
	f.seen = seen
	rules, err := Load(f.path)
	if err != nil {
		f.changed(err)
		return
	}
	f.rules = rules
	f.changed(nil)
}
