package nemesis

import (
	"fmt"

	"conch/internal/verify/processes"
)

// section is one critical section, by the lines of the shared file.
type section struct {
	enter processes.Line
	at    int    // the line of the file with the enter, from 1
	end   string // leave, lost, killed; empty: not yet
	// void says why the lock is no longer the node's, if so: then the section must not end
	// with a leave.
	void string
}

func (s *section) String() string {
	return fmt.Sprintf("line %d, enter %s %d", s.at, s.enter.Node, s.enter.Fence)
}

// sections judges the shared file as it grows: one node at a time is inside, and fences
// rise. A node may enter while another has not left only if that other never leaves,
// because it had lost the lock or was killed.
type sections struct {
	lines    []processes.Line
	highest  *section
	inside   map[string]*section // by node: entered, and not ended
	entries  map[string]int      // by node: how often it entered
	minority bool                // no node can have a quorum
	gone     map[string]bool     // by node: it is no member any more
	late     int                 // late lines of nodes that had lost the lock
}

func newSections() *sections {
	return &sections{inside: make(map[string]*section), entries: make(map[string]int), gone: make(map[string]bool)}
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
	entered := &section{enter: line, at: len(s.lines)}
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
	if s.gone[line.Node] {
		entered.void = notAMember
	}
	s.inside[line.Node] = entered
	s.entries[line.Node]++
	return nil
}

// killed notes that a node's process is gone, and that all its lines have been taken.
func (s *sections) killed(node string) {
	if present := s.inside[node]; present != nil {
		present.end = "killed"
		delete(s.inside, node)
	}
	s.lines = append(s.lines, processes.Line{What: "killed", Node: node})
}

// notAMember is why the lock is not that of a removed node.
const notAMember = "the node was no member any more"

// removed notes that a node is no member any more, and so has no session, and that all lines
// of the time before have been taken.
func (s *sections) removed(node string) {
	s.gone[node] = true
	if present := s.inside[node]; present != nil {
		present.void = notAMember
	}
}

// finish judges the whole file, once all nodes have been stopped.
func (s *sections) finish() error {
	for _, present := range s.inside {
		return fmt.Errorf("%v: the node was stopped, and never left", present)
	}
	return nil
}
