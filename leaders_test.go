package conch_test

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"sync"
	"testing"

	"conch"
)

// observes waits until a channel tells of a leader; terms must not go back.
func observes(t *testing.T, what string, observed <-chan conch.Leader, wanted func(conch.Leader) bool) conch.Leader {
	t.Helper()
	term := uint64(0)
	for l := range observed {
		if l.Term != 0 && l.Term < term {
			t.Fatalf("%v after term %d", l, term)
		}
		term = max(term, l.Term)
		if wanted(l) {
			return l
		}
	}
	t.Fatalf("the channel is closed; want %s", what)
	return conch.Leader{}
}

func says(value string) func(conch.Leader) bool {
	return func(l conch.Leader) bool { return l.Term != 0 && l.Value == value && !l.InDoubt }
}

func nobody(l conch.Leader) bool { return l == conch.Leader{} }

func observe(t *testing.T, locker conch.Locker, name string) <-chan conch.Leader {
	t.Helper()
	observed, err := locker.Observe(t.Context(), name)
	if err != nil {
		t.Fatal(err)
	}
	return observed
}

// Nodes and clients, on a socket and over TCP, lead one after the other, and all observe.
func TestElectLeaderAndObserve(t *testing.T) {
	addresses := freeAddresses(t, 3)
	path := socketPath(t)
	var nodes []*conch.Node
	for i, address := range addresses {
		cfg := conch.Config{Listen: address, Peers: addresses, DataDir: t.TempDir(), SessionTTL: calm}
		if i == 0 {
			cfg.Socket = path
		}
		node := startNode(t, cfg)
		t.Cleanup(func() { stopNode(t, node) })
		nodes = append(nodes, node)
	}
	lockers := []conch.Locker{nodes[0], nodes[1], dial(t, "unix:"+path), dial(t, addresses[2])}
	at := []string{addresses[0], addresses[1], addresses[0], addresses[2]}
	var all []<-chan conch.Leader
	for _, locker := range lockers {
		if l, err := locker.Leader(t.Context(), "db"); !errors.Is(err, conch.ErrNoLeader) {
			t.Errorf("%T: Leader = %v, %v; want ErrNoLeader", locker, l, err)
		}
		observed := observe(t, locker, "db")
		observes(t, "nobody", observed, nobody)
		all = append(all, observed)
	}
	last := uint64(0)
	failed := errors.New("the work failed")
	for i, locker := range lockers {
		first, second := fmt.Sprintf("%d: primary", i), fmt.Sprintf("%d: warm", i)
		err := locker.Elect(t.Context(), "db", first, func(ctx context.Context, term conch.Hold) error {
			if term.Fence() <= last {
				t.Errorf("term %d after %d", term.Fence(), last)
			}
			last = term.Fence()
			for _, observed := range all {
				l := observes(t, first, observed, says(first))
				if want := (conch.Leader{Term: term.Fence(), Value: first, Node: at[i]}); l != want {
					t.Errorf("observed %v; want %v", l, want)
				}
			}
			for _, other := range lockers {
				if l, err := other.Leader(ctx, "db"); err != nil || l.Term != term.Fence() || l.Value != first {
					t.Errorf("%T: Leader = %v, %v; want term %d", other, l, err, term.Fence())
				}
			}
			if err := term.Say(ctx, second); err != nil {
				t.Error(err)
			}
			for _, observed := range all {
				observes(t, second, observed, says(second))
			}
			return failed
		})
		if !errors.Is(err, failed) {
			t.Errorf("Elect = %v; want what the function returned", err)
		}
		for _, observed := range all {
			observes(t, "nobody", observed, nobody)
		}
	}
}

func TestElectionsThatFail(t *testing.T) {
	node := startNode(t, conch.Config{Listen: freeAddresses(t, 1)[0], DataDir: t.TempDir(), SessionTTL: calm})
	defer stopNode(t, node)
	client := dial(t, node.Address())
	ctx := t.Context()
	never := func(context.Context, conch.Hold) error { t.Error("the function was called"); return nil }
	for _, locker := range []conch.Locker{node, client} {
		for _, value := range []string{strings.Repeat("x", conch.MaxValueBytes+1), "\xff"} {
			if err := locker.Elect(ctx, "db", value, never); !errors.Is(err, conch.ErrValue) {
				t.Errorf("%T: Elect with %.5q = %v; want ErrValue", locker, value, err)
			}
		}
		if err := locker.Elect(ctx, "", "x", never); !errors.Is(err, conch.ErrName) {
			t.Errorf("%T: Elect without a name = %v; want ErrName", locker, err)
		}
		if _, err := locker.Leader(ctx, ""); !errors.Is(err, conch.ErrName) {
			t.Errorf("%T: Leader without a name = %v; want ErrName", locker, err)
		}
		if _, err := locker.Observe(ctx, ""); !errors.Is(err, conch.ErrName) {
			t.Errorf("%T: Observe without a name = %v; want ErrName", locker, err)
		}
		reader := held(t)(locker.RLock(ctx, "db"))
		if err := reader.Say(ctx, "x"); err == nil {
			t.Errorf("%T: a reader says a value", locker)
		}
		unlock(t, reader)
		hold := held(t)(locker.Lock(ctx, "db"))
		unlock(t, hold)
		if err := hold.Say(ctx, "x"); !errors.Is(err, conch.ErrUnlocked) {
			t.Errorf("%T: Say after Unlock = %v; want ErrUnlocked", locker, err)
		}
		// A leader may resign.
		if err := locker.Elect(ctx, "db", "", func(ctx context.Context, term conch.Hold) error {
			if l, err := locker.Leader(ctx, "db"); err != nil || l.Value != "" || l.Term != term.Fence() {
				t.Errorf("%T: Leader = %v, %v; want term %d without a value", locker, l, err, term.Fence())
			}
			return term.Unlock()
		}); err != nil {
			t.Errorf("%T: Elect of one who resigns = %v", locker, err)
		}
	}
	if err := (conch.Hold{}).Say(ctx, "x"); !errors.Is(err, conch.ErrNotHeld) {
		t.Errorf("Say of the zero hold = %v; want ErrNotHeld", err)
	}
	closeClient(t, client)
	if _, err := client.Leader(ctx, "db"); !errors.Is(err, conch.ErrStopped) {
		t.Errorf("Leader of a closed client = %v; want ErrStopped", err)
	}
}

