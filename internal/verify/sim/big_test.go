//go:build !race

package sim

import "testing"

// TestBig runs many millions of steps, one half with fixed seeds and the other with
// fresh ones. The race detector would only slow it down: a run has no goroutines.
func TestBig(t *testing.T) {
	const steps = 22_000_000
	r := newRunner(t)
	r.run(seedsFrom(1), func(done int64) bool { return done < steps/2 })
	r.run(freshSeeds(t), func(done int64) bool { return done < steps })
	t.Log(r)
}
