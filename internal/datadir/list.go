package datadir

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"slices"

	"github.com/gofrs/flock"

	"conch/hosts"
)

// listName is the file with the list of members that a node has found; see package
// discovery. Nodes that are told their members have none.
const listName = "list.json"

// listVersion is raised when an older program would misread what a newer one writes.
const listVersion = 1

// maxListBytes is above the longest line, with [hosts.MaxMembers] of the longest addresses.
const maxListBytes = 1 << 20

// List is the list of members that a node has found.
type List struct {
	// Members are sorted; nil while the node has not settled on a list.
	Members []string
	// Over: all members have settled on it, and the node may run.
	Over bool
}

// listRecord is the file without its checksum.
type listRecord struct {
	Version int      `json:"version"`
	Member  string   `json:"member"` // whose list it is
	Members []string `json:"members"`
	Over    bool     `json:"over"`
}

// ListStore is where a member keeps its list, held by this process. It is for one goroutine.
type ListStore struct {
	dir, member string
	lock        *flock.Flock
	list        List
}

// OpenList takes a data directory to read and write the member's list. It makes the
// directory if there is none, and keeps other processes out of it until
// [ListStore.Close]. The errors are those of [Open].
func OpenList(dir, member string) (*ListStore, error) {
	if err := checkMember(member); err != nil {
		return nil, err
	}
	dir, err := filepath.Abs(dir)
	if err != nil {
		return nil, Unusable(dir, err)
	}
	if err := makeDir(dir); err != nil {
		return nil, Unusable(dir, err)
	}
	lock, err := takeLock(dir)
	if err != nil {
		return nil, err
	}
	s := &ListStore{dir: dir, member: member, lock: lock}
	if s.list, err = s.read(); err != nil {
		return nil, errors.Join(err, s.Close())
	}
	return s, nil
}

// Path is the file's.
func (s *ListStore) Path() string { return filepath.Join(s.dir, listName) }

// List is what is on disk.
func (s *ListStore) List() List {
	return List{Members: slices.Clone(s.list.Members), Over: s.list.Over}
}

// Save puts a list on stable storage. It refuses another list than the one that is there,
// with a panic: a node settles once.
func (s *ListStore) Save(list List) error {
	if s.list.Members != nil && !slices.Equal(s.list.Members, list.Members) {
		panic("datadir: another list is on disk")
	}
	object, err := json.Marshal(listRecord{Version: listVersion, Member: s.member, Members: list.Members, Over: list.Over})
	if err != nil {
		panic(err) // numbers and texts always become JSON
	}
	if err := replaceFile(s.Path(), seal(object[:len(object)-1])); err != nil {
		return Unusable(s.dir, err)
	}
	s.list = list
	return nil
}

// read reads the file.
func (s *ListStore) read() (List, error) {
	file, err := os.Open(s.Path())
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return List{}, nil
	case err != nil:
		return List{}, Unusable(s.dir, err)
	}
	defer file.Close()
	line, err := io.ReadAll(io.LimitReader(file, maxListBytes+1))
	if err != nil {
		return List{}, Unusable(s.dir, err)
	}
	r, err := decodeList(line)
	if err != nil {
		return List{}, fmt.Errorf("%w %s: %w; stop all nodes of the cluster before you remove it: without it, this node may settle on another list than they have",
			ErrDamaged, s.Path(), err)
	}
	if r.Member != s.member {
		return List{}, fmt.Errorf("%w: %s is %s's, and this node is %s; give it another data directory", ErrForeign, s.dir, r.Member, s.member)
	}
	return List{Members: r.Members, Over: r.Over}, nil
}

// decodeList reads what Save wrote. Its errors are the bare reason.
func decodeList(line []byte) (listRecord, error) {
	var r listRecord
	if len(line) < trailerBytes || len(line) > maxListBytes {
		return r, fmt.Errorf("it has %d bytes, want %d to %d", len(line), trailerBytes, maxListBytes)
	}
	object := line[:len(line)-trailerBytes]
	if !bytes.Equal(line, seal(object)) {
		return r, errors.New("it is torn or was changed: its end is not the checksum of the rest")
	}
	if err := json.Unmarshal(append(bytes.Clone(object), '}'), &r); err != nil {
		return r, fmt.Errorf("it is not a list: %w", err)
	}
	switch {
	case r.Version != listVersion:
		return r, fmt.Errorf("got version %d of the format, want %d: run the version of conch that wrote it", r.Version, listVersion)
	case !slices.IsSorted(r.Members) || len(slices.Compact(slices.Clone(r.Members))) != len(r.Members) || !slices.Contains(r.Members, r.Member):
		return r, errors.New("it is not a sorted list with the member itself")
	}
	for _, m := range r.Members {
		if form, err := hosts.ParseAddress(m); err != nil || form != m {
			return r, fmt.Errorf("%q is not an address in its one form", m)
		}
	}
	return r, nil
}

// Close lets other processes use the directory.
func (s *ListStore) Close() error {
	if err := s.lock.Close(); err != nil {
		return Unusable(s.dir, fmt.Errorf("unlock: %w", err))
	}
	return nil
}
