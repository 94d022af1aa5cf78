package logs

import (
	"regexp"
	"slices"
	"strings"
	"testing"

	"pgregory.net/rapid"
)

// lineOf finds the first line, from a line on, that has all these words.
func lineOf(lines []string, from int, words ...string) int {
	for i := from; i < len(lines); i++ {
		if !slices.ContainsFunc(words, func(word string) bool { return !strings.Contains(lines[i], word) }) {
			return i
		}
	}
	return -1
}

func event(kind string) string { return `"event":"` + kind + `"` }

// busyCluster runs a cluster in which every node enters often and every request is granted.
func busyCluster(n int, seed uint64) *cluster {
	c := newCluster(n, []string{"cs"}, seeded(seed))
	c.run(300, faults{})
	return c
}

func verdictOf(r *Report, id requirementID) Verdict {
	for _, q := range r.Requirements {
		if q.Name == titles[id].name || id == exclusion && q.Name == nameOfSharing {
			return q.Verdict
		}
	}
	return Holds
}

// TestPlanted plants one fault in valid logs, or in the algorithm that writes them, and
// names the checks that must notice.
func TestPlanted(t *testing.T) {
	for _, planted := range []struct {
		name        string
		logs        func(t *testing.T) []string
		requirement requirementID
		verdict     Verdict
		reason      string // part of the reason
	}{
		{"two in the critical section", func(*testing.T) []string {
			c := newCluster(3, []string{"cs"}, seeded(1))
			c.careless = 1
			c.run(300, faults{})
			return c.files()
		}, exclusion, Violated, "was still inside"},

		{"an entry where the token is not", func(t *testing.T) []string {
			c := busyCluster(3, 2)
			// The node enters again after the token has gone.
			for _, m := range c.nodes {
				sent := lineOf(m.lines, 0, event(TokenSent))
				enter := lineOf(m.lines, 0, event(Enter))
				if enter >= 0 && enter < sent {
					m.lines = slices.Insert(m.lines, sent+1, m.lines[enter], m.lines[lineOf(m.lines, enter, event(Leave))])
					return c.files()
				}
			}
			t.Fatal("no entry before a token_sent")
			return nil
		}, exclusion, Violated, "after the token had left it"},

		{"an entry by a hop that went elsewhere", func(t *testing.T) []string {
			c := busyCluster(3, 2)
			from, to := c.nodes[0], c.nodes[2]
			sent := lineOf(from.lines, 0, event(TokenSent), `"peer":"`+c.nodes[1].name)
			hop := regexp.MustCompile(`"hop":"\d+"`).FindString(from.lines[sent])
			enter := lineOf(to.lines, 0, event(Enter))
			to.lines[enter] = regexp.MustCompile(`"hop":"\d+"`).ReplaceAllString(to.lines[enter], hop)
			return c.files()
		}, exclusion, Violated, "but that token was at"},

		{"a hop sent twice", func(*testing.T) []string {
			c := busyCluster(3, 3)
			m := c.nodes[0]
			sent := lineOf(m.lines, 0, event(TokenSent))
			m.lines = slices.Insert(m.lines, sent, m.lines[sent])
			return c.files()
		}, oneToken, Violated, "was sent 2 times"},

		{"a hop received twice", func(*testing.T) []string {
			c := busyCluster(3, 3)
			m := c.nodes[1]
			received := lineOf(m.lines, 0, event(TokenReceived))
			m.lines = slices.Insert(m.lines, received, m.lines[received])
			return c.files()
		}, oneToken, Violated, "was received 2 times"},

		{"a token made twice", func(*testing.T) []string {
			c := busyCluster(3, 3)
			m := c.nodes[0]
			made := m.lines[lineOf(m.lines, 0, event(TokenMade))]
			m.lines = slices.Insert(m.lines, len(m.lines)-1, made)
			return c.files()
		}, oneToken, Violated, "was made 2 times"},

		{"a falling fence", func(*testing.T) []string {
			c := newCluster(3, []string{"cs"}, seeded(4))
			c.fenceFall = 5
			c.run(300, faults{})
			return c.files()
		}, risingFences, Violated, "after fence"},

		{"a request never granted while others go on", func(*testing.T) []string {
			c := newCluster(3, []string{"cs"}, seeded(5))
			c.starved = 2
			c.run(300, faults{abrupt: true})
			return c.files()
		}, overtaking, Violated, "had reached the token"},

		{"an idle token that is kept", func(*testing.T) []string {
			c := newCluster(3, []string{"cs"}, seeded(5))
			c.starved = 2
			c.startAll()
			c.acquire(c.nodes[2], "cs")
			c.deliver([2]int{2, 0}) // the first node has the token, and does nothing
			c.acquire(c.nodes[1], "cs")
			c.deliver([2]int{1, 0})
			c.settleDown()
			c.acquire(c.nodes[0], "cs")
			c.settleDown()
			c.stopAll()
			return c.files()
		}, everyRequest, Violated, "lay idle"},

		{"a request given up without a word", func(t *testing.T) []string {
			c := newCluster(3, []string{"cs"}, seeded(6))
			c.run(1000, faults{})
			// A request that nobody granted, with a number of its own, right before
			// another.
			var m *member
			second := -1
			for _, m = range c.nodes {
				first := lineOf(m.lines, 0, event(Request))
				if second = lineOf(m.lines, first+1, event(Request)); first >= 0 && second >= 0 {
					break
				}
			}
			if second < 0 {
				t.Fatal("nobody asked twice")
			}
			extra := regexp.MustCompile(`"number":"(\d+)\.(\d+)"`).ReplaceAllString(m.lines[second], `"number":"$1.9999"`)
			m.lines = slices.Insert(m.lines, second, extra)
			return c.files()
		}, everyRequest, Violated, "the node asked anew"},

		{"a request broadcast twice", func(*testing.T) []string {
			c := busyCluster(3, 3)
			m := c.nodes[1]
			sent := lineOf(m.lines, 0, event(RequestSent))
			m.lines = slices.Insert(m.lines, sent, m.lines[sent])
			return c.files()
		}, messageCost, Violated, "not as a repeat"},

		{"a torn last line", func(*testing.T) []string {
			files := busyCluster(3, 7).files()
			cut := strings.LastIndex(strings.TrimSuffix(files[0], "\n"), "\n")
			return []string{withoutLoss(files[0][:cut-30]), withoutLoss(files[1]), withoutLoss(files[2])}
		}, completeLogs, Insufficient, "no peer logged its loss"},

		{"a file left out", func(*testing.T) []string { return busyCluster(3, 8).files()[:2] },
			completeLogs, Insufficient, "no line of member 10.0.0.3:7400"},

		{"the beginning of a file left out", func(*testing.T) []string {
			files := busyCluster(3, 8).files()
			_, files[1], _ = strings.Cut(files[1], "\n")
			return files
		}, completeLogs, Insufficient, "want node_started"},

		{"files of two clusters", func(*testing.T) []string {
			return []string{busyCluster(3, 9).files()[0], busyCluster(4, 9).files()[1]}
		}, completeLogs, Insufficient, "different clusters"},

		{"people's format", func(*testing.T) []string {
			files := busyCluster(3, 9).files()
			files[2] = strings.Replace(files[2], "\n", "\n12:00 INF enter fence=3\n", 1)
			return files
		}, completeLogs, Insufficient, "the format for people cannot be read back"},

		{"one node only", func(*testing.T) []string {
			c := newCluster(3, []string{"cs"}, seeded(1))
			c.nodes[1].alive = true
			c.run(0, faults{})
			return c.files()
		}, peersEnter, Insufficient, "0 of 3 nodes entered"},
	} {
		t.Run(planted.name, func(t *testing.T) {
			report := Check(readAll(t, planted.logs(t)...))
			if got := verdictOf(report, planted.requirement); got != planted.verdict {
				t.Errorf("%s: got %s, want %s\n%s", titles[planted.requirement].name, got, planted.verdict, reportText(report))
			}
			if report.Verdict() != planted.verdict {
				t.Errorf("got the verdict %s, want %s\n%s", report.Verdict(), planted.verdict, reportText(report))
			}
			if !strings.Contains(reportText(report), planted.reason) {
				t.Errorf("the report does not say %q:\n%s", planted.reason, reportText(report))
			}
		})
	}
}

