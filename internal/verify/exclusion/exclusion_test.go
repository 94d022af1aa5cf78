package exclusion

import (
	"strings"
	"testing"
)

func TestCheck(t *testing.T) {
	for _, c := range []struct {
		name string
		all  []Interval
		says string // empty: it is right
	}{
		{"turns", []Interval{{"x", 1, "a", 10, 20, ""}, {"x", 3, "b", 21, 30, ""}, {"x", 7, "a", 31, 31, ""}}, ""},
		{"reported in another order", []Interval{{"x", 3, "b", 21, 30, ""}, {"x", 1, "a", 10, 20, ""}}, ""},
		{"two locks", []Interval{{"x", 1, "a", 10, 20, ""}, {"y", 1, "b", 10, 20, ""}}, ""},

		{"two holders", []Interval{{"x", 1, "a", 10, 20, ""}, {"x", 2, "b", 19, 30, ""}}, "two holders"},
		{"one inside the other", []Interval{{"x", 1, "a", 10, 40, ""}, {"x", 2, "b", 19, 30, ""}}, "two holders"},
		{"two holders, and one between", []Interval{{"x", 1, "a", 10, 40, ""}, {"x", 2, "b", 41, 42, ""}, {"x", 3, "c", 42, 50, ""}}, "b with fence 2"},
		{"an early one that goes on", []Interval{{"x", 1, "a", 10, 60, ""}, {"x", 2, "b", 20, 30, ""}, {"x", 3, "c", 40, 50, ""}}, "a with fence 1 held \"x\" from 10 to 60, and c"},
		{"a holder and itself", []Interval{{"x", 1, "a", 10, 20, ""}, {"x", 2, "a", 15, 30, ""}}, "two holders"},
		{"one fence twice", []Interval{{"x", 1, "a", 10, 20, ""}, {"x", 1, "b", 30, 40, ""}}, "the same fence twice"},
		{"a fence falls", []Interval{{"x", 2, "a", 10, 20, ""}, {"x", 1, "b", 30, 40, ""}}, "lower fence"},
		{"it ended before it began", []Interval{{"x", 2, "a", 20, 10, ""}}, "before it began"},
	} {
		t.Run(c.name, func(t *testing.T) {
			err := Check(c.all)
			if c.says == "" && err != nil || c.says != "" && (err == nil || !strings.Contains(err.Error(), c.says)) {
				t.Errorf("got %v, want %q", err, c.says)
			}
		})
	}
}

func TestCheckTellsOfSomeOnly(t *testing.T) {
	var all []Interval
	for i := range 100 {
		all = append(all, Interval{"x", uint64(i), "a", 10, 20, ""})
	}
	err := Check(all)
	if err == nil || !strings.HasSuffix(err.Error(), "and perhaps more") || strings.Count(err.Error(), "\n") != maxErrors {
		t.Errorf("got %v", err)
	}
}
