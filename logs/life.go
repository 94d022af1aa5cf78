package logs

import (
	"cmp"
	"slices"
)

// Life is one run of one member's process, as far as it is in the files.
type Life struct {
	Node        string   // see Run.Members
	ID          int      // which member it was, where lines tell memberships; -1: none
	Incarnation string   // empty where node_started is missing
	Members     []string // in member order; nil where node_started is missing
	Started     *Event   // node_started; nil where it is missing
	Stopped     *Event   // node_stopped, or node_removed; nil where it is missing
	End         EndKind
	Events      []*Event // in the order in which things happened to the process
	Index       int      // place in Run.Lives

	// holes are the places, by Seq, before which lines are missing for certain: in a log
	// with log_gap, or where something stands that cannot be read.
	holes []int

	address string
	adopted []adoption // in the order of lines
}

// EndKind says how a process ended, as far as the logs tell.
type EndKind int

const (
	// Unknown: neither the process nor another says that it ended. It may run
	// still, or its file is cut.
	Unknown EndKind = iota
	// Stopped: its last line is node_stopped, or node_removed.
	Stopped
	// Crashed: it did not say so itself, but a peer logged its loss, or the same
	// file goes on with the member's next process.
	Crashed
)

// localBatch is how many of those who wait at the process may enter in a row while
// others wait elsewhere; 0 where node_started, which tells, is missing.
func (l *Life) localBatch() int {
	if l.Started == nil {
		return 0
	}
	return max(1, int(l.Started.LocalBatch))
}

func (l *Life) first() *Event { return l.Events[0] }
func (l *Life) last() *Event  { return l.Events[len(l.Events)-1] }

// awaits reports whether the process has only looked for its members so far.
func (l *Life) awaits() bool {
	return l.Started == nil && l.first().Kind == Awaited && l.last().Kind == Awaited
}

// splitLives cuts the files' events into processes: a node_started begins one, or the
// members_awaited before it, and later lines of that node in that file belong to it.
func splitLives(files []*File) []*Life {
	var lives []*Life
	for _, file := range files {
		current := make(map[string]*Life) // by node
		for _, e := range file.Events {
			life := current[e.Node]
			begins := e.Kind == NodeStarted || e.Kind == Awaited
			if life == nil || begins && !life.awaits() {
				life = &Life{Node: e.Node, address: e.Node}
				current[e.Node] = life
				lives = append(lives, life)
			}
			if e.Kind == NodeStarted {
				life.Started, life.Incarnation, life.Members = e, e.Incarnation, e.Members
			}
			life.add(e)
		}
	}
	return lives
}

// add appends a line.
func (l *Life) add(e *Event) {
	if l.Stopped == nil && (e.Kind == NodeStopped || e.Kind == NodeRemoved) || e.Kind == NodeStopped && l.Stopped.Kind == NodeRemoved {
		l.Stopped = e
	}
	e.Life, e.Seq = l, len(l.Events)
	l.Events = append(l.Events, e)
}

// sortLives orders the processes by node, and those of one node in the order in
// which they ran: sessions rise from process to process; in one file the order of
// the lines tells.
func sortLives(lives []*Life) {
	slices.SortStableFunc(lives, func(a, b *Life) int {
		if c := cmp.Compare(a.Node, b.Node); c != 0 {
			return c
		}
		if a.first().File == b.first().File {
			return cmp.Compare(a.first().Line, b.first().Line)
		}
		if a.Started != nil && b.Started != nil {
			if c := cmp.Compare(a.Started.Session, b.Started.Session); c != 0 {
				return c
			}
		}
		return a.first().Time.Compare(b.first().Time)
	})
	for i, life := range lives {
		life.Index = i
	}
}
