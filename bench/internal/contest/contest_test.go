package contest

import (
	"context"
	"errors"
	"fmt"
	"os"
	"slices"
	"strings"
	"testing"
	"time"

	"conch/bench/internal/worker"
)

// TestMain lets the test program be a worker, as the real one can be.
func TestMain(m *testing.M) {
	if len(os.Args) == 3 && os.Args[1] == worker.Role {
		if err := worker.Run(context.Background(), os.Args[2], os.Stdout); err != nil {
			fmt.Fprintln(os.Stderr, err)
			os.Exit(1)
		}
		os.Exit(0)
	}
	os.Exit(m.Run())
}

// only are the subjects whose name begins so.
func only(t *testing.T, prefixes ...string) []*Subject {
	t.Helper()
	var found []*Subject
	for _, subject := range Subjects() {
		for _, prefix := range prefixes {
			if strings.HasPrefix(subject.Name, prefix) {
				found = append(found, subject)
			}
		}
	}
	if len(found) == 0 {
		t.Fatalf("no subject's name begins with one of %q", prefixes)
	}
	return found
}

func stage(t *testing.T) *Stage {
	t.Helper()
	s := &Stage{Program: os.Args[0], Dir: t.TempDir(), Window: 50 * time.Millisecond}
	t.Cleanup(func() {
		if err := s.Close(); err != nil {
			t.Error(err)
		}
	})
	return s
}

// attempts bounds how often a subject may be played until its figures are there: on a
// busy machine a worker may have no turn in a short window.
const attempts = 5

// TestRunPlaysWhatNeedsNoServers plays with real processes: whether figures are there,
// not what they are.
func TestRunPlaysWhatNeedsNoServers(t *testing.T) {
	readIn, permitsIn := ReaderPairs(), PermitPairs()
	wants := map[string][]Figure{
		BareRing:                    {Hops, CPU, Switches},
		BareLegs:                    {Hops, CPU, Switches},
		BareStream:                  {Wait},
		BareShared:                  {Wait},
		BarePlain:                   {Wait},
		BareSwap:                    {Wait},
		ConchSaturated:              {Grants, HandOffs, CPU, Switches},
		ConchCrowd:                  {Grants, HandOffs, CPU, Switches},
		ConchBatch:                  {Grants, HandOffs, CPU, Switches},
		ConchHere:                   {Nanoseconds, Allocations},
		ConchWeight:                 {LockBytes, Resident, Settled},
		ConchMessages(3):            {Messages},
		readIn[0].Shared:            {Grants, Shared, Alone, Wait},
		readIn[0].Alone:             {Grants, HandOffs},
		permitsIn[1].Shared:         {Grants, Shared, Wait},
		permitsIn[1].Alone:          {Grants},
		permitsIn[1].Counted:        {Messages},
		Peer{Key: Flock}.Again():    {Cycle},
		Peer{Key: Flock}.Clients():  {Grants, HandOffs, CPU, Switches},
		Peer{Key: Flock}.Failover(): {Recovery},
	}
	subjects, s := only(t, Flock+"/", BareRing, BareStream, BarePlain, BareSwap, ConchSaturated, ConchCrowd, ConchHere, ConchMessages(3), readIn[0].Shared, permitsIn[1].Shared), stage(t)
	subjects = append(subjects, &Subject{Name: ConchWeight, Once: true, round: weighed(6000)})
	for attempt := 0; attempt < attempts && len(subjects) > 0; attempt++ {
		outcome, err := Run(t.Context(), s, subjects, 1, func(text string) { t.Log(text) })
		if err != nil {
			t.Fatal(err)
		}
		subjects = nil
		for _, result := range outcome.Results {
			name := result.Subject.Name
			for _, err := range result.Failures {
				t.Errorf("%s: %v", name, err)
			}
			if n := result.Violations(); n > 0 {
				t.Errorf("%s: %d times two were in the critical section at once", name, n)
			}
			if lacks(result, wants[name]) {
				subjects = append(subjects, result.Subject)
			}
		}
	}
	for _, subject := range subjects {
		t.Errorf("%s: after %d attempts it lacks one of the figures %q", subject.Name, attempts, wants[subject.Name])
	}
}

