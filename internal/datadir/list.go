package datadir

import (
	"crypto/rand"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"slices"

	"github.com/gofrs/flock"

	"conch/hosts"
	"conch/token"
)

// listName is the file with the member's disk and with what it knows of the cluster's
// members.
const listName = "list.json"

// List is the list of members that a node has found; see package discovery.
type List struct {
	// Members are sorted; nil while the node has not settled on a list.
	Members []string
	// Over: all members have settled on it, and the node may run.
	Over bool
}

// listFile is the file with what a member knows of the members.
type listFile struct {
	dir    string
	record listRecord // what is on disk
}

func (f *listFile) path() string { return filepath.Join(f.dir, listName) }

// open reads the file, and draws the member's disk if it has none yet. The errors are those
// of [Open].
func (f *listFile) open(member string) error {
	r, err := readList(f.dir, member)
	if err != nil {
		return err
	}
	if f.record = r; r.Disk != (bits{}) {
		return nil
	}
	r.Version, r.Member = listVersion, member
	if _, err := rand.Read(r.Disk[:]); err != nil {
		return fmt.Errorf("draw the member's disk: %w", err)
	}
	return f.write(r)
}

// write puts a record on stable storage.
func (f *listFile) write(r listRecord) error {
	if err := replaceFile(f.path(), encodeList(r)); err != nil {
		return Unusable(f.dir, err)
	}
	f.record = r
	return nil
}

// readList reads the list of a directory; without one, the record is zero.
func readList(dir, member string) (listRecord, error) {
	path := filepath.Join(dir, listName)
	file, err := os.Open(path)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return listRecord{}, nil
	case err != nil:
		return listRecord{}, Unusable(dir, err)
	}
	defer file.Close()
	line, err := io.ReadAll(io.LimitReader(file, maxListBytes+1))
	if err != nil {
		return listRecord{}, Unusable(dir, err)
	}
	r, err := decodeList(line)
	switch {
	case err != nil:
		return listRecord{}, fmt.Errorf("%w %s: %w; do not put an older copy back; if a majority of the other members runs, move the directory away, "+
			"start the node with --join, and run 'conch members replace %s %[4]s' at one of them; "+
			"else stop all nodes of the cluster, move that file of each away, and start them with the same members: they settle on a list anew",
			ErrDamaged, path, err, member)
	case r.Member != member:
		return listRecord{}, fmt.Errorf("%w: %s is %s's, and this node is %s; give it another data directory", ErrForeign, dir, r.Member, member)
	case r.Removed:
		return listRecord{}, removedError(dir, r)
	}
	return r, nil
}

// removedError says how the machine of a removed member comes back.
func removedError(dir string, r listRecord) error {
	at := ""
	if m := r.Membership; m != nil && len(m.Members) > 0 {
		at = m.Members[0].Address
	}
	return fmt.Errorf("%w: %s: %s was removed from the cluster, and this directory does not start again; to add the machine as a new member, "+
		"remove the directory or name another, start the node with --join %s, and run 'conch members add %s' there", ErrRemoved, dir, r.Member, at, r.Member)
}

// ReadMembership reads the membership in a member's data directory, nil if there is none
// that is settled. It takes no lock, and makes nothing. The errors are those of [Open].
func ReadMembership(dir, member string) (*token.Membership, error) {
	r, err := readList(dir, member)
	if err != nil {
		return nil, err
	}
	return r.Membership.membership(), nil
}

// ListStore is where a member keeps what it knows of the members while it looks for them,
// held by this process. It is for one goroutine.
type ListStore struct {
	lock *flock.Flock
	file listFile
}

// OpenList takes a data directory to read and write the member's list. It makes the
// directory if there is none, draws the member's disk if it has none, and keeps other
// processes out of it until [ListStore.Close]. The errors are those of [Open].
func OpenList(dir, member string) (*ListStore, error) {
	dir, lock, err := take(dir, member)
	if err != nil {
		return nil, err
	}
	s := &ListStore{lock: lock, file: listFile{dir: dir}}
	if err := s.file.open(member); err != nil {
		return nil, errors.Join(err, s.Close())
	}
	return s, nil
}

// Path is the file's.
func (s *ListStore) Path() string { return s.file.path() }

// List is the list that the node has found, as it is on disk.
func (s *ListStore) List() List {
	return List{Members: slices.Clone(s.file.record.Members), Over: s.file.record.Over}
}

// Membership is the settled membership on disk, nil if there is none.
func (s *ListStore) Membership() *token.Membership { return s.file.record.Membership.membership() }

// Save puts a list on stable storage. It refuses another list than the one that is there,
// with a panic: a node settles once.
func (s *ListStore) Save(list List) error {
	r := s.file.record
	if r.Members != nil && !slices.Equal(r.Members, list.Members) {
		panic("datadir: another list is on disk")
	}
	r.Members, r.Over = list.Members, list.Over
	return s.file.write(r)
}

// Close lets other processes use the directory.
func (s *ListStore) Close() error {
	if err := s.lock.Close(); err != nil {
		return Unusable(s.file.dir, fmt.Errorf("unlock: %w", err))
	}
	return nil
}

// checkAddresses refuses what is not an address in its one form.
func checkAddresses(addresses []string) error {
	for _, a := range addresses {
		if form, err := hosts.ParseAddress(a); err != nil || form != a {
			return fmt.Errorf("%q is not an address in its one form", a)
		}
	}
	return nil
}
