package logs

import (
	"bufio"
	"bytes"
	"errors"
	"fmt"
	"io"
	"regexp"
	"strings"
)

// MaxLine is the longest line that Read accepts, in bytes without its end. The
// lines of a cluster of a thousand members are well below it.
const MaxLine = 1 << 20

// File is one log file as read: the events in their order, and what else was in it.
type File struct {
	Name     string
	Events   []*Event
	Findings []Finding
}

// Read reads one node's log, or several nodes' logs mixed. It reads UTF-8 with or without
// a byte order mark, UTF-16, and either compressed by gzip, and takes lines out of what a
// collector has put around them (docker, Kubernetes, systemd's journal). Lines that are no
// events become findings, each with its place and what to do, and so does a torn last
// line; the only error is one of r, wrapped. Read keeps the lines in memory.
func Read(name string, r io.Reader) (*File, error) {
	c := decode(name, r)
	rd := reader{
		file:       &File{Name: name},
		interned:   make(map[string]string),
		unknown:    make(map[string]int),
		suspect:    -1,
		minimal:    make(map[string]bool),
		parts:      make(cut),
		collectors: make(map[string]bool),
	}
	if c.refusal != "" {
		rd.file.Findings = append(rd.file.Findings, Finding{Kind: Gap, File: name, Problem: c.refusal})
		return rd.file, nil
	}
	if c.note != "" {
		rd.file.Findings = append(rd.file.Findings, Finding{Kind: Note, File: name, Problem: c.note})
	}
	rd.in = bufio.NewReaderSize(c.text, 64<<10)
	if err := rd.readAll(); err != nil {
		return nil, err
	}
	if len(rd.parts) > 0 {
		rd.report(Note, nil, "is torn: the file ends in the middle of a line of which the collector had written a part")
	}
	if len(rd.file.Events) == 0 && !rd.damaged {
		rd.file.Findings = append(rd.file.Findings, Finding{Kind: Note, File: name, Problem: rd.resembles()})
	}
	return rd.file, nil
}

// readAll takes line by line. A compressed file that ends too soon is read up to there; of
// one that is damaged, nothing is kept.
func (r *reader) readAll() error {
	for {
		raw, ended, failed := r.next()
		if len(raw) > 0 || ended {
			r.number++
			r.take(raw, ended)
		}
		if failed != nil {
			return r.stop(failed)
		}
	}
}

// stop says what there is to say of the error that ended the reading.
func (r *reader) stop(failed error) error {
	switch {
	case errors.Is(failed, io.EOF):
	case errors.Is(failed, errCut):
		r.number++
		r.report(Gap, nil, "cannot be decompressed from here on ("+failed.Error()+"): get the file whole")
	case errors.Is(failed, errDamaged):
		r.damaged, r.file.Events = true, nil
		r.file.Findings = []Finding{{Kind: Gap, File: r.file.Name, Problem: "cannot be decompressed (" + failed.Error() + "): no line of it is used; get the file again"}}
	default:
		return fmt.Errorf("read %s: after line %d: %w", r.file.Name, r.number, failed)
	}
	return nil
}

// reader is the state of one Read.
type reader struct {
	file       *File
	in         *bufio.Reader
	number     int // of the line read last, from 1
	interned   map[string]string
	unknown    map[string]int  // findings for unknown events, by event: one each is enough
	suspect    int             // index of a finding that a node_started or log_gap next to it makes a torn line; -1: none
	minimal    map[string]bool // the nodes that write the minimal form
	parts      cut
	collectors map[string]bool // that were told of
	first      string          // the first line that is not empty
	damaged    bool            // no line can be trusted
}

// next returns the next line without its end, in memory of its own, and whether it
// had an end. Of a line that is too long it returns the first MaxLine+1 bytes.
func (r *reader) next() (raw []byte, ended bool, err error) {
	for {
		part, err := r.in.ReadSlice('\n')
		if room := MaxLine + 1 - len(raw); room > 0 {
			raw = append(raw, part[:min(len(part), room)]...)
		}
		switch {
		case errors.Is(err, bufio.ErrBufferFull):
			continue
		case err != nil:
			return raw, false, err
		}
		raw = bytes.TrimSuffix(raw, []byte("\n"))
		return bytes.TrimSuffix(raw, []byte("\r")), true, nil
	}
}

// take judges one line.
func (r *reader) take(raw []byte, ended bool) {
	raw = bytes.TrimPrefix(raw, []byte(markUTF8)) // of a file that was appended to another
	if len(bytes.TrimSpace(raw)) == 0 {
		return
	}
	if r.first == "" {
		r.first = excerpt(raw)
	}
	if len(raw) > MaxLine {
		r.report(Gap, raw, fmt.Sprintf("is longer than %d bytes, which no line of a conch log is; was this file damaged?", MaxLine))
		return
	}
	e, err := parseEvent(raw)
	if errors.Is(err, errNotJSON) || errors.Is(err, errNoEvent) {
		if line, wrapped := r.unwrap(raw); wrapped {
			r.takeWrapped(line, ended)
			return
		}
	}
	if err != nil {
		r.refuse(raw, ended, err)
		return
	}
	r.keep(e, raw, ended)
}

