package nemesis

import (
	"context"
	"errors"
	"strings"
	"testing"
	"time"

	"conch"
	"conch/internal/verify/processes"
	"conch/logs"
)

// TestSharedFileJudges gives the two judges of the shared file correct files, and files
// with a planted violation.
func TestSharedFileJudges(t *testing.T) {
	const quorumLost, quorumBack = "quorum lost", "quorum back"
	for _, c := range []struct {
		name    string
		file    string
		says    string // by sections; empty: it is right
		illegal bool   // by the model
	}{
		{"turns", "enter a 1, leave a 1, enter b 2, leave b 2", "", false},
		{"lost, and told late", "enter a 1, enter b 5, lost a 1, leave b 5, enter a 6, leave a 6", "", false},
		{"killed", "enter a 1, killed a 0, enter b 5, leave b 5, enter a 6, leave a 6", "", false},
		{"killed outside", "enter a 1, leave a 1, killed a 0, enter b 5, leave b 5", "", false},
		{"killed after another got in", "enter a 1, enter b 5, killed a 0, leave b 5", "", false},
		{"late, and lost", "enter b 5, enter a 1, lost a 1, leave b 5", "", false},
		{"lost without a quorum", "quorum lost, enter a 1, quorum back, lost a 1", "", false},

		{"two inside", "enter a 1, enter b 2, leave a 1, leave b 2", "there is line 2, enter b 2", true},
		{"two inside, the other leaves first", "enter a 1, enter b 2, leave b 2, leave a 1", "there is line 2, enter b 2", true},
		{"late, and left", "enter b 5, leave b 5, enter a 1, leave a 1", "there is line 1, enter b 5", true},
		{"the same fence", "enter a 1, leave a 1, enter b 1, leave b 1", "the same fence", true},
		{"a fence falls", "enter a 2, leave a 2, enter a 1, leave a 1", "there is line 1, enter a 2", true},
		{"left, and was not inside", "enter a 1, leave a 1, leave a 1", "it is not inside", true},
		{"in twice", "enter a 1, enter a 2, leave a 2", "it has not ended its stay", true},
		{"without a quorum", "quorum lost, enter a 1, quorum back, leave a 1", "no node had a quorum", false},
		{"removed outside", "enter a 1, leave a 1, removed a, enter b 2, leave b 2", "", false},
		{"removed, and told late", "enter a 1, removed a, lost a 1, enter b 2, leave b 2", "", false},
		{"late after its removal, and lost", "removed a, enter a 1, lost a 1, enter b 2, leave b 2", "", false},
		{"enters after its removal", "removed a, enter a 1, leave a 1", "it left, in line 2, as if the lock had been its own, but the node was no member any more", false},
		{"leaves after its removal", "enter a 1, removed a, leave a 1", "the node was no member any more", false},
		{"stopped, and never left", "enter a 1", "never left", false},
	} {
		t.Run(c.name, func(t *testing.T) {
			s := newSections()
			var failures []error
			for text := range strings.SplitSeq(c.file, ", ") {
				words := strings.Fields(text)
				switch {
				case text == quorumLost, text == quorumBack:
					s.minority = text == quorumLost
				case words[0] == "killed":
					s.killed(words[1])
				case words[0] == "removed":
					s.removed(words[1])
				default:
					failures = append(failures, s.take(processes.Line{What: words[0], Node: words[1], Fence: uint64(words[2][0] - '0')}))
				}
			}
			err := errors.Join(append(failures, s.finish())...)
			if c.says == "" && err != nil || c.says != "" && (err == nil || !strings.Contains(err.Error(), c.says)) {
				t.Errorf("sections: got %v, want %q", err, c.says)
			}
			if err := checkHistory(s.lines); (err != nil) != c.illegal {
				t.Errorf("model: got %v, want illegal: %v", err, c.illegal)
			}
		})
	}
}

// TestObserversAreJudged gives the judge of leaders what was said and told, correct and with
// a planted violation.
func TestObserversAreJudged(t *testing.T) {
	for _, c := range []struct {
		name    string
		history string // LEADER says VALUE in TERM; told VALUE in TERM
		says    string // empty: it is right
	}{
		{"in order", "1 says a 5, told a 5, 1 says b 5, told b 5, told - 0, 2 says c 6, told c 6", ""},
		{"missed and repeated", "1 says a 5, 1 says b 5, told b 5, told b 5, 2 says c 6, 1 says d 8, told d 8, told - 0, told d 8", ""},
		{"an older term", "1 says a 5, 2 says b 6, told b 6, told a 5", `told that "a" leads in term 5 at , after "b" leads in term 6 at `},
		{"an older term after nobody", "1 says a 5, 2 says b 6, told b 6, told - 0, told a 5", "after"},
		{"an older value", "1 says a 5, 1 says b 5, told b 5, told a 5", "after"},
		{"never said", "1 says a 5, told b 5", "who did not say that"},
		{"said in another term", "1 says a 5, 2 says b 6, told a 6", "who did not say that"},
		{"an unknown term", "1 says a 5, told a 7", "who did not say that"},
		{"two leaders in a term", "1 says a 5, 2 says b 5", "leaders 1 and 2 have the same term, 5"},
	} {
		t.Run(c.name, func(t *testing.T) {
			e := newElections()
			b := belief{elections: e}
			var failures []error
			for text := range strings.SplitSeq(c.history, ", ") {
				words := strings.Fields(text)
				value, term := words[len(words)-2], uint64(words[len(words)-1][0]-'0')
				switch {
				case words[0] != "told":
					failures = append(failures, e.says(int(words[0][0]-'0'), term, value))
				case term == 0:
					b.told(conch.Leader{})
				default:
					b.told(conch.Leader{Term: term, Value: value})
				}
			}
			err := errors.Join(append(failures, b.failed())...)
			if c.says == "" && err != nil || c.says != "" && (err == nil || !strings.Contains(err.Error(), c.says)) {
				t.Errorf("got %v, want %q", err, c.says)
			}
		})
	}
}

