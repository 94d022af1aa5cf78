package modelcheck

import (
	"math/rand/v2"
	"testing"
)

func TestVisitedKnowsWhatWasAdded(t *testing.T) {
	r := rand.New(rand.NewPCG(1, 2))
	var v visited
	known := make(map[[2]uint64]bool)
	for range 20_000 {
		// Few different first words, so that many collide.
		hash := [2]uint64{r.Uint64N(100), r.Uint64N(1<<12) << 52}
		if got := v.add(hash); got == known[hash] {
			t.Fatalf("add(%x) says new is %t, and it was there: %t", hash, got, known[hash])
		}
		known[hash] = true
	}
}

func TestVisitedTakesZero(t *testing.T) {
	var v visited
	if !v.add([2]uint64{}) || v.add([2]uint64{}) {
		t.Error("{0, 0} is new the first time, and only then")
	}
}
