package logs

import (
	"fmt"
	"slices"
)

// findHoles finds where lines are missing from the midst of a process's lines: at
// log_gap, and where the file has something else than lines that can be read. What is
// missing there may be any number of lines, so nothing is concluded across a hole.
func (r *Run) findHoles() {
	gaps := make(map[string][]int) // lines that could not be read, by file
	for _, file := range r.Files {
		for _, f := range file.Findings {
			if f.Kind == Gap && f.Line > 0 {
				gaps[f.File] = append(gaps[f.File], f.Line)
			}
		}
	}
	for _, life := range r.Lives {
		unread := gaps[life.first().File]
		slices.Sort(unread)
		for i, e := range life.Events {
			for len(unread) > 0 && unread[0] < e.Line {
				if unread = unread[1:]; i > 0 {
					life.addHole(i)
				}
			}
			if e.Kind == LogGap {
				life.addHole(i)
				r.Findings = append(r.Findings, found(Gap, e,
					"%s could not write %s here: what is missing cannot be judged; give the log's disk more room (conch node --log-complete stops a node that cannot write its log)", e.Node, lines(e.Missing)))
			}
		}
		if life.quiet() {
			r.Findings = append(r.Findings, found(Gap, life.Started,
				"%s was started without --evidence: its log tells of sessions and streams, and not of messages and entries; start all nodes with --evidence if their logs are to be checked", life.Node))
		}
	}
}

func (l *Life) addHole(seq int) {
	if len(l.holes) == 0 || l.holes[len(l.holes)-1] != seq {
		l.holes = append(l.holes, seq)
	}
}

// afterHole reports whether lines are missing right before a line.
func (e *Event) afterHole() bool {
	_, found := slices.BinarySearch(e.Life.holes, e.Seq)
	return found
}

// holeBetween reports whether lines are missing between two places, or right before the
// second.
func (l *Life) holeBetween(from, to int) bool {
	next, _ := slices.BinarySearch(l.holes, from+1)
	return next < len(l.holes) && l.holes[next] <= to
}

// quiet reports whether the process did not write a line for each message.
func (l *Life) quiet() bool {
	return l.Started != nil && l.Started.Has("evidence") && !l.Started.Evidence
}

// partial reports whether lines of the process are missing for certain.
func (l *Life) partial() bool {
	return l.Started == nil && !l.awaits() || len(l.holes) > 0 || l.quiet()
}

// lines writes how many lines there are.
func lines(count uint64) string {
	if count == 1 {
		return "1 line"
	}
	return fmt.Sprintf("%d lines", count)
}

// worst is the worst verdict that may rest on nobody having been passed over: where lines
// of any node are missing, somebody may have been.
func (r *Run) worst() Verdict {
	if slices.ContainsFunc(r.Lives, (*Life).partial) {
		return Insufficient
	}
	return Violated
}
