package wire

import (
	"cmp"
	"errors"
	"fmt"
	"unicode/utf8"

	peerv1 "conch/proto/conch/peer/v1"
	"conch/token"
)

// Notes on the wire: runs and kept holds, in a TOKEN, in a promise, in WITNESS and its
// answer. A lock without either has none of these fields.

// The states of a run, and the answers to WITNESS, and their form on the wire.
var (
	runStates = [...]peerv1.RunState{
		token.RunBegun: peerv1.RunState_RUN_STATE_BEGUN,
		token.RunVoid:  peerv1.RunState_RUN_STATE_VOID,
		token.RunDone:  peerv1.RunState_RUN_STATE_DONE,
	}
	witnessAnswers = map[token.Answer]peerv1.WitnessAnswer_Kind{
		token.Noted:  peerv1.WitnessAnswer_KIND_NOTED,
		token.Outbid: peerv1.WitnessAnswer_KIND_NACK_BALLOT,
		token.Full:   peerv1.WitnessAnswer_KIND_FULL,
		token.NoDisk: peerv1.WitnessAnswer_KIND_NO_DISK,
	}
)

// noteOf returns a message's note, an empty one if it has none.
func noteOf(m *token.Message) token.Note {
	if m.Note == nil {
		return token.Note{}
	}
	return *m.Note
}

// noteBytes returns a size that what a message says about notes does not exceed.
func noteBytes(m *token.Message) int {
	const numbers = 64 // of a run or a kept hold
	n := 0
	if note := m.Note; note != nil {
		if note.Run != nil {
			n += numbers + len(note.Run.About)
		}
		if note.Kept != nil {
			n += numbers + len(note.Kept.Owner) + len(note.Kept.About)
		}
	}
	if t := m.Token; t != nil && t.Kept != nil {
		n += numbers + len(t.Kept.Owner) + len(t.Kept.About)
	}
	return n
}

func encodeWitness(m *token.Message) *peerv1.Message {
	n := m.Note
	if m.Kind == token.Witness {
		return &peerv1.Message{Kind: &peerv1.Message_Witness{Witness: &peerv1.Witness{
			Lock:  m.Lock,
			Epoch: encodeAnyEpoch(n.Epoch),
			Run:   encodeRun(n.Run),
			Kept:  encodeKept(n.Kept),
		}}}
	}
	w := &peerv1.WitnessAnswer{
		Lock:      m.Lock,
		Epoch:     encodeAnyEpoch(n.Epoch),
		Kind:      witnessAnswers[m.Answer],
		Highest:   encodeAnyEpoch(m.Highest),
		AboutKept: uint64(n.About.KeptFence),
		AboutOver: n.About.Over,
		Run:       encodeRun(n.Run),
		Kept:      encodeKept(n.Kept),
	}
	if n.About.Run != (token.RunMark{}) {
		w.AboutRun = encodeMark(&n.About.Run)
	}
	return &peerv1.Message{Kind: &peerv1.Message_WitnessAnswer{WitnessAnswer: w}}
}

// encodeAnyEpoch encodes an epoch; nil if it is zero.
func encodeAnyEpoch(e token.Epoch) *peerv1.BallotNumber {
	if e == (token.Epoch{}) {
		return nil
	}
	return encodeEpoch(e)
}

func encodeMark(r *token.RunMark) *peerv1.RunMark {
	if r == nil {
		return nil
	}
	return &peerv1.RunMark{Tick: int64(r.Tick), Fence: uint64(r.Fence), State: runStates[r.State]}
}

func encodeRun(r *token.Run) *peerv1.Run {
	if r == nil {
		return nil
	}
	return &peerv1.Run{Tick: int64(r.Tick), Fence: uint64(r.Fence), State: runStates[r.State], Until: r.Until, About: r.About}
}

func encodeKept(k *token.KeptHold) *peerv1.KeptHold {
	if k == nil {
		return nil
	}
	return &peerv1.KeptHold{Fence: uint64(k.Fence), Over: k.Over, Owner: k.Owner, Until: k.Until, About: k.About}
}

// carried decodes what a token says of a run and a kept hold.
func (d *Decoder) carried(t *token.Token, w *peerv1.Token) error {
	if r := w.GetRun(); r != nil {
		mark, err := d.mark(r)
		if err != nil {
			return err
		}
		t.Run = &mark
	}
	var err error
	if t.Kept, err = d.kept(w.GetKept()); err == nil && t.Kept != nil && t.Kept.Over {
		err = errors.New("a kept hold that is over")
	}
	return err
}

// remembered decodes what a promise says of the answerer's notes.
func (d *Decoder) remembered(m *token.Message, w *peerv1.BallotAnswer) error {
	if w.GetRun() == nil && w.GetKept() == nil {
		return nil
	}
	if m.Answer != token.Promise {
		return errors.New("notes without a promise")
	}
	var err error
	m.Note, err = d.note(w.GetRun(), w.GetKept())
	return err
}

// note decodes a run and a kept hold, either of which may be absent.
func (d *Decoder) note(run *peerv1.Run, kept *peerv1.KeptHold) (*token.Note, error) {
	n := new(token.Note)
	var errRun, errKept error
	n.Run, errRun = d.run(run)
	n.Kept, errKept = d.kept(kept)
	return n, cmp.Or(errRun, errKept)
}

