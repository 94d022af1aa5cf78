package lookup

import (
	"net"
	"slices"
	"strings"
	"testing"
	"time"
)

// patience is how long a condition may take to come true on a busy machine.
const patience = 60 * time.Second

// agents reserves free addresses for agents.
func agents(t *testing.T, n int) []string {
	t.Helper()
	var addresses []string
	var listeners []net.Listener // all at once, so that no port comes twice
	for range n {
		listener, err := net.Listen("tcp", "127.0.0.1:0")
		if err != nil {
			t.Fatal(err)
		}
		listeners = append(listeners, listener)
		addresses = append(addresses, listener.Addr().String())
	}
	for _, listener := range listeners {
		_ = listener.Close() // nobody has come
	}
	return addresses
}

// open runs an agent of a node until the test ends.
func open(t *testing.T, listen, self string, key []byte, seeds ...string) Source {
	t.Helper()
	source, err := OpenSerf(Spec{Kind: Serf, Seeds: seeds}, SerfConfig{Listen: listen, Self: self, Key: key})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := source.Close(); err != nil {
			t.Error(err)
		}
	})
	return source
}

// await asks a source until its answer is as a test wants it.
func await(t *testing.T, source Source, is func(found []string, err error) bool) {
	t.Helper()
	ticker := time.NewTicker(50 * time.Millisecond)
	defer ticker.Stop()
	for deadline := time.Now().Add(patience); ; <-ticker.C {
		found, err := source.Find(t.Context())
		if is(found, err) {
			return
		}
		if time.Now().After(deadline) {
			t.Fatalf("after %v the answer is %v, %v", patience, found, err)
		}
	}
}

func finds(want ...string) func([]string, error) bool {
	return func(found []string, err error) bool { return err == nil && slices.Equal(found, want) }
}

// TestSerfAgentsFindEachOther starts agents in any order, the seed last, and lets one go.
func TestSerfAgentsFindEachOther(t *testing.T) {
	at := agents(t, 3)
	a := open(t, at[1], "a.test:1", nil, at[0])
	await(t, a, func(found []string, err error) bool {
		return slices.Equal(found, []string{"a.test:1"}) && err != nil && strings.Contains(err.Error(), "refused")
	})
	b, err := OpenSerf(Spec{Seeds: at[:1]}, SerfConfig{Listen: at[2], Self: "b.test:1"})
	if err != nil {
		t.Fatal(err)
	}
	seed := open(t, at[0], "seed.test:1", nil, at[0])
	for _, source := range []Source{a, b, seed} {
		await(t, source, finds("a.test:1", "b.test:1", "seed.test:1"))
	}
	if err := b.Close(); err != nil {
		t.Error(err)
	}
	await(t, a, finds("a.test:1", "seed.test:1"))
	// It comes back elsewhere, under its name.
	again := open(t, agents(t, 1)[0], "b.test:1", nil, at[0])
	for _, source := range []Source{a, again, seed} {
		await(t, source, finds("a.test:1", "b.test:1", "seed.test:1"))
	}
}

// TestSeedComesBack lets the only seed start again: it knows nobody, and the others know
// each other.
func TestSeedComesBack(t *testing.T) {
	at := agents(t, 3)
	seed, err := OpenSerf(Spec{Seeds: at[:1]}, SerfConfig{Listen: at[0], Self: "seed.test:1"})
	if err != nil {
		t.Fatal(err)
	}
	a := open(t, at[1], "a.test:1", nil, at[0])
	b := open(t, at[2], "b.test:1", nil, at[0])
	for _, source := range []Source{a, b, seed} {
		await(t, source, finds("a.test:1", "b.test:1", "seed.test:1"))
	}
	if err := seed.Close(); err != nil {
		t.Error(err)
	}
	for _, source := range []Source{a, b} {
		await(t, source, finds("a.test:1", "b.test:1"))
	}
	again := open(t, at[0], "seed.test:1", nil, at[0])
	for _, source := range []Source{a, b, again} {
		await(t, source, finds("a.test:1", "b.test:1", "seed.test:1"))
	}
}

// TestSerfKeysDiffer checks that agents with other keys, or none, are told and do not join.
func TestSerfKeysDiffer(t *testing.T) {
	at := agents(t, 4)
	key := []byte(strings.Repeat("a", 32))
	first := open(t, at[0], "a.test:1", key)
	same := open(t, at[1], "b.test:1", key, at[0])
	other := open(t, at[2], "c.test:1", []byte(strings.Repeat("b", 32)), at[0])
	none := open(t, at[3], "d.test:1", nil, at[0])
	for _, source := range []Source{other, none} {
		await(t, source, func(found []string, err error) bool { return len(found) == 1 && err != nil })
	}
	for _, source := range []Source{first, same} {
		await(t, source, func(found []string, _ error) bool { return slices.Equal(found, []string{"a.test:1", "b.test:1"}) })
	}
}

func TestSerfAgentThatCannotListen(t *testing.T) {
	taken, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer taken.Close()
	source, err := OpenSerf(Spec{}, SerfConfig{Listen: taken.Addr().String(), Self: "a.test:1"})
	if err == nil {
		t.Fatalf("got %v", source)
	}
	if !strings.Contains(err.Error(), "serf agent on "+taken.Addr().String()) {
		t.Errorf("got %v", err)
	}
}
