package page

import (
	"errors"
	"strings"
	"testing"
	"time"

	"conch/bench/internal/contest"
)

// ran makes a result with one figure in each round; a round without one failed.
func ran(subject *contest.Subject, figure contest.Figure, values ...float64) *contest.Result {
	r := &contest.Result{Subject: subject}
	for _, value := range values {
		if value < 0 {
			r.Samples = append(r.Samples, nil)
			r.Failures = append(r.Failures, errors.New("it failed\nat length"))
			continue
		}
		r.Samples = append(r.Samples, &contest.Sample{Figures: map[contest.Figure]float64{figure: value}})
	}
	return r
}

func TestRatioIsOfFiguresOfTheSameRound(t *testing.T) {
	g := goal{of: term{"a", contest.Grants}, over: term{"b", contest.Hops}, is: atLeast, want: 0.8}
	results := map[string]*contest.Result{
		"a": ran(nil, contest.Grants, 10, 30, -1, 8),
		"b": ran(nil, contest.Hops, 20, 30, 1, 10),
	}
	got, want := g.measured(results, 4), contest.Spread{Median: 0.8, Least: 0.5, Most: 1, Rounds: 3}
	if got != want {
		t.Errorf("got %+v, want %+v", got, want)
	}
	if got := g.measured(map[string]*contest.Result{"a": results["a"]}, 4); got.Rounds != 0 {
		t.Errorf("without what it is divided by: got %+v, want nothing", got)
	}
	for _, test := range []struct {
		is    bound
		value float64
		met   bool
	}{{atLeast, 0.8, true}, {atLeast, 0.79, false}, {atMost, 0.8, true}, {atMost, 0.81, false}, {under, 0.8, false}, {under, 0.79, true}} {
		if met := (goal{is: test.is, want: 0.8}).met(test.value); met != test.met {
			t.Errorf("%v %s 0.8: got %t, want %t", test.value, test.is, met, test.met)
		}
	}
}

func TestGoalsAreOfSubjectsThatThereAre(t *testing.T) {
	known := map[string]bool{"": true}
	for _, subject := range contest.Subjects() {
		if known[subject.Name] {
			t.Errorf("two subjects have the name %q", subject.Name)
		}
		known[subject.Name] = true
	}
	for _, g := range goals() {
		for _, term := range []term{g.of, g.over} {
			if !known[term.subject] {
				t.Errorf("goal %q: there is no subject %q", g.what, term.subject)
			}
		}
	}
}

func TestPageSaysWhatWentWrong(t *testing.T) {
	left := &contest.Result{Subject: &contest.Subject{Name: "zookeeper/clients"}, LeftOut: "there is no java"}
	wrong := ran(&contest.Subject{Name: "etcd/clients"}, contest.Grants, -1, 5)
	twice := ran(&contest.Subject{Name: "redlock/clients"}, contest.Grants, 5, 6)
	twice.Samples[1].Violations = 7
	var text strings.Builder
	Write(&text, Run{Rounds: 2, Window: time.Second, Outcome: &contest.Outcome{Results: []*contest.Result{left, wrong, twice}}})
	for _, want := range []string{
		"- LEFT OUT: zookeeper/clients: there is no java\n",
		"- FAILED: etcd/clients: it failed\n",
		"- TWO AT ONCE: redlock/clients: 7 times",
		"| not measured |",
		" 5.50 (5.00..6.00) |",
	} {
		if !strings.Contains(text.String(), want) {
			t.Errorf("the page lacks %q:\n%s", want, text.String())
		}
	}
}

func TestTableIsAligned(t *testing.T) {
	table := table{heads: []string{"what", "µs"}}
	table.add("a", "1,234")
	table.add("longer", "5")
	var text strings.Builder
	table.write(&text)
	const want = "| what   |    µs |\n|--------|------:|\n| a      | 1,234 |\n| longer |     5 |\n\n"
	if text.String() != want {
		t.Errorf("got\n%s\nwant\n%s", text.String(), want)
	}
}

func TestNumber(t *testing.T) {
	for value, want := range map[float64]string{
		0: "0.00", 0.01234: "0.012", 0.5: "0.50", 12.34: "12.3", 123.4: "123", 1234: "1,234", 1234567: "1,234,567",
	} {
		if got := number(value); got != want {
			t.Errorf("%v: got %q, want %q", value, got, want)
		}
	}
}
