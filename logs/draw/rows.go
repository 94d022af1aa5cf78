package draw

import (
	"fmt"
	"slices"
	"strings"
	"time"

	"conch/logs"
)

// row is what one node did at one point.
type row struct {
	events []*logs.Event
	crash  bool // the process ended after its last line, which is in events
	label  string
	y      float64
}

func (r *row) node() string       { return r.events[0].Node }
func (r *row) first() *logs.Event { return r.events[0] }
func (r *row) last() *logs.Event  { return r.events[len(r.events)-1] }
func (r *row) began() time.Time   { return r.events[0].Time }
func (r *row) has(kind string) bool {
	return slices.ContainsFunc(r.events, func(e *logs.Event) bool { return e.Kind == kind })
}

// follows says which events share a row with the one of their node before them: a
// deed and the messages of which it consists, a receipt and what it leads to at
// once. Only the first of a row may be a receipt, so that the rows can stand in
// causal order.
var follows = map[string][]string{
	logs.RequestSent:  {logs.Request, logs.RequestSent},
	logs.RecallSent:   {logs.RecallSent, logs.TokenReceived, logs.Leave, logs.Ride},
	logs.DoneSent:     {logs.RecallReceived, logs.ShareLeave},
	logs.TokenSent:    {logs.Enter, logs.Leave, logs.Ride, logs.RequestReceived, logs.ProbeReceived, logs.AnswerSent, logs.TokenMade},
	logs.Ride:         {logs.Leave},
	logs.Leader:       {logs.SayReceived},
	logs.SaySent:      {logs.Leader, logs.SaySent},
	logs.Enter:        {logs.TokenReceived, logs.TokenMade, logs.Leave, logs.DoneReceived, logs.WitnessAnswerReceived},
	logs.Witnessing:   {logs.TokenReceived, logs.TokenMade, logs.Leave},
	logs.WitnessSent:  {logs.Witnessing, logs.WitnessSent},
	logs.RunNoted:     {logs.WitnessAnswerReceived},
	logs.ProbeSent:    {logs.Probe, logs.ProbeSent, logs.Request, logs.RequestSent},
	logs.Probe:        {logs.Request, logs.RequestSent},
	logs.BallotSent:   {logs.Ballot, logs.BallotSent},
	logs.Ballot:       {logs.AnswerReceived, logs.RoundEnded},
	logs.AnswerSent:   {logs.ProbeReceived, logs.BallotReceived, logs.AbortReceived},
	logs.RoundEnded:   {logs.AnswerReceived, logs.AbortReceived, logs.BallotReceived},
	logs.AbortSent:    {logs.RoundEnded, logs.AbortSent, logs.AnswerReceived},
	logs.TokenMade:    {logs.AnswerReceived},
	logs.Lost:         {logs.SessionLapsed, logs.TokenDropped},
	logs.TokenDropped: {logs.SessionLapsed, logs.TokenReceived},
}

// goesOnWith reports whether a later line of the node shares the row.
func (r *row) goesOnWith(e *logs.Event) bool {
	last := r.last()
	if r.crash || last.Life != e.Life || e.Repeat && !last.Repeat { // a repeat is of another time
		return false
	}
	return slices.Contains(follows[e.Kind], last.Kind)
}

// rows cuts the window into rows, in causal order.
func (s *scope) rows() []*row {
	var rows []*row
	latest := make(map[string]*row) // by node
	for _, e := range s.merged[s.from-1 : s.to] {
		ends := e.Life.End == logs.Crashed && e == e.Life.Events[len(e.Life.Events)-1]
		if s.shown(e) {
			r := latest[e.Node]
			if r != nil && r.goesOnWith(e) {
				r.events = append(r.events, e)
			} else {
				r = &row{events: []*logs.Event{e}}
				rows = append(rows, r)
				latest[e.Node] = r
			}
		}
		if ends {
			r := &row{events: []*logs.Event{e}, crash: true}
			rows = append(rows, r)
			latest[e.Node] = r
		}
	}
	digits := fenceDigits(rows)
	for _, r := range rows {
		r.label = s.labelOf(r, digits)
	}
	return rows
}

