package notes

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"runtime"
	"runtime/debug"
	"sync"
	"time"

	bolt "go.etcd.io/bbolt"
	boltErrors "go.etcd.io/bbolt/errors"

	"conch/internal/datadir"
	"conch/token"
)

const (
	fileName = "notes.db"
	// newSuffix ends the name of a file that is being made.
	newSuffix = ".new"
	// lockWait is how long Open waits for another program that has the file open.
	lockWait = 200 * time.Millisecond
)

var (
	headBucket  = []byte("conch")
	notesBucket = []byte("notes")
	runsBucket  = []byte("runs")
	formatKey   = []byte("format")
)

// Store is a member's notes on disk. Its methods are safe for concurrent use; they wait for
// each other.
type Store struct {
	dir string

	mu     sync.Mutex
	db     *bolt.DB // nil while there is no file
	file   *os.File // db's
	runs   int      // entries in the bucket of runs
	failed error    // what every later Put and Delete returns
}

// Open opens the notes of a data directory, whose lock the caller holds. Where there are
// none, nothing is made.
//
// The errors wrap [datadir.ErrUnusable], [datadir.ErrDamaged] or [datadir.ErrForeign].
func Open(dir string) (*Store, error) {
	s := &Store{dir: dir}
	// What a crash left of a file that was being made.
	if err := os.Remove(s.path() + newSuffix); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return nil, datadir.Unusable(dir, err)
	}
	switch info, err := os.Lstat(s.path()); {
	case errors.Is(err, fs.ErrNotExist):
		return s, nil
	case err != nil:
		return nil, datadir.Unusable(dir, err)
	case !info.Mode().IsRegular():
		return nil, datadir.Unusable(dir, fmt.Errorf("%s is not a regular file (%s)", s.path(), info.Mode().Type()))
	case info.Size() < int64(2*os.Getpagesize()):
		return nil, s.damaged(fmt.Errorf("it is cut off: it has %d bytes", info.Size()))
	default:
		if err := s.guard(func() error { return s.checkSize(info.Size()) }); err != nil {
			return nil, err
		}
	}
	if err := s.open(s.path()); err != nil {
		return nil, err
	}
	if err := s.guard(s.checkHead); err != nil {
		return nil, errors.Join(err, s.Close())
	}
	return s, nil
}

func (s *Store) path() string { return filepath.Join(s.dir, fileName) }

// checkSize reads how long the file is to be, and compares. Opened for writing, bbolt would
// read beyond its end.
func (s *Store) checkSize(size int64) error {
	db, err := bolt.Open(s.path(), 0, s.options(&bolt.Options{ReadOnly: true}))
	if err != nil {
		return err
	}
	err = db.View(func(tx *bolt.Tx) error {
		if size < tx.Size() {
			return s.damaged(fmt.Errorf("it is cut off: it has %d bytes of at least %d", size, tx.Size()))
		}
		return nil
	})
	return errors.Join(err, db.Close())
}

// open opens a file, or makes it.
func (s *Store) open(path string) error {
	return s.guard(func() (err error) {
		s.db, err = bolt.Open(path, 0o600, s.options(&bolt.Options{FreelistType: bolt.FreelistMapType}))
		return err
	})
}

// options adds what is common to all ways to open the file.
func (s *Store) options(o *bolt.Options) *bolt.Options {
	o.Timeout, o.NoStatistics = lockWait, true
	o.OpenFile = func(name string, flag int, mode os.FileMode) (file *os.File, err error) {
		s.file, err = os.OpenFile(name, flag, mode)
		return s.file, err
	}
	return o
}

// guard calls f, and explains its error. Where the file is damaged, bbolt panics, or reads
// beyond the file's end. The database cannot be used then.
func (s *Store) guard(f func() error) (err error) {
	defer debug.SetPanicOnFault(debug.SetPanicOnFault(true))
	defer func() {
		if fault := recover(); fault != nil {
			err = s.damaged(panicked(fault))
			// The database's locks may be held, so it cannot be closed; but its file can.
			_ = s.file.Close()
			s.db, s.failed = nil, err
		}
	}()
	return s.explain(f())
}

// panicked says what is wrong with a file at which bbolt panics. What Go says of a read that
// went astray, such as a bad address, says nothing about the file.
func panicked(fault any) error {
	if _, astray := fault.(runtime.Error); astray {
		return errors.New("a page of it refers to what is not there")
	}
	return fmt.Errorf("%v", fault)
}

// explain makes an error of bbolt or the system one for people.
func (s *Store) explain(err error) error {
	switch {
	case err == nil || errors.Is(err, datadir.ErrDamaged) || errors.Is(err, datadir.ErrForeign) || errors.Is(err, datadir.ErrClosed):
		return err
	case errors.Is(err, boltErrors.ErrTimeout):
		return fmt.Errorf("%w: another program has %s open: stop it", datadir.ErrUnusable, s.path())
	case errors.Is(err, boltErrors.ErrInvalid), errors.Is(err, boltErrors.ErrChecksum), errors.Is(err, boltErrors.ErrVersionMismatch):
		return s.damaged(err)
	}
	return datadir.Unusable(s.dir, err)
}