// withoutLoss removes the lines by which peers report a loss.
func withoutLoss(file string) string {
	return regexp.MustCompile(`(?m)^.*"event":"peer_lost".*\n`).ReplaceAllString(file, "")
}

// TestMissingLinesNeverViolate removes lines from valid logs. The rest may not suffice, but
// never shows a violation.
func TestMissingLinesNeverViolate(t *testing.T) {
	for _, missing := range []struct {
		name string
		take func(t *rapid.T, files []string) []string
	}{
		{"a line", func(t *rapid.T, files []string) []string {
			i := rapid.IntRange(0, len(files)-1).Draw(t, "file")
			lines := strings.SplitAfter(files[i], "\n")
			at := rapid.IntRange(0, len(lines)-2).Draw(t, "line")
			files[i] = strings.Join(slices.Delete(lines, at, at+1), "")
			return files
		}},
		{"a file", func(t *rapid.T, files []string) []string {
			i := rapid.IntRange(0, len(files)-1).Draw(t, "file")
			return slices.Delete(files, i, i+1)
		}},
		{"an end", func(t *rapid.T, files []string) []string {
			i := rapid.IntRange(0, len(files)-1).Draw(t, "file")
			files[i] = files[i][:rapid.IntRange(0, len(files[i])).Draw(t, "bytes")]
			return files
		}},
		{"a beginning", func(t *rapid.T, files []string) []string {
			i := rapid.IntRange(0, len(files)-1).Draw(t, "file")
			files[i] = files[i][rapid.IntRange(0, len(files[i])).Draw(t, "bytes"):]
			return files
		}},
	} {
		t.Run(missing.name, rapid.MakeCheck(func(t *rapid.T) {
			c := drawCluster(t)
			f := []faults{{}, {cuts: true}, {cuts: true, abrupt: true}, {crashes: true, cuts: true}}[rapid.IntRange(0, 3).Draw(t, "faults")]
			c.run(rapid.IntRange(50, 300).Draw(t, "steps"), f)
			run, err := tryReadAll(missing.take(t, c.files())...)
			if err != nil {
				return // nothing was left
			}
			if report := Check(run); report.Verdict() == Violated {
				t.Fatalf("%s", reportText(report))
			}
		}))
	}
}