// TestObserverThatIsNotToldIsNoticed: one of two observers is in doubt about the last leader,
// or believes in an earlier one or in nobody, and so does not come to believe in it.
func TestObserverThatIsNotToldIsNoticed(t *testing.T) {
	last := conch.Leader{Term: 6, Value: "last"}
	for name, told := range map[string]conch.Leader{
		"right": last, "in doubt": {Term: 6, Value: "last", InDoubt: true}, "earlier": {Term: 5, Value: "last"},
		"another value": {Term: 6, Value: "first"}, "nobody": {},
	} {
		l := &leaders{elections: newElections(), observers: []*observer{{nodes: []string{"a:1"}}, {nodes: []string{"b:1"}}}}
		for _, o := range l.observers {
			o.elections = l.elections
			check(t, l.elections.says(1, last.Term, "first"), l.elections.says(1, last.Term, last.Value), l.elections.says(2, 5, "last"))
		}
		l.observers[0].told(last)
		l.observers[1].told(told)
		err := l.awaitBelief(t.Context(), 0, last.Term, last.Value)
		if (err == nil) != (name == "right") || err != nil && !strings.Contains(err.Error(), "the observer at [b:1] hears") {
			t.Errorf("%s: got %v", name, err)
		}
	}
}

func check(t *testing.T, errs ...error) {
	t.Helper()
	if err := errors.Join(errs...); err != nil {
		t.Fatal(err)
	}
}

func TestReportsThatDoNotHoldFail(t *testing.T) {
	for _, verdict := range []logs.Verdict{logs.Holds, logs.Insufficient, logs.Violated} {
		err := checkReport(&logs.Report{Requirements: []logs.Requirement{{ID: "R2", Verdict: verdict}}})
		if (err == nil) != (verdict == logs.Holds) {
			t.Errorf("%v: got %v", verdict, err)
		}
	}
}

// startTrial starts three nodes, and returns when each has entered.
func startTrial(ctx context.Context, t *testing.T) *trial {
	t.Helper()
	o, err := prepare(Config{Program: build(t), Dir: t.TempDir(), Nodes: 3, TTL: ttl, Patience: patience, Log: t.Logf})
	check(t, err)
	t.Cleanup(func() { check(t, o.close()) })
	check(t, o.cluster.Start(ctx), o.awaitEntries(ctx, 1, 0, 1, 2))
	return o
}

// TestNodeThatIsNotServedIsNoticed cuts a node off for good and waits for it to enter,
// which it cannot.
func TestNodeThatIsNotServedIsNoticed(t *testing.T) {
	t.Parallel()
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	defer cancel()
	o := startTrial(ctx, t)
	check(t, o.begin(ctx, trouble{kind: cutOff, node: 2}), o.awaitOutside(ctx, 2), o.awaitEntries(ctx, 1, 0, 1))
	o.Patience = time.Second
	err := o.awaitEntries(ctx, 1, 0, 1, 2)
	if err == nil || !strings.Contains(err.Error(), "node 3") || strings.Contains(err.Error(), "node 1,") {
		t.Errorf("got %v, want that node 3 alone did not enter", err)
	}
}

// TestRemovedNodeThatGoesOnIsNoticed takes a member for one that was removed, which goes on to
// enter, and does not end.
func TestRemovedNodeThatGoesOnIsNoticed(t *testing.T) {
	t.Parallel()
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	defer cancel()
	o := startTrial(ctx, t)
	o.Patience = time.Second
	if err := o.part(ctx, 1, false); err == nil || !strings.Contains(err.Error(), "node 2 was removed: ") || !strings.Contains(err.Error(), "wait for the end") {
		t.Errorf("got %v, want that node 2 did not end", err)
	}
	o.Patience = patience
	if err := o.awaitEntries(ctx, 2, 1); err == nil || !strings.Contains(err.Error(), notAMember) {
		t.Errorf("got %v, want that node 2 was no member", err)
	}
}
