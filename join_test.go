package conch_test

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/rs/zerolog"

	"conch"
	"conch/internal/datadir"
)

// starting is a Start under way.
type starting struct {
	cancel context.CancelCauseFunc
	log    lockedBuffer
	done   chan struct{} // closed when Start has returned node and err
	node   *conch.Node
	err    error
}

// begin starts a node that may have to wait.
func begin(t *testing.T, cfg conch.Config) *starting {
	t.Helper()
	ctx, cancel := context.WithCancelCause(t.Context())
	s := &starting{cancel: cancel, done: make(chan struct{})}
	cfg.Log = zerolog.New(&s.log)
	go func() {
		defer close(s.done)
		s.node, s.err = conch.Start(ctx, cfg)
	}()
	t.Cleanup(func() {
		cancel(nil)
		if <-s.done; s.node != nil {
			_ = s.node.Stop(context.Background()) // tests that want its error stop it themselves
		}
	})
	return s
}

// awaitWaiting waits until the log says what the node waits for.
func (s *starting) awaitWaiting(t *testing.T, says string) {
	t.Helper()
	await(t, "waiting, with "+says, func() bool {
		return slices.ContainsFunc(strings.Split(s.log.String(), "\n"), func(line string) bool {
			return strings.Contains(line, `"event":"members_awaited"`) && strings.Contains(line, says)
		})
	})
	select {
	case <-s.done:
		t.Fatalf("Start returned %v, %v; want it to wait", s.node, s.err)
	default:
	}
}

// running returns the node when it runs.
func (s *starting) running(t *testing.T) *conch.Node {
	t.Helper()
	await(t, "started", func() bool {
		select {
		case <-s.done:
			return true
		default:
			return false
		}
	})
	if s.err != nil {
		t.Fatal(s.err)
	}
	return s.node
}

// changed has a client change the members, once the node that it asks is in a session.
func changed(t *testing.T, client *conch.Client, change conch.Change) {
	t.Helper()
	await(t, "in a session", func() bool {
		_, err := client.ChangeMembers(t.Context(), change)
		if err != nil && !strings.Contains(err.Error(), "this node has no session") {
			t.Fatal(err)
		}
		return err == nil
	})
}

// awaitRemoval waits until a node has ended since it was removed, and stops what is left of it.
func awaitRemoval(t *testing.T, node *conch.Node) {
	t.Helper()
	await(t, "removed", func() bool {
		select {
		case <-node.Done():
			return true
		default:
			return false
		}
	})
	if err := node.Err(); !errors.Is(err, conch.ErrRemoved) {
		t.Errorf("the removed node ended with %v", err)
	}
	_ = node.Stop(t.Context()) // the error is why it has ended
}

