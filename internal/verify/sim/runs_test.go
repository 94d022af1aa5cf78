package sim

import (
	"flag"
	"fmt"
	"math/rand/v2"
	"os"
	"runtime"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"
)

var seedFlag = flag.Uint64("seed", 1, "the seed that TestReplay runs")

// TestReplay runs one seed, and with -v shows what happens. Run it for the seed of a
// failure.
func TestReplay(t *testing.T) {
	p := Draw(*seedFlag)
	if testing.Verbose() {
		t.Log(tell(p))
	}
	if f := new(World).Run(p).Failure; f != nil {
		reportShrunk(t, p, f)
	}
}

// TestSameSeedSameTrace runs seeds twice, the second time in a world that was used
// before.
func TestSameSeedSameTrace(t *testing.T) {
	used := new(World)
	for seed := range uint64(100) {
		first, second := new(World).Run(Draw(seed)), used.Run(Draw(seed))
		if first.Hash != second.Hash || first.Steps != second.Steps {
			t.Errorf("seed %d: hash %x after %d steps, and then hash %x after %d steps", seed, first.Hash, first.Steps, second.Hash, second.Steps)
		}
		if other := used.Run(Draw(seed + 1)); other.Hash == first.Hash {
			t.Errorf("seeds %d and %d have the same hash: it does not tell what happened", seed, seed+1)
		}
	}
}

// TestShrink lets clocks drift by twenty times what the protocol allows, finds a run that
// fails because of it, and shrinks the run.
func TestShrink(t *testing.T) {
	w := new(World)
	for seed := range uint64(1000) {
		p := Draw(seed)
		for i := range p.Machines {
			p.Machines[i].Drift *= 20
		}
		f := w.Run(p).Failure
		if f == nil || len(p.Ops) < 20 {
			continue
		}
		small := Shrink(p, 3000)
		g := w.Run(small).Failure
		if g == nil || g.Judge != f.Judge {
			t.Errorf("seed %d: shrunk, it fails with %v, want %v", seed, g, f)
		}
		if len(small.Ops) > len(p.Ops)/2 {
			t.Errorf("seed %d: %d of %d ops are left", seed, len(small.Ops), len(p.Ops))
		}
		for k := range small.Ops { // nothing more can be removed
			q := *small
			q.Ops = slices.Delete(slices.Clone(small.Ops), k, k+1)
			if h := w.Run(&q).Failure; h != nil && h.Judge == f.Judge {
				t.Errorf("seed %d: op %d is not needed:\n%s", seed, k, tell(small))
			}
		}
		t.Logf("seed %d: %d of %d ops are left", seed, len(small.Ops), len(p.Ops))
		return
	}
	t.Error("clocks that drift by a fifth do no harm")
}

// TestSeeds runs fixed seeds, few enough for the race detector, and checks that the
// simulator reaches everything.
func TestSeeds(t *testing.T) {
	r := newRunner(t)
	r.run(seedsFrom(1), func(steps int64) bool { return steps < 1_500_000 })
	chain := ordered(directed["refused-token-stays"]) // chance reaches this in one of a million steps
	w := new(World)
	r.note(chain, w.Run(chain))
	r.coverage.merge(&w.Coverage)
	for _, what := range r.coverage.missing() {
		t.Errorf("no run came across: %s", what)
	}
	t.Log(r)
}

// TestSoak runs fresh seeds for as long as CONCH_SOAK says.
func TestSoak(t *testing.T) {
	text := os.Getenv("CONCH_SOAK")
	if text == "" {
		t.Skip("CONCH_SOAK is not set: it says how long to go on, for example 10m")
	}
	length, err := time.ParseDuration(text)
	if err != nil {
		t.Fatalf("CONCH_SOAK: %v", err)
	}
	r := newRunner(t)
	end := time.Now().Add(length)
	r.run(freshSeeds(t), func(int64) bool { return time.Now().Before(end) })
	t.Log(r)
}

// seedsFrom returns the seeds from one on.
func seedsFrom(seed uint64) func() uint64 {
	return func() uint64 { seed++; return seed - 1 }
}

// freshSeeds returns seeds that no run had before.
func freshSeeds(t *testing.T) func() uint64 {
	from := rand.Uint64() >> 16 << 8 // short enough to be typed
	t.Logf("fresh seeds from %d", from)
	return seedsFrom(from)
}

// runner runs seeds on all processors.
type runner struct {
	t     *testing.T
	begin time.Time

	mu       sync.Mutex
	runs     int64
	steps    int64
	slowest  float64 // the longest that a node waited after the faults, in T, where tokens last
	failures int
	coverage Coverage
}

func newRunner(t *testing.T) *runner { return &runner{t: t, begin: time.Now()} }

// run runs seeds for as long as more is true of the steps made so far.
func (r *runner) run(seeds func() uint64, more func(steps int64) bool) {
	var workers sync.WaitGroup
	for range runtime.GOMAXPROCS(0) {
		workers.Go(func() {
			w := new(World)
			for seed, ok := r.next(seeds, more); ok; seed, ok = r.next(seeds, more) {
				p := Draw(seed)
				r.note(p, w.Run(p))
			}
			r.mu.Lock()
			defer r.mu.Unlock()
			r.coverage.merge(&w.Coverage)
		})
	}
	workers.Wait()
}

func (r *runner) next(seeds func() uint64, more func(steps int64) bool) (uint64, bool) {
	r.mu.Lock()
	defer r.mu.Unlock()
	return seeds(), r.failures == 0 && more(r.steps)
}

func (r *runner) note(p *Plan, result Result) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.runs++
	r.steps += result.Steps
	if !p.wornOut() {
		r.slowest = max(r.slowest, float64(result.Slowest)/float64(p.TTL))
	}
	if result.Failure == nil {
		return
	}
	if r.failures++; r.failures == 1 {
		reportShrunk(r.t, p, result.Failure)
	}
}

func (r *runner) String() string {
	return fmt.Sprintf("%d runs, %.1f million steps, %.2f million a second; slowest turn after the faults %.2f T\n%v",
		r.runs, float64(r.steps)/1e6, float64(r.steps)/1e6/time.Since(r.begin).Seconds(), r.slowest, &r.coverage)
}

// reportShrunk fails the test and shows a smaller plan that fails.
func reportShrunk(t *testing.T, p *Plan, f *Failure) {
	t.Errorf("seed %d: %v\nreplay it with: go test ./internal/verify/sim -run TestReplay -v -seed=%d", p.Seed, f, p.Seed)
	small := Shrink(p, 3000)
	t.Logf("%d of %d ops are enough:\n%s", len(small.Ops), len(p.Ops), tell(small))
}

// maxTold is how many lines of a trace are worth printing: the last ones.
const maxTold = 4000

// tell runs a plan and shows what happens.
func tell(p *Plan) string {
	var b strings.Builder
	b.WriteString(p.String())
	for k := range p.Ops {
		fmt.Fprintf(&b, "  op %d at %d µs: %v\n", k, p.Ops[k].At/1000, &p.Ops[k])
	}
	var lines []string
	w := &World{trace: func(line string) { lines = append(lines, line) }}
	result := w.Run(p)
	if len(lines) > maxTold {
		fmt.Fprintf(&b, "  (%d lines left out)\n", len(lines)-maxTold)
		lines = lines[len(lines)-maxTold:]
	}
	for _, line := range lines {
		b.WriteString(line + "\n")
	}
	if result.Failure != nil {
		fmt.Fprintf(&b, "%v\n", result.Failure)
	}
	return b.String()
}
