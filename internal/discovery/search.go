package discovery

import (
	"fmt"
	"maps"
	"slices"
	"strings"
)

// Time is a reading of the caller's clock, in nanoseconds.
type Time int64

// KeepAnswer is how long an address counts as known after the last answer that had it: DNS
// servers may answer with some of the records at a time.
const KeepAnswer = Time(30_000_000_000)

// MinExpect is the least number of members. A cluster of one is started on purpose, and
// does not come about because nobody answers.
const MinExpect = 2

// Stage is how far a node has come.
type Stage uint8

const (
	// Looking: the list may change yet.
	Looking Stage = iota + 1
	// Settled: the list is on disk, and the node will never have another.
	Settled
	// Running: all members have settled on the list.
	Running
	// Joining: the node has no list, and waits until it is added to one.
	Joining
)

// Showing is what a node shows of its list.
type Showing struct {
	// Member is the node's own address.
	Member string
	// List is sorted; nil while it does not know as many members as it expects.
	List  []string
	Stage Stage
}

// Step is what is to be done next.
type Step uint8

const (
	// Wait for answers and showings.
	Wait Step = iota
	// Settle: put the list on disk, and call [Search.Settle].
	Settle
	// Run: put it on disk that the search is over, and call [Search.Run].
	Run
)

// TooManyError is the error for more members than are expected.
type TooManyError struct {
	Expect int
	Found  []string // sorted, the node's own address included
	// Self is the node's own address if the answer did not have it; else empty.
	Self string
}

// Error names them all.
func (e *TooManyError) Error() string {
	text := fmt.Sprintf("found %d members and expected %d: %s", len(e.Found), e.Expect, strings.Join(e.Found, ", "))
	if e.Self != "" {
		text += fmt.Sprintf("; %s, which is this node, is not among the answers", e.Self)
	}
	return text
}

// Search is the state of one node's search.
type Search struct {
	self   string
	expect int
	stage  Stage
	list   []string // sorted; nil while fewer or more than expect are known

	seen      map[string]Time    // when the latest answer with this address came
	inAnswers bool               // an answer had self
	shown     map[string]Showing // by who showed it
	trouble   map[string]string  // why a member has shown nothing useful lately
	failure   string             // why the latest answer failed
}

// New begins a search of the node with an address, for so many members, itself included.
// It panics if these are fewer than [MinExpect].
func New(self string, expect int) *Search {
	if expect < MinExpect {
		panic(fmt.Sprintf("discovery: New: expect is %d, want at least %d", expect, MinExpect))
	}
	return &Search{
		self: self, expect: expect, stage: Looking,
		seen: make(map[string]Time), shown: make(map[string]Showing), trouble: make(map[string]string),
	}
}

// Resume is New for a node that has settled on a list before, which is sorted.
func Resume(self string, list []string) *Search {
	s := New(self, len(list))
	s.list, s.stage = slices.Clone(list), Settled
	return s
}

// Answer takes the addresses that one answer of a source had. The error is a
// [*TooManyError]. A list that is settled stays as it is.
func (s *Search) Answer(now Time, addresses []string) error {
	s.failure = ""
	if s.stage != Looking {
		return nil
	}
	answer := map[string]bool{s.self: true}
	for _, address := range addresses {
		answer[address] = true
		s.seen[address] = now
	}
	s.inAnswers = s.inAnswers || slices.Contains(addresses, s.self)
	if len(answer) > s.expect {
		e := &TooManyError{Expect: s.expect, Found: slices.Sorted(maps.Keys(answer))}
		if !slices.Contains(addresses, s.self) {
			e.Self = s.self
		}
		return e
	}
	s.consider(now)
	return nil
}

// Fail takes the reason for which a source did not answer.
func (s *Search) Fail(now Time, reason string) {
	s.failure = reason
	if s.stage == Looking {
		s.consider(now)
	}
}

// consider makes the list of whoever is known now.
func (s *Search) consider(now Time) {
	maps.DeleteFunc(s.seen, func(_ string, at Time) bool { return now-at > KeepAnswer })
	if s.list = s.known(); len(s.list) != s.expect {
		s.list = nil
	}
}

// known lists who is known, sorted.
func (s *Search) known() []string {
	all := slices.Collect(maps.Keys(s.seen))
	if !slices.Contains(all, s.self) {
		all = append(all, s.self)
	}
	slices.Sort(all)
	return all
}

// Others are the members of the list that are to be asked what they show; empty while there
// is no list.
func (s *Search) Others() []string {
	return slices.DeleteFunc(slices.Clone(s.list), func(m string) bool { return m == s.self })
}

// Showing is what this node shows now.
func (s *Search) Showing() Showing {
	return Showing{Member: s.self, List: slices.Clone(s.list), Stage: s.stage}
}

// Shown takes what the node at a member's address shows.
func (s *Search) Shown(member string, what Showing) {
	delete(s.shown, member)
	switch {
	case what.Member == s.self:
		s.trouble[member] = "its address leads to this node, " + s.self + ": each node needs one name, the same in all answers"
	case what.Stage == Joining:
		s.trouble[member] = "it waits to be added to a cluster (--join)"
	case what.Member != member:
		s.trouble[member] = "the node there calls itself " + what.Member + ": each node needs one name, the same in all answers"
	default:
		delete(s.trouble, member)
		s.shown[member] = what
	}
}

// Silent takes the reason for which a member showed nothing. What it has settled on stays
// true; what it only considered may have changed since.
func (s *Search) Silent(member, reason string) {
	s.trouble[member] = reason
	if s.shown[member].Stage == Looking {
		delete(s.shown, member)
	}
}

// Next is what is to be done.
func (s *Search) Next() Step {
	if s.list == nil {
		return Wait
	}
	all := true
	for _, m := range s.Others() {
		shown := s.shown[m]
		same := slices.Equal(shown.List, s.list)
		if same && shown.Stage == Running {
			return s.step()
		}
		all = all && same && shown.Stage >= s.stage
	}
	if all {
		return s.step()
	}
	return Wait
}

// step leads to the next stage.
func (s *Search) step() Step {
	switch s.stage {
	case Looking:
		return Settle
	case Settled:
		return Run
	default:
		return Wait
	}
}

// Settle is called once the list is on disk. From now on it does not change.
func (s *Search) Settle() {
	if s.Next() != Settle {
		panic("discovery: Settle without reason")
	}
	s.stage = Settled
}

// Run is called once it is on disk that the search is over.
func (s *Search) Run() {
	if s.Next() != Run {
		panic("discovery: Run without reason")
	}
	s.stage = Running
}
