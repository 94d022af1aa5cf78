package virtual

import (
	"maps"
	"strings"
	"testing"

	"conch/bench/internal/theory"
	"conch/token"
)

// start starts a cluster whose lock has a token.
func start(t *testing.T, members int) *Cluster {
	t.Helper()
	c, err := Start(members)
	if err != nil {
		t.Fatal(err)
	}
	if err := c.Elsewhere(2); err != nil {
		t.Fatal(err)
	}
	return c
}

// counted is what is counted while something is done.
func counted(t *testing.T, c *Cluster, do func() error) Counts {
	t.Helper()
	before := c.Counts
	if err := do(); err != nil {
		t.Fatal(err)
	}
	return c.Counts.Since(before)
}

// What ten members send each other is what the paper says, message by message.
func TestTenMembersSendWhatThePaperSays(t *testing.T) {
	c := start(t, 10)
	for _, test := range []struct {
		what string
		do   func() error
		want Counts
	}{
		{"token elsewhere", func() error { return c.Elsewhere(100) }, Counts{Grants: 100, Sent: 100, Requests: 900, Tokens: 100}},
		{"token here", func() error { return c.Here(100) }, Counts{Grants: 100}},
		// The token is at one of the ten, so nine ask; from then on requests ride.
		{"from the first requests on", func() error { c.Crowd(2); return c.Saturated(20) }, Counts{Grants: 20, Sent: 9, Rode: 20, Requests: 81, Tokens: 20}},
		{"saturated", func() error { return c.Saturated(100) }, Counts{Grants: 100, Rode: 100, Tokens: 100}},
	} {
		if got := counted(t, c, test.do); got != test.want {
			t.Errorf("%s: got %+v, want %+v", test.what, got, test.want)
		}
	}
}

// A time to live in which nobody wants the lock: four PINGs to each other member, and
// their answers. One in which a member holds the lock that another waits for: also four
// messages that say so.
func TestTenMembersKeepUpTheirSessions(t *testing.T) {
	c := start(t, 10)
	idle := func() error { c.Pass(TTL); return nil }
	if got, want := counted(t, c, idle), (Counts{Session: 720}); got != want {
		t.Errorf("idle: got %+v, want %+v", got, want)
	}
	c.acquire(0, 1)
	if _, err := c.await(); err != nil {
		t.Fatal(err)
	}
	c.acquire(1, 1)
	c.Pass(latency)
	if got, want := counted(t, c, idle), (Counts{Session: 724}); got != want {
		t.Errorf("held and waited for: got %+v, want %+v", got, want)
	}
}

func TestEachIsLetInInTurn(t *testing.T) {
	c := start(t, 7)
	c.Crowd(2)
	var order []token.Member
	for range 21 {
		h, err := c.await()
		if err != nil {
			t.Fatal(err)
		}
		order = append(order, h.at)
		c.Pass(latency)
		c.release(h)
		c.acquire(h.at, h.waiter)
	}
	seen := map[token.Member]int{}
	for _, m := range order {
		seen[m]++
	}
	for m, n := range seen {
		if n != 3 {
			t.Errorf("member %d was let in %d times of 21, want 3: %v", m, n, order)
		}
	}
}

func TestAwaitTellsOfTwoHoldersAndOfNone(t *testing.T) {
	c := start(t, 3)
	c.holders = append(c.holders, holder{0, 1}, holder{1, 1})
	if _, err := c.await(); err == nil || !strings.Contains(err.Error(), "2 holders") {
		t.Errorf("two holders: got %v", err)
	}
	c.holders = nil
	if _, err := c.await(); err == nil {
		t.Error("nobody asks: no error")
	}
}

func TestMeasureRefusesWhoIsAlone(t *testing.T) {
	for _, members := range []int{0, 1} {
		if _, err := Measure(members); err == nil {
			t.Errorf("%d members: no error", members)
		}
	}
}

func TestMeasureOfSmallClusters(t *testing.T) {
	for _, members := range []int{2, 3, 10} {
		r, err := Measure(members)
		if err != nil {
			t.Fatal(err)
		}
		for use, s := range r.Uses {
			if s.Processor <= 0 {
				t.Errorf("%d members, %s: no processor time", members, use)
			}
		}
	}
}

// A count that is wrong by one, of whatever, is found.
func TestCheckFindsAWrongCount(t *testing.T) {
	right, err := Measure(10)
	if err != nil {
		t.Fatal(err)
	}
	wrong := []func(*Counts){
		func(c *Counts) { c.Sent++ },
		func(c *Counts) { c.Rode-- },
		func(c *Counts) { c.Requests++ },
		func(c *Counts) { c.Tokens-- },
		func(c *Counts) { c.Session++ },
		func(c *Counts) { c.Round++ },
		func(c *Counts) { *c = Counts{} },
	}
	for i, change := range wrong {
		r := right
		change(&r.Idle.Counts)
		if err := r.check(); err == nil {
			t.Errorf("idle: change %d is not found", i)
		}
		for _, use := range theory.Uses {
			r := right
			r.Uses = maps.Clone(right.Uses)
			s := r.Uses[use]
			change(&s.Counts)
			r.Uses[use] = s
			if err := r.check(); err == nil {
				t.Errorf("%s: change %d is not found", use, i)
			}
		}
	}
}
