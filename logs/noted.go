package logs

import (
	"fmt"
	"slices"
	"strings"
)

// Noted is what a line says of runs of ticks and of kept holds. Which fields are set depends
// on the event; Event.Has tells.
type Noted struct {
	// Run and Kept: what a note is about, or what the token carries. Owner may adopt Kept.
	Run   RunMark
	Kept  KeptMark
	Owner string
	// KnownRun and KnownKept: what the sender of an answer remembers.
	KnownRun  RunMark
	KnownKept KeptMark
	Serial    uint64
}

// RunMark is a run of a tick.
type RunMark struct {
	Tick  uint64
	Fence uint64
	State string // begun, void or done
}

// KeptMark is a kept hold.
type KeptMark struct {
	Fence uint64
	Over  bool
}

// String is the run as the log writes it.
func (m RunMark) String() string { return fmt.Sprintf("%d.%d.%s", m.Tick, m.Fence, m.State) }

// String is the kept hold as the log writes it.
func (k KeptMark) String() string {
	if k.Over {
		return fmt.Sprintf("%d.over", k.Fence)
	}
	return fmt.Sprintf("%d.held", k.Fence)
}

// done reports whether the tick needs no other run.
func (m RunMark) done() bool { return m.State == "done" }

// ParseRunMark reads what String of a RunMark writes.
func ParseRunMark(text string) (m RunMark, err error) {
	parts := strings.Split(text, ".")
	if len(parts) == 3 && slices.Contains([]string{"begun", "void", "done"}, parts[2]) {
		m.State = parts[2]
		if m.Tick, err = parseDecimal(parts[0]); err == nil {
			m.Fence, err = parseDecimal(parts[1])
		}
		if err == nil && m.Tick > 0 && m.Fence > 0 {
			return m, nil
		}
	}
	return RunMark{}, fmt.Errorf("%q is not a %s", text, kindRun)
}

// ParseKeptMark reads what String of a KeptMark writes.
func ParseKeptMark(text string) (KeptMark, error) {
	fence, state, _ := strings.Cut(text, ".")
	n, err := parseDecimal(fence)
	if err != nil || n == 0 || state != "held" && state != "over" {
		return KeptMark{}, fmt.Errorf("%q is not a %s", text, kindKept)
	}
	return KeptMark{n, state == "over"}, nil
}

// notedKeys are the keys whose values are in Event.Noted.
var notedKeys = setOf("run", "kept_hold", "owner", "known_run", "known_kept", "serial")

// noted reads what a line says of notes.
func (p *parser) noted(l *line) {
	n := &Noted{
		Run: parsed(p, "run", l.Run, ParseRunMark), KnownRun: parsed(p, "known_run", l.KnownRun, ParseRunMark),
		Kept: parsed(p, "kept_hold", l.KeptHold, ParseKeptMark), KnownKept: parsed(p, "known_kept", l.KnownKept, ParseKeptMark),
		Owner: p.text("owner", l.Owner), Serial: p.decimal("serial", l.Serial),
	}
	if p.event.has&notedKeys != 0 {
		p.event.Noted = n
	}
}

// parsed reads a key's value, if the line has it.
func parsed[T any](p *parser, name, value string, parse func(string) (T, error)) (v T) {
	if p.text(name, value) != "" {
		var err error
		if v, err = parse(value); err != nil {
			p.fail(name, err)
		}
	}
	return v
}

// about is what a WITNESS or an answer to it is about.
func (n *Noted) about() string {
	if n.Kept.Fence != 0 {
		return n.Kept.String()
	}
	return n.Run.String()
}
