package rules

import (
	"os"
	"sync"
	"time"
)

// checkInterval is the least time between two checks of a file of rules.
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
	// found are the changes that changed is still to be told of: nil, or what is wrong.
	// telling: a call of tell is under way.
	found   []error
	telling bool
}

// Open reads a file of rules; the errors are those of [Load]. changed is called for each
// change of the file, one at a time and in order: with nil if the new rules hold, else with
// what is wrong; the rules then stay as they were. It may call the File's methods.
func Open(path string, changed func(error)) (*File, error) {
	f := &File{path: path, changed: changed, checked: time.Now()}
	// Stat before Load: a change in between is then seen later.
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
	rules := f.rules
	f.tell()
	return rules
}

// reload reads the file if it has changed. The caller has the lock.
func (f *File) reload() {
	seen, err := os.Stat(f.path)
	if err != nil {
		if f.seen != nil {
			f.found = append(f.found, err)
		}
		f.seen = nil
		return
	}
	if f.seen != nil && os.SameFile(seen, f.seen) && seen.ModTime().Equal(f.seen.ModTime()) && seen.Size() == f.seen.Size() {
		return
	}
	f.seen = seen
	rules, err := Load(f.path)
	f.found = append(f.found, err)
	if err == nil {
		f.rules = rules
	}
}

// tell calls changed for each change that was found, one at a time and in order, and without
// the lock: changed may ask for the rules. A change found meanwhile, by changed itself or by
// another goroutine, is told by the call that is under way. The caller has the lock.
func (f *File) tell() {
	if f.telling {
		return
	}
	f.telling = true
	defer func() { f.telling = false }()
	for len(f.found) > 0 {
		err := f.found[0]
		f.found = f.found[1:]
		f.tellOne(err)
	}
}

func (f *File) tellOne(err error) {
	f.mu.Unlock()
	defer f.mu.Lock()
	f.changed(err)
}
