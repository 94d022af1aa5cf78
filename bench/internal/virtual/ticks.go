package virtual

import (
	"container/heap"

	"conch/token"
)

// ticks are the members that want to hear what time it is, the earliest first. A
// member whose wish moves later keeps its entry, and is asked again when that comes up.
type ticks struct {
	heap tickHeap
	// planned is when each member's earliest entry comes up; 0 if it has none.
	planned []token.Time
}

type tick struct {
	at     token.Time
	member token.Member
}

func (t *ticks) next() token.Time {
	if len(t.heap) == 0 {
		return token.Never
	}
	return t.heap[0].at
}

// plan notes when a member wants to hear what time it is.
func (t *ticks) plan(m token.Member, at token.Time) {
	if at == token.Never || t.planned[m] != 0 && t.planned[m] <= at {
		return
	}
	t.planned[m] = at
	heap.Push(&t.heap, tick{at, m})
}

// pop moves now on to the earliest entry, and returns whose it is.
func (t *ticks) pop(now *token.Time) token.Member {
	e := heap.Pop(&t.heap).(tick)
	*now = max(*now, e.at)
	if t.planned[e.member] == e.at {
		t.planned[e.member] = 0
	}
	return e.member
}

type tickHeap []tick

func (h tickHeap) Len() int           { return len(h) }
func (h tickHeap) Less(i, j int) bool { return h[i].at < h[j].at }
func (h tickHeap) Swap(i, j int)      { h[i], h[j] = h[j], h[i] }

// Push is heap.Interface's.
func (h *tickHeap) Push(x any) { *h = append(*h, x.(tick)) }

// Pop is heap.Interface's.
func (h *tickHeap) Pop() any {
	last := (*h)[len(*h)-1]
	*h = (*h)[:len(*h)-1]
	return last
}
