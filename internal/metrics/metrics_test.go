package metrics

import (
	"context"
	"errors"
	"fmt"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/testutil"
	"go.uber.org/goleak"

	"conch/broadcast"
	"conch/internal/admission"
	store "conch/internal/notes"
	"conch/internal/runs"
	"conch/token"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// Names of locks become labels up to the limit, and no further.
func TestLabelsAreBounded(t *testing.T) {
	m := New([]string{"a:1"}, 0, "v1")
	for i := range 10 * MaxLocks {
		lock := fmt.Sprintf("lock %d", i)
		m.Waited(lock, time.Millisecond)
		m.Held(lock, time.Second)
	}
	m.Waited(otherLocks, 0)
	for _, vec := range []int{
		testutil.CollectAndCount(m.waits), testutil.CollectAndCount(m.holds), testutil.CollectAndCount(m.grants),
	} {
		if vec != MaxLocks+1 {
			t.Errorf("%d series; want %d and one for the others", vec, MaxLocks)
		}
	}
	if got, want := testutil.ToFloat64(m.grants.WithLabelValues(otherLocks)), 9.0*MaxLocks+1; got != want {
		t.Errorf("%v grants of other locks; want %v", got, want)
	}
}

// A node that takes a lock, alone, and is scraped.
func TestNodeIsCounted(t *testing.T) {
	members := []string{"127.0.0.1:1"}
	m := New(members, 0, "v1")
	driver, err := broadcast.Start(broadcast.Config{Members: members, Session: 1, TTL: time.Second, Observer: m})
	if err != nil {
		t.Fatal(err)
	}
	m.ShowState(driver)
	m.ShowAdmission(func() admission.Counts { return admission.Counts{Unauthenticated: 3, Calls: 4, Closed: 5, Refused: 6} })
	m.ShowLog(func() (uint64, error) { return 7, nil })
	registry := prometheus.NewPedanticRegistry()
	registry.MustRegister(m)
	hold, err := driver.Acquire(t.Context(), "cs", token.Exclusive)
	if err != nil {
		t.Fatal(err)
	}
	problems, err := testutil.GatherAndLint(registry)
	if err != nil || len(problems) > 0 {
		t.Errorf("lint: %v, %v", problems, err)
	}
	want := map[string]float64{
		"conch_held": 1, "conch_waiters": 0, "conch_in_session": 1, "conch_peers_up": 0,
		"conch_locks": 1, "conch_members": 1, "conch_membership_version": 0, "conch_membership_joint": 0, "conch_client_calls": 4, "conch_connections_closed_total": 5, "conch_calls_refused_total": 6,
		"conch_sessions_total": 1, "conch_session_lapses_total": 0, "conch_handoffs_total": 0,
		"conch_log_lines_missing_total": 7, "conch_log_writable": 1,
	}
	families, err := registry.Gather()
	if err != nil {
		t.Fatal(err)
	}
	for _, family := range families {
		value, wanted := want[family.GetName()]
		if !wanted {
			continue
		}
		delete(want, family.GetName())
		got := family.GetMetric()[0].GetGauge().GetValue() + family.GetMetric()[0].GetCounter().GetValue()
		if got != value {
			t.Errorf("%s is %v; want %v", family.GetName(), got, value)
		}
	}
	if len(want) > 0 {
		t.Errorf("not shown: %v", want)
	}
	if err := hold.Unlock(); err != nil {
		t.Error(err)
	}
	if err := driver.Stop(t.Context()); err != nil {
		t.Error(err)
	}
	if got := testutil.CollectAndCount(m.holds); got != 2 {
		t.Errorf("%d series of holds; want the lock's and that of the others", got)
	}
	if testutil.ToFloat64(m.rounds.WithLabelValues("token made")) != 1 {
		t.Error("the token that was made is not counted")
	}
	if _, err := registry.Gather(); err != nil { // after the driver's end
		t.Error(err)
	}
}

// A kept hold that its holder's node finds on its disk is counted, once, until it is freed.
func TestKeptHoldIsCountedAfterARestart(t *testing.T) {
	dir := t.TempDir()
	start := func(first uint64) (*broadcast.Driver, *store.Store, *prometheus.Registry) {
		disk, err := store.Open(dir)
		if err != nil {
			t.Fatal(err)
		}
		m := New([]string{"127.0.0.1:1"}, 0, "v1")
		driver, err := broadcast.Start(broadcast.Config{
			Members: []string{"127.0.0.1:1"}, Session: token.Session(first), Floor: first, TTL: time.Second, Observer: m, Notes: disk,
		})
		if err != nil {
			t.Fatal(err)
		}
		m.ShowState(driver)
		registry := prometheus.NewPedanticRegistry()
		registry.MustRegister(m)
		return driver, disk, registry
	}
	counts := func(when string, registry *prometheus.Registry, want float64) {
		t.Helper()
		families, err := registry.Gather()
		if err != nil {
			t.Fatal(err)
		}
		for _, family := range families {
			if family.GetName() == "conch_kept_holds" {
				if got := family.GetMetric()[0].GetGauge().GetValue(); got != want {
					t.Errorf("%s: conch_kept_holds is %v; want %v", when, got, want)
				}
				return
			}
		}
		t.Errorf("%s: conch_kept_holds is not shown", when)
	}
	driver, disk, registry := start(1)
	hold, err := driver.AcquireKept(t.Context(), "infra", runs.Keep{Owner: "ci"})
	if err != nil {
		t.Fatal(err)
	}
	counts("held", registry, 0)
	driver.Fail(errors.New("killed"))
	<-driver.Done()
	ended, end := context.WithCancel(t.Context())
	end()
	_ = driver.Stop(ended) // it has ended, and says why
	if err := disk.Close(); err != nil {
		t.Fatal(err)
	}

	driver, disk, registry = start(1000)
	counts("after a restart", registry, 1)
	asking, give := context.WithTimeout(t.Context(), 50*time.Millisecond) // in which the token is made anew
	defer give()
	if _, err := driver.Acquire(asking, "infra", token.Exclusive); !errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("another asked for the lock: %v; want that it waited", err)
	}
	counts("asked for", registry, 1)
	if err := driver.FreeKept(t.Context(), "infra", token.Fence(hold.Fence()), "it is over", broadcast.Caller{User: "me"}); err != nil {
		t.Error(err)
	}
	counts("freed", registry, 0)
	if err := errors.Join(driver.Stop(t.Context()), disk.Close()); err != nil {
		t.Error(err)
	}
}

