package logs

import (
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"time"
)

// The reasons for which a line is no event. All but errSchema are common in files
// that more than the nodes' JSON lines went into.
var (
	errNotJSON      = errors.New("not a line of JSON")
	errNoEvent      = errors.New(`a line of JSON without the key "event"`)
	errUnknownEvent = errors.New("an event that this version does not know")
	errSchema       = errors.New("not as the schema has it")
)

// line is a log line as encoding/json reads it, before its values are parsed.
type line struct {
	Time           string   `json:"time"`
	Level          string   `json:"level"`
	Node           string   `json:"node"`
	Event          string   `json:"event"`
	Message        string   `json:"message"`
	Lock           string   `json:"lock"`
	Peer           string   `json:"peer"`
	Number         string   `json:"number"`
	Fence          string   `json:"fence"`
	Epoch          string   `json:"epoch"`
	Hop            string   `json:"hop"`
	RequestNumbers []string `json:"request_numbers"`
	LastGranted    []string `json:"last_granted"`
	Queue          []string `json:"queue"`
	Session        string   `json:"session"`
	Members        []string `json:"members"`
	Incarnation    string   `json:"incarnation"`
	Version        string   `json:"version"`
	FoundBy        string   `json:"found_by"`
	Found          []string `json:"found"`
	LocalBatch     string   `json:"local_batch"`
	Evidence       *bool    `json:"evidence"`
	Missing        string   `json:"missing"`
	Repeat         *bool    `json:"repeat"`
	Reason         string   `json:"reason"`
	Remote         string   `json:"remote"`
	Caller         string   `json:"caller"`
	Times          string   `json:"times"`
	Ballot         string   `json:"ballot"`
	Probe          string   `json:"probe"`
	Answer         string   `json:"answer"`
	Helper         string   `json:"helper"`
	Distant        []string `json:"distant"`
	Buried         []string `json:"buried"`
	Buriable       []string `json:"buriable"`
	Waiting        *bool    `json:"waiting"`
	Mode           string   `json:"mode"`
	Limit          string   `json:"limit"`
	LimitBy        string   `json:"limit_by"`
	Shares         []string `json:"shares"`
	Share          string   `json:"share"`
	Recaller       string   `json:"recaller"`
	Anyhow         *bool    `json:"anyhow"`
	Kept           string   `json:"kept"`
	Count          string   `json:"count"`
	Value          string   `json:"value"`
	Over           *bool    `json:"over"`
	Run            string   `json:"run"`
	KeptHold       string   `json:"kept_hold"`
	Owner          string   `json:"owner"`
	KnownRun       string   `json:"known_run"`
	KnownKept      string   `json:"known_kept"`
	Serial         string   `json:"serial"`
	Membership     string   `json:"membership"`
	Cluster        string   `json:"cluster"`
	Disk           string   `json:"disk"`
	MemberIDs      []string `json:"member_ids"`
	Next           []string `json:"next"`
	NextIDs        []string `json:"next_ids"`
	IDs            string   `json:"ids"`
	Floor          string   `json:"floor"`
	Round          string   `json:"round"`
	Awaited        []string `json:"awaited"`
	Ask            string   `json:"ask"`
}

// parseEvent reads one line and checks it against the minimal form of the schema, and
// notes in Event.loose what the whole schema has against it. It lets pass keys that the
// schema does not have: a later version may write more.
func parseEvent(raw []byte) (*Event, error) {
	l, loose, err := parseLine(raw)
	if err != nil {
		return nil, err
	}
	if l.Event == "" {
		return nil, errNoEvent
	}
	s, known := shapeOf[l.Event]
	if !known {
		return nil, fmt.Errorf("%w: %q", errUnknownEvent, l.Event)
	}
	p := parser{event: &Event{Kind: s.event}}
	p.line(l)
	if p.err != nil && loose != nil {
		return nil, loose
	}
	if p.err != nil {
		return nil, fmt.Errorf("%w: %s: %w", errSchema, l.Event, p.err)
	}
	if err := s.check(p.event.has, everyLine|s.required); err != nil {
		err = fmt.Errorf("%w: %s: %w", errSchema, l.Event, err)
		if s.check(p.event.has, s.least()) != nil {
			return nil, err
		}
		loose = err
	}
	p.event.loose = loose
	if p.event.Message == "" {
		p.event.Message = strings.ReplaceAll(l.Event, "_", " ")
	}
	return p.event, nil
}

// parseLine reads a line's keys. Where a number is not a text, as the minimal form
// allows, loose says so.
func parseLine(raw []byte) (l *line, loose, err error) {
	l = new(line)
	err = json.Unmarshal(raw, l)
	if err == nil {
		return l, nil, nil
	}
	var mismatch *json.UnmarshalTypeError
	switch {
	case !errors.As(err, &mismatch) || mismatch.Field == "":
		return nil, nil, errNotJSON
	case l.Event == "":
		return nil, nil, errNoEvent
	}
	name, _, _ := strings.Cut(mismatch.Field, ".")
	err = fmt.Errorf("%w: key %q of %s: got a JSON %s, want %s", errSchema, name, l.Event, mismatch.Value, kindOf(name))
	if spelled := spellNumbers(raw); spelled != nil {
		again := new(line)
		if json.Unmarshal(spelled, again) == nil {
			return again, err, nil
		}
	}
	return nil, nil, err
}

