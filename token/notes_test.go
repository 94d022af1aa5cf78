package token

import (
	"fmt"
	"testing"
)

// What a member remembers (protocol, section 7), across restarts and locks that are
// forgotten.

// A node remembers from the start what is on its stable storage.
func TestNotesAreLoaded(t *testing.T) {
	cfg := testConfig(0, 3)
	cfg.MaxNotes = 2
	run, kept := *runOf(5, 7, RunDone), KeptHold{Fence: 8, Owner: "o", Until: 3, About: "there"}
	cfg.Notes = []LockNotes{{cs, Notes{run, kept}}, {"other", Notes{Run: run}}, {"third", Notes{Run: run}}}
	d := rememberingWith(t, cfg)
	if got := d.InspectNotes(cs); got != (Notes{run, kept}) {
		t.Errorf("got %+v, want both notes", got)
	}
	if got := d.InspectNotes("unknown"); got != (Notes{}) {
		t.Errorf("of a lock without notes: got %+v", got)
	}
	count := 0
	d.InspectAllNotes(func(LockNotes) bool { count++; return count < 2 })
	if count != 2 {
		t.Errorf("%d notes were shown, want 2: then the caller had enough", count)
	}
	d.again(1, 5)
	d.wantOnly(Ran, "A RAN: waiter 1, #5@0:7 done")
	d.witness(1, Note{Run: runOf(4, 9, RunBegun)}) // is on stable storage, in effect
	d.want("A→B WITNESS-ANSWER #4@0:9 begun NOTED, knows #5@0:7 done")
	d.receive(1, Message{Kind: Witness, Lock: "more", Note: &Note{Epoch: Epoch{1, 1}, Run: runOf(5, 7, RunBegun)}})
	d.want("A→B WITNESS-ANSWER #5@0:7 begun FULL of more")
}

// A note outlives the lock's being forgotten.
func TestNoteOutlivesLock(t *testing.T) {
	cfg := testConfig(0, 3)
	cfg.IdleToken, cfg.IdleLock = 4*testTTL, 8*testTTL
	d := rememberingWith(t, cfg)
	d.tells(1, Note{Run: runOf(5, 7, RunDone)})
	d.stored()
	d.lives(cfg.IdleLock, 1, 2)
	if d.InspectKnown(cs) {
		t.Fatal("the lock is not forgotten")
	}
	d.take()
	d.again(1, 5)
	d.want("A RAN: waiter 1, #5@0:7 done")
}

// A lock is neither forgotten nor put to rest while an answer is owed, or somebody waits to be
// told.
func TestLockWithRoundIsNotForgotten(t *testing.T) {
	cfg := testConfig(0, 3)
	cfg.IdleToken, cfg.IdleLock = testTTL/8, testTTL/4
	d := rememberingWith(t, cfg)
	d.witness(1, Note{Run: runOf(5, 7, RunBegun)})
	d.lives(testTTL, 1, 2)
	d.take()
	d.stored()
	d.want("A→B WITNESS-ANSWER #5@0:7 begun NOTED")

	d = rememberingWith(t, cfg)
	d.token()
	d.again(1, 5)
	d.endRun(1)
	d.lives(testTTL*3/4, 1, 2)
	d.take()
	d.stored()
	d.noted(RunMark{5, firstID, RunDone}, 1)
	d.wantOnly(RunNoted, "A run of waiter 1, #5@1:1 done, noted")
}

// The token of a lock at rest keeps its run.
func TestTokenAtRestKeepsRun(t *testing.T) {
	d := withNotesToken(t, 3)
	d.again(1, 5)
	d.endRun(1)
	d.stored()
	d.noted(RunMark{5, firstID, RunDone}, 1, 2)
	d.lives(testTTL, 1, 2)
	if d.locks[cs].use != nil {
		t.Fatal("the lock is not at rest")
	}
	d.take()
	d.request(2, 1)
	d.wantSent(TokenMessage, "A→C TOKEN 1.B to session 1, hop 2, fence 1:1, LN 1.0 1.0 1.0, Q nobody, run #5@1:1 done")

	d = keptToken(t, 3)
	d.lives(testTTL, 1, 2)
	d.take()
	d.acquire(2)
	d.wantSent(Witness, "A→B WITNESS kept 1:1 of o for 1.B", "A→C WITNESS kept 1:1 of o for 1.B")
}

// Notes are forgotten if they are as the caller read them, are on stable storage, and no hold
// is kept.
func TestForgetNotes(t *testing.T) {
	d := remembering(t, 3)
	d.tells(1, Note{Run: runOf(5, 7, RunDone)})
	read := d.InspectNotes(cs)
	forget := func(want bool, why string) {
		t.Helper()
		if got := d.ForgetNotes(d.at, cs, read); got != want {
			t.Errorf("%s: forgotten is %t, want %t", why, got, want)
		}
	}
	forget(false, "not stored yet")
	d.stored()
	d.tells(1, Note{Run: runOf(6, 7, RunDone)})
	d.stored()
	forget(false, "changed since")
	d.witness(1, Note{Kept: &KeptHold{Fence: 8}})
	d.stored()
	read = d.InspectNotes(cs)
	forget(false, "a hold is kept")
	d.overOf(1, 8)
	d.stored()
	read = d.InspectNotes(cs)
	forget(true, "no longer needed")
	forget(false, "already forgotten")
	if got := d.InspectNotes(cs); got != (Notes{}) {
		t.Errorf("the node remembers %+v still", got)
	}

	d = withNotesToken(t, 3)
	d.skip(1, 5)
	d.stored()
	read = d.InspectNotes(cs)
	forget(false, "being witnessed")
}

// Stored covers all Stores up to the serial number, and no later ones.
func TestStoredCoversEarlierStores(t *testing.T) {
	d := remembering(t, 3)
	locks := []string{"one", "two", "three"}
	for i, name := range locks {
		d.receive(1, Message{Kind: Witness, Lock: name, Note: &Note{Epoch: Epoch{1, 1}, Run: runOf(5, Fence(i), RunBegun)}})
	}
	d.want("A stores 1: #5@0:0 begun of one", "A stores 2: #5@0:1 begun of two", "A stores 3: #5@0:2 begun of three")
	d.Stored(d.at, 2)
	d.want("A→B WITNESS-ANSWER #5@0:0 begun NOTED of one", "A→B WITNESS-ANSWER #5@0:1 begun NOTED of two")
	d.Stored(d.at, 1)
	d.want()
	d.Stored(d.at, 9) // more than was ever issued
	d.want("A→B WITNESS-ANSWER #5@0:2 begun NOTED of three")
	d.witness(1, Note{Run: runOf(5, 7, RunBegun)})
	d.Stored(d.at, 3)
	d.want("A stores 4: #5@0:7 begun")
}

// HELLO says whether the member has stable storage for notes.
func TestHelloSaysWhoRemembers(t *testing.T) {
	if !remembering(t, 3).Hello(1).Remembers || inSession(t, 3).Hello(1).Remembers {
		t.Error("HELLO does not say whether the member remembers")
	}
}

// A node starts quickly with as many notes as it may have.
func BenchmarkLoadNotes(b *testing.B) {
	cfg := testConfig(0, 3)
	cfg.Remembers, cfg.MaxNotes = true, 100_000
	for i := range cfg.MaxNotes {
		cfg.Notes = append(cfg.Notes, LockNotes{fmt.Sprintf("lock-%d", i), Notes{Run: *runOf(5, 7, RunDone)}})
	}
	b.ReportAllocs()
	for b.Loop() {
		if _, err := New(0, cfg); err != nil {
			b.Fatal(err)
		}
	}
}
