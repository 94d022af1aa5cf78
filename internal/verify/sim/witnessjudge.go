package sim

import (
	"slices"

	"conch/token"
)

// What a member says of notes to other members. These judges find faults before they harm
// anybody.

// promise is a promise that a member has given, with what it said of its notes.
type promise struct {
	at     Instant
	ballot token.Epoch
	run    token.RunMark
	kept   token.Fence
}

// judgeWitness judges a message that a member sends.
func (w *World) judgeWitness(i int, m *token.Message) {
	switch {
	case !w.plan.Notes:
	case m.Kind == token.BallotAnswer && m.Answer == token.Promise:
		w.notePromise(i, m)
	case m.Kind == token.WitnessAnswer && m.Answer == token.Outbid:
		w.count(WitnessRefused)
	case m.Kind == token.WitnessAnswer && m.Answer == token.Noted:
		w.judgeNoted(i, m)
	}
}

// notePromise notes a promise. It carries at least what is on the member's disk.
func (w *World) notePromise(i int, m *token.Message) {
	l := w.lockOf(m.Lock)
	p := promise{at: w.now, ballot: m.Ballot}
	var kept token.KeptHold
	if m.Note != nil && m.Note.Run != nil {
		p.run = m.Note.Run.RunMark
	}
	if m.Note != nil && m.Note.Kept != nil {
		kept = *m.Note.Kept
		p.kept = kept.Fence
	}
	if has := w.members[i].disk.of(l); !w.runs[l].forgotten && (p.run.Compare(has.Run.RunMark) < 0 || keptBelow(kept.Fence, kept.Over, has.Kept.Fence, has.Kept.Over)) {
		w.fail(Untrue, "node %d promises %s of %s with the notes %+v and %+v, and on its disk is %+v", i, m.Ballot, m.Lock, p.run, kept, has)
	}
	w.promises[i][l] = append(w.promises[i][l], p)
}

// takeBack is called when a message comes: ABORT takes back a promise.
func (w *World) takeBack(i int, m *token.Message) {
	if m.Kind != token.Abort || !w.plan.Notes {
		return
	}
	p := &w.promises[i][w.lockOf(m.Lock)]
	*p = slices.DeleteFunc(*p, func(p promise) bool { return p.ballot == m.Ballot })
}

// judgeNoted: who answers that it has noted something has it on disk. If it witnesses for a
// token, it does not wait after its start, and it has given no promise to a later token
// without saying that, in a round that may still go on.
func (w *World) judgeNoted(i int, m *token.Message) {
	l, about := w.lockOf(m.Lock), m.Note.About
	member := &w.members[i]
	has := member.disk.of(l)
	switch {
	case w.runs[l].forgotten:
	case has.Run.Compare(about.Run) < 0 || keptBelow(has.Kept.Fence, has.Kept.Over, about.KeptFence, about.Over):
		w.fail(Untrue, "node %d says that it has noted %+v of %s, and on its disk is %+v", i, about, m.Lock, has)
	}
	if m.Note.Epoch == (token.Epoch{}) {
		return
	}
	// One whose disk was set back may begin to wait after it was asked.
	if member.node.InspectSession().Waiting && !member.setBack {
		w.fail(Untrue, "node %d witnesses for a token of %s while it waits after its start", i, m.Lock)
	}
	for _, p := range w.promises[i][l] {
		if p.ballot.Above(m.Note.Epoch) && w.now-p.at < w.plan.TTL &&
			(p.run.Compare(about.Run) < 0 || keptBelow(p.kept, true, about.KeptFence, true)) {
			w.fail(Untrue, "node %d witnesses %+v of %s for the token %s, and promised %s before without it", i, about, m.Lock, m.Note.Epoch, p.ballot)
		}
	}
}

func keptBelow(fence token.Fence, over bool, want token.Fence, wantOver bool) bool {
	return fence < want || fence == want && wantOver && !over
}

// knownOver reports whether a member in the reach of another knows that a kept hold is over.
func (w *World) knownOver(i, l int, fence token.Fence) bool {
	for j := range w.plan.Nodes {
		if !w.reaches(i, j) || w.members[j].node.InspectSession().Waiting {
			continue
		}
		if kept := w.members[j].node.InspectNotes(lockNames[l]).Kept; kept.Fence > fence || kept.Fence == fence && kept.Over {
			return true
		}
	}
	return false
}
