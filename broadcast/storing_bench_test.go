package broadcast

import (
	"fmt"
	"sync/atomic"
	"testing"
	"time"

	"conch/internal/notes"
	"conch/internal/runs"
	"conch/token"
)

// benchDisk counts what is written to a disk of notes.
type benchDisk struct {
	*notes.Store
	writes, notes, took *atomic.Int64 // took is in nanoseconds
}

func (d benchDisk) Put(batch []token.LockNotes) error {
	began := time.Now()
	err := d.Store.Put(batch)
	d.writes.Add(1)
	d.notes.Add(int64(len(batch)))
	d.took.Add(int64(time.Since(began)))
	return err
}

// openNotes opens notes on the disk of temporary files.
func openNotes(b *testing.B, dir string) *notes.Store {
	b.Helper()
	s, err := notes.Open(dir)
	if err != nil {
		b.Fatal(err)
	}
	b.Cleanup(func() { _ = s.Close() }) // its member has stopped
	return s
}

// BenchmarkRuns has callers of one of three members, each with a lock of its own, run one tick
// after the other, until a quorum remembers that it is done. All disks are this machine's.
func BenchmarkRuns(b *testing.B) {
	for _, skip := range []bool{false, true} {
		for _, callers := range []int{1, 16, 128} {
			b.Run(fmt.Sprintf("once=%v/callers=%d", skip, callers), func(b *testing.B) {
				w := newNetwork()
				var writes, stored, took atomic.Int64
				var members []*member
				for _, address := range noteAddresses {
					members = append(members, w.startMember(b, address, setup{
						members: noteAddresses, plain: true, notes: benchDisk{openNotes(b, b.TempDir()), &writes, &stored, &took},
					}))
				}
				warmUp(b, members)
				for c := range callers {
					members[0].release(members[0].acquire(fmt.Sprintf("job %d", c))) // makes the token
				}
				writes.Store(0)
				stored.Store(0)
				var tick atomic.Int64
				b.ResetTimer()
				share(b.N, callers, func(c, _ int) {
					hold := members[0].run(fmt.Sprintf("job %d", c), plain(token.Tick(tick.Add(1)), skip))
					if err := hold.EndRun(b.Context(), runs.End{}); err != nil {
						b.Error(err)
					}
				})
				b.StopTimer()
				b.ReportMetric(float64(b.N)/b.Elapsed().Seconds(), "runs/s")
				b.ReportMetric(float64(stored.Load())/float64(max(1, writes.Load())), "notes/write")
				stopAll(members)
			})
		}
	}
}

// BenchmarkKept has one caller enter and leave a lock whose token stays with its member, by
// turns as a plain hold and as a kept one. The latter waits for a quorum of three members to
// have the hold on disk; a write's own time is told beside it.
func BenchmarkKept(b *testing.B) {
	w := newNetwork()
	var writes, stored, took atomic.Int64
	var members []*member
	for _, address := range noteAddresses {
		members = append(members, w.startMember(b, address, setup{
			members: noteAddresses, plain: true, notes: benchDisk{openNotes(b, b.TempDir()), &writes, &stored, &took},
		}))
	}
	warmUp(b, members)
	m := members[0]
	var plain, kept time.Duration
	for b.Loop() {
		began := time.Now()
		m.release(m.acquire("job"))
		plain += time.Since(began)
		began = time.Now()
		hold, err := m.driver.AcquireKept(b.Context(), "job", runs.Keep{})
		if err != nil {
			b.Fatal(err)
		}
		kept += time.Since(began)
		m.release(hold)
	}
	micros := func(total time.Duration, n int64) float64 { return float64(total.Microseconds()) / float64(n) }
	b.ReportMetric(micros(plain, int64(b.N)), "µs/plain")
	b.ReportMetric(micros(kept, int64(b.N)), "µs/kept")
	b.ReportMetric(micros(time.Duration(took.Load()), writes.Load()), "µs/write")
	stopAll(members)
}

// BenchmarkManyNotes measures what a node with 100,000 notes does in one turn: its status, and
// the look for notes that are old.
func BenchmarkManyNotes(b *testing.B) {
	disk := &notesDisk{notes: make(map[string]token.Notes)}
	for i := range defaultLimits.notes {
		disk.notes[fmt.Sprintf("jobs/nightly/%06d", i)] = token.Notes{Run: token.Run{
			RunMark: token.RunMark{Tick: 1, Fence: 1 << token.FenceBits, State: token.RunDone}, Until: time.Now().Unix() + 3600,
		}}
	}
	m := newNetwork().startMember(b, "a:1", setup{members: []string{"a:1"}, plain: true, notes: disk})
	b.Run("status", func(b *testing.B) {
		for b.Loop() {
			if _, err := m.driver.Status(b.Context()); err != nil {
				b.Fatal(err)
			}
		}
	})
	b.Run("forget", func(b *testing.B) {
		for b.Loop() {
			if err := m.driver.do(b.Context(), (*owner).forgetNotes); err != nil {
				b.Fatal(err)
			}
		}
	})
	m.stop()
}
