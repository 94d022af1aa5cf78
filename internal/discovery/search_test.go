package discovery

import (
	"errors"
	"slices"
	"strings"
	"testing"
)

// shows is what a member shows.
func shows(member string, stage Stage, list ...string) Showing {
	return Showing{Member: member, List: list, Stage: stage}
}

func TestSearchHasAListOnceExactlyAsManyAreKnown(t *testing.T) {
	s := New("b", 3)
	for _, step := range []struct {
		name   string
		at     Time
		answer []string
		list   []string
	}{
		{"nobody answers", 0, nil, nil},
		{"only itself", 1, []string{"b"}, nil},
		{"one other", 2, []string{"a", "b"}, nil},
		{"the third late, in an answer with only some", 3, []string{"c"}, []string{"a", "b", "c"}},
		{"fewer again: what was heard lately counts", 4, nil, []string{"a", "b", "c"}},
		{"one has not been answered for long", 3 + KeepAnswer, []string{"b", "c"}, nil},
		{"another came in its place", 4 + KeepAnswer, []string{"d"}, []string{"b", "c", "d"}},
		{"answers that together have too many", 5 + KeepAnswer, []string{"a", "c"}, nil},
	} {
		if err := s.Answer(step.at, step.answer); err != nil {
			t.Fatalf("%s: %v", step.name, err)
		}
		if got := s.Showing().List; !slices.Equal(got, step.list) {
			t.Errorf("%s: the list is %v, want %v", step.name, got, step.list)
		}
	}
}

func TestSearchRefusesTooMany(t *testing.T) {
	for _, test := range []struct {
		answer []string
		says   []string
	}{
		{[]string{"a", "b", "c", "d"}, []string{"found 4 members and expected 3: a, b, c, d"}},
		{[]string{"a", "c", "d"}, []string{"found 4 members and expected 3: a, b, c, d", "b, which is this node, is not among the answers"}},
	} {
		err := New("b", 3).Answer(0, test.answer)
		var tooMany *TooManyError
		if !errors.As(err, &tooMany) {
			t.Fatalf("Answer(%v) = %v, want a TooManyError", test.answer, err)
		}
		for _, text := range test.says {
			if !strings.Contains(err.Error(), text) {
				t.Errorf("Answer(%v) = %v, want it to say %q", test.answer, err, text)
			}
		}
	}
}

func TestSearchSettlesAndRunsByWhatOthersShow(t *testing.T) {
	for _, test := range []struct {
		name    string
		settled bool // the node has settled before
		b, c    Showing
		want    Step
	}{
		{"all show the list", false, shows("b", Looking, "a", "b", "c"), shows("c", Looking, "a", "b", "c"), Settle},
		{"some have settled", false, shows("b", Settled, "a", "b", "c"), shows("c", Looking, "a", "b", "c"), Settle},
		{"one runs with it, the other is away", false, shows("b", Running, "a", "b", "c"), Showing{}, Settle},
		{"one has another list", false, shows("b", Looking, "a", "b", "c"), shows("c", Looking, "a", "c", "d"), Wait},
		{"one runs with another list", false, shows("b", Running, "b", "c", "d"), shows("c", Looking, "a", "b", "c"), Wait},
		{"one has fewer", false, shows("b", Looking, "a", "b", "c"), shows("c", Looking), Wait},
		{"one has shown nothing", false, shows("b", Settled, "a", "b", "c"), Showing{}, Wait},
		{"one has another name", false, shows("b", Looking, "a", "b", "c"), shows("x", Settled, "a", "b", "c"), Wait},

		{"settled: all have settled", true, shows("b", Settled, "a", "b", "c"), shows("c", Settled, "a", "b", "c"), Run},
		{"settled: one only looks", true, shows("b", Settled, "a", "b", "c"), shows("c", Looking, "a", "b", "c"), Wait},
		{"settled: one runs, the other is away", true, Showing{}, shows("c", Running, "a", "b", "c"), Run},
		{"settled: one settled on another", true, shows("b", Settled, "a", "b", "c"), shows("c", Settled, "a", "c", "d"), Wait},
		{"settled: one runs with another", true, shows("b", Settled, "a", "b", "c"), shows("c", Running, "a", "c", "d"), Wait},
	} {
		s := New("a", 3)
		if test.settled {
			s = Resume("a", []string{"a", "b", "c"})
		} else if err := s.Answer(0, []string{"a", "b", "c"}); err != nil {
			t.Fatal(err)
		}
		for member, showing := range map[string]Showing{"b": test.b, "c": test.c} {
			if showing.Member != "" {
				s.Shown(member, showing)
			}
		}
		if got := s.Next(); got != test.want {
			t.Errorf("%s: the next step is %v, want %v", test.name, got, test.want)
		}
	}
}

