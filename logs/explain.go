package logs

import (
	"errors"
	"fmt"
	"io"
	"slices"
)

// ErrNoEntry is returned where the logs do not have the entry that was asked for.
var ErrNoEntry = errors.New("no such entry in the logs")

// Explain tells how a node got a lock: the messages that led to the entry with this
// fence, step by step in causal order, each with the lines that show it and the
// values of RN, LN and Q. An empty lock stands for any; fence 0 for one whose story
// is worth telling: the node had to ask for the token, and others were before it.
//
// The error wraps ErrNoEntry, or is one of w.
func Explain(run *Run, lock string, fence uint64, w io.Writer) error {
	entry, err := run.chooseEntry(lock, fence)
	if err != nil {
		return err
	}
	x := newExplanation(run, entry)
	x.gather()
	return x.write(w)
}

// chooseEntry finds the entry, or picks one.
func (r *Run) chooseEntry(lock string, fence uint64) (*Entry, error) {
	journeys := slices.DeleteFunc(r.Journeys(), func(j *Journey) bool { return lock != "" && j.Lock != lock || len(j.Entries) == 0 })
	if len(journeys) == 0 {
		if lock == "" {
			return nil, fmt.Errorf("%w: nobody entered", ErrNoEntry)
		}
		return nil, fmt.Errorf("%w: nobody entered lock %q", ErrNoEntry, lock)
	}
	if fence != 0 {
		for _, j := range journeys {
			for _, entry := range j.Entries {
				if entry.Enter.Fence == fence {
					return entry, nil
				}
			}
		}
		first, last := journeys[0].Entries[0], journeys[0].Entries[len(journeys[0].Entries)-1]
		return nil, fmt.Errorf("%w: fence %d; lock %q has %d entries, with fences from %d to %d", ErrNoEntry, fence,
			journeys[0].Lock, len(journeys[0].Entries), first.Enter.Fence, last.Enter.Fence)
	}
	var best *Entry
	most := -1
	for _, j := range journeys {
		made := make(map[Epoch]*Event) // the first that is seen of each token
		for _, v := range j.Visits {
			if made[v.Epoch] == nil {
				made[v.Epoch] = v.Events[0]
			}
		}
		for i, entry := range j.Entries {
			if score := interest(j, i, made); score > most {
				best, most = entry, score
			}
		}
	}
	return best, nil
}

// interest says how much an entry's story shows of the algorithm. One that waits for
// a token to be made shows less of it than of the rounds.
func interest(j *Journey, i int, made map[Epoch]*Event) int {
	entry := j.Entries[i]
	begin := entry.request()
	score := 0
	if begin == nil || entry.Visit.Arrival == nil || entry.Visit.Arrival.Kind != TokenReceived {
		return score
	}
	if made[entry.Visit.Epoch].Time.After(begin.Time) {
		return score
	}
	score += 2
	if begin.Kind == Request {
		score += 4
	}
	// Entries of others between the request and its grant, as far as the clocks of
	// these say: this is only a choice of a story.
	between := 0
	for k := i - 1; k >= 0 && k >= i-4 && j.Entries[k].Enter.Time.After(begin.Time); k-- {
		between++
	}
	if between >= 1 && between <= 3 && j.Entries[i-1].Enter.Node != entry.Enter.Node {
		score += 3 - (between - 1)
	}
	if len(entry.Enter.Queue) > 0 {
		score++
	}
	if entry.End != nil && entry.End.Kind == Leave {
		score++
	}
	if entry.recalls(begin) {
		score += 6
	}
	return score
}

// request returns the line with which the request of an entry began, or nil where
// the token was here and no request was needed.
func (entry *Entry) request() *Event {
	e := entry.Enter
	if e.Number.IsZero() {
		return nil
	}
	for i := e.Seq - 1; i >= 0; i-- {
		b := e.Life.Events[i]
		if b.Lock == e.Lock && b.Number == e.Number && (b.Kind == Request || b.Kind == Ride) {
			return b
		}
	}
	return nil
}

// explanation is the story of one entry.
type explanation struct {
	run    *Run
	entry  *Entry
	begin  *Event         // request or ride; nil: no request was needed
	at     map[*Event]int // index in the merged order
	path   []*Visit       // of the token, from where it was as the story begins to the entry
	left   int            // visits at the beginning of the path that are left out
	chosen map[*Event]bool

	// What oneSession found: the session of each member's numbers, and whether
	// there is but one each.
	sessions map[int]uint64
	single   bool
}

// longestPath bounds a story: a request that waited for long, before it reached the
// token, is not told with every entry that went on meanwhile.
const longestPath = 12

