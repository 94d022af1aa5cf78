package logs

import (
	"fmt"
	"strings"
)

// FindingKind says what a finding means for what the logs can prove.
type FindingKind int

const (
	// Note is said for completeness; it takes nothing away from a proof.
	Note FindingKind = iota
	// Gap: something that was once logged is not in the files given. Whatever
	// depends on all lines being there cannot be proved.
	Gap
	// Foreign: the files do not belong together, so that nothing follows from
	// putting them together.
	Foreign
)

// Finding is something about the files themselves, apart from what the nodes did.
type Finding struct {
	Kind    FindingKind
	File    string
	Line    int    // from 1; 0 where it concerns the whole file, or no file
	Text    string // the line, cut to a readable length; may be empty
	Problem string // what is wrong, and what to do about it
}

// String writes a finding as FILE:LINE: problem.
func (f Finding) String() string {
	switch {
	case f.File == "":
		return f.Problem
	case f.Line == 0:
		return fmt.Sprintf("%s: %s", f.File, f.Problem)
	}
	return fmt.Sprintf("%s:%d: %s", f.File, f.Line, f.Problem)
}

// found makes a finding about a line that was read.
func found(kind FindingKind, e *Event, format string, args ...any) Finding {
	return Finding{Kind: kind, File: e.File, Line: e.Line, Text: excerpt(e.Raw), Problem: fmt.Sprintf(format, args...)}
}

// excerpt cuts a line to what is worth showing.
func excerpt(raw []byte) string {
	const readable = 240
	text := strings.ToValidUTF8(string(raw[:min(len(raw), readable)]), "?")
	if len(raw) > readable {
		text += "…"
	}
	return text
}