// Every kind of message and every end of a round has its label.
func TestEffectsAreCounted(t *testing.T) {
	m := New([]string{"a:1", "b:1"}, 0, "v1")
	for kind := token.Request; kind <= token.Say; kind++ {
		m.Effect(&token.Effect{Kind: token.Send, Message: token.Message{Kind: kind}})
		if got := testutil.ToFloat64(m.messages[kind]); got != 1 {
			t.Errorf("%v: %v messages; want 1", kind, got)
		}
	}
	for reason, outcome := range outcomes {
		m.Effect(&token.Effect{Kind: token.Ended, Reason: reason})
		if got := testutil.ToFloat64(m.rounds.WithLabelValues(outcome)); got != 1 {
			t.Errorf("%s: %v rounds; want 1", outcome, got)
		}
	}
	m.Effect(&token.Effect{Kind: token.Asked})
	m.Effect(&token.Effect{Kind: token.Asked})
	m.Effect(&token.Effect{Kind: token.Rode})
	if sent, rode := testutil.ToFloat64(m.sent), testutil.ToFloat64(m.rode); sent != 2 || rode != 1 {
		t.Errorf("%v requests sent, %v rode; want 2 and 1", sent, rode)
	}
	for _, e := range []token.Effect{
		{Limit: token.Unlimited, Fence: 1}, {Limit: token.Unlimited, Fence: 1}, {Limit: 3, Fence: 2}, {Limit: 4}, {Fence: 3},
	} {
		e.Kind = token.Grant
		m.Effect(&e)
	}
	if shared, permits := testutil.ToFloat64(m.shared), testutil.ToFloat64(m.permits); shared != 2 || permits != 1 {
		t.Errorf("%v grants to readers, %v of permits; want 2 and 1", shared, permits)
	}
	m.Connected("b:1")
	if got := testutil.ToFloat64(m.connects.WithLabelValues("b:1")); got != 1 {
		t.Errorf("%v streams; want 1", got)
	}
}

// The series of members come and go with them.
func TestSeriesOfMembersFollowThem(t *testing.T) {
	m := New([]string{"a:1", "b:1"}, 0, "v1")
	list := []token.Listed{{ID: 0, Address: "a:1"}, {ID: 2, Address: "c:1"}}
	m.Connected("c:1") // which may come first
	m.Effect(&token.Effect{Kind: token.Adopted, Membership: &token.Membership{Version: 1, Members: []token.Listed{list[0], {ID: 1, Address: "b:1"}}, Next: list}})
	if got := testutil.CollectAndCount(m.connects); got != 2 {
		t.Errorf("%d series of b:1 and c:1 while both are members; want 2", got)
	}
	m.Effect(&token.Effect{Kind: token.Adopted, Membership: &token.Membership{Version: 2, Members: list}})
	if got := testutil.CollectAndCount(m.connects); got != 1 || testutil.ToFloat64(m.connects.WithLabelValues("c:1")) != 1 {
		t.Errorf("%d series; want that of c:1", got)
	}
	m.Effect(&token.Effect{Kind: token.Send, Message: token.Message{Kind: token.SyncAnswer}})
	if testutil.ToFloat64(m.messages[token.SyncAnswer]) != 1 {
		t.Error("the message is not counted")
	}
}