func (d *Decoder) witness(w *peerv1.Witness) (token.Message, error) {
	m := token.Message{Kind: token.Witness, Lock: w.GetLock()}
	var err, one error
	if (w.GetRun() == nil) == (w.GetKept() == nil) {
		one = errors.New("want a run or a kept hold, and not both")
	}
	m.Note, err = d.note(w.GetRun(), w.GetKept())
	m.Note.Epoch = decodeEpoch(w.GetEpoch())
	return m, cmp.Or(CheckName(m.Lock), one, err, d.checkAnyEpoch(m.Note.Epoch))
}

func (d *Decoder) witnessAnswer(w *peerv1.WitnessAnswer) (token.Message, error) {
	m := token.Message{
		Kind:    token.WitnessAnswer,
		Lock:    w.GetLock(),
		Answer:  answerOf(witnessAnswers, w.GetKind()),
		Highest: decodeEpoch(w.GetHighest()),
	}
	var err, aboutErr error
	m.Note, err = d.note(w.GetRun(), w.GetKept())
	m.Note.Epoch = decodeEpoch(w.GetEpoch())
	m.Note.About = token.NoteID{KeptFence: token.Fence(w.GetAboutKept()), Over: w.GetAboutOver()}
	if w.GetAboutRun() != nil {
		m.Note.About.Run, aboutErr = d.mark(w.GetAboutRun())
	}
	about := &m.Note.About
	switch {
	case m.Answer == 0:
		return m, fmt.Errorf("answer %v", w.GetKind())
	case (w.GetAboutRun() == nil) == (about.KeptFence == 0):
		return m, errors.New("want it to be about a run or a kept hold, and not both")
	case about.Over && about.KeptFence == 0:
		return m, errors.New("about a run, as a kept hold that is over")
	case m.Answer == token.Outbid && m.Highest.Number < m.Note.Epoch.Number:
		return m, fmt.Errorf("ballot %d stands against epoch %d; want one that is not lower", m.Highest.Number, m.Note.Epoch.Number)
	case m.Answer != token.Outbid && m.Highest != token.Epoch{}:
		return m, errors.New("a ballot that stands against nothing")
	}
	return m, cmp.Or(CheckName(m.Lock), err, aboutErr, d.checkFence(about.KeptFence),
		d.checkAnyEpoch(m.Note.Epoch), d.checkAnyEpoch(m.Highest))
}

// mark decodes a run's mark that is there.
func (d *Decoder) mark(w *peerv1.RunMark) (token.RunMark, error) {
	return d.runMark(w.GetTick(), w.GetFence(), w.GetState())
}

func (d *Decoder) runMark(tick int64, fence uint64, state peerv1.RunState) (token.RunMark, error) {
	m := token.RunMark{Tick: token.Tick(tick), Fence: token.Fence(fence)}
	for s := token.RunBegun; int(s) < len(runStates); s++ {
		if runStates[s] == state {
			m.State = s
		}
	}
	switch {
	case m.Tick <= 0:
		return m, fmt.Errorf("a run of tick %d; want from 1", m.Tick)
	case m.Fence == 0:
		return m, errors.New("a run without a fence")
	case m.State == 0:
		return m, fmt.Errorf("a run in state %v", state)
	}
	return m, d.checkFence(m.Fence)
}

// run decodes a run; nil if there is none.
func (d *Decoder) run(w *peerv1.Run) (*token.Run, error) {
	if w == nil {
		return nil, nil
	}
	mark, err := d.runMark(w.GetTick(), w.GetFence(), w.GetState())
	return &token.Run{RunMark: mark, Until: w.GetUntil(), About: w.GetAbout()},
		cmp.Or(err, checkText("about a run", w.GetAbout(), token.MaxAboutBytes))
}

// kept decodes a kept hold; nil if there is none.
func (d *Decoder) kept(w *peerv1.KeptHold) (*token.KeptHold, error) {
	if w == nil {
		return nil, nil
	}
	k := &token.KeptHold{
		Fence: token.Fence(w.GetFence()), Over: w.GetOver(), Owner: w.GetOwner(), Until: w.GetUntil(), About: w.GetAbout(),
	}
	if k.Fence == 0 {
		return k, errors.New("a kept hold without a fence")
	}
	return k, cmp.Or(d.checkFence(k.Fence), checkText("owner of a kept hold", k.Owner, token.MaxOwnerBytes),
		checkText("about a kept hold", k.About, token.MaxAboutBytes))
}

// checkFence checks the fence of a hold, which may be 0.
func (d *Decoder) checkFence(f token.Fence) error { return d.checkBallot(uint64(f) >> token.FenceBits) }

// checkAnyEpoch checks an epoch, which may be zero.
func (d *Decoder) checkAnyEpoch(e token.Epoch) error {
	if e == (token.Epoch{}) {
		return nil
	}
	return d.checkEpoch(e)
}

func checkText(what, text string, most int) error {
	switch {
	case len(text) > most:
		return fmt.Errorf("%s: %d bytes; want at most %d", what, len(text), most)
	case !utf8.ValidString(text):
		return fmt.Errorf("%s: not UTF-8", what)
	}
	return nil
}
