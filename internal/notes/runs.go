package notes

import (
	"bytes"
	"fmt"

	bolt "go.etcd.io/bbolt"

	"conch/token"
)

// The earlier runs of a lock are kept for people: nothing depends on them. Of each lock the
// file has the latest maxRunsOfLock, and of all locks together at most maxRuns. When it has
// that many, a lock's new run takes the place of the lock's oldest; of a lock without
// earlier runs there is then only what its note says.
const (
	maxRunsOfLock = 50
	maxRuns       = 200_000
)

// putRun keeps a run, or what became of it.
func (s *Store) putRun(runs *bolt.Bucket, lock string, run *token.Run) error {
	key := runKey(lock, run.Tick)
	if runs.Get(key) == nil {
		room, err := s.makeRoom(runs, lock, key)
		if err != nil || !room {
			return err
		}
		s.runs++
	}
	return runs.Put(key, seal(key, appendRun(nil, run)))
}

// makeRoom removes the lock's oldest run, if there are as many as there may be. It reports
// false if there is no room for the run with the key.
func (s *Store) makeRoom(runs *bolt.Bucket, lock string, key []byte) (room bool, err error) {
	prefix, own := runPrefix(lock), 0
	c := runs.Cursor()
	for k, _ := c.Seek(prefix); bytes.HasPrefix(k, prefix); k, _ = c.Next() {
		own++
	}
	switch {
	case own < maxRunsOfLock && s.runs < maxRuns:
		return true, nil
	case own == 0:
		return false, nil
	}
	oldest, _ := c.Seek(prefix)
	if bytes.Compare(key, oldest) < 0 {
		return false, nil
	}
	s.runs--
	return true, c.Delete()
}

// deleteRuns forgets the runs of a lock.
func (s *Store) deleteRuns(runs *bolt.Bucket, lock string) error {
	prefix := runPrefix(lock)
	c := runs.Cursor()
	for k, _ := c.Seek(prefix); bytes.HasPrefix(k, prefix); k, _ = c.Seek(prefix) {
		if err := c.Delete(); err != nil {
			return err
		}
		s.runs--
	}
	return nil
}

// Runs returns the latest runs of a lock that are on disk, at most 50, in order of tick: one
// for each tick, with what became of it last. The errors are those of [Open], or wrap
// [datadir.ErrClosed].
func (s *Store) Runs(lock string) ([]token.Run, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.db == nil {
		return nil, s.failed
	}
	var list []token.Run
	err := s.guard(func() error {
		return s.db.View(func(tx *bolt.Tx) error {
			prefix := runPrefix(lock)
			c := tx.Bucket(runsBucket).Cursor()
			for k, v := c.Seek(prefix); bytes.HasPrefix(k, prefix); k, v = c.Next() {
				run, err := decodeRun(k, v)
				if err != nil {
					return s.damaged(fmt.Errorf("a run of lock %q: %w", lock, err))
				}
				list = append(list, run)
			}
			// A lock that had no room for earlier runs has its latest in its note.
			key := []byte(lock)
			if v := tx.Bucket(notesBucket).Get(key); v != nil && len(list) == 0 {
				n, err := decodeNotes(key, v)
				if err != nil {
					return s.damaged(fmt.Errorf("the note of lock %q: %w", lock, err))
				}
				if n.Run.Tick != 0 {
					list = append(list, n.Run)
				}
			}
			return nil
		})
	})
	return list, err
}
