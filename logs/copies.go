package logs

import (
	"bytes"
	"slices"
)

// dropCopies keeps one of several copies of the same process: the same file given
// twice, or once whole and once cut, at its beginning or its end. Copies that differ are a
// finding.
func dropCopies(lives []*Life) (kept []*Life, findings []Finding) {
	byIncarnation := make(map[[2]string]int)
	for _, life := range lives {
		name := [2]string{life.Node, life.Incarnation}
		if life.Incarnation == "" {
			name[1] = string(life.first().Raw) // it has the time, in nanoseconds
		}
		at, copied := byIncarnation[name]
		if !copied {
			byIncarnation[name] = len(kept)
			kept = append(kept, life)
			continue
		}
		longer, shorter := kept[at], life
		if len(shorter.Events) > len(longer.Events) {
			longer, shorter = shorter, longer
		}
		kept[at] = longer
		if i := firstDifference(longer, shorter); i >= 0 {
			findings = append(findings, found(Foreign, shorter.Events[i],
				"differs from %s, which holds the same run of %s: give the file as the node wrote it, once", longer.Events[i].Position(), life.Node))
			continue
		}
		findings = append(findings, twice(shorter, longer.first()))
	}
	ends, more := dropEnds(kept)
	return ends, append(findings, more...)
}

// twice is the finding about lines that another file has, too.
func twice(copied *Life, original *Event) Finding {
	return found(Note, copied.first(), "the run that begins here is in %s too; it is counted once", original.Position())
}

// dropEnds drops the copies of processes' ends: lines without a beginning that stand in the
// midst of another file's, too.
func dropEnds(lives []*Life) (kept []*Life, findings []Finding) {
	ends := make(map[string]*Life) // by their first line
	for _, life := range lives {
		if life.Started == nil {
			ends[string(life.first().Raw)] = life
		}
	}
	if len(ends) == 0 {
		return lives, nil
	}
	joined := make(map[*Life]bool)
	for _, life := range lives {
		if joined[life] {
			continue
		}
		for i := 0; i < len(life.Events); i++ {
			end := ends[string(life.Events[i].Raw)]
			if end == nil || end == life || joined[end] || end.Node != life.Node {
				continue
			}
			joined[end] = true
			findings = append(findings, life.join(i, end))
		}
	}
	return slices.DeleteFunc(lives, func(life *Life) bool { return joined[life] }), findings
}

// join takes up the lines of another file, which begin with the one at a place of this
// process, and go on here where they are more.
func (l *Life) join(at int, end *Life) Finding {
	rest := &Life{Events: l.Events[at:]}
	shorter, longer := end, rest
	if len(end.Events) > len(rest.Events) {
		shorter, longer = rest, end
	}
	if i := firstDifference(longer, shorter); i >= 0 {
		return found(Foreign, end.Events[i], "differs from %s, though both go on from the same line of %s: give each line as the node wrote it, once",
			rest.Events[i].Position(), l.Node)
	}
	note := twice(end, l.Events[at])
	for _, e := range end.Events[len(shorter.Events):] {
		l.add(e)
	}
	return note
}

// firstDifference returns the first line at which the shorter copy is not what the
// longer one has, or -1.
func firstDifference(longer, shorter *Life) int {
	for i, e := range shorter.Events {
		if !bytes.Equal(e.Raw, longer.Events[i].Raw) {
			return i
		}
	}
	return -1
}
