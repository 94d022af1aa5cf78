package draw

import (
	"errors"
	"fmt"
	"slices"
	"sort"

	"conch/logs"
)

// Order says where along the lines events stand.
type Order int

const (
	// ByCause puts events in the order of logs.Run.Merge, one row after the other.
	ByCause Order = iota
	// ByTime puts them where their nodes' clocks do.
	ByTime
)

// Options choose what of a run is drawn.
type Options struct {
	// Lock is the lock. Empty: the one with the most lines.
	Lock string
	// From and To are numbers of lines of the merged logs, from 1, both included.
	// 0 stands for the beginning and the end.
	From, To int
	// Fence, if it is not 0, chooses the entry with this fence, from shortly before
	// its request to its end. It excludes From and To.
	Fence uint64
	// Messages is how many are drawn of a longer run where neither From nor To nor
	// Fence chooses a part of it; 0: 50.
	Messages int
	// By is the order along the lines.
	By Order
	// Name, if it is not nil, returns what to call a node instead of its address.
	Name func(node string) string
}

// ErrNothing is returned where the run has nothing to draw of what was chosen.
var ErrNothing = errors.New("nothing to draw")

// manyMessages is what Options.Messages is by default. A run of a few more is drawn
// as a whole.
const manyMessages = 50

// scope is the part of a run that is drawn.
type scope struct {
	run      *logs.Run
	options  Options
	lock     string
	merged   []*logs.Event
	at       map[*logs.Event]int // number of each line, from 1
	from, to int
}

func newScope(run *logs.Run, o Options) (*scope, error) {
	s := &scope{run: run, options: o, lock: o.Lock, merged: run.Merge()}
	s.at = make(map[*logs.Event]int, len(s.merged))
	lines := make(map[string]int) // of each lock
	for i, e := range s.merged {
		s.at[e] = i + 1
		if e.Lock != "" {
			lines[e.Lock]++
		}
	}
	if s.lock == "" {
		for lock, count := range lines {
			if most := lines[s.lock]; count > most || count == most && lock < s.lock {
				s.lock = lock
			}
		}
	}
	if lines[s.lock] == 0 {
		return nil, fmt.Errorf("%w: no line is about lock %q", ErrNothing, s.lock)
	}
	return s, s.chooseWindow()
}

func (s *scope) chooseWindow() error {
	o := s.options
	s.from, s.to = max(o.From, 1), len(s.merged)
	if o.To > 0 {
		s.to = min(o.To, len(s.merged))
	}
	switch {
	case o.Fence != 0:
		return s.windowOf(o.Fence)
	case s.from > s.to:
		return fmt.Errorf("%w: lines %d to %d of the merged logs, which has %d", ErrNothing, o.From, o.To, len(s.merged))
	case o.From == 0 && o.To == 0:
		s.shorten()
	}
	return nil
}

// windowOf chooses the window of one entry.
func (s *scope) windowOf(fence uint64) error {
	story, err := s.run.Tell(s.lock, fence)
	if err != nil {
		return fmt.Errorf("%w: %w", ErrNothing, err)
	}
	entry := story.Entry
	s.from, s.to = s.at[story.Steps[0].Lines[0]], s.at[entry.Enter]
	if story.Begin != nil {
		s.from = min(s.from, s.at[story.Begin])
	}
	if entry.End != nil {
		s.to = s.at[entry.End]
		next := entry.End.Seq + 1
		if events := entry.End.Life.Events; next < len(events) && events[next].Kind == logs.TokenSent {
			s.to = s.at[events[next]]
			if came := events[next].Receipt; came != nil {
				s.to = s.at[came]
			}
		}
	}
	return nil
}

// shorten takes the part of a long run in which the entry stands that tells most.
func (s *scope) shorten() {
	var sent []int // the lines of messages
	for i, e := range s.merged {
		if e.Sent() && e.Lock == s.lock {
			sent = append(sent, i+1)
		}
	}
	most := s.options.Messages
	if most == 0 {
		most = manyMessages
	}
	if len(sent) <= most+most/5 {
		return
	}
	first := 0
	if story, err := s.run.Tell(s.lock, 0); err == nil {
		first = sort.SearchInts(sent, s.at[story.Steps[0].Lines[0]])
	}
	first = max(0, min(first, len(sent)-most))
	s.from = sent[first]
	for s.from > 1 && slices.Contains(follows[s.merged[s.from-1].Kind], s.merged[s.from-2].Kind) {
		s.from-- // the deed of which the message is a part
	}
	if last := first + most; last < len(sent) {
		s.to = sent[last] - 1
	}
	if first == 0 {
		s.from = 1
	}
}

// name is what the picture calls a node.
func (s *scope) name(node string) string {
	if s.options.Name != nil {
		return s.options.Name(node)
	}
	return node
}

// inside reports whether a line is in the window.
func (s *scope) inside(e *logs.Event) bool { return s.at[e] >= s.from && s.at[e] <= s.to }

// shown reports whether a kind of line has a place in the picture at all.
func (s *scope) shown(e *logs.Event) bool {
	switch e.Kind {
	case logs.NodeStarted, logs.NodeStopped, logs.NodeFailed, logs.SessionLapsed, logs.Burial:
		return true
	}
	return e.Lock == s.lock || marksMembers(e.Kind)
}
