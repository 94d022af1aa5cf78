package modelcheck

import (
	"fmt"
	"runtime"
	"runtime/debug"
	"sync"
	"sync/atomic"
	"time"

	"conch/token"
)

// Result is the result of a search.
type Result struct {
	Config Config
	// States is how many distinct states were judged, and Levels how many of them are first
	// reached by 0, 1, 2 … actions. If the search stopped at its limit, every action was
	// tried on all of them except those of the last level, which may be incomplete.
	States int
	Levels []int
	// Complete: no other states can be reached.
	Complete bool
	// Rests is how many states nothing can follow, and Calms how many were followed by
	// calm.
	Rests, Calms int
	// Slowest is the longest calm that it took until every waiter was served.
	Slowest token.Time
	Elapsed time.Duration
	// Violation is the broken promise with the fewest actions; nil if none was found.
	Violation *Violation
}

// Depth is how many actions lead to the deepest judged states.
func (r *Result) Depth() int { return len(r.Levels) - 1 }

// String says in one line how far the search went.
func (r *Result) String() string {
	end := fmt.Sprintf("all up to %d actions deep, and some beyond", r.Depth()-1)
	if r.Complete {
		end = fmt.Sprintf("%d actions deep, and there are no more", r.Depth())
	}
	return fmt.Sprintf("%s: %d states, %s; %d followed by calm, all served after %.2f T; %.1f s, %.0f states/s",
		r.Config.Name, r.States, end, r.Calms, float64(r.Slowest)/float64(ttl),
		r.Elapsed.Seconds(), float64(r.States)/r.Elapsed.Seconds())
}

// link is how a state was first reached. States are numbered by level; state 0 is the
// initial one, and its link means nothing.
type link struct {
	parent uint32
	action action
}

// Search judges every reachable state of a configuration, in the order of the number of
// actions that lead there, until there are no more, a promise is broken, or limit states
// were judged.
//
// It does not keep the states themselves, only the hash of each, and how it was reached. It
// expands a level in the order of its states' parents, so that one walk through the tree of
// all earlier states suffices.
func Search(c Config, limit int) *Result {
	c.check()
	began := time.Now()
	// A search keeps little and discards much: collect garbage less often.
	defer debug.SetGCPercent(debug.SetGCPercent(400))
	s := &search{config: &c, limit: limit, hasher: newHasher(), links: make([]link, 1)}
	s.result = &Result{Config: c}
	s.run()
	s.result.Elapsed = time.Since(began)
	return s.result
}

// search is a search in progress.
type search struct {
	config  *Config
	limit   int
	hasher  hasher
	visited visited
	links   []link
	result  *Result

	// The present level: states lo to hi are expanded, chunk by chunk.
	lo, hi, depth int
	next          atomic.Int64 // the next chunk
	chunks        []chunk
	count         atomic.Int64 // of all states
}

// chunkSize is how many states a worker takes at a time.
const chunkSize = 256

// chunk is the result of expanding some states.
type chunk struct {
	links        []link
	rests, calms int
	slowest      token.Time
	violation    *Violation
}

func (s *search) run() {
	root, broken := s.worker().root()
	s.visited.add(s.hasher.state(s.config, root))
	s.count.Store(1)
	s.result.States, s.result.Levels = 1, []int{1}
	if broken != "" {
		s.result.Violation = &Violation{Broken: broken, config: *s.config}
		return
	}
	workers := make([]*worker, runtime.GOMAXPROCS(0))
	for i := range workers {
		workers[i] = s.worker()
	}
	for s.lo, s.hi = 0, 1; s.lo < s.hi; s.depth++ {
		s.next.Store(0)
		s.chunks = make([]chunk, (s.hi-s.lo+chunkSize-1)/chunkSize)
		var group sync.WaitGroup
		for _, w := range workers {
			group.Go(w.expandChunks)
		}
		group.Wait()
		s.merge()
		if s.result.Violation != nil || s.result.States >= s.limit {
			return
		}
		s.lo, s.hi = s.hi, len(s.links)
	}
	s.result.Complete = true
}

// merge puts the chunks of a level together.
func (s *search) merge() {
	r := s.result
	for i := range s.chunks {
		c := &s.chunks[i]
		s.links = append(s.links, c.links...)
		r.Rests += c.rests
		r.Calms += c.calms
		r.Slowest = max(r.Slowest, c.slowest)
		if r.Violation == nil {
			r.Violation = c.violation
		}
	}
	if found := len(s.links) - s.hi; found > 0 {
		r.Levels = append(r.Levels, found)
	}
	r.States = len(s.links)
}
