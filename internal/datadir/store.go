package datadir

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"sync"
	"time"

	"github.com/gofrs/flock"

	"conch/hosts"
	"conch/token"
)

// lockName is the file whose lock keeps a second process out. It stays when the lock
// is given back: if it were removed, two processes could hold locks on two files of
// that name.
const lockName = "lock"

// Store is the data directory of one member, held by this process. Its methods are
// safe for concurrent use.
type Store struct {
	dir   string
	lock  *flock.Flock
	found bool   // the mark that earlier processes had left
	floor uint64 // where ballot numbers would begin without what is on disk; 0 for a wrong clock

	mu     sync.Mutex // held while a file is written
	record record     // what is on disk, unless failed is set
	list   listFile   // likewise
	failed error      // what every later change returns
}

// Open takes the data directory dir for member, an address as [hosts.ParseAddress]
// returns it. It makes the directory, for this user only, if there is none, and keeps
// other processes out of it until [Store.Close]. Where there is no state yet, the
// numbers begin at now, the wall clock, as [Volatile] has them. Where there is, they go
// on from it, or from the clock if that is higher.
//
// Open raises the session number: the one in [Store.State] is new, and on stable
// storage. It draws the member's disk if the directory has none yet.
//
// The errors wrap [ErrInUse], [ErrForeign], [ErrDamaged], [ErrRemoved], [ErrUnusable],
// [ErrClock], or [hosts.ErrAddress].
func Open(dir, member string, now time.Time) (*Store, error) {
	dir, lock, err := take(dir, member)
	if err != nil {
		return nil, err
	}
	s := &Store{dir: dir, lock: lock, list: listFile{dir: dir}}
	err = s.begin(member, now)
	if err == nil {
		err = s.list.open(member)
	}
	if err != nil {
		return nil, errors.Join(err, s.Close())
	}
	return s, nil
}

// take makes a member's directory if there is none, and keeps other processes out of it. It
// returns the directory's absolute path.
func take(dir, member string) (string, *flock.Flock, error) {
	if err := checkMember(member); err != nil {
		return "", nil, err
	}
	dir, err := filepath.Abs(dir)
	if err != nil {
		return "", nil, Unusable(dir, err)
	}
	// Before anything is made or changed.
	if _, err := readList(dir, member); err != nil {
		return "", nil, err
	}
	if err := makeDir(dir); err != nil {
		return "", nil, Unusable(dir, err)
	}
	lock, err := takeLock(dir)
	return dir, lock, err
}

// takeLock keeps other processes out of a directory.
func takeLock(dir string) (*flock.Flock, error) {
	lock := flock.New(filepath.Join(dir, lockName), flock.SetPermissions(0o600))
	held, err := lock.TryLock()
	switch {
	case err != nil:
		return nil, Unusable(dir, fmt.Errorf("lock: %w", err))
	case !held:
		return nil, fmt.Errorf("%w: %s: another conch node runs with it; stop that one, or give this one another data directory",
			ErrInUse, dir)
	}
	return lock, nil
}

// begin finds out where the numbers stand, and takes the next session's.
func (s *Store) begin(member string, now time.Time) error {
	path := filepath.Join(s.dir, stateName)
	line, err := readState(path)
	if errors.Is(err, fs.ErrNotExist) {
		session, floor, err := Volatile(now)
		if err != nil {
			return fmt.Errorf("%s is new, and its numbers begin at the wall clock: %w", s.dir, err)
		}
		// A directory that was removed looks like a new one: whoever had it may have left
		// clients behind.
		s.record, s.found = record{Version: formatVersion, Member: member, Clients: true, New: true}, true
		return s.Save(session, floor)
	}
	if err != nil {
		return Unusable(s.dir, err)
	}
	r, err := decode(line)
	if err != nil {
		return damaged(path, err.Error())
	}
	if r.Member != member {
		return fmt.Errorf("%w: %s is %s's, and this node is %s; give it another data directory",
			ErrForeign, s.dir, r.Member, member)
	}
	s.record, s.found = r, r.Clients
	next := r.Session + 1
	if session, floor, err := Volatile(now); err == nil {
		// What is on disk may be an older copy. The floor is not saved, since nothing was
		// promised: where the clock is wrong, it goes with this process.
		next, s.floor = max(next, session), floor
	}
	return s.Save(next, r.Promised)
}