// takeWrapped judges a line that was taken out of what a collector put around it; nil is
// none.
func (r *reader) takeWrapped(line []byte, ended bool) {
	if len(bytes.TrimSpace(line)) == 0 {
		return
	}
	e, err := parseEvent(line)
	if err != nil {
		r.refuse(line, ended, err)
		return
	}
	r.keep(e, line, ended)
}

// keep adds an event to the file's. Unless its node writes the minimal form, it has to keep
// to the whole schema.
func (r *reader) keep(e *Event, raw []byte, ended bool) {
	if _, known := r.minimal[e.Node]; !known || e.Kind == NodeStarted {
		r.minimal[e.Node] = e.saysMinimal()
	}
	if e.loose != nil && !r.minimal[e.Node] {
		r.refuse(raw, ended, e.loose)
		return
	}
	if r.suspect >= 0 {
		torn := &r.file.Findings[r.suspect]
		switch e.Kind {
		case NodeStarted:
			torn.Kind, torn.Problem = Note, "is torn: the process ended while it wrote this line"
		case LogGap: // which is a gap itself, and counts this line
			torn.Kind, torn.Problem = Note, "is torn: the log could not be written from here on, as on a full disk"
		}
	}
	r.suspect = -1
	e.File, e.Line, e.Raw = r.file.Name, r.number, bytes.TrimSpace(raw)
	r.intern(e)
	r.file.Events = append(r.file.Events, e)
}

// refuse reports a line that is no event.
func (r *reader) refuse(raw []byte, ended bool, err error) {
	switch {
	case errors.Is(err, errUnknownEvent):
		text := err.Error()
		r.unknown[text]++
		if r.unknown[text] == 1 {
			r.report(Note, raw, text+"; it and others like it are left out")
		}
	case errors.Is(err, errNoEvent):
		r.report(Note, raw, "is "+err.Error()+"; it is left out")
	case errors.Is(err, errSchema):
		r.report(Gap, raw, "is "+err.Error()+"; was this file edited, or written by another version?")
	case bystanders.Match(raw):
		r.report(Note, raw, "is no line of a log, but a sentence of the program, or of what runs it; it is left out")
	case !ended:
		// Not a gap by itself: the line is written before its message leaves, so
		// what it was to say did not happen. That the end of the process is missing
		// is judged apart.
		r.report(Note, raw, "is torn: the file ends in the middle of this line")
	default:
		r.report(Gap, raw, "is "+err.Error()+": collect the logs with --log-file, or redirect the node's output to a file; the format for people cannot be read back")
		r.suspect = len(r.file.Findings) - 1
	}
}

func (r *reader) report(kind FindingKind, raw []byte, problem string) {
	r.file.Findings = append(r.file.Findings, Finding{Kind: kind, File: r.file.Name, Line: r.number, Text: excerpt(raw), Problem: problem})
}

// resembles says what a file without a line of a log seems to be, and what to do.
func (r *reader) resembles() string {
	const instead = "; give the JSON lines that the node writes with --log-file, or to a standard output that is not a terminal"
	switch {
	case r.first == "":
		return noLine + ": it is empty" + instead
	case forPeople.MatchString(r.first):
		return noLine + ": it has the form for people, which a terminal shows and which cannot be read back" + instead
	case sectionForm.MatchString(r.first):
		return noLine + ": it is a file of --cs-file; give it with that flag, beside the nodes' logs"
	case strings.ContainsRune(r.first, 0):
		return noLine + ": it is not text" + instead
	}
	for name := range r.collectors {
		return noLine + ": it has lines as in " + name + ", and none in them" + instead
	}
	return noLine + instead
}

const noLine = "has no line of a conch log"

var (
	forPeople   = regexp.MustCompile(`\d\d:\d\d:\d\d\S* +(\x1b\[[0-9;]*m)*(DBG|INF|WRN|ERR)\b`)
	sectionForm = regexp.MustCompile(`^(enter|leave|lost) \S+ \d+$`)
)

// intern lets equal names share their memory, since a log says the same few names
// on every line.
func (r *reader) intern(e *Event) {
	for _, text := range []*string{&e.Level, &e.Node, &e.Message, &e.Lock, &e.Peer, &e.Answer, &e.Helper, &e.Reason} {
		*text = r.internOne(*text)
	}
	for _, list := range [][]string{e.Queue, e.Distant, e.Buried, e.Buriable} {
		for i, text := range list {
			list[i] = r.internOne(text)
		}
	}
}

func (r *reader) internOne(text string) string {
	if known, ok := r.interned[text]; ok {
		return known
	}
	r.interned[text] = text
	return text
}
