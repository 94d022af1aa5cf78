package modelcheck

import (
	"fmt"
	"runtime/debug"
	"slices"
)

// worker expands states. It has the state that it expands, and all those on the way to it.
type worker struct {
	search  *search
	stepper stepper
	path    []visit
	way     []uint32 // scratch
	calmed  state    // scratch
	actions []action // scratch
}

// visit is a state on the way, and its number.
type visit struct {
	id    uint32
	state state
}

func (s *search) worker() *worker {
	w := &worker{search: s, stepper: stepper{Config: s.config, hasher: hasher{seeds: s.hasher.seeds}}}
	return w
}

// root begins the way.
func (w *worker) root() (*state, string) {
	root, broken := w.stepper.initial()
	w.path = []visit{{0, *root}}
	return root, broken
}

// expandChunks expands chunks of the present level until there are no more.
func (w *worker) expandChunks() {
	s := w.search
	if w.path == nil {
		w.root()
	}
	for int(s.count.Load()) < s.limit {
		k := int(s.next.Add(1)) - 1
		if k >= len(s.chunks) {
			return
		}
		from := s.lo + k*chunkSize
		w.expandChunk(&s.chunks[k], from, min(from+chunkSize, s.hi))
	}
}

func (w *worker) expandChunk(c *chunk, from, to int) {
	for id := from; id < to && c.violation == nil; id++ {
		w.walkTo(uint32(id))
		w.expand(c, uint32(id))
	}
}

// walkTo makes the way lead to a state of the present level. It keeps the part that the
// present way has in common.
func (w *worker) walkTo(id uint32) {
	s := w.search
	depth := s.depth
	w.way = w.way[:0]
	for len(w.path) <= depth || w.path[depth].id != id {
		w.way = append(w.way, id)
		id = s.links[id].parent
		depth--
	}
	w.path = w.path[:depth+1]
	for k := len(w.way) - 1; k >= 0; k-- {
		w.path = append(w.path, visit{id: w.way[k]})
		last := len(w.path) - 1
		w.stepper.apply(&w.path[last-1].state, s.links[w.way[k]].action, &w.path[last].state)
	}
}

// expand judges the states that can follow a state.
func (w *worker) expand(c *chunk, id uint32) {
	s := w.search
	w.path = append(w.path, visit{})
	here, child := &w.path[len(w.path)-2].state, &w.path[len(w.path)-1].state
	w.actions = s.config.actions(here, w.actions[:0])
	rest := len(w.actions) == 0
	if rest {
		c.rests++
		if s.config.Rest == AtOnce {
			if i := here.waiter(); i >= 0 {
				w.violation(c, id, action{}, "a client of "+name(i)+" waits, and nothing can follow")
			}
		}
	}
	if rest || s.config.Sample != 0 && int(id)%s.config.Sample == 0 {
		c.calms++
		w.calmed = *here
		broken := w.judge(func() string {
			after, broken := w.stepper.served(&w.calmed)
			c.slowest = max(c.slowest, after)
			return broken
		})
		if broken != "" {
			w.violation(c, id, action{}, broken)
		}
	}
	for _, x := range w.actions {
		if broken := w.judge(func() string { return w.stepper.apply(here, x, child) }); broken != "" {
			w.violation(c, id, x, broken)
			break
		}
		if s.visited.add(w.stepper.hasher.state(s.config, child)) {
			s.count.Add(1)
			c.links = append(c.links, link{id, x})
		}
	}
	w.path = w.path[:len(w.path)-1]
}

// judge returns the promise that an attempt breaks. A panic of the nodes' code breaks one.
// code is one.
func (w *worker) judge(try func() string) (broken string) {
	defer func() {
		if r := recover(); r != nil {
			broken = fmt.Sprintf("panic: %v\n%s", r, debug.Stack())
		}
	}()
	return try()
}

// violation notes the first broken promise of a chunk: after the actions that lead to a
// state and one more, or after those actions and calm.
func (w *worker) violation(c *chunk, id uint32, last action, broken string) {
	if c.violation != nil {
		return
	}
	v := &Violation{Broken: broken, config: *w.search.config}
	if last.kind != 0 {
		v.actions = append(v.actions, last)
	}
	for ; id != 0; id = w.search.links[id].parent {
		v.actions = append(v.actions, w.search.links[id].action)
	}
	slices.Reverse(v.actions)
	c.violation = v
}
