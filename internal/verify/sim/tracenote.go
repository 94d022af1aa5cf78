package sim

import (
	"fmt"

	"conch/token"
)

var stateNames = [...]string{token.RunBegun: "begun", token.RunVoid: "void", token.RunDone: "done"}

// markOf tells a run's mark.
func markOf(r token.RunMark) string {
	return fmt.Sprintf("tick %d fence %d.%d %s", r.Tick, r.Fence>>token.FenceBits, r.Fence&token.MaxFencesPerEpoch, stateNames[r.State])
}

// keptOf tells a kept hold.
func keptOf(k *token.KeptHold) string {
	return fmt.Sprintf("kept %d.%d %q over %t", k.Fence>>token.FenceBits, k.Fence&token.MaxFencesPerEpoch, k.Owner, k.Over)
}

// marksOf tells what a token carries of notes, if anything.
func marksOf(t *token.Token) (text string) {
	if t.Run != nil {
		text += " {" + markOf(*t.Run) + "}"
	}
	if t.Kept != nil {
		text += " {" + keptOf(t.Kept) + "}"
	}
	return text
}

// noteOf tells what a message says of notes, if anything.
func noteOf(n *token.Note) string {
	if n == nil {
		return ""
	}
	text := fmt.Sprintf(" [epoch %v", n.Epoch)
	if n.Run != nil {
		text += " " + markOf(n.Run.RunMark)
	}
	if n.Kept != nil {
		text += " " + keptOf(n.Kept)
	}
	if n.About != (token.NoteID{}) {
		text += fmt.Sprintf(" about %s, kept %d over %t", markOf(n.About.Run), n.About.KeptFence&token.MaxFencesPerEpoch, n.About.Over)
	}
	return text + "]"
}

// notesOf tells the notes in an effect, if there are any.
func notesOf(e *token.Effect) (text string) {
	if e.Notes != nil {
		text += fmt.Sprintf(" serial %d: %s, %s", e.Serial, markOf(e.Notes.Run.RunMark), keptOf(&e.Notes.Kept))
	}
	if e.Run != nil {
		text += " because of " + markOf(e.Run.RunMark)
	}
	return text + noteOf(e.Message.Note)
}
