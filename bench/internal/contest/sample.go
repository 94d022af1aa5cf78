package contest

import (
	"fmt"
	"time"

	"github.com/HdrHistogram/hdrhistogram-go"

	"conch/bench/internal/locks"
	"conch/bench/internal/worker"
)

// sample makes a sample of what the board and the workers say.
func (w window) sample(reports []worker.Report) (*Sample, error) {
	s := &Sample{
		Figures:    map[Figure]float64{},
		Wait:       hdrhistogram.New(1, time.Minute.Nanoseconds(), 3),
		Cycle:      hdrhistogram.New(1, time.Minute.Nanoseconds(), 3),
		Violations: w.Violations,
	}
	seconds := w.length.Seconds()
	if w.Hops > 0 {
		s.Figures[Hops] = float64(w.Hops) / seconds
		s.addUsage(w, w.Hops)
	}
	if w.Grants > 0 {
		s.Figures[Grants] = float64(w.Grants) / seconds
		if w.Shared > 0 {
			s.Figures[Shared] = float64(w.Shared) / seconds
			s.Figures[Alone] = float64(w.Grants-w.Shared) / seconds
		}
		s.Figures[HandOffs] = float64(w.HandOffs) / seconds
		s.addUsage(w, w.Grants)
	}
	if w.logged > 0 && w.Grants > 0 {
		s.Figures[Logged] = float64(w.logged) / float64(w.Grants)
	}
	if w.Messages > 0 && w.Grants > 0 {
		s.Figures[Messages] = float64(w.Messages) / float64(w.Grants)
	}
	for _, report := range reports {
		for _, histogram := range []struct {
			from []byte
			to   *hdrhistogram.Histogram
		}{{report.Wait, s.Wait}, {report.Cycle, s.Cycle}} {
			decoded, err := hdrhistogram.Decode(histogram.from)
			if err != nil {
				return nil, fmt.Errorf("contest: a worker's histogram: %w", err)
			}
			histogram.to.Merge(decoded)
		}
		if report.Operations > 0 {
			s.Figures[Nanoseconds] = float64(report.Spent.Nanoseconds()) / float64(report.Operations)
			s.Figures[Allocations] = float64(report.Allocations) / float64(report.Operations)
		}
	}
	s.addCounts(w, reports)
	if s.Wait.TotalCount() > 0 {
		s.Figures[Wait] = float64(s.Wait.ValueAtQuantile(50)) / 1e3
		s.Figures[Cycle] = float64(s.Cycle.ValueAtQuantile(50)) / 1e3
	}
	return s, nil
}

// addUsage adds what each of so many hops or grants has used.
func (s *Sample) addUsage(w window, times uint64) {
	s.Figures[CPU] = float64(w.used.Processor.Microseconds()) / float64(times)
	s.Figures[Switches] = float64(w.used.Switches) / float64(times)
}

// addCounts adds what nodes have counted that count.
func (s *Sample) addCounts(w window, reports []worker.Report) {
	var sum locks.Counts
	var session, grants float64 // a second
	counting := 0
	for _, report := range reports {
		if report.CountedFor == 0 {
			continue
		}
		counting++
		sum = sum.Plus(report.Counts)
		session += report.Counts.Session / report.CountedFor.Seconds()
		grants += report.Counts.Grants / report.CountedFor.Seconds()
	}
	if counting == 0 {
		return
	}
	seconds := w.length.Seconds()
	s.Figures[Session] = session
	s.Figures[Processor] = float64(w.used.Processor.Microseconds()) / seconds
	s.Figures[Written] = float64(w.used.Written) / seconds
	if sum.Grants == 0 {
		return
	}
	s.Figures[Grants] = grants
	s.Figures[CPU] = s.Figures[Processor] / grants
	s.Figures[Messages] = sum.Lock / sum.Grants
	if requests := sum.Sent + sum.Rode; requests > 0 {
		s.Figures[PerRequest] = sum.Lock / requests
	}
}