// check finds keys that a line of this shape lacks, or has too many of.
func (s *shape) check(has, required keySet) error {
	if missing := required &^ has; missing != 0 {
		return fmt.Errorf("lacks the key %s", strings.Join(missing.names(), ", "))
	}
	if chosen := has & s.oneOf; s.oneOf != 0 && (chosen == 0 || chosen&(chosen-1) != 0) {
		return fmt.Errorf("has %d of the keys %s, want exactly one", len(chosen.names()), strings.Join(s.oneOf.names(), ", "))
	}
	return nil
}

func kindOf(name string) kind {
	for _, k := range keys {
		if k.name == name {
			return k.kind
		}
	}
	return kindText
}

// parser turns a line's values into an Event's fields. An empty text counts as no
// key at all. Only the first error is kept.
type parser struct {
	event *Event
	err   error
}

func (p *parser) line(l *line) {
	e := p.event
	if p.text("time", l.Time) != "" {
		var err error
		if e.Time, err = time.Parse(time.RFC3339Nano, l.Time); err != nil {
			p.fail("time", fmt.Errorf("got %q, want an %s", l.Time, kindTime))
		}
	}
	e.Level, e.Node, e.Message = p.text("level", l.Level), p.text("node", l.Node), p.text("message", l.Message)
	p.text("event", l.Event)
	e.Lock, e.Peer = p.text("lock", l.Lock), p.text("peer", l.Peer)
	e.Number = p.number("number", l.Number)
	e.Fence, e.Hop = p.decimal("fence", l.Fence), p.decimal("hop", l.Hop)
	e.Epoch, e.Ballot = p.epoch("epoch", l.Epoch), p.epoch("ballot", l.Ballot)
	e.RequestNumbers = p.numbers("request_numbers", l.RequestNumbers)
	e.LastGranted = p.numbers("last_granted", l.LastGranted)
	e.Queue, e.Members = p.texts("queue", l.Queue), p.texts("members", l.Members)
	e.Session, e.Probe = p.decimal("session", l.Session), p.decimal("probe", l.Probe)
	e.Incarnation, e.Version = p.hex("incarnation", l.Incarnation), p.text("version", l.Version)
	e.FoundBy, e.Found = p.text("found_by", l.FoundBy), p.texts("found", l.Found)
	e.LocalBatch, e.Missing = p.decimal("local_batch", l.LocalBatch), p.decimal("missing", l.Missing)
	e.Evidence = p.flag("evidence", l.Evidence)
	e.Reason, e.Remote, e.Caller = p.text("reason", l.Reason), p.text("remote", l.Remote), p.text("caller", l.Caller)
	e.Times = p.text("times", l.Times)
	e.Answer, e.Helper = p.text("answer", l.Answer), p.text("helper", l.Helper)
	e.Distant, e.Buried, e.Buriable = p.texts("distant", l.Distant), p.texts("buried", l.Buried), p.texts("buriable", l.Buriable)
	e.Repeat, e.Waiting = p.flag("repeat", l.Repeat), p.flag("waiting", l.Waiting)
	e.Count, e.Value, e.Over = p.decimal("count", l.Count), p.text("value", l.Value), p.flag("over", l.Over)
	p.shared(l)
	p.noted(l)
	p.listing(l)
}

func (p *parser) fail(name string, err error) {
	if p.err == nil {
		p.err = fmt.Errorf("key %q: %w", name, err)
	}
}

func (p *parser) text(name, value string) string {
	if value != "" {
		p.event.has |= keyBit[name]
	}
	return value
}

func (p *parser) hex(name, value string) string {
	if digits, err := hex.DecodeString(value); value != "" && (err != nil || len(digits) != 16) {
		p.fail(name, fmt.Errorf("got %q, want %s", value, kindHex))
	}
	return p.text(name, value)
}

func (p *parser) flag(name string, value *bool) bool {
	if value == nil {
		return false
	}
	p.event.has |= keyBit[name]
	return *value
}

func (p *parser) texts(name string, values []string) []string {
	if values != nil {
		p.event.has |= keyBit[name]
	}
	return values
}

func (p *parser) number(name, value string) (n Number) {
	if p.text(name, value) != "" {
		var err error
		if n, err = ParseNumber(value); err != nil {
			p.fail(name, err)
		}
	}
	return n
}

func (p *parser) epoch(name, value string) (e Epoch) {
	if p.text(name, value) != "" {
		var err error
		if e, err = ParseEpoch(value); err != nil {
			p.fail(name, err)
		}
	}
	return e
}

func (p *parser) decimal(name, value string) (d uint64) {
	if p.text(name, value) != "" {
		var err error
		if d, err = parseDecimal(value); err != nil {
			p.fail(name, fmt.Errorf("%q is not a %s", value, kindDecimal))
		}
	}
	return d
}

func (p *parser) numbers(name string, values []string) []Number {
	if p.texts(name, values) == nil {
		return nil
	}
	numbers := make([]Number, len(values))
	for i, value := range values {
		var err error
		if numbers[i], err = ParseNumber(value); err != nil {
			p.fail(fmt.Sprintf("%s[%d]", name, i), err)
		}
	}
	return numbers
}
