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

// Result is what a search found.
type Result struct {
	Config Config
	// States is how many distinct states were judged, and Levels how many of them are
	// first reached by 0, 1, 2 … actions. All but those of the last level have been
	// followed by every action, if the search stopped at its limit; that level may not
	// have all its states.
	States int
	Levels []int
	// Complete: there are no more states than these.
	Complete bool
	// Rests is how many states nothing can follow, and Calms how many were followed by
	// calm.
	Rests, Calms int
	// Slowest is how much calm it took, at most, until every waiter was served.
	Slowest token.Time
	Elapsed time.Duration
	// Violation is the first broken promise, by the number of actions that lead to it;
	// nil if none was found.
	Violation *Violation
}

// Depth is how many actions lead to the deepest states that were judged.
func (r *Result) Depth() int { return len(r.Levels) - 1 }

// String tells in one line how far the search went.
func (r *Result) String() string {
	end := fmt.Sprintf("all up to %d actions deep, and some beyond", r.Depth()-1)
	if r.Complete {
		end = fmt.Sprintf("%d actions deep, and there are no more", r.Depth())
	}
	return fmt.Sprintf("%s: %d states, %s; %d followed by calm, all served after %.2f T; %.1f s, %.0f states/s",
		r.Config.Name, r.States, end, r.Calms, float64(r.Slowest)/float64(ttl),
		r.Elapsed.Seconds(), float64(r.States)/r.Elapsed.Seconds())
}

// link is how a state was first reached. States are numbered in the order of their
// levels; state 0 is the initial one, and its link means nothing.
type link struct {
	parent uint32
	action action
}

// Search judges every state that a configuration can come to, in the order of the
// number of actions that lead there, until there are no more, a promise is broken, or
// limit states were judged.
//
// The states themselves are not kept: only the hash of each, and how it was reached. A
// level is gone through in the order of its states' parents, so that it takes one walk
// through the tree of all that came before.
func Search(c Config, limit int) *Result {
	c.check()
	began := time.Now()
	// What a search keeps is small, and what it throws away is much: collect less often.
	defer debug.SetGCPercent(debug.SetGCPercent(400))
	s := &search{config: &c, limit: limit, hasher: newHasher(), links: make([]link, 1)}
	s.result = &Result{Config: c}
	s.run()
	s.result.Elapsed = time.Since(began)
	return s.result
}

// search is one search under way.
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

// chunk is what came of expanding some states.
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
