package stepper

import (
	"errors"
	"fmt"
	"strconv"
	"strings"
)

// How large a scenario may be.
const (
	MinMembers = 3
	MaxMembers = 7
	// MaxSteps is how many operations a scenario may have.
	MaxSteps = 2000
	// MaxTick is the longest time that one operation lets pass, in milliseconds.
	MaxTick = 60_000

	maxText = 32 << 10
)

// Beginning is what has happened before a scenario's first step.
type Beginning uint8

// Idle: all members are inside sessions, and the token lies idle at A, which has used
// it once. Cold: all members have just been started, and no stream is open.
const (
	Idle Beginning = iota
	Cold
)

// Scenario is a cluster and what is done to it.
type Scenario struct {
	Members   int    // MinMembers to MaxMembers
	Seed      uint64 // of the times that messages take
	Beginning Beginning
	Ops       []Op // MaxSteps at most
}

// ErrText is wrapped by what Decode returns; the text says what was wrong, and where.
var ErrText = errors.New("stepper: not a scenario")

// String is the scenario's text: settings and operations, with semicolons between
// them, of characters that need no escaping in the fragment of a link. What is at its
// default is left out, and an operation that is repeated is written once:
//
//	n=3;seed=2;from=cold;ask.A;deliver.A-B;tick.500;auto*12
func (s Scenario) String() string {
	var b strings.Builder
	fmt.Fprintf(&b, "n=%d", s.Members)
	if s.Seed != 0 {
		fmt.Fprintf(&b, ";seed=%d", s.Seed)
	}
	if s.Beginning == Cold {
		b.WriteString(";from=cold")
	}
	for i := 0; i < len(s.Ops); {
		times := 1
		for i+times < len(s.Ops) && s.Ops[i+times] == s.Ops[i] {
			times++
		}
		b.WriteByte(';')
		b.WriteString(s.Ops[i].String())
		if times > 1 {
			fmt.Fprintf(&b, "*%d", times)
		}
		i += times
	}
	return b.String()
}

// Decode reads a scenario's text. What it returns has the text that String returns,
// if that is what was read. Errors wrap ErrText.
func Decode(text string) (Scenario, error) {
	var s Scenario
	if len(text) > maxText {
		return s, fmt.Errorf("%w: %d bytes, want at most %d", ErrText, len(text), maxText)
	}
	parts := strings.Split(text, ";")
	rest, err := s.decodeSettings(parts)
	if err != nil {
		return Scenario{}, err
	}
	for i, part := range rest {
		if err := s.decodeOp(part); err != nil {
			return Scenario{}, fmt.Errorf("%w: part %d, %q: %w", ErrText, len(parts)-len(rest)+i+1, part, err)
		}
	}
	return s, nil
}

// decodeSettings reads what stands before the operations, and returns those.
func (s *Scenario) decodeSettings(parts []string) (rest []string, err error) {
	n, found := strings.CutPrefix(parts[0], "n=")
	members, err := strconv.ParseUint(n, 10, 8)
	if !found || err != nil || members < MinMembers || members > MaxMembers {
		return nil, fmt.Errorf("%w: begins with %q, want n=%d to n=%d", ErrText, parts[0], MinMembers, MaxMembers)
	}
	s.Members = int(members)
	rest = parts[1:]
	if len(rest) > 0 {
		if seed, found := strings.CutPrefix(rest[0], "seed="); found {
			s.Seed, err = strconv.ParseUint(seed, 10, 53) // JavaScript can say it, too
			if err != nil {
				return nil, fmt.Errorf("%w: %q, want a number of up to 53 bits", ErrText, rest[0])
			}
			rest = rest[1:]
		}
	}
	if len(rest) > 0 {
		if from, found := strings.CutPrefix(rest[0], "from="); found {
			if from != "cold" {
				return nil, fmt.Errorf("%w: %q, want from=cold", ErrText, rest[0])
			}
			s.Beginning = Cold
			rest = rest[1:]
		}
	}
	return rest, nil
}

// decodeOp reads an operation, and how often it is repeated.
func (s *Scenario) decodeOp(part string) error {
	text, repeated, found := strings.Cut(part, "*")
	times := uint64(1)
	if found {
		var err error
		if times, err = strconv.ParseUint(repeated, 10, 16); err != nil || times < 2 {
			return fmt.Errorf("repeated %q times, want 2 to %d", repeated, MaxSteps)
		}
	}
	if uint64(len(s.Ops))+times > MaxSteps {
		return fmt.Errorf("more than %d operations", MaxSteps)
	}
	op, err := DecodeOp(text)
	if err != nil {
		return err
	}
	if err := op.check(s.Members); err != nil {
		return err
	}
	for range times {
		s.Ops = append(s.Ops, op)
	}
	return nil
}
