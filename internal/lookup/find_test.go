package lookup_test

import (
	"context"
	"errors"
	"fmt"
	"net"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"conch/internal/discovery"
	"conch/internal/lookup"
	"conch/internal/node"
)

// patience is how long a condition may take to come true on a busy machine.
const patience = 20 * time.Second

// finder is one node that looks for the others.
type finder struct {
	name string // its host name
	port string
	runs bool // it is to run once it has found them

	done    chan struct{} // closed when it has found them, or failed
	list    []string
	running *node.Node
	err     error

	mu      sync.Mutex
	reports []discovery.Report
}

func (f *finder) self() string { return net.JoinHostPort(f.name, f.port) }

// record is the node's SRV record.
func (f *finder) record() string { return "0 0 " + f.port + " " + f.name + "." }

// newFinders prepares nodes whose names are under conch.test.
func newFinders(t *testing.T, n int) []*finder {
	t.Helper()
	var all []*finder
	var listeners []net.Listener // all at once, so that no port comes twice
	for i := range n {
		listener, err := net.Listen("tcp", "127.0.0.1:0")
		if err != nil {
			t.Fatal(err)
		}
		listeners = append(listeners, listener)
		_, port, err := net.SplitHostPort(listener.Addr().String())
		if err != nil {
			t.Fatal(err)
		}
		all = append(all, &finder{name: fmt.Sprintf("n%d.conch.test", i), port: port, done: make(chan struct{})})
	}
	for _, listener := range listeners {
		_ = listener.Close() // nobody has come
	}
	return all
}

func selves(nodes []*finder) []string {
	var list []string
	for _, f := range nodes {
		list = append(list, f.self())
	}
	slices.Sort(list)
	return list
}

// start lets the node look by SRV records, until it has found the others or the test ends.
func (f *finder) start(ctx context.Context, t *testing.T, listen string, expect int, resolver *net.Resolver, dataDir string) {
	t.Helper()
	spec, err := lookup.Parse("srv:_conch._tcp.conch.test")
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(ctx)
	cfg := node.Config{Listen: net.JoinHostPort(listen, f.port), Advertise: f.self(), DataDir: dataDir}
	finding := node.Finding{
		Source: lookup.OpenDNS(spec, resolver), Expect: expect, Resolver: resolver,
		Tell: func(r discovery.Report) {
			f.mu.Lock()
			defer f.mu.Unlock()
			f.reports = append(f.reports, r)
		},
	}
	go func() {
		defer close(f.done)
		var found node.Found
		found, f.err = node.Find(ctx, cfg, finding)
		if f.list = found.Members; f.err == nil && f.runs {
			cfg.Peers = f.list
			f.running, f.err = node.Start(ctx, cfg)
		}
	}()
	t.Cleanup(func() {
		cancel()
		<-f.done
		if f.running != nil {
			stop(t, f.running)
		}
	})
}

// awaitFound waits until the node knows so many members.
func (f *finder) awaitFound(t *testing.T, n int) {
	t.Helper()
	ticker := time.NewTicker(20 * time.Millisecond)
	defer ticker.Stop()
	for deadline := time.Now().Add(patience); ; <-ticker.C {
		f.mu.Lock()
		last := discovery.Report{}
		if len(f.reports) > 0 {
			last = f.reports[len(f.reports)-1]
		}
		f.mu.Unlock()
		if len(last.Found) == n {
			return
		}
		if time.Now().After(deadline) {
			t.Fatalf("%s still says %q, want %d members", f.name, last.Text, n)
		}
	}
}

// awaitEnd waits until the node has found the others or failed.
func (f *finder) awaitEnd(t *testing.T) {
	t.Helper()
	select {
	case <-f.done:
	case <-time.After(patience):
		t.Fatalf("%s has found nobody after %v", f.name, patience)
	}
}

const srvName = "_conch._tcp.conch.test."

// TestNodesFindEachOtherByNamesThatCome lets records come one after the other, a name later
// than its record, and at another address than it had first.
func TestNodesFindEachOtherByNamesThatCome(t *testing.T) {
	z, resolver := serveZone(t)
	nodes := newFinders(t, 3)
	want := selves(nodes)
	for _, f := range nodes {
		f.runs = true // who looks still may have to hear of the list from a node that runs
	}
	z.set(srvName, "SRV", nodes[0].record(), nodes[1].record())
	z.set("n0.conch.test.", "A", "127.0.0.1")
	z.set("n1.conch.test.", "AAAA", "::1")
	z.set("n1.conch.test.", "A", "127.0.0.9") // where nobody listens: the other family is tried
	nodes[0].start(t.Context(), t, "127.0.0.1", 3, resolver, t.TempDir())
	nodes[1].start(t.Context(), t, "::1", 3, resolver, t.TempDir())
	nodes[0].awaitFound(t, 2)
	nodes[1].awaitFound(t, 2)
	z.set(srvName, "SRV", nodes[1].record(), nodes[2].record()) // and not n0, for once
	nodes[0].awaitFound(t, 3)
	z.set("n2.conch.test.", "A", "127.0.0.9")
	nodes[1].awaitFound(t, 3)
	z.set(srvName, "SRV", nodes[0].record(), nodes[1].record(), nodes[2].record())
	nodes[2].start(t.Context(), t, "127.0.0.1", 3, resolver, "")
	z.set("n2.conch.test.", "A", "127.0.0.1")
	for i, f := range nodes {
		f.awaitEnd(t)
		if f.err != nil || !slices.Equal(f.list, want) {
			t.Errorf("node %d: %v, %v; want %v", i, f.list, f.err, want)
		}
	}
}