// Terms follow each other under load, and values change in each. Whoever observes sees terms
// rise, and of each term the values in their order.
func TestValuesChangeUnderLoad(t *testing.T) {
	nodes := steady(t, 3)
	var lockers []conch.Locker
	for _, node := range nodes {
		lockers = append(lockers, node, dial(t, node.Address()))
	}
	ctx, cancel := context.WithCancel(t.Context())
	var observers, leaders sync.WaitGroup
	for _, locker := range lockers {
		observed, err := locker.Observe(ctx, "db")
		if err != nil {
			t.Fatal(err)
		}
		observers.Go(func() {
			var term uint64
			value := -1
			for l := range observed {
				if l.Term == 0 {
					continue
				}
				var n int
				if _, err := fmt.Sscan(l.Value, &n); err != nil || l.Term < term || l.Term == term && n < value {
					t.Errorf("observed %v after value %d of term %d (%v)", l, value, term, err)
				}
				term, value = l.Term, n
			}
		})
	}
	const terms, values = 10, 20
	for _, locker := range lockers {
		leaders.Go(func() {
			for range terms {
				if err := locker.Elect(ctx, "db", "0", func(ctx context.Context, term conch.Hold) error {
					for n := range values {
						if err := term.Say(ctx, fmt.Sprint(n+1)); err != nil {
							return err
						}
					}
					return nil
				}); err != nil {
					t.Error(err)
				}
			}
		})
	}
	leaders.Wait()
	for _, locker := range lockers {
		await(t, "nobody leads", func() bool {
			_, err := locker.Leader(ctx, "db")
			return errors.Is(err, conch.ErrNoLeader)
		})
	}
	cancel()
	observers.Wait()
}

// A client observes at one of its nodes. When that stops, it goes on at the next.
func TestObserverMovesToAnotherNode(t *testing.T) {
	addresses := freeAddresses(t, 3)
	var nodes []*conch.Node
	for _, address := range addresses {
		nodes = append(nodes, startNode(t, conch.Config{Listen: address, Peers: addresses, DataDir: t.TempDir(), SessionTTL: calm}))
	}
	defer stopNode(t, nodes[1])
	defer stopNode(t, nodes[2])
	client := dial(t, addresses[0], addresses[1])
	observed := observe(t, client, "db")
	leader := dial(t, addresses[2])
	hold := held(t)(leader.Lock(t.Context(), "db"))
	if err := hold.Say(t.Context(), "one"); err != nil {
		t.Fatal(err)
	}
	observes(t, "one", observed, says("one"))
	stopNode(t, nodes[0])
	if err := hold.Say(t.Context(), "two"); err != nil {
		t.Fatal(err)
	}
	observes(t, "two", observed, says("two"))
	unlock(t, hold)
	observes(t, "nobody", observed, nobody)
}

// A client knows the other members from its node, and goes on observing there.
func TestObserverGoesOnAtAnotherNode(t *testing.T) {
	addresses := freeAddresses(t, 3)
	var nodes []*conch.Node
	for _, address := range addresses {
		nodes = append(nodes, startNode(t, conch.Config{Listen: address, Peers: addresses, DataDir: t.TempDir(), SessionTTL: calm}))
	}
	defer stopNode(t, nodes[1])
	defer stopNode(t, nodes[2])
	client := dial(t, addresses[0])
	observed := observe(t, client, "db")
	hold := held(t)(nodes[2].Lock(t.Context(), "db"))
	if err := hold.Say(t.Context(), "here"); err != nil {
		t.Fatal(err)
	}
	observes(t, "here", observed, says("here"))
	stopNode(t, nodes[0])
	unlock(t, hold)
	observes(t, "nobody", observed, nobody)
	if err := client.Close(); err != nil {
		t.Error(err)
	}
	for l := range observed { // it is closed
		t.Errorf("after the end: %v", l)
	}
}
