package notes

import (
	"fmt"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"testing"

	"conch/token"
)

const many = 100_000

// fill puts many notes into a directory, each with a run as a command's: 150 bytes about it.
func fill(b *testing.B, dir string) {
	b.Helper()
	s := mustOpen(b, dir)
	about := strings.Repeat("x", 150)
	for from := 0; from < many; from += 1000 {
		var batch []token.LockNotes
		for i := from; i < from+1000; i++ {
			n := note(fmt.Sprintf("jobs/nightly/%06d", i), token.Tick(1_790_000_000+i), token.RunDone, 0)
			n.Run.About = about
			batch = append(batch, n)
		}
		must(b, s.Put(batch))
	}
	must(b, s.Close())
}

// BenchmarkOpen opens and loads 100,000 notes.
func BenchmarkOpen(b *testing.B) {
	dir := b.TempDir()
	fill(b, dir)
	var before, after runtime.MemStats
	var all []token.LockNotes
	runtime.GC()
	runtime.ReadMemStats(&before)
	b.ResetTimer()
	for b.Loop() {
		s, err := Open(dir)
		must(b, err)
		if all, err = s.All(); err != nil || len(all) != many {
			b.Fatalf("found %d notes, %v", len(all), err)
		}
		must(b, s.Close())
	}
	b.StopTimer()
	runtime.GC()
	runtime.ReadMemStats(&after)
	b.ReportMetric(float64(after.HeapAlloc-before.HeapAlloc)/many, "heap-bytes/note")
	runtime.KeepAlive(all)
	info, err := os.Stat(filepath.Join(dir, fileName))
	must(b, err)
	b.ReportMetric(float64(info.Size())/many, "file-bytes/note")
}

// BenchmarkPut writes batches among 100,000 notes: what one write costs, and each note of it.
func BenchmarkPut(b *testing.B) {
	for _, size := range []int{1, 10, 100, 1000} {
		b.Run(fmt.Sprintf("batch=%d", size), func(b *testing.B) {
			dir := b.TempDir()
			fill(b, dir)
			s := mustOpen(b, dir)
			b.ResetTimer()
			tick := token.Tick(1_800_000_000)
			for i := 0; b.Loop(); i++ {
				batch := make([]token.LockNotes, size)
				for j := range batch {
					tick++
					batch[j] = note(fmt.Sprintf("jobs/nightly/%06d", int(tick)*7919%many), tick, token.RunDone, 0)
				}
				must(b, s.Put(batch))
			}
			b.ReportMetric(float64(b.Elapsed().Microseconds())/float64(b.N*size), "µs/note")
		})
	}
}
