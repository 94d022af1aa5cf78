package conch_test

import (
	"errors"
	"strings"
	"testing"
	"time"

	"conch"
	"conch/internal/datadir"
)

// A client that is granted a lock with a lower fence than before returns an error and gives
// the lock back: its list of nodes leads to a cluster that has lost its memory.
func TestClientTellsOfAClusterThatWasSetBack(t *testing.T) {
	addresses := freeAddresses(t, 2)
	ahead := t.TempDir()
	store, err := datadir.Open(ahead, addresses[0], time.Now().Add(24*time.Hour))
	if err != nil {
		t.Fatal(err)
	}
	if err := store.Close(); err != nil {
		t.Fatal(err)
	}
	first := startNode(t, conch.Config{Listen: addresses[0], DataDir: ahead, SessionTTL: conch.MinSessionTTL})
	client := dial(t, addresses...)
	for range 2 {
		hold, err := client.Lock(t.Context(), "job")
		if err != nil {
			t.Fatal(err)
		}
		if err := hold.Unlock(); err != nil {
			t.Fatal(err)
		}
	}
	stopNode(t, first)
	second := startNode(t, conch.Config{Listen: addresses[1], DataDir: t.TempDir(), SessionTTL: conch.MinSessionTTL})
	defer stopNode(t, second)
	if _, err := client.Lock(t.Context(), "job"); !errors.Is(err, conch.ErrStaleFence) || !strings.Contains(err.Error(), "set back") {
		t.Errorf("Lock = %v, want ErrStaleFence, and that the cluster was set back", err)
	}
	for _, lock := range []struct {
		name string
		of   conch.Locker
	}{{"job", second}, {"other", client}} {
		hold, err := lock.of.Lock(t.Context(), lock.name)
		if err != nil {
			t.Errorf("%s: %v", lock.name, err)
			continue
		}
		if err := hold.Unlock(); err != nil {
			t.Error(err)
		}
	}
}
