package conch_test

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"slices"
	"testing"
	"time"

	"conch"
)

// Over TLS, a client whose certificate has the right changes the members, and one without it is
// refused. Both were given one member, know the others from it, and go on to them when it is
// removed.
func TestMembersChangeOverTLS(t *testing.T) {
	const ttl = time.Second
	addresses := freeAddresses(t, 3)
	certs := certify(t, addresses)
	allow := filepath.Join(t.TempDir(), "allow.txt")
	if err := os.WriteFile(allow, []byte("operator members *\n* lock,look *\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	config := func(i int) conch.Config {
		return conch.Config{
			Listen: addresses[i], DataDir: t.TempDir(), SessionTTL: ttl, TLS: certs.of[addresses[i]], AllowFile: allow,
		}
	}
	join := func(i int) *starting {
		cfg := config(i)
		cfg.Join = addresses[:1]
		s := begin(t, cfg)
		s.awaitWaiting(t, "conch members add "+addresses[i])
		return s
	}
	of := func(name string) *conch.Client {
		client, err := conch.Dial(t.Context(), conch.DialConfig{Nodes: addresses[:1], TLS: certs.of[name]})
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { _ = client.Close() })
		return client
	}
	first := startNode(t, config(0))
	alice, operator := of("alice"), of("operator")
	locked(t, alice, "cs")

	second := join(1)
	add := conch.Change{Add: addresses[1:2]}
	for what, refused := range map[string]func(context.Context) error{
		"PlanChange":    func(ctx context.Context) error { _, err := alice.PlanChange(ctx, add); return err },
		"ChangeMembers": func(ctx context.Context) error { _, err := alice.ChangeMembers(ctx, add); return err },
	} {
		if err := refused(t.Context()); !errors.Is(err, conch.ErrForbidden) {
			t.Errorf("%s by a client without the right: %v; want ErrForbidden", what, err)
		}
	}
	if m, err := alice.Members(t.Context()); err != nil || m.Version != 0 || len(m.Members) != 1 {
		t.Errorf("Members = %+v, %v; want that nothing has changed", m, err)
	}
	changed(t, operator, add)
	locked(t, second.running(t), "cs")

	third := join(2)
	changed(t, operator, conch.Change{Add: addresses[2:], Remove: addresses[:1]})
	awaitRemoval(t, first)
	nodes := []*conch.Node{second.node, third.running(t)}
	locked(t, alice, "cs")
	if !slices.Contains(addresses[1:], alice.Node()) {
		t.Errorf("the client speaks to %s; want one of %v", alice.Node(), addresses[1:])
	}

	// Once more, away from the member that it has gone on to.
	if nodes[0].Address() != alice.Node() {
		slices.Reverse(nodes)
	}
	changed(t, operator, conch.Change{Remove: []string{nodes[0].Address()}})
	awaitRemoval(t, nodes[0])
	last := nodes[1].Address()
	locked(t, alice, "cs")
	if got := alice.Node(); got != last {
		t.Errorf("the client speaks to %s; want %s", got, last)
	}
	for _, client := range []*conch.Client{alice, operator} {
		m, err := client.Members(t.Context())
		if err != nil || len(m.Members) != 1 || m.Members[0].Address != last || m.Fixed != "" {
			t.Errorf("Members = %+v, %v; want %s alone", m, err, last)
		}
	}
}
