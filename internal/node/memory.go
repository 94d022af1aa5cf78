package node

import (
	"fmt"
	"time"

	"conch/broadcast"
	"conch/internal/datadir"
)

// memory is what a node knows of its earlier processes, and where it keeps what the next
// one must know.
type memory struct {
	session   uint64 // above those of all earlier processes
	floor     uint64 // not below any ballot number that they promised
	store     broadcast.Store
	storeName string // store in words, for the log; empty without one
	// plausible returns the highest ballot number that is plausible now.
	plausible func() uint64
	// encumbered: clients of an earlier process may still hold locks.
	encumbered bool
	// setClients notes for the next process whether clients may hold locks when this one is
	// gone.
	setClients func(bool) error
	close      func() error
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
			setClients: func(bool) error { return nil },
			close:      func() error { return nil },
		}, nil
	}
	store, err := datadir.Open(dir, member, now)
	if err != nil {
		return memory{}, err
	}
	state := store.State()
	return memory{
		session: state.Session, floor: state.Promised, plausible: plausible(state.Promised), encumbered: state.Clients, store: store,
		storeName:  "the data directory " + store.Dir(),
		setClients: store.SetClients,
		close:      store.Close,
	}, nil
}

func plausible(floor uint64) func() uint64 {
	return func() uint64 { return datadir.Plausible(time.Now(), floor) }
}