// TestSettledListStays checks that no answer changes a list that is settled, and that none
// stops the node.
func TestSettledListStays(t *testing.T) {
	s := Resume("a", []string{"a", "b", "c"})
	for _, answer := range [][]string{nil, {"x"}, {"a", "b", "c", "d", "e"}} {
		if err := s.Answer(10*KeepAnswer, answer); err != nil {
			t.Errorf("Answer(%v) = %v", answer, err)
		}
		s.Fail(10*KeepAnswer, "no answer")
		if got := s.Showing(); got.Stage != Settled || !slices.Equal(got.List, []string{"a", "b", "c"}) {
			t.Errorf("after %v it shows %v", answer, got)
		}
	}
}

// TestSilenceForgetsOnlyWhatMayHaveChanged checks that a member that showed what it had
// settled on may then be away, and one that only looked may not.
func TestSilenceForgetsOnlyWhatMayHaveChanged(t *testing.T) {
	for stage, want := range map[Stage]Step{Looking: Wait, Settled: Settle} {
		s := New("a", 2)
		if err := s.Answer(0, []string{"a", "b"}); err != nil {
			t.Fatal(err)
		}
		s.Shown("b", shows("b", stage, "a", "b"))
		s.Silent("b", "connection refused")
		if got := s.Next(); got != want {
			t.Errorf("after stage %v the next step is %v, want %v", stage, got, want)
		}
	}
}

func TestReport(t *testing.T) {
	looking := func(answer ...string) *Search {
		s := New("b", 3)
		if err := s.Answer(0, answer); err != nil {
			t.Fatal(err)
		}
		return s
	}
	failed := looking("b")
	failed.Fail(1, "look up x: no such host")
	differ := looking("a", "b")
	_ = differ.Answer(1, []string{"c", "d"})
	waits := looking("a", "b", "c")
	waits.Shown("a", shows("a", Looking))
	waits.Silent("c", "connection refused")
	names := looking("a", "b", "c")
	names.Shown("a", shows("b", Looking, "a", "b", "c"))
	names.Shown("c", shows("c", Looking, "b", "c", "d"))
	settled := Resume("b", []string{"a", "b"})
	settled.Shown("a", shows("a", Looking, "a", "b"))
	for _, test := range []struct {
		search *Search
		want   string
	}{
		{looking("b"), "found 1 of 3 members: b (this node); 2 more expected"},
		{looking("a"), "found 2 of 3 members: a, b (this node); 1 more expected; b, which is this node, is not among the answers: is it the name by which the others find it (--advertise)?"},
		{failed, "found 1 of 3 members: b (this node); 2 more expected; look up x: no such host"},
		{differ, "found 4 of 3 members: a, b (this node), c, d; answers of the last 30 s differ, and together have too many"},
		{waits, "found 3 of 3 members: a, b (this node), c; still expected to show the same list: a (it has not found all yet), c (connection refused)"},
		{names, "found 3 of 3 members: a, b (this node), c; still expected to show the same list: a (its address leads to this node, b: each node needs one name, the same in all answers), c (its list differs: b, c, d)"},
		{settled, "found 2 of 2 members: a, b (this node); still expected to show the same list: a (it has not settled yet); this node's list is settled"},
	} {
		if got := test.search.Report().Text; got != test.want {
			t.Errorf("got  %s\nwant %s", got, test.want)
		}
	}
}
