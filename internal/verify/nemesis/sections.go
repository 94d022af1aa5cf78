package nemesis

import (
	"fmt"

	"conch/internal/verify/processes"
)

// stay is one critical section, by the lines of the shared file.
type stay struct {
	enter processes.Line
	at    int    // the line of the file that has the enter, from 1
	end   string // leave, lost, killed; empty: not yet
	// void says why the lock is no longer the node's, if it is not: it must not end
	// with a leave then.
	void string
}

func (s *stay) String() string {
	return fmt.Sprintf("line %d, enter %s %d", s.at, s.enter.Node, s.enter.Fence)
}

// sections judges the shared file as it grows: one node at a time is inside, and
// fences rise. A node may enter while another has not left only if that other never
// leaves, since it had lost the lock or was killed.
type sections struct {
	lines    []processes.Line
	highest  *stay
	inside   map[string]*stay // by node: entered, and not ended
	entries  map[string]int   // by node: how often it entered
	minority bool             // no node can have a quorum
	late     int              // lines that were late, of nodes that had lost the lock
}

func newSections() *sections {
	return &sections{inside: make(map[string]*stay), entries: make(map[string]int)}
}

// take judges the next line.
func (s *sections) take(line processes.Line) error {
	s.lines = append(s.lines, line)
	if line.What == "enter" {
		return s.enter(line)
	}
	at := len(s.lines)
	present := s.inside[line.Node]
	if present == nil || present.enter.Fence != line.Fence {
		return fmt.Errorf("line %d, %s %s %d: it is not inside with that fence", at, line.What, line.Node, line.Fence)
	}
	present.end = line.What
	delete(s.inside, line.Node)
	if line.What == "leave" && present.void != "" {
		return fmt.Errorf("%v, and it left, in line %d, as if the lock had been its own, but %s", present, at, present.void)
	}
	return nil
}

func (s *sections) enter(line processes.Line) error {
	entered := &stay{enter: line, at: len(s.lines)}
	if present := s.inside[line.Node]; present != nil {
		return fmt.Errorf("%v: it has not ended its stay since %v", entered, present)
	}
	for _, other := range s.inside {
		if other.enter.Fence < line.Fence && other.void == "" {
			other.void = fmt.Sprintf("there is %v", entered)
		}
	}
	switch {
	case s.highest == nil || s.highest.enter.Fence < line.Fence:
		s.highest = entered
	case s.highest.enter.Fence == line.Fence:
		return fmt.Errorf("%v: %v has the same fence", entered, s.highest)
	default:
		entered.void = fmt.Sprintf("there is %v", s.highest)
		s.late++
	}
	if s.minority {
		entered.void = "no node had a quorum"
	}
	s.inside[line.Node] = entered
	s.entries[line.Node]++
	return nil
}

// killed notes that a node's process is gone, and that all it wrote has been taken.
func (s *sections) killed(node string) {
	if present := s.inside[node]; present != nil {
		present.end = "killed"
		delete(s.inside, node)
	}
	s.lines = append(s.lines, processes.Line{What: "killed", Node: node})
}

// finish judges the whole file, once all nodes have been stopped.
func (s *sections) finish() error {
	for _, present := range s.inside {
		return fmt.Errorf("%v: the node was stopped, and never left", present)
	}
	return nil
}
