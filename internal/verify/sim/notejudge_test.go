package sim

import (
	"testing"

	"conch/internal/frames"
	"conch/internal/runs"
	"conch/token"
)

// wishes is a calm cluster with two waiters: 1, and 2 that wants what it says.
func wishes(w *World, first, second Wish) {
	w.plan.Notes, w.plan.MaxNotes = true, 10
	w.plan.Ops[0].Note, w.plan.Ops[1].Note = first, second
}

// remember puts notes on the disks of nodes.
func remember(w *World, notes token.Notes, nodes ...int) {
	for _, i := range nodes {
		w.members[i].disk.put(0, notes)
	}
}

const highFence = token.Fence(1 << 62)

// letIn lets a waiter in, who is witnessed if it has to be.
func letIn(w *World, waiter token.Waiter, fence token.Fence) {
	w.claims[waiter-1].state = claimWaiting
	wish := w.plan.Ops[waiter-1].Note
	remember(w, token.Notes{
		Run:  token.Run{RunMark: token.RunMark{Tick: max(wish.Tick, w.members[0].disk.of(0).Run.Tick), Fence: fence, State: token.RunBegun}},
		Kept: token.KeptHold{Fence: fence},
	}, 0, 1)
	w.judgeNotes(int(waiter-1), &token.Effect{Kind: token.Grant, Lock: "a", Waiter: waiter, Fence: fence})
}

// leaves lets a holder give its hold back.
func leaves(w *World, waiter token.Waiter) {
	w.keeperLeft(&token.Effect{Kind: token.Left, Lock: "a", Waiter: waiter})
}

// noted tells waiter 1 that its run is noted.
func noted(w *World) {
	w.saidDone(0, w.plan.Ops[0].Note.Tick)
	mark := token.RunMark{Tick: w.plan.Ops[0].Note.Tick, Fence: highFence, State: token.RunDone}
	remember(w, token.Notes{Run: token.Run{RunMark: mark}}, 0, 2)
	w.judgeRunEnded(0, &w.plan.Ops[0], highFence, frames.RunNoted)
}

// refused refuses waiter 2 a run.
func refused(w *World, tick token.Tick, state token.RunState) {
	run := runs.Run{RunMark: token.RunMark{Tick: tick, Fence: highFence, State: state}}
	w.judgeRefusal(1, &w.plan.Ops[1], frames.CodeRan, &run)
}

// answered lets node 1 say that it has noted a run for a token.
func answered(w *World, epoch uint64) {
	mark := token.RunMark{Tick: 5, Fence: highFence, State: token.RunBegun}
	w.judgeWitness(1, &token.Message{
		Kind: token.WitnessAnswer, Lock: "a", Answer: token.Noted,
		Note: &token.Note{Epoch: token.Epoch{Number: epoch}, About: token.NoteID{Run: mark}},
	})
}

// promises lets node 1 promise ballot 7 without any note.
func promises(w *World) {
	w.judgeWitness(1, &token.Message{Kind: token.BallotAnswer, Answer: token.Promise, Lock: "a", Ballot: token.Epoch{Number: 7}})
}