// depended are the events of which no line may be missing from otherwise whole logs of a
// run in which every message arrived: some check notices.
var depended = []string{NodeStarted, Request, RequestSent, RequestReceived, Ride, TokenMade, TokenSent, TokenReceived, Enter, Leave}

func TestMissingLineIsNoticed(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		c := newCluster(3, []string{"cs"}, seeded(rapid.Uint64().Draw(t, "seed")))
		c.run(200, faults{})
		files := c.files()
		i := rapid.IntRange(0, len(files)-1).Draw(t, "file")
		lines := strings.SplitAfter(files[i], "\n")
		at := rapid.IntRange(0, len(lines)-2).Draw(t, "line")
		if !slices.ContainsFunc(depended, func(kind string) bool { return strings.Contains(lines[at], event(kind)) }) {
			return
		}
		if strings.Contains(lines[at], event(RequestReceived)) && !strings.Contains(strings.Join(lines[at+1:], ""), `"lock":`) {
			return // as if the node had stopped before the request came
		}
		gone := lines[at]
		files[i] = strings.Join(slices.Delete(lines, at, at+1), "")
		if report := Check(readAll(t, files...)); report.Verdict() != Insufficient {
			t.Fatalf("without this line the verdict is %s:\n -- %s\n%s", report.Verdict(), gone, reportText(report))
		}
	})
}

// TestRunsMixed replaces one node's file by that of another run of the same cluster.
func TestRunsMixed(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		n := rapid.IntRange(2, 4).Draw(t, "members")
		one := newCluster(n, []string{"cs"}, seeded(rapid.Uint64().Draw(t, "seed")))
		one.run(200, faults{})
		two := newCluster(n, []string{"cs"}, seeded(rapid.Uint64().Draw(t, "other seed")))
		two.now = one.now
		two.run(200, faults{})
		files := one.files()
		i := rapid.IntRange(0, n-1).Draw(t, "file")
		files[i] = two.files()[i]
		if report := Check(readAll(t, files...)); report.Verdict() == Violated {
			t.Fatalf("%s", reportText(report))
		}
	})
}

// TestClocksDoNotMatter gives each node a clock that is far off.
func TestClocksDoNotMatter(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		seed := rapid.Uint64().Draw(t, "seed")
		f := faults{crashes: rapid.Bool().Draw(t, "crashes")}
		right, wrong := newCluster(3, []string{"cs"}, seeded(seed)), newCluster(3, []string{"cs"}, seeded(seed))
		for _, m := range wrong.nodes {
			m.skew = rapid.Custom(drawSkew).Draw(t, "skew")
		}
		right.run(200, f)
		wrong.run(200, f)
		a, b := Check(readAll(t, right.files()...)), Check(readAll(t, wrong.files()...))
		for i := range a.Requirements {
			if a.Requirements[i].Verdict != b.Requirements[i].Verdict {
				t.Fatalf("%s: %s by right clocks, %s by wrong ones", a.Requirements[i].Name, a.Requirements[i].Verdict, b.Requirements[i].Verdict)
			}
		}
	})
}
