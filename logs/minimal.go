package logs

import (
	"bytes"
	"encoding/json"
)

// Other implementations of token algorithms may have their logs checked, explained and
// drawn. They need to write less than conch's nodes do: docs/LOGFORMAT.md tells what. A
// node_started without the key incarnation says that the node's lines are in that form.

// spared are the keys that a line may go without in the minimal form, unless a row of
// needed says otherwise.
var spared = setOf("level", "message", "request_numbers", "last_granted", "queue", "epoch", "hop", "fence", "session", "incarnation", "version")

// needed are the keys that the checks of some events rest on.
var needed = map[string]keySet{
	TokenSent:     setOf("hop"),
	TokenReceived: setOf("hop"),
	TokenDropped:  setOf("hop"),
	Enter:         setOf("hop", "fence"),
	Leave:         setOf("fence"),
	Lost:          setOf("fence"),
	LockBroken:    setOf("fence"),
	HoldExpired:   setOf("fence"),

	SessionStarted: setOf("session"),
	SessionWarned:  setOf("session"),
	SessionLapsed:  setOf("session"),
	SessionEnded:   setOf("session"),
	Guard:          setOf("session"),
	ByeReceived:    setOf("session"),

	ShareEnter: setOf("fence"),
	ShareLeave: setOf("fence"),
}

// least are the keys that a line of this shape has in the minimal form.
func (s *shape) least() keySet { return (everyLine|s.required)&^spared | needed[s.event] }

// saysMinimal reports whether the first line of a process is in the minimal form. Where it
// is not node_started, since that is missing, it lacks what every line of conch has.
func (e *Event) saysMinimal() bool {
	if e.Kind == NodeStarted {
		return !e.Has("incarnation")
	}
	return !e.Has("level") && !e.Has("message")
}

// minimal reports whether the process writes the minimal form.
func (l *Life) minimal() bool { return l.first().saysMinimal() }

// minimal reports whether all processes write the minimal form.
func (r *Run) minimal() bool {
	for _, life := range r.Lives {
		if !life.minimal() {
			return false
		}
	}
	return true
}

// logsAny reports whether any line is such.
func (r *Run) logsAny(is func(e *Event) bool) bool {
	for _, life := range r.Lives {
		for _, e := range life.Events {
			if is(e) {
				return true
			}
		}
	}
	return false
}

// judges reports whether a requirement is judged at all. One that rests on keys or events
// that the minimal form may go without is not, if no line has them.
func (r *Run) judges(id requirementID) bool {
	switch {
	case id == outsideSession:
		return r.Sessions
	case id == permits:
		return r.logsAny(func(e *Event) bool { return e.Shared != nil && e.Shared.Limit != 0 && e.Shared.Limit != Unlimited })
	case id == ticksOnce:
		return r.logsAny(func(e *Event) bool { return e.Noted != nil && e.Noted.Run.Tick != 0 })
	case id == keptStays:
		return r.logsAny(func(e *Event) bool { return e.Noted != nil && e.Noted.Kept.Fence != 0 })
	case id == oneList:
		return r.Changes()
	case id == overtaking && r.minimal():
		return r.logsAny(func(e *Event) bool { return e.Has("queue") })
	case id == messageCost && r.minimal():
		return r.logsAny(func(e *Event) bool { return e.Kind == RequestSent })
	}
	return true
}

// spellNumbers writes the numbers of a line as the schema has them, where the line has
// them as numbers of JSON: n is "n", a request number "0.n", an epoch "n.0". It returns nil
// for what is no object of JSON.
func spellNumbers(raw []byte) []byte {
	decoder := json.NewDecoder(bytes.NewReader(raw))
	decoder.UseNumber()
	var keys map[string]any
	if decoder.Decode(&keys) != nil {
		return nil
	}
	for name, value := range keys {
		before, after := "", ""
		switch kindOf(name) {
		case kindNumber, kindNumbers:
			before = "0."
		case kindEpoch:
			after = ".0"
		case kindDecimal, kindLimit:
		default:
			continue
		}
		switch v := value.(type) {
		case json.Number:
			keys[name] = before + v.String() + after
		case []any:
			for i := range v {
				if n, ok := v[i].(json.Number); ok {
					v[i] = before + n.String() + after
				}
			}
		}
	}
	spelled, err := json.Marshal(keys)
	if err != nil {
		return nil // decoded just now, so this does not happen
	}
	return spelled
}
