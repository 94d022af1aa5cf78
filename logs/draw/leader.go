package draw

import (
	"fmt"

	"conch/logs"
)

// valueRunes is how much of a leader's value a label has.
const valueRunes = 15

// sayLabel says what a leader tells the others.
func sayLabel(e *logs.Event) string {
	if e.Over {
		return "SAY over"
	}
	if value := []rune(e.Value); len(value) > valueRunes {
		return fmt.Sprintf("SAY %q…", string(value[:valueRunes]))
	}
	return fmt.Sprintf("SAY %q", e.Value)
}

// beliefLabel says what a node believes of the leader that no SAY told it.
func beliefLabel(e *logs.Event) string {
	switch {
	case e.Reason == "":
		return ""
	case e.Over:
		return "nobody leads"
	}
	return "leader in doubt"
}
