package node

import (
	"context"
	"errors"
	"net"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"google.golang.org/grpc"

	"conch/broadcast"
	"conch/internal/datadir"
	"conch/internal/discovery"
	peerv1 "conch/proto/conch/peer/v1"
	"conch/token"
)

// patience bounds what these tests wait for.
const patience = 40 * time.Second

// home is a node's address and data directory.
func home(t testing.TB) Config {
	t.Helper()
	return Config{Listen: freeAddress(t), DataDir: filepath.Join(t.TempDir(), "data"), SessionTTL: MinSessionTTL}
}

func run(t testing.TB, cfg Config) *Node {
	t.Helper()
	n, err := Start(t.Context(), cfg)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = n.Stop(context.WithoutCancel(t.Context())) })
	return n
}

// single runs a cluster of one, until its list is settled and it is in a session.
func single(t *testing.T) *Node {
	t.Helper()
	n := run(t, home(t))
	until(t, "a session", func() bool { l, _ := n.driver.Lease(); return l.Session != 0 })
	return n
}

func until(t testing.TB, what string, met func() bool) {
	t.Helper()
	ticker := time.NewTicker(5 * time.Millisecond)
	defer ticker.Stop()
	for deadline := time.Now().Add(patience); !met(); <-ticker.C {
		if time.Now().After(deadline) {
			t.Fatalf("no %s within %v", what, patience)
		}
	}
}

// joined is what came of a Join.
type joined struct {
	standing Standing
	err      error
}

// join waits until the node of a configuration is a member. The reports come through the
// second channel; those that nobody takes are lost.
func join(ctx context.Context, cfg Config, at ...string) (<-chan joined, <-chan discovery.Report) {
	done, reports := make(chan joined, 1), make(chan discovery.Report, 100)
	go func() {
		standing, err := Join(ctx, cfg, Joining{At: at, Tell: func(r discovery.Report) {
			select {
			case reports <- r:
			default:
			}
		}})
		done <- joined{standing, err}
	}()
	return done, reports
}

func awaitReport(t *testing.T, reports <-chan discovery.Report, says string) {
	t.Helper()
	for timeout := time.After(patience); ; {
		select {
		case r := <-reports:
			if strings.Contains(r.Text, says) {
				return
			}
		case <-timeout:
			t.Fatalf("no report says %q within %v", says, patience)
		}
	}
}

