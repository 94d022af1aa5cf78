package logs

import (
	"bytes"
	"cmp"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"strings"
)

// ErrInvalid is what Validate's errors wrap.
var ErrInvalid = errors.New("invalid log line")

// Validate checks one line, with or without its end, against the schema, and says
// what the line has and what was wanted. It is stricter than Read: a key that the
// schema does not have, a key twice, and a level that is not the event's are
// errors too. It is for whoever writes the lines; a reader has to bear more.
func Validate(raw []byte) error {
	raw = bytes.TrimSuffix(raw, []byte("\n"))
	e, err := parseEvent(raw)
	if err != nil {
		return fmt.Errorf("%w: %w: %.200s", ErrInvalid, err, raw)
	}
	if e.loose != nil {
		return fmt.Errorf("%w: %w: %.200s", ErrInvalid, e.loose, raw)
	}
	s := shapeOf[e.Kind]
	if err := checkKeys(raw, everyLine|s.required|s.optional|s.oneOf); err != nil {
		return fmt.Errorf("%w: %s: %w", ErrInvalid, e.Kind, err)
	}
	if err := checkValues(e, s); err != nil {
		return fmt.Errorf("%w: %s: %w", ErrInvalid, e.Kind, err)
	}
	return nil
}

// checkKeys walks the line's own keys, in the order in which they stand.
func checkKeys(raw []byte, allowed keySet) error {
	decoder := json.NewDecoder(bytes.NewReader(raw))
	if _, err := decoder.Token(); err != nil { // the opening brace
		return err
	}
	var seen keySet
	for decoder.More() {
		token, err := decoder.Token()
		if err != nil {
			return err
		}
		name, _ := token.(string)
		bit, known := keyBit[name]
		switch {
		case !known:
			return fmt.Errorf("has the key %q, which the schema does not have", name)
		case bit&allowed == 0:
			return fmt.Errorf("has the key %q, which belongs to other events; want only %s", name, strings.Join(allowed.names(), ", "))
		case bit&seen != 0:
			return fmt.Errorf("has the key %q twice", name)
		}
		seen |= bit
		var value json.RawMessage
		if err := decoder.Decode(&value); err != nil && !errors.Is(err, io.EOF) {
			return err
		}
		if text := string(value); text == `""` || text == "null" {
			return fmt.Errorf("key %q: got %s, want %s or no such key", name, text, kindOf(name))
		}
	}
	return nil
}

// answers are the values of the key "answer", by what is asked.
var answers = map[string][]string{
	"probe":  {"hold", "recent", "none"},
	"ballot": {"hold", "nack", "promise"},
	"note":   {"noted", "nack", "full", "no disk"},
	"choice": {"promise", "nack"},
	"list":   {"accepted", "nack"},
	"joint":  {"joined", "not joined"},
}

// questions are what is asked, by the event of the answer; those to probes and ballots share theirs.
var questions = map[string]string{
	WitnessAnswerSent: "note", WitnessAnswerReceived: "note",
	ChooseAnswerSent: "choice", ChooseAnswerReceived: "choice",
	AcceptAnswerSent: "list", AcceptAnswerReceived: "list",
	JoinedAnswerSent: "joint", JoinedAnswerReceived: "joint",
}

func checkValues(e *Event, s *shape) error {
	if e.Level != s.level {
		return fmt.Errorf("level: got %q, want %q", e.Level, s.level)
	}
	if e.Time.Location().String() != "UTC" {
		return fmt.Errorf("time: got %s, want UTC", e.Time.Format("-07:00"))
	}
	if e.Has("last_granted") != e.Has("queue") {
		return errors.New("has one of last_granted and queue, want both or neither")
	}
	for e.Kind == "token_received" && len(e.LastGranted) < len(e.RequestNumbers) {
		e.LastGranted = append(e.LastGranted, Number{}) // the sender did not know of the newest members
	}
	if e.Has("last_granted") && e.Has("request_numbers") && len(e.LastGranted) != len(e.RequestNumbers) {
		return fmt.Errorf("last_granted has %d entries and request_numbers %d, want one for each member in both", len(e.LastGranted), len(e.RequestNumbers))
	}
	if e.Kind == TokenMade && e.Hop != 0 {
		return fmt.Errorf("hop: got %d, want 0", e.Hop)
	}
	if e.Has("answer") {
		question := cmp.Or(questions[e.Kind], "probe")
		if e.Has("ballot") {
			question = "ballot"
		}
		for _, answer := range answers[question] {
			if e.Answer == answer {
				return nil
			}
		}
		return fmt.Errorf("answer: got %q, want one of %s to a %s", e.Answer, strings.Join(answers[question], ", "), question)
	}
	return nil
}