// TestRunPlaysARedisSemaphore plays it where there is Redis: the board counts as violations
// that more are in than may be.
func TestRunPlaysARedisSemaphore(t *testing.T) {
	slots := PermitPairs()[3].Shared
	s := stage(t)
	for range attempts {
		outcome, err := Run(t.Context(), s, only(t, slots), 1, func(text string) { t.Log(text) })
		if err != nil {
			t.Fatal(err)
		}
		result := outcome.Results[0]
		if result.LeftOut != "" {
			t.Skip(result.LeftOut)
		}
		for _, err := range result.Failures {
			t.Error(err)
		}
		if n := result.Violations(); n > 0 {
			t.Errorf("%d times too many were in", n)
		}
		if t.Failed() || !lacks(result, []Figure{Grants, Shared, Wait}) {
			return
		}
	}
	t.Errorf("after %d attempts it lacks a figure", attempts)
}

// lacks reports whether a figure is not there.
func lacks(r *Result, wants []Figure) bool {
	return slices.ContainsFunc(wants, func(figure Figure) bool {
		_, ok := r.In(0, figure)
		return !ok
	})
}

func TestWhatTakesMinutesIsPlayedOnce(t *testing.T) {
	played := 0
	subjects := []*Subject{{Name: "x/slow", Once: true, round: func(context.Context, *Stage) (*Sample, error) {
		played++
		return &Sample{Figures: map[Figure]float64{Grants: 3}}, nil
	}}}
	outcome, err := Run(t.Context(), stage(t), subjects, 3, func(string) {})
	if err != nil {
		t.Fatal(err)
	}
	if got, want := outcome.Results[0].Spread(Grants), (Spread{3, 3, 3, 1}); played != 1 || got != want {
		t.Errorf("played %d times, got %+v; want once, and %+v", played, got, want)
	}
}

func TestRunNotesWhatFailsAndGoesOn(t *testing.T) {
	broken := errors.New("broken")
	subjects := []*Subject{
		{Name: "x/absent", Needs: func() error { return broken }},
		{Name: "x/broken", round: func(context.Context, *Stage) (*Sample, error) { return nil, broken }},
		{Name: "x/whole", round: func(context.Context, *Stage) (*Sample, error) {
			return &Sample{Figures: map[Figure]float64{Grants: 3}}, nil
		}},
	}
	var told strings.Builder
	outcome, err := Run(t.Context(), stage(t), subjects, 2, func(text string) { fmt.Fprintln(&told, text) })
	if err != nil {
		t.Fatal(err)
	}
	absent, failed, whole := outcome.Results[0], outcome.Results[1], outcome.Results[2]
	if absent.LeftOut == "" || len(absent.Samples) != 0 || !strings.Contains(told.String(), "LEFT OUT: x/absent: broken") {
		t.Errorf("what is absent: got %+v, told\n%s", absent, told.String())
	}
	if len(failed.Failures) != 2 || !errors.Is(failed.Failures[1], broken) || !strings.Contains(told.String(), "FAILED: x/broken") {
		t.Errorf("what fails: got %+v, told\n%s", failed, told.String())
	}
	if got, want := whole.Spread(Grants), (Spread{3, 3, 3, 2}); got != want {
		t.Errorf("what does not fail: got %+v, want %+v", got, want)
	}
}

func TestRunEndsWithItsContext(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	subjects := []*Subject{{Name: "x/endless", round: func(ctx context.Context, _ *Stage) (*Sample, error) {
		cancel()
		<-ctx.Done()
		return nil, errors.New("cut short")
	}}}
	if _, err := Run(ctx, stage(t), subjects, 2, func(string) {}); !errors.Is(err, context.Canceled) {
		t.Errorf("got %v, want %v", err, context.Canceled)
	}
}

func TestSpread(t *testing.T) {
	for _, test := range []struct {
		values []float64
		want   Spread
	}{
		{nil, Spread{}},
		{[]float64{4}, Spread{4, 4, 4, 1}},
		{[]float64{9, 1, 2}, Spread{2, 1, 9, 3}},
		{[]float64{9, 1, 2, 4}, Spread{3, 1, 9, 4}},
	} {
		if got := SpreadOf(test.values); got != test.want {
			t.Errorf("%v: got %+v, want %+v", test.values, got, test.want)
		}
	}
}