// labelOf says in a few words what a row is.
func (s *scope) labelOf(r *row, digits int) string {
	if r.crash {
		return "CRASH"
	}
	var words []string
	for _, e := range r.events {
		if word := s.word(e, digits); word != "" && !slices.Contains(words, word) {
			words = append(words, word)
		}
	}
	return strings.Join(words, ", ")
}

func (s *scope) word(e *logs.Event, digits int) string {
	switch e.Kind {
	case logs.NodeStarted:
		return "start"
	case logs.NodeStopped:
		return "stop"
	case logs.NodeFailed:
		return "fails"
	case logs.SessionLapsed:
		return "session lapses"
	case logs.Burial:
		return "buries " + s.shortName(e.Peer)
	case logs.Request:
		return fmt.Sprintf("REQUEST %d", e.Number.Count)
	case logs.RequestSent:
		if e.Repeat {
			return fmt.Sprintf("REQUEST %d again", e.Number.Count)
		}
	case logs.Ride:
		return "rides"
	case logs.Withdraw:
		return "gives up"
	case logs.TokenMade:
		return "token made"
	case logs.TokenSent:
		return "TOKEN"
	case logs.TokenDropped:
		return "token dropped"
	case logs.Enter, logs.ShareEnter:
		return "in " + shortFence(e.Fence, digits)
	case logs.Leave, logs.ShareLeave:
		return "out"
	case logs.LimitSet:
		return "limit " + e.Shared.Limit.String()
	case logs.RecallSent:
		return "RECALL"
	case logs.DoneSent:
		return fmt.Sprintf("DONE, %d in", e.Shared.Kept)
	case logs.Leader:
		return beliefLabel(e)
	case logs.SaySent:
		return sayLabel(e)
	case logs.WitnessSent:
		return "WITNESS " + noteLabel(e.Noted)
	case logs.WitnessAnswerSent:
		return e.Answer
	case logs.Ran:
		return fmt.Sprintf("tick %d: not again", e.Noted.Run.Tick)
	case logs.RunNoted:
		return "run noted"
	case logs.RunNotNoted:
		return "run not noted"
	case logs.Keeping:
		return "kept: nobody enters"
	case logs.Unkept:
		return "kept no longer"
	case logs.Freed:
		return "freed"
	case logs.LockBroken:
		return "lock broken"
	case logs.HoldExpired:
		return "hold expires"
	case logs.Lost:
		return "lock lost"
	case logs.Probe:
		return "probe"
	case logs.Ballot:
		return "ballot"
	case logs.AnswerSent:
		return e.Answer
	case logs.RoundEnded:
		return "round ends"
	case logs.AbortSent:
		return "abort"
	}
	return s.memberLabel(e)
}

// fenceDigits is how many of the last digits tell all fences of the rows apart, at
// least three.
func fenceDigits(rows []*row) int {
	var fences []string
	for _, r := range rows {
		for _, e := range r.events {
			if e.Kind == logs.Enter && !r.crash && !slices.Contains(fences, fmt.Sprint(e.Fence)) { // a crash's row has a line of another row
				fences = append(fences, fmt.Sprint(e.Fence))
			}
		}
	}
	for digits := 3; ; digits++ {
		seen := make(map[string]bool)
		for _, fence := range fences {
			seen[fence[max(0, len(fence)-digits):]] = true
		}
		if len(seen) == len(fences) || digits >= 20 {
			return digits
		}
	}
}

// shortFence writes the last digits of a fence.
func shortFence(fence uint64, digits int) string {
	text := fmt.Sprint(fence)
	if len(text) <= digits+1 {
		return text
	}
	return "…" + text[len(text)-digits:]
}

// shortName is what tells a node from the others: the port, where no two have the
// same, else its place in the picture.
func (s *scope) shortName(node string) string {
	if s.options.Name != nil {
		return s.name(node)
	}
	nodes := s.nodes()
	for _, other := range nodes {
		if other != node && port(other) == port(node) {
			return fmt.Sprintf("no. %d", slices.Index(nodes, node)+1)
		}
	}
	return port(node)
}

func port(address string) string {
	address, _, _ = strings.Cut(address, "#") // of another disk at the same address
	return address[strings.LastIndex(address, ":")+1:]
}