// readState reads a state file, or as much of it as is needed to see that it is too
// long.
func readState(path string) ([]byte, error) {
	// To open a pipe would wait for its writer.
	switch info, err := os.Lstat(path); {
	case err != nil:
		return nil, err
	case !info.Mode().IsRegular():
		return nil, fmt.Errorf("%s is not a regular file (%s)", path, info.Mode().Type())
	}
	file, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	defer file.Close()
	return io.ReadAll(io.LimitReader(file, maxStateBytes+1))
}

// Dir returns the directory's path, which is absolute.
func (s *Store) Dir() string { return s.dir }

// State returns the numbers that are on disk, or those of the clock at [Open] where they
// are higher, and the mark that Open found.
func (s *Store) State() State {
	s.mu.Lock()
	defer s.mu.Unlock()
	return State{
		Session: s.record.Session, Promised: max(s.record.Promised, s.floor), Clients: s.found,
		Fresh: s.record.New && s.list.record.Membership == nil,
	}
}

// Save puts both numbers on stable storage; each stays what it was if that is higher.
// When nothing rises, nothing is written.
//
// After an error, which wraps [ErrUnusable], the old or the new numbers are on disk,
// and every later Save or SetClients returns the same error: the node must not go on.
func (s *Store) Save(session, promised uint64) error {
	return s.change(func(r *record) {
		if r.Session != 0 && promised > max(r.Promised, s.floor) {
			r.New = false // it has promised something
		}
		r.Session = max(r.Session, session)
		r.Promised = max(r.Promised, promised)
	})
}

// SetClients puts on stable storage whether this process may leave clients behind that
// hold locks. True is for before the first of them is granted one. False is for the
// end, when none holds anything; and if [Store.State] told of clients of earlier
// processes, not before a session's time to live has passed since the start. Until then
// the mark stays as it was found.
//
// Errors are those of [Store.Save].
func (s *Store) SetClients(clients bool) error {
	return s.change(func(r *record) { r.Clients = clients })
}

// Disk is the member's disk.
func (s *Store) Disk() token.Disk { return token.Disk(s.list.record.Disk) } // never changes

// Found is the list that the member has found; see package discovery.
func (s *Store) Found() List {
	return List{Members: slices.Clone(s.list.record.Members), Over: s.list.record.Over} // does not change here
}

// Membership returns the newest membership that is on disk, and the member's part in the
// choice of the next; each nil if there is none.
func (s *Store) Membership() (*token.Membership, *token.Choice) {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.list.record.Membership.membership(), s.list.record.Choice.choice()
}

// SaveMembership puts a membership on stable storage, and the member's part in the choice of
// the next, nil if it has none. A membership that is not settled counts as none. After one that
// does not list the member with its disk, nobody can open the directory again: the member is
// removed.
//
// Errors are those of [Store.Save].
func (s *Store) SaveMembership(m *token.Membership, c *token.Choice) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.failed != nil {
		return s.failed
	}
	r := s.list.record
	r.Membership, r.Choice = newMembershipRecord(m), newChoiceRecord(c)
	r.Removed = r.Membership != nil && m.Find(r.Member, token.Disk(r.Disk)) == token.NoMember
	if err := s.list.write(r); err != nil {
		s.failed = err
	}
	return s.failed
}

// change puts a changed record on stable storage.
func (s *Store) change(edit func(*record)) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.failed != nil {
		return s.failed
	}
	next := s.record
	edit(&next)
	if next == s.record {
		return nil
	}
	if err := replaceFile(filepath.Join(s.dir, stateName), encode(next)); err != nil {
		s.failed = Unusable(s.dir, err)
		return s.failed
	}
	s.record = next
	return nil
}

// Close lets other processes use the directory. Later calls do nothing.
func (s *Store) Close() error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if err := s.lock.Close(); err != nil {
		return Unusable(s.dir, fmt.Errorf("unlock: %w", err))
	}
	if s.failed == nil {
		s.failed = fmt.Errorf("%w: %s", ErrClosed, s.dir)
	}
	return nil
}

// checkMember refuses an address that is not in the one form that all nodes use.
func checkMember(member string) error {
	switch form, err := hosts.ParseAddress(member); {
	case err != nil:
		return err
	case form != member:
		return fmt.Errorf("%w %q: want its one form, %q", hosts.ErrAddress, member, form)
	}
	return nil
}
