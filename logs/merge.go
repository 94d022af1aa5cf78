package logs

import (
	"cmp"
	"container/heap"
	"strings"
)

// Merge returns the lines of all nodes in one order that agrees with causality: a
// node's lines stand in the order in which it wrote them, and a receive stands
// behind its send. Where causality leaves a choice, the earlier time goes first,
// then the lesser node. Clocks may be wrong; they never overrule causality.
//
// Evidence that contradicts itself, a cycle, is reported in Run.Findings; the line
// of the cycle with the earliest time then goes first, so that every line is
// returned once whatever the files say.
func (r *Run) Merge() []*Event {
	if r.merged != nil {
		return r.merged
	}
	m := newMerger(r.Lives)
	for len(r.merged) < m.total {
		if m.ready.Len() == 0 {
			r.Findings = append(r.Findings, m.breakCycle())
		}
		r.merged = append(r.merged, m.next())
	}
	return r.merged
}

// track is one node's lines, process after process, and how far it is merged.
type track struct {
	events []*Event
	at     int
}

func (t *track) head() *Event { return t.events[t.at] }

// merger is a topological sort that knows that program order is a chain for each
// node: at any time only the heads of the tracks can come next.
type merger struct {
	total   int
	tracks  []*track
	ready   trackHeap
	done    map[*Event]bool   // sends that are merged already
	blocked map[*Event]*track // the track whose head waits for this send
}

func newMerger(lives []*Life) *merger {
	m := &merger{done: make(map[*Event]bool), blocked: make(map[*Event]*track)}
	for i, life := range lives {
		if i == 0 || lives[i-1].Node != life.Node {
			m.tracks = append(m.tracks, &track{})
		}
		t := m.tracks[len(m.tracks)-1]
		t.events = append(t.events, life.Events...)
		m.total += len(life.Events)
	}
	for _, t := range m.tracks {
		m.offer(t)
	}
	return m
}

// offer makes a track ready, or has it wait for its head's cause.
func (m *merger) offer(t *track) {
	if t.at == len(t.events) {
		return
	}
	if cause := t.head().Cause; cause != nil && !m.done[cause] {
		m.blocked[cause] = t
		return
	}
	heap.Push(&m.ready, t)
}

// next takes the least of the lines that can come next.
func (m *merger) next() *Event {
	t := heap.Pop(&m.ready).(*track)
	e := t.head()
	t.at++
	delete(m.done, e.Cause)
	if e.Receipt != nil {
		m.done[e] = true
		if waiting := m.blocked[e]; waiting != nil {
			heap.Push(&m.ready, waiting)
			delete(m.blocked, e)
		}
	}
	m.offer(t)
	return e
}

// breakCycle is called when every head waits for a line behind another head. It
// names the cycle and lets one of its heads pass without its cause.
func (m *merger) breakCycle() Finding {
	cycle := m.findCycle()
	first := cycle[0]
	var steps []string
	for _, t := range cycle {
		steps = append(steps, t.head().Position()+" comes after "+t.head().Cause.Position())
		if earlier(t.head(), first.head()) {
			first = t
		}
	}
	head := first.head()
	delete(m.blocked, head.Cause)
	heap.Push(&m.ready, first)
	return found(Foreign, head, "the lines contradict each other: %s, and within a file the lines stand in order; was a file edited?", strings.Join(steps, ", "))
}

// findCycle follows each waiting head to the track that it waits for, until it
// comes round.
func (m *merger) findCycle() []*track {
	byNode := make(map[string]*track)
	var start *track
	for _, t := range m.tracks {
		if t.at < len(t.events) {
			byNode[t.head().Node] = t
			start = t
		}
	}
	var path []*track
	index := make(map[*track]int)
	for t := start; ; t = byNode[t.head().Cause.Node] {
		if from, again := index[t]; again {
			return path[from:]
		}
		index[t] = len(path)
		path = append(path, t)
	}
}

// earlier is the order among lines that causality leaves open.
func earlier(a, b *Event) bool {
	if c := a.Time.Compare(b.Time); c != 0 {
		return c < 0
	}
	if c := cmp.Compare(a.Node, b.Node); c != 0 {
		return c < 0
	}
	return a.Seq < b.Seq
}

type trackHeap []*track

func (h trackHeap) Len() int           { return len(h) }
func (h trackHeap) Less(i, j int) bool { return earlier(h[i].head(), h[j].head()) }
func (h trackHeap) Swap(i, j int)      { h[i], h[j] = h[j], h[i] }
func (h *trackHeap) Push(t any)        { *h = append(*h, t.(*track)) }
func (h *trackHeap) Pop() any {
	last := len(*h) - 1
	t := (*h)[last]
	*h = (*h)[:last]
	return t
}
