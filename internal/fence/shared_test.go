package fence

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
)

// TestWhoSharesIsNotRefusedByWhoShares: a reader f is refused if f < w; a writer if f < w
// or f < r.
func TestWhoSharesIsNotRefusedByWhoShares(t *testing.T) {
	path := filepath.Join(t.TempDir(), "job.fence")
	for _, step := range []struct {
		visit visit
		stale bool
		after seen
	}{
		{visit{5, true}, false, seen{0, 5}},
		{visit{3, true}, false, seen{0, 5}}, // at another node
		{visit{4, false}, true, seen{0, 5}}, // frozen since before the readers
		{visit{6, false}, false, seen{6, 5}},
		{visit{5, true}, true, seen{6, 5}},
		{visit{7, true}, false, seen{6, 7}},
		{visit{6, false}, true, seen{6, 7}},
		{visit{6, true}, false, seen{6, 7}},
		{visit{7, false}, false, seen{7, 7}},
	} {
		take := Take
		if step.visit.shares {
			take = TakeShared
		}
		g, err := take(impatient(), path, step.visit.number)
		if err == nil {
			mustRelease(t, g)
		}
		if step.stale != errors.Is(err, ErrStale) || !step.stale && err != nil {
			t.Errorf("%+v: %v; want stale: %t", step.visit, err, step.stale)
		}
		if step.stale && !strings.Contains(err.Error(), fmt.Sprintf("has seen %d", step.after.highest())) {
			t.Errorf("%+v: %v; want the number that refuses", step.visit, err)
		}
		got, err := os.ReadFile(path)
		if want := encode(step.after); err != nil || string(got) != string(want) {
			t.Errorf("after %+v the file holds %q, %v; want %q", step.visit, got, err, want)
		}
	}
}

// TestSeveralShareAtOnce, and who works alone waits for the last of them.
func TestSeveralShareAtOnce(t *testing.T) {
	path := filepath.Join(t.TempDir(), "job.fence")
	var all []*Lock
	for _, n := range []uint64{5, 3, 4} {
		g, err := TakeShared(impatient(), path, n)
		if err != nil {
			t.Fatal(err)
		}
		all = append(all, g)
	}
	checkRefused(t, path, 9, ErrInUse, "with the shared fence 4, or another that shares")
	for _, g := range all {
		checkRefused(t, path, 9, ErrInUse)
		mustRelease(t, g)
	}
	alone := mustTake(t, path, 9)
	if _, err := TakeShared(impatient(), path, 10); !errors.Is(err, ErrInUse) || !strings.Contains(err.Error(), "with fence 9, or what it started") {
		t.Errorf("TakeShared of 10 while 9 works alone = %v, want ErrInUse", err)
	}
	mustRelease(t, alone)
}

// TestWritersAndReadersExcludeEachOther: who shares sees two counters alike, which each
// who works alone raises one after the other.
func TestWritersAndReadersExcludeEachOther(t *testing.T) {
	path := filepath.Join(t.TempDir(), "job.fence")
	const rounds = 50
	var first, second int
	var all sync.WaitGroup
	for range 3 {
		all.Go(func() {
			for range rounds {
				g, err := TakeShared(t.Context(), path, 7)
				if err != nil {
					t.Error(err)
					return
				}
				if first != second {
					t.Errorf("read %d and %d, want the same", first, second)
				}
				if err := g.Release(); err != nil {
					t.Error(err)
				}
			}
		})
	}
	for range 2 {
		all.Go(func() {
			for range rounds {
				g, err := Take(t.Context(), path, 7)
				if err != nil {
					t.Error(err)
					return
				}
				first++
				second++
				if err := g.Release(); err != nil {
					t.Error(err)
				}
			}
		})
	}
	all.Wait()
	if first != 2*rounds {
		t.Errorf("counted %d, want %d", first, 2*rounds)
	}
}