// Each judge of notes notices a planted violation, and lets pass something similar that is
// allowed.
func TestNoteJudges(t *testing.T) {
	once, again := Wish{Tick: 5, Skip: true}, Wish{Tick: 5}
	later := Wish{Tick: 6, Skip: true}
	kept, owned := Wish{Keep: true}, Wish{Keep: true, Owner: 1}
	adopts := Wish{Keep: true, Owner: 1, Adopt: true}
	begun := token.Notes{Run: token.Run{RunMark: token.RunMark{Tick: 5, Fence: highFence, State: token.RunBegun}}}
	for _, tt := range []struct {
		name  string
		judge Judge // "": none finds anything
		plant func(w *World)
	}{
		{"a tick at most once, twice", Once, func(w *World) { wishes(w, once, once); letIn(w, 1, highFence); letIn(w, 2, highFence+1) }},
		{"a tick at most once, twice, after notes were lost", "", func(w *World) {
			wishes(w, once, once)
			letIn(w, 1, highFence)
			w.loseNotes(w.members[0].disk.notes, nil)
			letIn(w, 2, highFence+1)
		}},
		{"a tick at most once, twice, after notes were forgotten", "", func(w *World) {
			wishes(w, once, once)
			letIn(w, 1, highFence)
			w.forgetRuns(0)
			letIn(w, 2, highFence+1)
		}},
		{"a tick again after it was let in at most once", "", func(w *World) { wishes(w, once, again); letIn(w, 1, highFence); letIn(w, 2, highFence+1) }},
		{"a tick again after it was noted", Once, func(w *World) { wishes(w, again, again); noted(w); letIn(w, 2, highFence+1) }},
		{"a later tick after one was noted", "", func(w *World) { wishes(w, again, later); noted(w); letIn(w, 2, highFence+1) }},
		{"a tick again after a later one at most once", Once, func(w *World) { wishes(w, later, again); letIn(w, 1, highFence); letIn(w, 2, highFence+1) }},
		{"a run at most once that one disk knows", Untrue, func(w *World) {
			wishes(w, once, once)
			remember(w, begun, 0)
			w.judgeNotes(0, &token.Effect{Kind: token.Grant, Lock: "a", Waiter: 1, Fence: highFence})
		}},
		{"a noted run that one disk knows", Untrue, func(w *World) {
			wishes(w, again, once)
			w.judgeRunEnded(0, &w.plan.Ops[0], highFence, frames.RunNoted)
		}},
		{"a run with the fence of a void one", Fences, func(w *World) {
			wishes(w, again, again)
			void := token.Run{RunMark: token.RunMark{Tick: 5, Fence: highFence, State: token.RunVoid}}
			w.noteWitnessing(&token.Effect{Lock: "a", Message: token.Message{Note: &token.Note{Run: &void}}})
			letIn(w, 2, highFence)
		}},

		{"a refusal because of nothing", Untrue, func(w *World) { wishes(w, once, once); refused(w, 5, token.RunBegun) }},
		{"a refusal because of an earlier tick", Untrue, func(w *World) { wishes(w, Wish{Tick: 4}, once); letIn(w, 1, 1); refused(w, 4, token.RunBegun) }},
		{"a refusal because of an entry", "", func(w *World) { wishes(w, again, once); letIn(w, 1, highFence); refused(w, 5, token.RunBegun) }},
		{"a refusal of who may run again because of an entry", Untrue, func(w *World) { wishes(w, once, again); letIn(w, 1, highFence); refused(w, 5, token.RunBegun) }},
		{"a refusal because of a later entry", "", func(w *World) { wishes(w, later, again); letIn(w, 1, highFence); refused(w, 6, token.RunBegun) }},
		{"a refusal because of a done that nobody said", Untrue, func(w *World) { wishes(w, again, once); letIn(w, 1, highFence); refused(w, 5, token.RunDone) }},
		{"a refusal because of a done", "", func(w *World) { wishes(w, again, again); w.saidDone(0, 5); refused(w, 5, token.RunDone) }},
		{"a refusal for want of room where there is room", Untrue, func(w *World) {
			wishes(w, again, again)
			w.judgeRefusal(1, &w.plan.Ops[1], frames.CodeNotesFull, nil)
		}},
		{"a refusal for want of a disk where all have one", Untrue, func(w *World) {
			wishes(w, again, again)
			w.judgeRefusal(1, &w.plan.Ops[1], frames.CodeNoNotes, nil)
		}},

		{"somebody else after a kept hold", Barred, func(w *World) { wishes(w, kept, Wish{}); letIn(w, 1, highFence); letIn(w, 2, highFence+1) }},
		{"somebody else after a kept hold whose holder vanished", Barred, func(w *World) {
			wishes(w, kept, Wish{})
			letIn(w, 1, highFence)
			w.vanishes(0, highFence)
			leaves(w, 1)
			letIn(w, 2, highFence+1)
		}},
		{"somebody else after a kept hold that was given back", "", func(w *World) {
			wishes(w, kept, Wish{})
			letIn(w, 1, highFence)
			leaves(w, 1)
			letIn(w, 2, highFence+1)
		}},
		{"somebody else after a kept hold that was freed", "", func(w *World) {
			wishes(w, kept, Wish{})
			letIn(w, 1, highFence)
			w.mayBeFreed(0, highFence)
			letIn(w, 2, highFence+1)
		}},
		{"somebody else after a kept hold, when an earlier one was freed", Barred, func(w *World) {
			wishes(w, kept, Wish{})
			letIn(w, 1, highFence)
			w.mayBeFreed(0, highFence-1)
			letIn(w, 2, highFence+1)
		}},
		{"its owner after a kept hold", "", func(w *World) { wishes(w, owned, adopts); letIn(w, 1, highFence); letIn(w, 2, highFence+1) }},
		{"its owner, who does not adopt it, after a kept hold", Barred, func(w *World) { wishes(w, owned, owned); letIn(w, 1, highFence); letIn(w, 2, highFence+1) }},
		{"another owner after a kept hold", Barred, func(w *World) {
			wishes(w, Wish{Keep: true, Owner: 2}, adopts)
			letIn(w, 1, highFence)
			letIn(w, 2, highFence+1)
		}},
		{"nobody's adopter after a kept hold of nobody", Barred, func(w *World) {
			wishes(w, kept, Wish{Keep: true, Adopt: true})
			letIn(w, 1, highFence)
			letIn(w, 2, highFence+1)
		}},
		{"a freed hold that one disk knows", Untrue, func(w *World) {
			wishes(w, kept, Wish{})
			remember(w, token.Notes{Kept: token.KeptHold{Fence: 3, Over: true}}, 0)
			remember(w, token.Notes{Kept: token.KeptHold{Fence: 3}}, 1, 2)
			w.judgeFreed(0, &freeing{fence: 3})
		}},

		{"a note that is said to be on a disk", "", func(w *World) { wishes(w, once, once); remember(w, begun, 1); answered(w, 6) }},
		{"a note that is not on the disk where it is said to be", Untrue, func(w *World) { wishes(w, once, once); answered(w, 6) }},
		{"a witness that has promised a later token without the note", Untrue, func(w *World) {
			wishes(w, once, once)
			promises(w)
			remember(w, begun, 1)
			answered(w, 6)
		}},
		{"a witness that has promised that token", "", func(w *World) {
			wishes(w, once, once)
			promises(w)
			remember(w, begun, 1)
			answered(w, 7)
		}},
		{"a witness that took its promise back", "", func(w *World) {
			wishes(w, once, once)
			promises(w)
			w.takeBack(1, &token.Message{Kind: token.Abort, Lock: "a", Ballot: token.Epoch{Number: 7}})
			remember(w, begun, 1)
			answered(w, 6)
		}},
		{"a promise without what is on the disk", Untrue, func(w *World) { wishes(w, once, once); remember(w, begun, 1); promises(w) }},

		{"a holder that is not told whether its run is noted", Service, func(w *World) {
			wishes(w, again, again)
			w.claims[0].state = claimEnds
			w.now += 100 * w.plan.TTL
			w.judgeAnswered()
		}},
		{"an operator that is not told whether a hold is freed", Service, func(w *World) {
			wishes(w, again, again)
			w.freeings = append(w.freeings, freeing{process: w.members[0].process, fence: 3})
			w.now += 100 * w.plan.TTL
			w.judgeAnswered()
		}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			w := calm(t)
			tt.plant(w)
			got := Judge("")
			if w.failure != nil {
				got = w.failure.Judge
			}
			if got != tt.judge {
				t.Errorf("found %q (%v), want %q", got, w.failure, tt.judge)
			}
		})
	}
}
