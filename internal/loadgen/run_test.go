package loadgen

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"math"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"conch"
)

// plan is of one round of each of some workloads, in which a lap takes as long as a trip
// and a hold, two milliseconds.
func plan(workloads ...Workload) Plan {
	return Plan{
		Workloads: workloads, Rounds: 1, Duration: 3 * time.Second, WarmUp: time.Second,
		Hold: time.Millisecond, Lock: "bench", Locks: 5,
	}
}

func silent(string) {}

// near fails the test if a figure is not about what it has to be. In virtual time it is
// off by what begins or ends with the round.
func near(t *testing.T, r *Result, figure Figure, want float64) {
	t.Helper()
	got := r.Spread(figure)
	if got.Rounds != len(r.Rounds) || math.Abs(got.Median-want) > want/100+0.01 {
		t.Errorf("%s: %s: got %+v, want about %v in %d rounds", r.Workload, figure, got, want, len(r.Rounds))
	}
}

// without fails the test if a figure is known.
func without(t *testing.T, r *Result, figures ...Figure) {
	t.Helper()
	for _, figure := range figures {
		if got := r.Spread(figure); got.Rounds != 0 {
			t.Errorf("%s: %s: got %+v, want nothing", r.Workload, figure, got)
		}
	}
}

func TestContended(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		results, err := Run(t.Context(), plan(Contended), (&fakeCluster{}).clients(3, 2), nil, silent)
		if err != nil {
			t.Fatal(err)
		}
		r := results[0]
		near(t, r, Grants, 500)
		near(t, r, HandOffs, 500)
		near(t, r, "lock_to_grant_p50_microseconds", 11_000) // five others' laps, and a trip
		near(t, r, WaitMax, 11_000)
		near(t, r, Fairness, 1)
		near(t, r, LeastServed, 250)
		near(t, r, MostServed, 250)
		without(t, r, Messages, Processor)
		if r.Clients != 6 || r.Locks != 1 || r.Rounds[0].Judged < 2000 || r.Rounds[0].Lost != 0 || !math.IsNaN(r.Rounds[0].Others) {
			t.Errorf("got %+v", r)
		}
	})
}

func TestLocalIsOneClient(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := plan(Local)
		p.Think = 2 * time.Millisecond
		results, err := Run(t.Context(), p, (&fakeCluster{}).clients(3, 2), nil, silent)
		if err != nil {
			t.Fatal(err)
		}
		near(t, results[0], Grants, 250)
		near(t, results[0], HandOffs, 0)
		near(t, results[0], WaitMax, 1000)
		near(t, results[0], UnlockMax, 0)
		without(t, results[0], Fairness, LeastServed, MostServed)
		if results[0].Clients != 1 {
			t.Errorf("%d clients, want 1", results[0].Clients)
		}
	})
}

// Each node has one client that takes part, and nobody ever waits for another.
func TestRemoteTakesTurns(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := &fakeCluster{}
		var order []int
		clients := c.clients(3, 2)
		for i := range clients {
			clients[i].Lock = func(ctx context.Context, lock string) (Hold, error) {
				order = append(order, i)
				return c.lock(ctx, lock)
			}
		}
		results, err := Run(t.Context(), plan(Remote), clients, nil, silent)
		if err != nil {
			t.Fatal(err)
		}
		near(t, results[0], Grants, 500)
		near(t, results[0], HandOffs, 0)
		near(t, results[0], WaitMax, 1000)
		without(t, results[0], Fairness)
		order = order[len(clients):] // each has been granted the lock once before
		for i, got := range order[:100] {
			if want := i % 3 * 2; got != want {
				t.Fatalf("turn %d: client %d, want %d", i, got, want)
			}
		}
	})
}

func TestManyDrawsLocks(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := &fakeCluster{}
		results, err := Run(t.Context(), plan(Many), c.clients(3, 1), nil, silent)
		if err != nil {
			t.Fatal(err)
		}
		if got := results[0].Spread(Grants).Median; got <= 600 || got > 1500 {
			t.Errorf("%v grants per second; want more than one lock can have, and what three clients can", got)
		}
		names := slices.Sorted(maps.Keys(c.asked))
		if want := []string{"bench", "bench/1", "bench/2", "bench/3", "bench/4", "bench/5"}; !slices.Equal(names, want) {
			t.Errorf("locks %q, want %q", names, want)
		}
		if results[0].Locks != 5 {
			t.Errorf("%d locks, want 5", results[0].Locks)
		}
	})
}

