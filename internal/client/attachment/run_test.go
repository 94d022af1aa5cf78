package attachment

import (
	"fmt"
	"strings"
	"testing"

	"google.golang.org/protobuf/proto"

	"conch/internal/clientwire"
	"conch/internal/frames"
	"conch/internal/runs"
	"conch/token"
)

var (
	aRun  = &runs.Request{Tick: 100}
	anEnd = &runs.End{ExitCode: 3, Text: "no"}
)

func (s *script) askRun(lock string) Claim {
	id := s.a.AskRun(s.now, lock, aRun, false)
	s.note()
	s.send()
	return id
}

func (s *script) askKept(lock string) Claim {
	id := s.a.AskKept(s.now, lock, &runs.Keep{Owner: "o"}, false)
	s.note()
	s.send()
	return id
}

// runs has the attachment hold a lock for a run.
func (s *script) runs(lock string, fence token.Fence) Claim {
	s.t.Helper()
	id := s.askRun(lock)
	s.receive(s.granted(id, fence, ttl))
	s.forget()
	return id
}

func (s *script) endRun(id Claim) bool {
	told := s.a.EndRun(s.now, id, 5, anEnd)
	s.note()
	s.send()
	return told
}

func runEnded(id Claim, fence token.Fence, outcome frames.RunOutcome) frames.NodeMessage {
	return frames.NodeMessage{Kind: frames.RunEnded, ID: uint64(id), Fence: fence, RunOutcome: outcome}
}

func TestRunIsAskedForAndEnded(t *testing.T) {
	s := begin(t)
	id := s.askRun("a")
	s.wants("ping", "run 1 a tick 100")
	s.receive(s.granted(id, 7, ttl))
	s.wants("HELD 1 fence 7")
	s.endRun(id)
	s.wants("end run 1 a 7 tick 100")
	if _, held := s.a.Deadline(id); held {
		t.Error("it is held still")
	}
	if s.endRun(id) {
		t.Error("it ends twice")
	}
	s.receive(runEnded(id, 7, frames.RunNoted), runEnded(id, 7, frames.RunNoted))
	s.wants("RUN ENDED 1 outcome 1 code 0 unanswered false")
	if s.a.live != 0 {
		t.Errorf("%d claims are left", s.a.live)
	}
}

// What was not answered is said again on the next stream, whatever became of the lease.
func TestEndOfARunIsSaidAgain(t *testing.T) {
	s := begin(t)
	id := s.runs("a", 7)
	s.endRun(id)
	s.forget()
	s.reconnect()
	s.send()
	s.wants("end run 1 a 7 tick 100")
	s.receive(s.pong0(), lost(id, frames.ClientLease), warned(id, frames.Break), s.granted(id, 7, ttl))
	s.wants()
	s.frozen(2 * ttl)
	s.receive(runEnded(id, 7, frames.RunLost))
	s.wants("RUN ENDED 1 outcome 3 code 0 unanswered false")
}

// pong0 is what a node says that has no session. It makes a Ping of the stream known.
func (s *script) pong0() frames.NodeMessage {
	s.a.pingDue = true
	s.frame()
	s.forget()
	return frames.NodeMessage{Kind: frames.Pong, Stamp: s.a.stamp}
}

// A hold that is to be taken up again may end before the node has said that it is.
func TestRunEndsBeforeItsHoldIsConfirmed(t *testing.T) {
	s := begin(t)
	id := s.runs("a", 7)
	s.reconnect()
	s.send()
	s.wants("ping", "resume 1 a 7")
	s.endRun(id)
	s.wants("end run 1 a 7 tick 100")
	s.receive(s.granted(id, 7, ttl))
	s.receive(frames.NodeMessage{Kind: frames.Refused, ID: uint64(id), Refusal: frames.Refusal{Code: frames.CodeForbidden}})
	s.wants()
	s.receive(runEnded(id, 7, frames.RunNoted))
	s.wants("RUN ENDED 1 outcome 1 code 0 unanswered false")
}

func TestEndOfARunWithoutAnAnswer(t *testing.T) {
	s := begin(t)
	id := s.runs("a", 7)
	s.endRun(id)
	s.forget()
	s.down(Gone)
	s.wants("RUN ENDED 1 outcome 0 code 0 unanswered true", "FINISHED")
}

// The node may refuse the end of a run. The hold then ends without it.
func TestEndOfARunThatIsRefused(t *testing.T) {
	s := begin(t)
	id := s.runs("a", 7)
	s.endRun(id)
	s.forget()
	m := runEnded(id, 7, 0)
	m.Refusal = frames.Refuse(frames.CodeForbidden, "no")
	s.receive(m)
	s.wants("RUN ENDED 1 outcome 0 code 12 unanswered false", "release 1 a 7")
}

func TestEndOfWhatIsNoRun(t *testing.T) {
	s := begin(t)
	plain := s.held("a", 7)
	waits := s.askRun("b")
	lapsed := s.runs("c", 9)
	s.forget()
	s.frozen(2 * ttl)
	for _, id := range []Claim{plain, waits, lapsed, 99} {
		if s.a.EndRun(s.now, id, 5, anEnd) {
			t.Errorf("the run of claim %d ends", id)
		}
	}
}

func TestLateEndOfARun(t *testing.T) {
	s := begin(t)
	id := s.a.EndLate(s.now, "a", 7, aRun, 5, anEnd)
	s.send()
	s.wants("end run 1 a 7 tick 100")
	s.receive(runEnded(id, 7, frames.RunLost))
	s.wants("RUN ENDED 1 outcome 3 code 0 unanswered false")
	s.down(Gone)
	if id := s.a.EndLate(s.now, "a", 7, aRun, 5, anEnd); id != 0 {
		t.Errorf("an attachment that has ended takes it as claim %d", id)
	}
}

