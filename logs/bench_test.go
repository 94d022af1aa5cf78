package logs

import (
	"strings"
	"testing"
)

// BenchmarkCheck reads, merges and checks about 100,000 lines of five nodes.
func BenchmarkCheck(b *testing.B) {
	c := newCluster(5, []string{"cs", "db"}, seeded(1))
	c.run(400_000, faults{})
	files := c.files()
	lines := strings.Count(strings.Join(files, ""), "\n")
	b.ReportAllocs()
	for b.Loop() {
		run, err := tryReadAll(files...)
		if err != nil {
			b.Fatal(err)
		}
		if report := Check(run); report.Verdict() != Holds {
			b.Fatal(reportText(report))
		}
	}
	b.ReportMetric(float64(lines), "lines")
	b.ReportMetric(float64(lines)*float64(b.N)/b.Elapsed().Seconds(), "lines/s")
}

// BenchmarkMissingFile is the worst case of reporting: half of the hops have a gap.
func BenchmarkMissingFile(b *testing.B) {
	c := newCluster(3, []string{"cs"}, seeded(1))
	c.run(250_000, faults{})
	files := c.files()[:2]
	for b.Loop() {
		run, err := tryReadAll(files...)
		if err != nil {
			b.Fatal(err)
		}
		if report := Check(run); report.Verdict() != Insufficient {
			b.Fatal(reportText(report))
		}
	}
}