func TestRoundsHaveEachWorkload(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := plan(Local, Contended)
		p.Rounds = 2
		var told []string
		results, err := Run(t.Context(), p, (&fakeCluster{}).clients(2, 1), nil, func(text string) { told = append(told, text) })
		if err != nil {
			t.Fatal(err)
		}
		want := []string{"the first grants", "round 1 of 2: local", "round 1 of 2: contended", "round 2 of 2: local", "round 2 of 2: contended"}
		if !slices.Equal(told, want) || len(results[0].Rounds) != 2 || len(results[1].Rounds) != 2 {
			t.Errorf("told %q, results %+v; want %q", told, results, want)
		}
	})
}

// A lock that does not hold what it promises ends the run, also where it is found out in
// the warm-up.
func TestViolationEndsTheRun(t *testing.T) {
	for _, test := range []struct {
		name    string
		cluster *fakeCluster
		want    error
		says    string
	}{
		{"two at once", &fakeCluster{overlaps: true}, ErrOverlap, `got the lock "bench" with fence`},
		{"fences stay", &fakeCluster{repeats: true}, ErrFence, `with fence 7, after client 1 of node 1 had it with fence 7`},
	} {
		t.Run(test.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				begin := time.Now()
				results, err := Run(t.Context(), plan(Contended), test.cluster.clients(2, 1), nil, silent)
				if !errors.Is(err, test.want) || !strings.Contains(err.Error(), test.says) {
					t.Errorf("got %v, want %v that says %q", err, test.want, test.says)
				}
				if len(results[0].Rounds) != 0 || time.Since(begin) > time.Second {
					t.Errorf("%d rounds after %v; want that it ended at once", len(results[0].Rounds), time.Since(begin))
				}
			})
		})
	}
}

// Who has lost its hold may be followed by another while it is inside: that is no
// violation.
func TestLostHoldIsNoViolation(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := plan(Contended)
		p.WarmUp = 0
		results, err := Run(t.Context(), p, (&fakeCluster{loses: true}).clients(3, 1), nil, silent)
		if err != nil {
			t.Fatal(err)
		}
		if got := results[0].Rounds[0].Lost; got != 1 {
			t.Errorf("%d holds were lost, want 1", got)
		}
	})
}

func TestLockOfOthersIsNotTouched(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := &fakeCluster{}
		if _, err := c.lock(t.Context(), "bench/3"); err != nil {
			t.Fatal(err)
		}
		_, err := Run(t.Context(), plan(Many), c.clients(2, 1), nil, silent)
		if !errors.Is(err, ErrInUse) || !strings.Contains(err.Error(), `"bench/3"`) {
			t.Errorf("got %v, want %v of bench/3", err, ErrInUse)
		}
	})
}

func TestNodeMayBeWithoutASessionAtFirst(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		if _, err := Run(t.Context(), plan(Local), (&fakeCluster{noSession: 3}).clients(1, 1), nil, silent); err != nil {
			t.Error(err)
		}
	})
}

// A client that never gets the lock is not waited for without end.
func TestFirstGrantIsNotWaitedForWithoutEnd(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		clients := (&fakeCluster{}).clients(2, 1)
		clients[1].Lock = func(ctx context.Context, _ string) (Hold, error) {
			<-ctx.Done()
			return nil, context.Cause(ctx)
		}
		_, err := Run(t.Context(), plan(Contended), clients, nil, silent)
		if err == nil || !strings.Contains(err.Error(), `client 1 of node 2: the lock "bench" was not granted within 20s`) {
			t.Errorf("got %v", err)
		}
	})
}

func TestFailureKeepsWhatWasMeasured(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		results, err := Run(t.Context(), plan(Local, Contended), (&fakeCluster{refuses: 2500}).clients(2, 1), nil, silent)
		if !errors.Is(err, conch.ErrRefused) || !strings.Contains(err.Error(), "of node") {
			t.Errorf("got %v, want %v, and whose", err, errRefused)
		}
		if len(results[0].Rounds) != 1 || len(results[1].Rounds) != 0 {
			t.Errorf("%d and %d rounds, want 1 and 0", len(results[0].Rounds), len(results[1].Rounds))
		}
	})
}

