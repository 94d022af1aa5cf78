package logs

import (
	"strings"
	"testing"

	"pgregory.net/rapid"
)

func reportText(r *Report) string {
	var b strings.Builder
	_ = r.WriteTable(&b)
	return b.String()
}

// drawCluster returns a cluster of drawn size, whose choices rapid draws.
func drawCluster(t *rapid.T) *cluster {
	n := rapid.IntRange(2, 5).Draw(t, "members")
	locks := []string{"cs", "db"}[:rapid.IntRange(1, 2).Draw(t, "locks")]
	c := newCluster(n, locks, seeded(rapid.Uint64().Draw(t, "seed")))
	for _, m := range c.nodes {
		m.batch = rapid.IntRange(1, 3).Draw(t, "batch")
	}
	return c
}

func TestValidLogsHold(t *testing.T) {
	for _, f := range []faults{{}, {cuts: true}, {abrupt: true}, {cuts: true, abrupt: true}} {
		rapid.Check(t, func(t *rapid.T) {
			c := drawCluster(t)
			c.run(rapid.IntRange(100, 400).Draw(t, "steps"), f)
			report := Check(readAll(t, c.files()...))
			if v := report.Verdict(); v == Violated || v == Insufficient && report.Figures.Entered > 1 {
				t.Fatalf("%+v: %s", f, reportText(report))
			}
		})
	}
}

func TestValidLogsWithCrashesHold(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		c := drawCluster(t)
		c.run(rapid.IntRange(100, 400).Draw(t, "steps"), faults{crashes: true, cuts: rapid.Bool().Draw(t, "cuts"), abrupt: rapid.Bool().Draw(t, "abrupt")})
		report := Check(readAll(t, c.files()...))
		if v := report.Verdict(); v == Violated || v == Insufficient && report.Figures.Entered > 1 {
			t.Fatalf("%s", reportText(report))
		}
	})
}
