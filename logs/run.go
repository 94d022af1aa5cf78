package logs

import (
	"errors"
	"fmt"
	"os"
	"slices"
	"strings"
)

// ErrNoEvents is returned where the files have not one line of a conch log.
var ErrNoEvents = errors.New("no line of a conch log")

// Run is what several log files say together: the processes of the members, their
// lines, and which receive belongs to which send.
type Run struct {
	Files []*File
	// Members are the nodes in member order, as node_started has them; see membersSeen where none
	// is there. Where the list changed, they are all that were ever members, by ID; one that has
	// the address of an earlier one, with another disk, is called ADDRESS#2.
	Members     []string
	Memberships []*Membership // by version, as far as lines tell them; nil if none does
	Lives       []*Life       // by node, then in the order in which they ran
	Findings    []Finding     // about the files, in no order that means anything
	Sessions    bool          // some line is about sessions: grants outside one are judged

	merged    []*Event
	addresses []string // of Members, where lines tell memberships
	// ordered: the order of Members is known, so that RN and LN can be read by it.
	ordered bool
}

// Open reads the files and puts them together. A path that is "-" is standard
// input. The error says which file and what to do; what is wrong inside the files
// is in Run.Findings.
func Open(paths ...string) (*Run, error) {
	var files []*File
	var opened []os.FileInfo
	var notes []Finding
	for _, path := range paths {
		in, name, err := open(path)
		if err != nil {
			return nil, err
		}
		info, err := in.Stat()
		if err == nil && info.IsDir() {
			_ = in.Close() // nothing was read
			return nil, fmt.Errorf("%s is a folder: give the log files in it", name)
		}
		if err == nil && slices.ContainsFunc(opened, func(other os.FileInfo) bool { return os.SameFile(info, other) }) {
			notes = append(notes, Finding{Kind: Note, File: name, Problem: "was given twice; it is read once"})
			_ = in.Close() // nothing was read
			continue
		}
		opened = append(opened, info)
		file, err := Read(name, in)
		_ = in.Close() // nothing was written
		if err != nil {
			return nil, err
		}
		files = append(files, file)
	}
	run, err := NewRun(files...)
	if err != nil {
		return nil, err
	}
	run.Findings = append(run.Findings, notes...)
	return run, nil
}

func open(path string) (*os.File, string, error) {
	if path == "-" {
		return os.Stdin, "standard input", nil
	}
	in, err := os.Open(path)
	switch {
	case errors.Is(err, os.ErrNotExist):
		return nil, "", fmt.Errorf("%w: give the files that the nodes wrote with --log-file", err)
	case err != nil:
		return nil, "", fmt.Errorf("%w: make it readable, or give another file", err)
	}
	return in, path, nil
}

// NewRun puts files together that were read.
func NewRun(files ...*File) (*Run, error) {
	run := &Run{Files: files}
	for _, file := range files {
		run.Findings = append(run.Findings, file.Findings...)
	}
	lives, copies := dropCopies(splitLives(files))
	if len(lives) == 0 {
		return nil, noEvents(files)
	}
	sortLives(lives)
	run.Lives = lives
	run.Findings = append(run.Findings, copies...)
	run.findMembers()
	for _, life := range lives {
		for _, e := range life.Events {
			switch e.Kind {
			case SessionStarted, SessionLapsed, SessionEnded, SessionWarned:
				run.Sessions = true
			}
		}
	}
	run.findHoles()
	run.pair()
	run.judgeEnds()
	return run, nil
}

// noEvents is the error for files without a line of a log. It says of each what it is.
func noEvents(files []*File) error {
	if len(files) == 0 {
		return fmt.Errorf("%w: no file was given", ErrNoEvents)
	}
	var texts []string
	for _, file := range files {
		last := file.Findings[len(file.Findings)-1]
		texts = append(texts, fmt.Sprintf("%s %s", file.Name, strings.TrimPrefix(last.Problem, noLine+": it ")))
	}
	return fmt.Errorf("%w: %s", ErrNoEvents, strings.Join(texts, "; "))
}

// LongestBatch is the greatest local batch that any process has: how many of those who
// wait at it may enter in a row while others wait elsewhere. 1 where nodes take turns.
func (r *Run) LongestBatch() int {
	longest := 1
	for _, life := range r.Lives {
		longest = max(longest, life.localBatch())
	}
	return longest
}

// judgeEnds decides how each process ended.
func (r *Run) judgeEnds() {
	for i, life := range r.Lives {
		successor := i+1 < len(r.Lives) && r.Lives[i+1].Node == life.Node
		switch {
		case life.awaits(): // it took part in nothing
		case life.Stopped != nil:
			life.End = Stopped
			if last := life.last(); last != life.Stopped && life.Stopped.Kind == NodeStopped {
				r.Findings = append(r.Findings, found(Gap, last,
					"%s goes on after its node_stopped at line %d without a node_started: lines are missing", life.Node, life.Stopped.Line))
			}
		case life.last().Kind == NodeFailed,
			r.restartedIn(life),
			successor && r.anyoneLost(life.Node),
			!successor && r.lastSeenLost(life):
			life.End = Crashed
		default:
			r.Findings = append(r.Findings, found(Gap, life.last(),
				"is the last line of %s, want node_stopped, and no peer logged its loss: the file is cut, or the node runs still; stop the nodes before you collect their logs", life.Node))
		}
	}
}

// restartedIn reports whether the file of a process goes on with the next one of its address.
func (r *Run) restartedIn(life *Life) bool {
	return slices.ContainsFunc(r.Lives, func(next *Life) bool {
		return next.address == life.address && next.Started != nil && next.first().File == life.first().File && next.first().Line > life.last().Line
	})
}

// anyoneLost reports whether some node logged the loss of this one.
func (r *Run) anyoneLost(node string) bool {
	for _, life := range r.Lives {
		for _, e := range life.Events {
			if e.Kind == PeerLost && e.Peer == node {
				return true
			}
		}
	}
	return false
}

// lastSeenLost reports whether the last that some other node says about its stream
// to this node is that it was lost, and no node heard this process say goodbye.
func (r *Run) lastSeenLost(lost *Life) bool {
	gone := make(map[string]bool) // by who says so
	for _, life := range r.Lives {
		for _, e := range life.Events {
			switch {
			case e.Peer != lost.Node:
			case e.Kind == PeerLost:
				gone[e.Node] = true
			case e.Kind == PeerConnected:
				gone[e.Node] = false
			case e.Kind == ByeReceived && lost.Started != nil && e.Session >= lost.Started.Session:
				return false
			}
		}
	}
	for _, isGone := range gone {
		if isGone {
			return true
		}
	}
	return false
}