func TestRunEndsWithItsContext(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		why := errors.New("enough")
		ctx, cancel := context.WithTimeoutCause(t.Context(), 5*time.Second, why)
		defer cancel()
		p := plan(Contended)
		p.Rounds, p.Hold, p.Think = 10, time.Second, time.Second
		results, err := Run(ctx, p, (&fakeCluster{}).clients(3, 1), nil, silent)
		if !errors.Is(err, why) || len(results[0].Rounds) != 1 {
			t.Errorf("got %v after %d rounds; want %v after 1", err, len(results[0].Rounds), why)
		}
	})
}

func TestTooFewClients(t *testing.T) {
	for _, test := range []struct {
		workload    Workload
		nodes, each int
		want        error
	}{
		{Contended, 1, 1, ErrClients}, {Contended, 1, 2, nil}, {Contended, 2, 1, nil},
		{Remote, 1, 5, ErrClients}, {Remote, 2, 1, nil},
		{Local, 1, 1, nil}, {Many, 1, 1, nil},
	} {
		if err := test.workload.Check(test.nodes, test.each); !errors.Is(err, test.want) {
			t.Errorf("%s, %d nodes, %d clients each: got %v, want %v", test.workload, test.nodes, test.each, err, test.want)
		}
		synctest.Test(t, func(t *testing.T) {
			clients := (&fakeCluster{}).clients(test.nodes, test.each)
			_, err := Run(t.Context(), plan(test.workload), clients, nil, silent)
			if !errors.Is(err, test.want) {
				t.Errorf("Run: %s, %d nodes, %d clients each: got %v, want %v", test.workload, test.nodes, test.each, err, test.want)
			}
		})
	}
}

func TestParseWorkload(t *testing.T) {
	for _, w := range Workloads() {
		if got, err := ParseWorkload(string(w)); got != w || err != nil {
			t.Errorf("%s: got %q, %v", w, got, err)
		}
	}
	if _, err := ParseWorkload("idle"); !errors.Is(err, ErrWorkload) || !strings.HasSuffix(err.Error(), `got "idle", want one of contended, local, remote, many`) {
		t.Errorf("got %v", err)
	}
}

// What the nodes have counted is read before each round and after it, and divided by
// what they have granted in between, to whomever.
func TestMeter(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := &fakeCluster{}
		const others = 1000
		readings := 0
		meter := func(context.Context) (Counts, error) {
			readings++
			grants := float64(c.grants)
			if readings == 2 {
				grants += others
			}
			return Counts{Messages: 100 + 3*grants, Grants: grants, Processor: 1 + grants/1e4}, nil
		}
		results, err := Run(t.Context(), plan(Local), c.clients(1, 1), meter, silent)
		if err != nil {
			t.Fatal(err)
		}
		near(t, results[0], Messages, 3)
		near(t, results[0], Processor, 100)
		if got := results[0].Rounds[0].Others; got != others || readings != 2 {
			t.Errorf("%v grants to others after %d readings; want %d after 2", got, readings, others)
		}

		broken := fmt.Errorf("%w: broken", ErrMetrics)
		_, err = Run(t.Context(), plan(Local), c.clients(1, 1), func(context.Context) (Counts, error) { return Counts{}, broken }, silent)
		if !errors.Is(err, ErrMetrics) {
			t.Errorf("a meter that is broken: got %v, want %v", err, broken)
		}
	})
}

// A node that does not tell its processor time tells the rest.
func TestMeterWithoutProcessorTime(t *testing.T) {
	found := map[Figure]float64{}
	Counts{Messages: 30, Grants: 10, Processor: math.NaN()}.since(Counts{Processor: math.NaN()}, found)
	if want := map[Figure]float64{Messages: 3}; !maps.Equal(found, want) {
		t.Errorf("got %v, want %v", found, want)
	}
	found = map[Figure]float64{}
	Counts{Messages: 30, Grants: 10}.since(Counts{Messages: 20, Grants: 10}, found)
	if len(found) != 0 {
		t.Errorf("without a grant: got %v, want nothing", found)
	}
}
