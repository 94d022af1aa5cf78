package broadcast

import (
	"strconv"

	"github.com/rs/zerolog"

	"conch/token"
)

// What the log says of runs of ticks and of kept holds. Lines about other locks have none of
// these keys.

var runStateNames = [...]string{token.RunBegun: "begun", token.RunVoid: "void", token.RunDone: "done"}

// noteStep writes a line about a step that has to do with notes, and reports whether it is
// one.
func (l *eventLog) noteStep(e *token.Effect) bool {
	switch e.Kind {
	case token.Witnessing:
		line := l.about(e, "witnessing")
		l.note(line, &e.Message)
		line.Msg("a quorum is to remember it")
	case token.Store:
		line := l.about(e, "note_storing")
		if run := &e.Notes.Run; run.Tick != 0 {
			l.run(line, "run", &run.RunMark)
		}
		if kept := &e.Notes.Kept; kept.Fence != 0 {
			l.kept(line, "kept_hold", kept)
		}
		l.decimal(line, "serial", e.Serial)
		line.Msg("note goes to disk")
	case token.Ran:
		line := l.about(e, "ran")
		l.run(line, "run", &e.Run.RunMark)
		line.Msg("waiter not let in: its tick needs no run")
	case token.RunNoted:
		l.runNoted(e)
	case token.Keeping, token.Unkept, token.Freed:
		l.keeping(e)
	default:
		return false
	}
	return true
}

// stored writes a line about notes that are on disk.
func (l *eventLog) stored(serial uint64) {
	if !l.evidence {
		return
	}
	line := l.info("notes_stored")
	l.decimal(line, "serial", serial)
	line.Msg("notes are on disk")
}

// noteForgotten writes a line about a lock whose notes the node has forgotten.
func (l *eventLog) noteForgotten(lock string) {
	if l.evidence {
		l.info("note_forgotten").Str("lock", lock).Msg("notes are as old as was asked for, and forgotten")
	}
}

// runNoted writes a line about a run that is done, and remembered or not.
func (l *eventLog) runNoted(e *token.Effect) {
	event, text, level := "run_noted", "a quorum remembers that the run is done", zerolog.InfoLevel
	if e.Reason != "" {
		event, text, level = "run_not_noted", "not known whether a quorum remembers that the run is done", zerolog.WarnLevel
	}
	line := l.line(level, event).Str("lock", e.Lock)
	l.run(line, "run", &e.Run.RunMark)
	l.reason(line, e.Reason)
	line.Msg(text)
}

// keeping writes a line about a kept hold that nobody has.
func (l *eventLog) keeping(e *token.Effect) {
	switch e.Kind {
	case token.Keeping:
		line := l.line(zerolog.WarnLevel, "keeping").Str("lock", e.Lock)
		l.kept(line, "kept_hold", e.Message.Note.Kept)
		line.Msg("hold is kept and its holder is gone: nobody gets the lock before it is freed or adopted")
	case token.Unkept:
		line := l.info("unkept").Str("lock", e.Lock)
		l.kept(line, "kept_hold", &token.KeptHold{Fence: e.Fence})
		line.Msg("hold is kept no longer")
	default:
		event, text, level := "freed", "a quorum remembers that the kept hold is over", zerolog.InfoLevel
		if e.Reason != "" {
			event, text, level = "not_freed", "not known whether a quorum remembers that the kept hold is over", zerolog.WarnLevel
		}
		line := l.line(level, event).Str("lock", e.Lock)
		l.kept(line, "kept_hold", &token.KeptHold{Fence: e.Fence, Over: true})
		l.reason(line, e.Reason)
		line.Msg(text)
	}
}

func (l *eventLog) reason(line *zerolog.Event, reason string) {
	if reason != "" {
		line.Str("reason", reason)
	}
}

// note adds the run or the kept hold that a WITNESS is about.
func (l *eventLog) note(line *zerolog.Event, m *token.Message) {
	n := m.Note
	if n.Run != nil {
		l.run(line, "run", &n.Run.RunMark)
	}
	if n.Kept != nil {
		l.kept(line, "kept_hold", n.Kept)
	}
	l.noteEpoch(line, n)
}

func (l *eventLog) noteEpoch(line *zerolog.Event, n *token.Note) {
	if n.Epoch.Number != 0 {
		l.epoch(line, "epoch", n.Epoch)
	}
}

// witnessAnswer adds what an answer to WITNESS says.
func (l *eventLog) witnessAnswer(line *zerolog.Event, m *token.Message) {
	switch m.Answer {
	case token.Noted:
		line.Str("answer", "noted")
	case token.Outbid:
		line.Str("answer", "nack")
	case token.Full:
		line.Str("answer", "full")
	case token.NoDisk:
		line.Str("answer", "no disk")
	}
	if about := &m.Note.About; about.KeptFence != 0 {
		l.kept(line, "kept_hold", &token.KeptHold{Fence: about.KeptFence, Over: about.Over})
	} else {
		l.run(line, "run", &about.Run)
	}
	l.noteEpoch(line, m.Note)
	l.known(line, m.Note)
}

// known adds what the sender of an answer remembers. n may be nil.
func (l *eventLog) known(line *zerolog.Event, n *token.Note) {
	if n == nil {
		return
	}
	if n.Run != nil {
		l.run(line, "known_run", &n.Run.RunMark)
	}
	if n.Kept != nil {
		l.kept(line, "known_kept", n.Kept)
	}
}

// carried adds what a token carries.
func (l *eventLog) carried(line *zerolog.Event, t *token.Token) {
	if t.Run != nil {
		l.run(line, "run", t.Run)
	}
	if t.Kept != nil {
		l.kept(line, "kept_hold", t.Kept)
	}
}

// run adds a run.
func (l *eventLog) run(line *zerolog.Event, key string, r *token.RunMark) {
	if line == nil {
		return
	}
	b := strconv.AppendInt(l.scratch[:0], int64(r.Tick), 10)
	b = append(b, '.')
	b = strconv.AppendUint(b, uint64(r.Fence), 10)
	b = append(b, '.')
	b = append(b, runStateNames[r.State]...)
	l.scratch = b
	line.Bytes(key, l.scratch)
}

// kept adds a kept hold, and who may adopt it.
func (l *eventLog) kept(line *zerolog.Event, key string, k *token.KeptHold) {
	if line == nil {
		return
	}
	b := strconv.AppendUint(l.scratch[:0], uint64(k.Fence), 10)
	if k.Over {
		b = append(b, ".over"...)
	} else {
		b = append(b, ".held"...)
	}
	l.scratch = b
	line.Bytes(key, l.scratch)
	if k.Owner != "" && key == "kept_hold" {
		line.Str("owner", k.Owner)
	}
}