func newExplanation(run *Run, entry *Entry) *explanation {
	x := &explanation{run: run, entry: entry, begin: entry.request(), at: make(map[*Event]int), chosen: make(map[*Event]bool)}
	for i, e := range run.Merge() {
		x.at[e] = i
	}
	for _, j := range run.Journeys() {
		if j.Lock != entry.Enter.Lock {
			continue
		}
		// Journeys are made anew at each call: find the entry's visit by its line.
		to := slices.IndexFunc(j.Visits, func(v *Visit) bool { return slices.Contains(v.Events, entry.Enter) })
		from := to
		for from > 0 && x.begin != nil && x.at[j.Visits[from].Events[0]] > x.at[x.begin] {
			from--
		}
		x.left = max(0, to-from-longestPath)
		x.path = j.Visits[from+x.left : to+1]
	}
	return x
}

func (x *explanation) choose(events ...*Event) {
	for _, e := range events {
		if e != nil {
			x.chosen[e] = true
		}
	}
}

// gather chooses the lines that the story tells.
func (x *explanation) gather() {
	enter := x.entry.Enter
	x.choose(x.begin, enter, x.entry.End)
	if x.begin != nil {
		for _, e := range enter.Life.Events[x.begin.Seq:enter.Seq] {
			if e.Kind == MembershipAdopted {
				x.choose(e)
			}
			if e.Kind == RequestSent && e.Lock == enter.Lock && e.Number == enter.Number {
				x.choose(e)
				if e.Receipt != nil && x.at[e.Receipt] < x.at[enter] {
					x.choose(e.Receipt)
				}
			}
		}
	}
	for i, v := range x.path {
		x.gatherVisit(v, i == 0)
		if i > 0 && v.Epoch != x.path[i-1].Epoch || v.Arrival != nil && v.Arrival.Kind == TokenMade && (i > 0 || x.begin == nil || x.at[v.Arrival] > x.at[x.begin]) {
			x.gatherRound(i)
		}
	}
	x.gatherSayings()
	x.gatherNotes()
	last := x.path[len(x.path)-1]
	if d := last.Departure; d != nil && x.entry.End != nil && d.Seq == x.entry.End.Seq+1 {
		x.choose(d)
	}
}

// gatherVisit chooses who came, entered, left and where the token went.
func (x *explanation) gatherVisit(v *Visit, first bool) {
	enter := x.entry.Enter
	var before *Event // the latest of the first visit's lines from before the story
	for _, e := range v.Events {
		switch e.Kind {
		case TokenMade, TokenReceived, Enter, Leave, Lost, TokenSent, TokenDropped, SessionLapsed:
		case RecallSent, DoneReceived:
			if x.begin != nil && x.at[e] > x.at[x.begin] && (e.Life != enter.Life || e.Seq < enter.Seq) {
				x.gatherShare(e)
			}
			continue
		default:
			continue
		}
		if e.Kind == Leave && e.Mode().shares() && (x.begin == nil || x.at[e] < x.at[x.begin]) {
			continue // it hands nothing on
		}
		if e.Life == enter.Life && e.Seq > enter.Seq {
			break
		}
		if first && x.begin != nil && x.at[e] < x.at[x.begin] {
			before = e
			continue
		}
		if first && x.begin == nil && e.Life == enter.Life && e.Seq < enter.Seq {
			before = e
			continue
		}
		x.choose(e)
	}
	x.choose(before)
}

// gatherRound chooses the lines of the round that made the token of a visit, and
// those that tell what became of the one before.
func (x *explanation) gatherRound(i int) {
	v := x.path[i]
	made := v.Arrival
	if made == nil || made.Kind != TokenMade {
		return
	}
	var holder *Life
	since := 0
	if i > 0 {
		holder = x.path[i-1].Life
		since = x.at[x.path[i-1].Events[0]]
		if holder.End == Crashed && x.path[i-1].Departure == nil {
			x.choose(holder.last())
		}
	}
	proposer := made.Life
	probe := uint64(0) // the proposer's last before its ballot
	for _, e := range proposer.Events[:made.Seq] {
		if e.Kind == Probe && e.Lock == made.Lock {
			probe = e.Probe
		}
	}
	lost := make(map[*Life]bool) // whose news of the loss is told
	for _, e := range x.run.Merge()[since:x.at[made]] {
		switch {
		case e.Lock == made.Lock && e.Has("ballot") && e.Ballot == made.Epoch,
			e.Lock == made.Lock && e.Has("probe") && e.Probe == probe && (e.Life == proposer || e.Peer == proposer.Node):
			x.choose(e)
		case holder != nil && e.Kind == PeerLost && e.Peer == holder.Node && !lost[e.Life] && x.at[e] > x.at[x.path[i-1].Events[len(x.path[i-1].Events)-1]],
			holder != nil && e.Kind == Burial && e.Peer == holder.Node:
			lost[e.Life] = true
			x.choose(e)
		}
	}
	x.choose(made)
}