// change has a node change the members, once it may.
func change(t testing.TB, n *Node, add, remove []string) {
	t.Helper()
	var request token.ChangeRequest
	for _, address := range add {
		shown, err := n.driver.ShowNode(t.Context(), address)
		if err != nil || shown.Stage != peerv1.Stage_STAGE_JOINING {
			t.Fatalf("%s shows %+v, %v; want that it waits to be added", address, shown, err)
		}
		request.Add = append(request.Add, token.Listed{Address: address, Disk: shown.Disk})
	}
	until(t, "change", func() bool {
		status, err := n.driver.Membership(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		m := status.View.Membership
		list := m.Members
		if m.Joint() {
			list = m.Next
		}
		request.Remove = nil
		changed := true
		for _, l := range list {
			if slices.Contains(remove, l.Address) {
				request.Remove = append(request.Remove, l.ID)
				changed = false
			}
		}
		for _, l := range request.Add {
			changed = changed && m.Find(l.Address, l.Disk) != token.NoMember
		}
		if changed {
			return true
		}
		_, err = n.driver.Change(t.Context(), request, broadcast.Caller{})
		if err != nil && !errors.Is(err, token.ErrMembership) && !errors.Is(err, broadcast.ErrNotChosen) {
			t.Fatal(err)
		}
		return err == nil
	})
}

func awaitJoined(t testing.TB, done <-chan joined) joined {
	t.Helper()
	select {
	case j := <-done:
		return j
	case <-time.After(patience):
		t.Fatalf("not added within %v", patience)
		return joined{}
	}
}

// TestJoin lets a cluster of one grow to two, and takes its first member away again.
func TestJoin(t *testing.T) {
	a, cfg := single(t), home(t)
	done, reports := join(t.Context(), cfg, a.Address())
	awaitReport(t, reports, "conch members add "+cfg.Listen)
	change(t, a, []string{cfg.Listen}, nil)
	j := awaitJoined(t, done)
	want := []string{a.Address(), cfg.Listen}
	slices.Sort(want)
	if j.err != nil || !j.standing.Joined || !slices.Equal(j.standing.Members(), want) {
		t.Fatalf("Join = %+v, %v; want the members %v", j.standing, j.err, want)
	}
	b := run(t, cfg)
	if b.memory.encumbered || b.memory.fresh {
		t.Errorf("the new member is encumbered: %t, and fresh: %t", b.memory.encumbered, b.memory.fresh)
	}
	members := func(n *Node, version uint64) func() bool {
		return func() bool {
			s, err := n.driver.Membership(t.Context())
			return err == nil && s.View.Membership.Version == version
		}
	}
	until(t, "joining", members(b, 2))
	if got := b.Members(); !slices.Equal(slices.Sorted(slices.Values(got)), want) {
		t.Errorf("the members are %v, want %v", got, want)
	}
	change(t, b, nil, []string{a.Address()})
	until(t, "removal", members(b, 4))
	if got := b.Members(); !slices.Equal(got, []string{cfg.Listen}) {
		t.Errorf("the members are %v", got)
	}
	select {
	case <-a.Done():
	case <-time.After(patience):
		t.Fatalf("the removed node runs after %v", patience)
	}
	if !errors.Is(a.Err(), ErrRemoved) {
		t.Errorf("the removed node ended with %v", a.Err())
	}
	if err := a.Stop(t.Context()); err != nil {
		t.Error(err)
	}
	_, err := Start(t.Context(), Config{Listen: a.Address(), DataDir: a.memory.dir})
	if !errors.Is(err, datadir.ErrRemoved) || !strings.Contains(err.Error(), "--join "+cfg.Listen) {
		t.Errorf("started again: %v", err)
	}
}

// TestASilentNodeDoesNotHoldUpJoining: a node is added while one that it asks never answers.
func TestASilentNodeDoesNotHoldUpJoining(t *testing.T) {
	silent, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	server := grpc.NewServer(grpc.UnknownServiceHandler(func(_ any, call grpc.ServerStream) error {
		<-call.Context().Done()
		return nil
	}))
	go func() { _ = server.Serve(silent) }() // until it is stopped
	defer server.Stop()
	a, cfg := single(t), home(t)
	c, err := newCandidate(cfg, Joining{At: []string{a.Address(), silent.Addr().String()}, Tell: func(discovery.Report) {}})
	if err != nil {
		t.Fatal(err)
	}
	c.patience = time.Hour
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	done := make(chan joined, 1)
	go func() {
		standing, err := c.wait(ctx)
		done <- joined{standing, errors.Join(err, c.store.Close())}
	}()
	until(t, "node that waits to be added", func() bool {
		shown, err := a.driver.ShowNode(t.Context(), cfg.Listen)
		return err == nil && shown.Stage == peerv1.Stage_STAGE_JOINING
	})
	change(t, a, []string{cfg.Listen}, nil)
	if j := awaitJoined(t, done); j.err != nil || !j.standing.Joined {
		t.Errorf("Join = %+v, %v", j.standing, j.err)
	}
}

// A member that joins again with its directory does not wait.
func TestAMemberDoesNotJoin(t *testing.T) {
	a := single(t)
	dir, address := a.memory.dir, a.Address()
	if err := a.Stop(t.Context()); err != nil {
		t.Fatal(err)
	}
	standing, err := Join(t.Context(), Config{Listen: address, DataDir: dir}, Joining{At: []string{freeAddress(t)}})
	if err != nil || standing.Joined || !slices.Equal(standing.Members(), []string{address}) {
		t.Errorf("Join = %+v, %v; want the membership on disk", standing, err)
	}
}

func TestJoinRefuses(t *testing.T) {
	if _, err := Join(t.Context(), Config{Listen: freeAddress(t)}, Joining{}); !errors.Is(err, ErrNoDataDir) {
		t.Errorf("without a data directory: %v", err)
	}
	a, b, cfg := single(t), single(t), home(t)
	var mixed *discovery.MixedError
	if _, err := Join(t.Context(), cfg, Joining{At: []string{a.Address(), b.Address()}}); !errors.As(err, &mixed) {
		t.Errorf("at two clusters: %v", err)
	}
	// A directory that was used before disks were known.
	store, err := datadir.Open(cfg.DataDir, cfg.Listen, time.Now())
	if err != nil {
		t.Fatal(err)
	}
	if err := errors.Join(store.Save(0, store.State().Promised+1), store.Close()); err != nil {
		t.Fatal(err)
	}
	if _, err := Join(t.Context(), cfg, Joining{At: []string{a.Address()}}); !errors.Is(err, ErrUsed) {
		t.Errorf("with a used directory: %v", err)
	}
}

func TestJoinEndsWithItsContext(t *testing.T) {
	ctx, cancel := context.WithCancelCause(t.Context())
	cfg := home(t)
	done, reports := join(ctx, cfg, freeAddress(t))
	awaitReport(t, reports, "no member has answered yet")
	cause := errors.New("enough")
	cancel(cause)
	if j := awaitJoined(t, done); !errors.Is(j.err, cause) {
		t.Errorf("Join = %v, want %v", j.err, cause)
	}
	// The directory is as new as before.
	done, reports = join(t.Context(), cfg, freeAddress(t))
	awaitReport(t, reports, "no member has answered yet")
	_ = done
}

// A machine that has lost its disk, and begins as it always did, is told so, and waits.
func TestLearnWaitsWithALostDisk(t *testing.T) {
	a := single(t)
	cfg := home(t)
	ctx, cancel := context.WithCancel(t.Context())
	done, reports := join(ctx, cfg, a.Address())
	awaitReport(t, reports, "conch members add")
	change(t, a, []string{cfg.Listen}, nil)
	if j := awaitJoined(t, done); j.err != nil {
		t.Fatal(j.err)
	}
	b := run(t, cfg)
	until(t, "joining", func() bool {
		s, err := b.driver.Membership(t.Context())
		return err == nil && s.View.Membership.Version == 2
	})
	if err := b.Stop(t.Context()); err != nil {
		t.Fatal(err)
	}
	if err := os.RemoveAll(cfg.DataDir); err != nil {
		t.Fatal(err)
	}
	cfg.Peers = []string{a.Address()}
	learnt, told := make(chan error, 1), make(chan discovery.Report, 100)
	go func() {
		_, err := Learn(ctx, cfg, Joining{At: cfg.Peers, Tell: func(r discovery.Report) { told <- r }})
		learnt <- err
	}()
	awaitReport(t, told, "conch members replace "+cfg.Listen+" "+cfg.Listen)
	cancel()
	if err := <-learnt; !errors.Is(err, context.Canceled) {
		t.Errorf("Learn = %v", err)
	}
}

// A node whose directory lags behind learns from a node that it is told of.
func TestLearnTakesALaterMembership(t *testing.T) {
	a, cfg := single(t), home(t)
	// As if it had been a member once, and had missed what came then.
	store, err := datadir.Open(cfg.DataDir, cfg.Listen, time.Now())
	if err != nil {
		t.Fatal(err)
	}
	status, err := a.driver.Membership(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	older := *status.View.Membership
	older.Members = []token.Listed{{Address: cfg.Listen, Disk: store.Disk()}}
	if err := errors.Join(store.SaveMembership(&older, nil), store.Close()); err != nil {
		t.Fatal(err)
	}
	standing, err := Learn(t.Context(), cfg, Joining{At: []string{a.Address()}})
	if err != nil || standing.Joined || !slices.Equal(standing.Members(), []string{cfg.Listen}) {
		t.Errorf("Learn = %+v, %v; want what is on disk, since nothing later is known", standing, err)
	}
	older.Cluster = token.Cluster{1}
	if store, err = datadir.Open(cfg.DataDir, cfg.Listen, time.Now()); err != nil {
		t.Fatal(err)
	}
	if err := errors.Join(store.SaveMembership(&older, nil), store.Close()); err != nil {
		t.Fatal(err)
	}
	var mixed *discovery.MixedError
	if _, err := Learn(t.Context(), cfg, Joining{At: []string{a.Address()}}); !errors.As(err, &mixed) {
		t.Errorf("Learn = %v, want that the clusters differ", err)
	}
}
