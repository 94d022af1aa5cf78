package attachment

import (
	"fmt"
	"strings"
	"testing"

	"conch/internal/frames"
	"conch/token"
)

// ttl is T in these tests, and quarter the time between Pings.
const (
	ttl     = token.Time(1_000_000)
	quarter = ttl / 4
	began   = 1000 * ttl
)

// script is a test of one attachment: inputs at a time of the test's own, and the effects
// and messages that come of them as text.
type script struct {
	t   *testing.T
	a   *Attachment
	now token.Time
	did []string // since wants
}

// begin makes an attachment with an open stream.
func begin(t *testing.T) *script {
	s := &script{t: t, a: New(began, Config{TTL: ttl}), now: began}
	s.a.Up(s.now)
	return s
}

// note takes down what the core wants done.
func (s *script) note() {
	for _, e := range s.a.Effects() {
		s.did = append(s.did, effectText(e))
	}
}

// frame sends one frame.
func (s *script) frame() int {
	frame := s.a.Take(s.now)
	for _, m := range frame {
		s.did = append(s.did, clientText(m))
	}
	s.note()
	return len(frame)
}

// send sends all that is due.
func (s *script) send() {
	for s.a.Due() {
		s.frame()
	}
}

// after lets time pass, with all Ticks and what they have sent.
func (s *script) after(d token.Time) {
	until := s.now + d
	for s.a.NextTick() <= until {
		s.now = max(s.now, s.a.NextTick())
		s.a.Tick(s.now)
		s.note()
		s.send()
	}
	s.now = until
}

// frozen lets time pass without Ticks.
func (s *script) frozen(d token.Time) { s.now += d }

func (s *script) ask(lock string) Claim {
	id := s.a.Ask(s.now, lock, token.Exclusive, false)
	s.note()
	s.send()
	return id
}

func (s *script) receive(messages ...frames.NodeMessage) {
	s.t.Helper()
	for _, m := range messages {
		if err := s.a.Receive(s.now, m); err != nil {
			s.t.Errorf("%+v: %v", m, err)
		}
		s.note()
	}
	s.send()
}

// reconnect ends the stream and opens another.
func (s *script) reconnect() {
	s.down(Other)
	if _, wanted := s.a.Reopen(s.now); !wanted {
		s.t.Fatal("no other stream is wanted")
	}
	s.a.Up(s.now)
	s.note()
}

func (s *script) down(why Why) {
	s.a.Down(s.now, why)
	s.note()
}

// wants compares what was done since the last call.
func (s *script) wants(want ...string) {
	s.t.Helper()
	if got, want := strings.Join(s.did, "; "), strings.Join(want, "; "); got != want {
		s.t.Errorf("got  %s\nwant %s", got, want)
	}
	s.did = nil
}

// forget drops what was done.
func (s *script) forget() { s.did = nil }

// held has the attachment hold a lock; its lease lasts for T.
func (s *script) held(lock string, fence token.Fence) Claim {
	s.t.Helper()
	id := s.ask(lock)
	s.receive(s.granted(id, fence, ttl))
	if _, held := s.a.Deadline(id); !held {
		s.t.Fatalf("%s is not held: %v", lock, s.did)
	}
	s.forget()
	return id
}

// granted is a grant under a lease that counts from the latest Ping.
func (s *script) granted(id Claim, fence token.Fence, remaining token.Time) frames.NodeMessage {
	return frames.NodeMessage{
		Kind: frames.Granted, ID: uint64(id), Fence: fence, Session: 1,
		HadPing: s.a.pinged, Stamp: s.a.stamp, Remaining: remaining,
	}
}

func (s *script) pong(remaining token.Time) frames.NodeMessage {
	return frames.NodeMessage{Kind: frames.Pong, Stamp: s.a.stamp, Session: 1, Remaining: remaining}
}

func lost(id Claim, reason frames.Reason) frames.NodeMessage {
	return frames.NodeMessage{Kind: frames.Lost, ID: uint64(id), Reason: reason}
}

func warned(id Claim, reason frames.Reason) frames.NodeMessage {
	return frames.NodeMessage{Kind: frames.Warned, ID: uint64(id), Reason: reason, Text: "stuck"}
}

// left is what is left of a hold.
func (s *script) left(id Claim) token.Time {
	s.t.Helper()
	end, held := s.a.Deadline(id)
	if !held {
		s.t.Errorf("claim %d is no hold", id)
	}
	return end - s.now
}

func effectText(e Effect) string {
	causes := map[Cause]string{
		CauseLease: "lease", CauseLapse: "lapse", CauseBroken: "broken", CauseNodeLeaving: "node leaving",
		CauseClientLease: "client lease", CauseRefused: "refused", CauseClosed: "closed",
	}
	switch e.Kind {
	case Held:
		return fmt.Sprintf("HELD %d fence %d", e.Claim, e.Fence)
	case Refused:
		return fmt.Sprintf("REFUSED %d code %d", e.Claim, e.Refusal.Code)
	case Moved:
		return fmt.Sprintf("MOVED %d", e.Claim)
	case Closed:
		return fmt.Sprintf("CLOSED %d", e.Claim)
	case Warned:
		return fmt.Sprintf("WARNED %d %s", e.Claim, causes[e.Cause])
	case Lost:
		return fmt.Sprintf("LOST %d %s", e.Claim, causes[e.Cause])
	case Said:
		return fmt.Sprintf("SAID %d number %d code %d", e.Claim, e.Number, e.Refusal.Code)
	case RunEnded:
		return fmt.Sprintf("RUN ENDED %d outcome %d code %d unanswered %v", e.Claim, e.RunOutcome, e.Refusal.Code, e.Unanswered)
	case CloseStream:
		return "CLOSE STREAM"
	case EndStream:
		return "END STREAM"
	case Finished:
		return "FINISHED"
	}
	return fmt.Sprintf("%+v", e)
}

func clientText(m frames.ClientMessage) string {
	switch {
	case m.Kind == frames.Ping:
		return "ping"
	case m.Kind == frames.Withdraw:
		return fmt.Sprintf("withdraw %d", m.ID)
	case m.Kind == frames.Release && m.Lost:
		return fmt.Sprintf("release %d %s %d lost", m.ID, m.Lock, m.Fence)
	case m.Kind == frames.EndRun:
		return fmt.Sprintf("end run %d %s %d tick %d", m.ID, m.Lock, m.Fence, m.Run.Tick)
	case m.Run != nil:
		return fmt.Sprintf("run %d %s tick %d", m.ID, m.Lock, m.Run.Tick)
	case m.Keep != nil:
		return fmt.Sprintf("kept %d %s owner %s", m.ID, m.Lock, m.Keep.Owner)
	case m.Kind == frames.Release:
		return fmt.Sprintf("release %d %s %d", m.ID, m.Lock, m.Fence)
	case m.Kind == frames.Say:
		return fmt.Sprintf("say %d %s %d number %d %q", m.ID, m.Lock, m.Fence, m.Number, m.Value)
	case m.ResumeFence != 0:
		return fmt.Sprintf("resume %d %s %d", m.ID, m.Lock, m.ResumeFence)
	case m.Try:
		return fmt.Sprintf("try %d %s", m.ID, m.Lock)
	}
	return fmt.Sprintf("acquire %d %s", m.ID, m.Lock)
}
