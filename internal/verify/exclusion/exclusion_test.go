package exclusion

import (
	"strings"
	"testing"

	"conch/token"
)

func TestCheck(t *testing.T) {
	const readers = token.Unlimited
	for _, c := range []struct {
		name string
		all  []Interval
		says string // empty: it is right
	}{
		{"turns", []Interval{{"x", 1, "a", 10, 20, "", 0}, {"x", 3, "b", 21, 30, "", 0}, {"x", 7, "a", 31, 31, "", 0}}, ""},
		{"reported in another order", []Interval{{"x", 3, "b", 21, 30, "", 0}, {"x", 1, "a", 10, 20, "", 0}}, ""},
		{"two locks", []Interval{{"x", 1, "a", 10, 20, "", 0}, {"y", 1, "b", 10, 20, "", 0}}, ""},

		{"two holders", []Interval{{"x", 1, "a", 10, 20, "", 0}, {"x", 2, "b", 19, 30, "", 0}}, "two holders"},
		{"one inside the other", []Interval{{"x", 1, "a", 10, 40, "", 0}, {"x", 2, "b", 19, 30, "", 0}}, "two holders"},
		{"two holders, and one between", []Interval{{"x", 1, "a", 10, 40, "", 0}, {"x", 2, "b", 41, 42, "", 0}, {"x", 3, "c", 42, 50, "", 0}}, "b with fence 2"},
		{"an early one that goes on", []Interval{{"x", 1, "a", 10, 60, "", 0}, {"x", 2, "b", 20, 30, "", 0}, {"x", 3, "c", 40, 50, "", 0}}, "a with fence 1 held \"x\" from 10 to 60, and c"},
		{"a holder and itself", []Interval{{"x", 1, "a", 10, 20, "", 0}, {"x", 2, "a", 15, 30, "", 0}}, "two holders"},
		{"one fence twice", []Interval{{"x", 1, "a", 10, 20, "", 0}, {"x", 1, "b", 30, 40, "", 0}}, "the same fence twice"},
		{"a fence falls", []Interval{{"x", 2, "a", 10, 20, "", 0}, {"x", 1, "b", 30, 40, "", 0}}, "lower fence"},
		{"readers", []Interval{{"x", 1, "a", 10, 20, "", 0}, {"x", 2, "b", 21, 40, "", readers}, {"x", 2, "c", 30, 50, "", readers}, {"x", 3, "b", 22, 25, "", readers}, {"x", 4, "a", 51, 60, "", 0}}, ""},
		{"permits", []Interval{{"x", 2, "a", 21, 40, "", 2}, {"x", 3, "b", 30, 50, "", 2}, {"x", 4, "c", 41, 60, "", 2}}, ""},
		{"one permit too many", []Interval{{"x", 2, "a", 21, 40, "", 2}, {"x", 3, "b", 30, 50, "", 2}, {"x", 4, "c", 40, 60, "", 2}}, "3 share the lock at a time, more than 2"},
		{"a writer beside a reader", []Interval{{"x", 1, "a", 10, 20, "", readers}, {"x", 2, "b", 15, 30, "", 0}}, "two holders"},
		{"a reader beside a writer", []Interval{{"x", 1, "a", 10, 20, "", 0}, {"x", 2, "b", 1, 2, "", readers}, {"x", 2, "b", 15, 30, "", readers}}, "two holders"},
		{"a reader's fence below an earlier writer's", []Interval{{"x", 2, "a", 10, 20, "", 0}, {"x", 1, "b", 30, 40, "", readers}}, "lower fence"},
		{"a writer's fence below an earlier reader's", []Interval{{"x", 2, "a", 10, 20, "", readers}, {"x", 1, "b", 30, 40, "", 0}}, "lower fence"},
		{"a reader's and a writer's fence", []Interval{{"x", 2, "a", 10, 20, "", readers}, {"x", 2, "b", 30, 40, "", 0}}, "the same fence twice"},

		{"it ended before it began", []Interval{{"x", 2, "a", 20, 10, "", 0}}, "before it began"},
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
		all = append(all, Interval{"x", uint64(i), "a", 10, 20, "", 0})
	}
	err := Check(all)
	if err == nil || !strings.HasSuffix(err.Error(), "and perhaps more") || strings.Count(err.Error(), "\n") != maxErrors {
		t.Errorf("got %v", err)
	}
}