// A node joins, starts again with the same configuration, and comes back once its disk is lost:
// each time it waits only if it must, and says what to do.
func TestStartJoins(t *testing.T) {
	const ttl = time.Second
	addresses, path, dir := freeAddresses(t, 3), socketPath(t), filepath.Join(t.TempDir(), "data")
	self, others := addresses[2:], slices.Sorted(slices.Values(addresses[:2]))
	for i, address := range others {
		cfg := conch.Config{Listen: address, Peers: others, DataDir: t.TempDir(), SessionTTL: ttl}
		if i == 0 {
			cfg.Socket = path
		}
		node := startNode(t, cfg)
		t.Cleanup(func() { stopNode(t, node) })
	}
	client := dial(t, "unix:"+path)
	locked(t, client, "cs")

	cfg := conch.Config{Listen: self[0], Join: others, DataDir: dir, SessionTTL: ttl}
	joining := begin(t, cfg)
	joining.awaitWaiting(t, "run 'conch members add "+self[0]+"' on the machine of a member: "+strings.Join(others, ", "))
	changed(t, client, conch.Change{Add: self})
	node := joining.running(t)
	if got := slices.Sorted(slices.Values(node.Members())); !slices.Equal(got, slices.Sorted(slices.Values(addresses))) {
		t.Errorf("Members = %v; want %v", got, addresses)
	}
	locked(t, node, "cs")
	stopNode(t, node)

	again := begin(t, cfg)
	node = again.running(t)
	locked(t, node, "cs")
	stopNode(t, node)
	if strings.Contains(again.log.String(), "members_awaited") {
		t.Error("a member waits to be added")
	}

	// Its disk is lost. Another configuration names the cluster as well.
	if err := os.RemoveAll(dir); err != nil {
		t.Fatal(err)
	}
	replace := "conch members replace " + self[0] + " " + self[0]
	hostsFile := filepath.Join(t.TempDir(), "hosts")
	if err := os.WriteFile(hostsFile, []byte(strings.Join(others, "\n")), 0o600); err != nil {
		t.Fatal(err)
	}
	cfg.Join, cfg.HostsFile = nil, hostsFile
	lost := begin(t, cfg)
	lost.awaitWaiting(t, replace)
	cause := errors.New("enough")
	lost.cancel(cause)
	if <-lost.done; !errors.Is(lost.err, cause) || !strings.Contains(lost.err.Error(), replace) {
		t.Errorf("Start = %v; want %v, and %q", lost.err, cause, replace)
	}
	cfg.Peers, cfg.HostsFile = others, ""
	lost = begin(t, cfg)
	lost.awaitWaiting(t, replace)
	changed(t, client, conch.Change{Add: self, Remove: self})
	node = lost.running(t)
	locked(t, node, "cs")

	// It is removed for good.
	changed(t, client, conch.Change{Remove: self})
	awaitRemoval(t, node)
	for _, join := range [][]string{nil, others} {
		cfg.Peers, cfg.Join = nil, join
		if _, err := conch.Start(t.Context(), cfg); !errors.Is(err, conch.ErrRemoved) || !errors.Is(err, datadir.ErrRemoved) || !strings.HasPrefix(err.Error(), datadir.ErrRemoved.Error()) {
			t.Errorf("started again, with Join %v: %v; want ErrRemoved", join, err)
		}
	}
}

func TestStartRefusesToJoin(t *testing.T) {
	addresses, dir := freeAddresses(t, 3), t.TempDir()
	for says, cfg := range map[string]conch.Config{
		"Join: no data directory; set DataDir":                {Listen: addresses[0], Join: addresses[1:2]},
		"Join: " + addresses[0] + " is this node itself":      {Listen: addresses[0], Join: addresses[:2], DataDir: dir},
		"Join: bad address":                                   {Listen: addresses[0], Join: []string{"nonsense"}, DataDir: dir},
		"Peers and HostsFile say":                             {Listen: addresses[0], Join: addresses[1:2], Peers: addresses[2:], DataDir: dir},
		"Peers and HostsFile say that it is one of its first": {Listen: addresses[0], Join: addresses[1:2], HostsFile: "hosts", DataDir: dir},
	} {
		if node, err := conch.Start(t.Context(), cfg); node != nil || !errors.Is(err, conch.ErrConfig) || !strings.Contains(err.Error(), says) {
			t.Errorf("Start(%+v) = %v, %v; want ErrConfig with %q", cfg, node, err, says)
		}
	}

	// Two clusters.
	for _, address := range addresses[1:] {
		node := startNode(t, conch.Config{Listen: address, DataDir: t.TempDir(), SessionTTL: conch.MinSessionTTL})
		t.Cleanup(func() { stopNode(t, node) })
		locked(t, node, "cs")
	}
	for field, cfg := range map[string]conch.Config{"Join": {Join: addresses[1:]}, "Peers": {Peers: addresses[1:]}} {
		cfg.Listen, cfg.DataDir, cfg.SessionTTL = addresses[0], dir, conch.MinSessionTTL
		if node, err := conch.Start(t.Context(), cfg); node != nil || !errors.Is(err, conch.ErrConfig) || !strings.Contains(err.Error(), field+": nodes of different clusters: ") {
			t.Errorf("Start with %s = %v, %v; want ErrConfig", field, node, err)
		}
	}
}