// stop stops a node at once.
func stop(t *testing.T, n *node.Node) {
	t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	defer cancel()
	if err := n.Stop(ctx); err != nil {
		t.Error(err)
	}
}

// TestListOutlastsTheProcess starts nodes again while DNS says something else.
func TestListOutlastsTheProcess(t *testing.T) {
	z, resolver := serveZone(t)
	nodes := newFinders(t, 2)
	dirs := []string{t.TempDir(), t.TempDir()}
	z.set(srvName, "SRV", nodes[0].record(), nodes[1].record())
	z.set("n0.conch.test.", "A", "127.0.0.1")
	z.set("n1.conch.test.", "A", "127.0.0.1")
	for i, f := range nodes {
		f.start(t.Context(), t, "127.0.0.1", 2, resolver, dirs[i])
	}
	first := nodes[0] // the other may wait for it to run, which it does not here
	select {
	case <-first.done:
	case <-nodes[1].done:
		first = nodes[1]
	}
	want := selves(nodes)
	if first.err != nil || !slices.Equal(first.list, want) {
		t.Fatalf("got %v, %v; want %v", first.list, first.err, want)
	}
	z.set(srvName, "SRV", "0 0 1 x.test.", "0 0 1 y.test.", "0 0 1 z.test.")
	at := slices.Index(nodes, first)
	again := &finder{name: first.name, port: first.port, done: make(chan struct{})}
	again.start(t.Context(), t, "127.0.0.1", 2, resolver, dirs[at])
	again.awaitEnd(t)
	if again.err != nil || !slices.Equal(again.list, want) {
		t.Errorf("again: %v, %v; want %v", again.list, again.err, want)
	}
	more := &finder{name: first.name, port: first.port, done: make(chan struct{})}
	more.start(t.Context(), t, "127.0.0.1", 3, resolver, dirs[at])
	more.awaitEnd(t)
	if !errors.Is(more.err, node.ErrExpect) || !strings.Contains(more.err.Error(), "list that this node has settled on, with 2 members") {
		t.Errorf("with another number: %v", more.err)
	}
}

// TestNodeFindsThoseThatRun lets a node join others that were told their members, and run:
// so a cluster goes over to discovery one node at a time.
func TestNodeFindsThoseThatRun(t *testing.T) {
	z, resolver := serveZone(t)
	nodes := newFinders(t, 3)
	z.set(srvName, "SRV", nodes[0].record(), nodes[1].record(), nodes[2].record())
	z.set("n0.conch.test.", "A", "127.0.0.1")
	running, err := node.Start(t.Context(), node.Config{
		Listen: net.JoinHostPort("127.0.0.1", nodes[0].port), Advertise: nodes[0].self(), Peers: selves(nodes), DataDir: t.TempDir(),
	})
	if err != nil {
		t.Fatal(err)
	}
	defer stop(t, running)
	nodes[1].start(t.Context(), t, "127.0.0.1", 3, resolver, t.TempDir())
	nodes[1].awaitEnd(t) // although n2 is away
	if nodes[1].err != nil || !slices.Equal(nodes[1].list, selves(nodes)) {
		t.Errorf("got %v, %v; want %v", nodes[1].list, nodes[1].err, selves(nodes))
	}
}

// TestTooManyEndTheSearch checks that a node names all that it found, and says when it is
// not one of them.
func TestTooManyEndTheSearch(t *testing.T) {
	z, resolver := serveZone(t)
	nodes := newFinders(t, 3)
	z.set(srvName, "SRV", nodes[0].record(), nodes[1].record(), nodes[2].record())
	nodes[0].start(t.Context(), t, "127.0.0.1", 2, resolver, "")
	nodes[0].awaitEnd(t)
	var tooMany *discovery.TooManyError
	if !errors.As(nodes[0].err, &tooMany) || !slices.Equal(tooMany.Found, selves(nodes)) || tooMany.Self != "" {
		t.Errorf("got %v, want an error that names %v", nodes[0].err, selves(nodes))
	}
	stranger := &finder{name: "localhost", port: nodes[0].port, done: make(chan struct{})}
	stranger.start(t.Context(), t, "127.0.0.1", 3, resolver, "")
	stranger.awaitEnd(t)
	if !errors.As(stranger.err, &tooMany) || tooMany.Self != stranger.self() {
		t.Errorf("got %v, want an error that says who it is", stranger.err)
	}
}

// TestSearchEndsWithItsContext checks that a node that finds nobody can be stopped, and
// never takes itself for a cluster.
func TestSearchEndsWithItsContext(t *testing.T) {
	_, resolver := serveZone(t)
	f := newFinders(t, 1)[0]
	ctx, cancel := context.WithCancelCause(t.Context())
	f.start(ctx, t, "127.0.0.1", 2, resolver, t.TempDir())
	f.awaitFound(t, 1)
	why := errors.New("told to stop")
	cancel(why)
	f.awaitEnd(t)
	if !errors.Is(f.err, why) || f.list != nil {
		t.Errorf("got %v, %v; want %v", f.list, f.err, why)
	}
}
