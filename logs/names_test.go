package logs

import "testing"

func TestNames(t *testing.T) {
	run := &Run{Members: []string{"n:1", "n:12"}, Lives: []*Life{{Node: "n:1"}, {Node: "x:9"}}}
	names := run.Names()
	for text, want := range map[string]string{
		"n:1 sends to n:12 and x:9.":   "A sends to B and C.",
		"RN[n:1] = 2":                  "RN[A] = 2",
		"n:1: lost; n:123, n:1.log":    "A: lost; n:123, n:1.log",
		"an:1 is another, and so /n:1": "an:1 is another, and so /n:1",
	} {
		if got := names.In(text); got != want {
			t.Errorf("%q became %q, want %q", text, got, want)
		}
	}
	for i, want := range map[int]string{0: "A", 25: "Z", 26: "AA", 27: "AB", 52: "BA"} {
		if got := letters(i); got != want {
			t.Errorf("node %d is %s, want %s", i, got, want)
		}
	}
	if got := names.Of("n:12") + names.Of("y:1"); got != "By:1" {
		t.Errorf("got %s", got)
	}
}
