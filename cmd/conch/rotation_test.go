package main

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"

	"conch"
	"conch/internal/pki"
)

// traffic is clients with certificates that use a cluster until they are stopped.
type traffic struct {
	t      *testing.T
	ctx    context.Context
	inside sync.Map // the holder, by lock
	grants atomic.Int64
	stop   chan struct{}
	group  sync.WaitGroup
}

// takeTurns locks and unlocks until the end.
func (tr *traffic) takeTurns(client *conch.Client, name, lock string) {
	tr.group.Go(func() {
		for {
			select {
			case <-tr.stop:
				return
			default:
			}
			hold, err := client.Lock(tr.ctx, lock)
			if err != nil {
				tr.t.Errorf("%s was refused %s: %v", name, lock, err)
				return
			}
			if other, busy := tr.inside.LoadOrStore(lock, name); busy {
				tr.t.Errorf("%s got %s while %v is in", name, lock, other)
			}
			tr.grants.Add(1)
			tr.inside.CompareAndDelete(lock, name)
			if err := hold.Unlock(); err != nil {
				tr.t.Errorf("%s lost %s: %v", name, lock, err)
			}
		}
	})
}

// more waits for some more grants, which shows that the clients go on.
func (tr *traffic) more() {
	tr.t.Helper()
	const enough = 50
	want := tr.grants.Load() + enough
	if !until(func() bool { return tr.grants.Load() >= want || tr.t.Failed() }) {
		tr.t.Fatalf("after %d grants there are no more", tr.grants.Load())
	}
}

// TestRotationUnderLoad replaces all certificates of a cluster and then their authority,
// while clients lock and unlock and others hold. Nobody loses a lock or is refused one, and
// the old certificates are useless afterwards.
func TestRotationUnderLoad(t *testing.T) {
	const nodes = 3
	ctx, cancel := context.WithTimeout(t.Context(), 5*patience)
	defer cancel()
	c := startCertified(ctx, t, nodes, "--session-ttl", "4s") // under the race detector, a machine is slow
	addresses := c.addresses()
	dial := func(name string, first int) *conch.Client {
		t.Helper()
		order := append(slices.Clone(addresses[first:]), addresses[:first]...)
		client, err := conch.Dial(ctx, conch.DialConfig{Nodes: order, Command: name, TLS: c.client(name)})
		check(t, err)
		return client
	}
	tr := &traffic{t: t, ctx: ctx, stop: make(chan struct{})}
	var clients []*conch.Client
	var names []string
	holds := map[string]conch.Hold{}
	for i := range nodes {
		turner, holder := fmt.Sprint("turner", i), fmt.Sprint("holder", i)
		names = append(names, turner, holder)
		clients = append(clients, dial(turner, i), dial(holder, i))
		tr.takeTurns(clients[2*i], turner, "all")
		tr.takeTurns(clients[2*i], turner, fmt.Sprint("own", i))
		hold, err := clients[2*i+1].Lock(ctx, holder)
		check(t, err)
		holds[holder] = hold
	}
	defer func() {
		close(tr.stop)
		tr.group.Wait()
		for _, client := range clients {
			check(t, client.Close())
		}
	}()
	tr.more()

	reissue := func() {
		t.Helper()
		for _, address := range addresses {
			member, err := pki.NewMember(address)
			check(t, err)
			c.issue(member)
		}
		for _, name := range names {
			c.client(name)
		}
	}
	watcher := c.client("watcher")
	// shown waits until new connections see the certificates in the files.
	shown := func(when string) {
		t.Helper()
		for _, address := range addresses {
			want, got := serial(t, certFile(c, address)), ""
			if !until(func() bool {
				cert, err := handshake(t, address, watcher)
				if err == nil {
					got = cert.SerialNumber.String()
				}
				return got == want
			}) {
				t.Fatalf("%s: %s shows certificate %s; want %s", when, address, got, want)
			}
		}
		tr.more()
	}
	// says waits until each node answers this certificate so; empty: it lets it in.
	says := func(when string, files conch.TLSFiles, want string) {
		t.Helper()
		for _, address := range addresses {
			got := ""
			if !until(func() bool {
				got = ""
				if _, err := handshake(t, address, files); err != nil {
					got = err.Error()
				}
				return (got == "") == (want == "") && strings.Contains(got, want)
			}) {
				t.Fatalf("%s: %s says %q; want %q", when, address, got, want)
			}
		}
		tr.more()
	}

	before := serial(t, certFile(c, addresses[0]))
	reissue()
	if serial(t, certFile(c, addresses[0])) == before {
		t.Error("the certificate was not replaced")
	}
	shown("after the certificates were replaced")

	stale := c.client("stale")
	old := c.authority
	c.authority = c.newAuthority()
	watcher = c.client("watcher")
	says("before the other authority is trusted", watcher, "unknown certificate authority")
	c.trust(old, c.authority)
	says("once it is trusted", watcher, "")
	reissue()
	shown("after its certificates came")
	says("while both authorities are trusted", stale, "")
	connected := c.counts("peer_connected")
	if slices.Max(connected) != nodes-1 {
		t.Errorf("streams were opened %v times; want %d each: a connection ended though its certificate was good", connected, nodes-1)
	}

	// When the old authority goes, its connections end: all are made anew.
	c.trust(c.authority)
	says("once the old authority is gone", stale, "unknown certificate authority")
	if !until(func() bool { return slices.Min(c.counts("peer_connected")) >= 2*(nodes-1) }) {
		t.Errorf("streams were opened %v times; want each anew", c.counts("peer_connected"))
	}
	shown("at the end")
	for holder, hold := range holds {
		if err := errors.Join(hold.Err(), hold.Unlock()); err != nil {
			t.Errorf("%s has lost its lock: %v", holder, err)
		}
	}
	if lapsed := c.counts("session_lapsed"); slices.Max(lapsed) > 0 {
		t.Errorf("sessions lapsed %v times; want none", lapsed)
	}
	t.Logf("%d grants meanwhile", tr.grants.Load())
}

// certFile returns the path of a member's certificate.
func certFile(c *certified, address string) string {
	return c.dir + "/" + strings.ReplaceAll(address, ":", "_") + ".crt"
}
