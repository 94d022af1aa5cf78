package node

import (
	"errors"
	"fmt"
	"sync"
	"time"

	"conch/broadcast"
	"conch/internal/datadir"
	"conch/internal/notes"
	"conch/token"
)

// memory is what a node knows of its earlier processes, and where it keeps what the next
// one must know.
type memory struct {
	session   uint64 // above those of all earlier processes
	floor     uint64 // not below any ballot number that they promised
	store     broadcast.Store
	storeName string          // store in words, for the log; empty without one
	notes     broadcast.Notes // nil without a directory
	// plausible returns the highest ballot number that is plausible now.
	plausible func() uint64
	// encumbered: clients of an earlier process may still hold locks. fresh: whether there
	// was one is not known.
	encumbered, fresh bool
	// What the data directory, dir, knows of the members: disk is zero without one, and the
	// others nil if there are none.
	dir            string
	disk           token.Disk
	membership     *token.Membership
	choice         *token.Choice
	saveMembership func(*token.Membership, *token.Choice) error

	clients *clientMark
	close   func() error
}

// clientMark notes for the next process whether clients may hold locks when this one is
// gone.
type clientMark struct {
	mu   sync.Mutex
	used bool // this process may have left clients behind
	save func(bool) error
}

// set is called before the first client is granted a lock.
func (m *clientMark) set() error {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.used = true
	return m.save(true)
}

// waited is called when no client of an earlier process can hold a lock any more. The mark
// stays if this process has clients.
func (m *clientMark) waited() error {
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.used {
		return nil
	}
	return m.save(false)
}

// remove is called at the end, when no client holds a lock.
func (m *clientMark) remove() error {
	m.mu.Lock()
	defer m.mu.Unlock()
	return m.save(false)
}

// remember opens the memory in a directory. Without a directory, numbers begin at the wall
// clock, so that a later process has higher ones.
func remember(dir, member string) (memory, error) {
	now := time.Now()
	if dir == "" {
		session, floor, err := datadir.Volatile(now)
		if err != nil {
			return memory{}, fmt.Errorf("without a data directory: %w", err)
		}
		return memory{
			session: session, floor: floor, plausible: plausible(floor), encumbered: true,
			clients: &clientMark{save: func(bool) error { return nil }},
			close:   func() error { return nil },
		}, nil
	}
	store, err := datadir.Open(dir, member, now)
	if err != nil {
		return memory{}, err
	}
	noted, err := notes.Open(store.Dir())
	if err != nil {
		return memory{}, errors.Join(err, store.Close())
	}
	state := store.State()
	membership, choice := store.Membership()
	return memory{
		session: state.Session, floor: state.Promised, plausible: plausible(state.Promised), encumbered: state.Clients, fresh: state.Fresh, store: store,
		dir: store.Dir(), disk: store.Disk(), membership: membership, choice: choice, saveMembership: store.SaveMembership,
		storeName: "the data directory " + store.Dir(),
		notes:     noted,
		clients:   &clientMark{save: store.SetClients},
		close:     func() error { return errors.Join(noted.Close(), store.Close()) },
	}, nil
}

func plausible(floor uint64) func() uint64 {
	return func() uint64 { return datadir.Plausible(time.Now(), floor) }
}