// damaged makes the error for a file that is not to be believed.
func (s *Store) damaged(reason error) error {
	return fmt.Errorf("%w %s: %w; it has the runs and kept holds that this member remembers: put a copy of it back, or that of another "+
		"member which is stopped; or move it away, and the member has forgotten them; then start the node again; a run that is forgotten "+
		"may be repeated, and a kept hold given to somebody else, unless there are other members, and the files of all of them are whole",
		datadir.ErrDamaged, s.path(), reason)
}

// checkHead reads whether the file has notes, and how many runs.
func (s *Store) checkHead() error {
	return s.db.View(func(tx *bolt.Tx) error {
		head := tx.Bucket(headBucket)
		if head == nil {
			return fmt.Errorf("%w: %s is the file of another program: move it away", datadir.ErrForeign, s.path())
		}
		if got := string(head.Get(formatKey)); got != format {
			return s.damaged(fmt.Errorf("got format %q, want %q: run the version of conch that wrote it", got, format))
		}
		runs := tx.Bucket(runsBucket)
		if tx.Bucket(notesBucket) == nil || runs == nil {
			return s.damaged(errors.New("a part of it is missing"))
		}
		return runs.ForEach(func([]byte, []byte) error {
			s.runs++
			return nil
		})
	})
}

// All returns what is remembered, sorted by the locks' names. The errors are those of
// [Open].
func (s *Store) All() ([]token.LockNotes, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.db == nil {
		return nil, s.failed
	}
	var all []token.LockNotes
	err := s.guard(func() error {
		return s.db.View(func(tx *bolt.Tx) error {
			return tx.Bucket(notesBucket).ForEach(func(key, value []byte) error {
				n, err := decodeNotes(key, value)
				if err != nil {
					return s.damaged(fmt.Errorf("the note of lock %q: %w", key, err))
				}
				all = append(all, n)
				return nil
			})
		})
	})
	return all, err
}

// Put remembers notes, each in place of what was remembered of its lock, and returns once
// they are on stable storage: all or none.
//
// After an error, which wraps [datadir.ErrUnusable] or [datadir.ErrDamaged], the old or the
// new notes are on disk, and every later Put or Delete returns the same error: the node must
// not go on.
func (s *Store) Put(batch []token.LockNotes) error {
	return s.change(true, func(tx *bolt.Tx) error {
		notes := tx.Bucket(notesBucket)
		for i := range batch {
			key := []byte(batch[i].Lock)
			if err := notes.Put(key, seal(key, encodeNotes(&batch[i].Notes))); err != nil {
				return err
			}
			if batch[i].Run.Tick == 0 {
				continue
			}
			if err := s.putRun(tx.Bucket(runsBucket), batch[i].Lock, &batch[i].Run); err != nil {
				return err
			}
		}
		return nil
	})
}

// Delete forgets all about locks. Errors are those of [Store.Put].
func (s *Store) Delete(locks []string) error {
	return s.change(false, func(tx *bolt.Tx) error {
		notes := tx.Bucket(notesBucket)
		for _, lock := range locks {
			if err := notes.Delete([]byte(lock)); err != nil {
				return err
			}
			if err := s.deleteRuns(tx.Bucket(runsBucket), lock); err != nil {
				return err
			}
		}
		return nil
	})
}

// change changes the file in one transaction. Where there is no file, it makes one, if it is
// to.
func (s *Store) change(makes bool, f func(*bolt.Tx) error) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	switch {
	case s.failed != nil:
		return s.failed
	case s.db != nil:
		if err := s.guard(func() error { return s.db.Update(f) }); err != nil {
			s.failed = err
		}
	case makes:
		if err := s.create(f); err != nil {
			s.failed = err
		}
	}
	return s.failed
}

// create makes the file with what f puts into it. It has its name only once it is whole.
func (s *Store) create(f func(*bolt.Tx) error) error {
	path := s.path() + newSuffix
	if err := s.open(path); err != nil {
		return errors.Join(err, ignoreMissing(os.Remove(path)))
	}
	err := s.guard(func() error {
		return s.db.Update(func(tx *bolt.Tx) error {
			head, err := tx.CreateBucket(headBucket)
			if err != nil {
				return err
			}
			_, errNotes := tx.CreateBucket(notesBucket)
			_, errRuns := tx.CreateBucket(runsBucket)
			return errors.Join(errNotes, errRuns, head.Put(formatKey, []byte(format)), f(tx))
		})
	})
	if err != nil {
		return errors.Join(err, s.closeFile(), ignoreMissing(os.Remove(path)))
	}
	// bbolt knows the file by its descriptor, so the name can change.
	if err := os.Rename(path, s.path()); err != nil {
		return datadir.Unusable(s.dir, err)
	}
	if err := datadir.SyncDir(s.dir); err != nil {
		return datadir.Unusable(s.dir, err)
	}
	return nil
}

func ignoreMissing(err error) error {
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	return err
}

// closeFile closes the database, if it is open.
func (s *Store) closeFile() error {
	if s.db == nil {
		return nil
	}
	db := s.db
	s.db = nil
	return s.explain(db.Close())
}

// Close closes the file. Later calls do nothing.
func (s *Store) Close() error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.failed == nil {
		s.failed = fmt.Errorf("%w: %s", datadir.ErrClosed, s.path())
	}
	return s.closeFile()
}