// A client that ends has its node told first.
func TestDrainWaitsForTheEndOfARun(t *testing.T) {
	s := begin(t)
	id := s.runs("a", 7)
	s.endRun(id)
	s.a.Drain(s.now)
	s.note()
	s.forget()
	if n := s.a.Undelivered(); n != 1 {
		t.Errorf("%d are not delivered, want 1", n)
	}
	s.send()
	s.wants("ping")
	s.receive(runEnded(id, 7, frames.RunNoted))
	s.wants("RUN ENDED 1 outcome 1 code 0 unanswered false", "CLOSE STREAM")
}

func TestNodeThatEndsRunsUnasked(t *testing.T) {
	s := begin(t)
	id := s.runs("a", 7)
	for _, m := range []frames.NodeMessage{runEnded(id, 7, frames.RunNoted), runEnded(99, 7, frames.RunNoted)} {
		if err := s.a.Receive(s.now, m); err == nil {
			t.Errorf("%+v is no error", m)
		}
	}
	s.endRun(id)
	if err := s.a.Receive(s.now, runEnded(id, 8, frames.RunNoted)); err == nil {
		t.Error("another fence is no error")
	}
}

// A kept hold that the client lost is told as lost. Only its holder's word ends it.
func TestLostKeptHoldIsNotReleased(t *testing.T) {
	s := begin(t)
	id := s.askKept("a")
	s.wants("ping", "kept 1 a owner o")
	s.receive(s.granted(id, 7, ttl))
	s.forget()
	s.frozen(2 * ttl)
	s.a.Expire(s.now)
	s.note()
	s.send()
	s.wants("LOST 1 lease", "release 1 a 7 lost")
	other := s.askKept("b")
	s.receive(s.granted(other, 8, ttl))
	s.forget()
	s.a.Release(s.now, other)
	s.send()
	s.wants("release 2 b 8")
}

// A wait for a run or a kept hold is asked for again in full; a hold is taken up as any other.
func TestRunsAndKeptHoldsOnTheNextStream(t *testing.T) {
	s := begin(t)
	s.askRun("a")
	s.askKept("b")
	held := s.askKept("c")
	s.receive(s.granted(held, 7, ttl))
	s.forget()
	s.reconnect()
	s.send()
	s.wants("ping", "withdraw 1", "run 4 a tick 100", "withdraw 2", "kept 5 b owner o", "resume 3 c 7")
}

// Of callers who wait for runs, nobody takes another's place.
func TestRunsKeepTheirPlaces(t *testing.T) {
	s := begin(t)
	first := s.a.AskRun(s.now, "a", &runs.Request{Tick: 1}, false)
	s.a.AskRun(s.now, "a", &runs.Request{Tick: 2}, false)
	s.send()
	s.forget()
	s.a.GiveUp(s.now, first)
	s.a.AskRun(s.now, "a", &runs.Request{Tick: 1}, false)
	s.send()
	s.wants("withdraw 1", "run 3 a tick 1")
}

// Frames about runs are within what a node reads.
func TestFramesOfRunsAreShort(t *testing.T) {
	s := begin(t)
	var ids []Claim
	name := strings.Repeat("n", 250)
	long := &runs.End{Text: strings.Repeat("t", runs.MaxTextBytes), ExitCode: -1}
	for i := range 100 {
		ids = append(ids, s.a.AskRun(s.now, name+fmt.Sprint(i), &runs.Request{Tick: 1 << 62, Skip: true, Plain: true, Remember: 1 << 40}, true))
		s.a.AskKept(s.now, name+fmt.Sprint(i), &runs.Keep{Owner: strings.Repeat("o", token.MaxOwnerBytes), Adopt: true}, true)
	}
	short := func() {
		for s.a.Due() {
			frame := s.a.Take(s.now)
			if size := proto.Size(clientwire.ClientFrame(frame)); size > 16<<10 {
				t.Fatalf("a frame of %d messages has %d bytes, want at most 16 KiB", len(frame), size)
			}
		}
	}
	short()
	for i, id := range ids {
		s.receive(s.granted(id, token.Fence(1<<62+i), ttl))
		s.a.EndRun(s.now, id, 1<<62, long)
	}
	short()
}

// A kept hold whose release the node has not heard of stays kept, which the client is to
// tell. A hold that was lost before was not given back.
func TestUnheardReleasesOfKeptHolds(t *testing.T) {
	kept := func(s *script, fence token.Fence) Claim {
		id := s.a.AskKept(s.now, "a", &runs.Keep{Owner: "o"}, false)
		s.send()
		s.receive(s.granted(id, fence, ttl))
		return id
	}
	for name, tt := range map[string]struct {
		end  func(s *script, id Claim)
		want int
	}{
		"answered": {func(s *script, id Claim) {
			s.a.Release(s.now, id)
			s.send()
			s.receive(frames.NodeMessage{Kind: frames.Released, ID: uint64(id), Lock: "a", Fence: 7, Outcome: frames.OutcomeReleased})
			s.down(Gone)
		}, 0},
		"sent": {func(s *script, id Claim) {
			s.a.Release(s.now, id)
			s.send()
			s.down(Gone)
		}, 1},
		"after the end": {func(s *script, id Claim) {
			s.down(Gone)
			s.a.Release(s.now, id)
		}, 1},
		"lost before": {func(s *script, _ Claim) {
			s.down(Gone)
			s.frozen(2 * ttl)
			s.a.Tick(s.now)
		}, 0},
	} {
		t.Run(name, func(t *testing.T) {
			s := begin(t)
			tt.end(s, kept(s, 7))
			s.forget()
			if n := s.a.Unheard(); n != tt.want {
				t.Errorf("%d are unheard of, want %d", n, tt.want)
			}
		})
	}
}
