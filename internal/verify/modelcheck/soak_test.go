package modelcheck

import (
	"os"
	"testing"
	"time"
)

// soakEnv says for how long to search, such as 10m; without it searches are short.
const soakEnv = "CONCH_SOAK"

// searchAll makes all searches, each up to limit states, and returns how many states
// there were.
func searchAll(t *testing.T, limit int) int {
	states := 0
	for _, c := range configs {
		r := Search(c, limit)
		t.Log(r)
		states += r.States
		if v := r.Violation; v != nil {
			t.Errorf("%s: after %d actions: %s\n%s", c.Name, v.Length(), v.Broken, v.Trace())
		}
	}
	t.Logf("%d states in all", states)
	return states
}

func TestNoReachableStateBreaksAPromise(t *testing.T) {
	searchAll(t, statesPerSearch)
}

// TestSoak searches further: at least five million states, and on until the time in
// CONCH_SOAK is over, further each time.
func TestSoak(t *testing.T) {
	text := os.Getenv(soakEnv)
	if text == "" {
		t.Skip("this is for `make soak`")
	}
	duration, err := time.ParseDuration(text)
	if err != nil {
		t.Fatalf("%s: %v", soakEnv, err)
	}
	began := time.Now()
	for limit := 500_000; !t.Failed(); limit *= 2 {
		if states := searchAll(t, limit); states < 5_000_000 {
			t.Errorf("%d states, want 5 million at least", states)
		}
		if time.Since(began) >= duration {
			return
		}
	}
}
