package attachment

import (
	"fmt"
	"strings"
	"testing"

	"conch/internal/frames"
	"conch/token"
)

func (s *script) say(id Claim, value string) uint64 {
	number := s.a.Say(s.now, id, value)
	s.note()
	return number
}

func said(id Claim, number uint64) frames.NodeMessage {
	return frames.NodeMessage{Kind: frames.Said, ID: uint64(id), Number: number}
}

// Of values that were not sent, the latest is.
func TestLatestValueIsSaid(t *testing.T) {
	s := begin(t)
	id := s.held("a", 7)
	s.say(id, "one")
	s.send()
	s.wants(`say 1 a 7 number 1 "one"`)
	s.say(id, "two")
	if n := s.say(id, "three"); n != 3 {
		t.Errorf("the third value has the number %d", n)
	}
	s.send()
	s.wants(`say 1 a 7 number 3 "three"`)
	s.receive(said(id, 1), said(id, 3), said(id, 3))
	s.wants("SAID 1 number 1 code 0", "SAID 1 number 3 code 0")
}

// What was not answered is said again on the next stream, once the hold is confirmed there.
func TestValueIsSaidAgainOnTheNextStream(t *testing.T) {
	s := begin(t)
	id := s.held("a", 7)
	s.say(id, "one")
	s.send()
	s.forget()
	s.reconnect()
	s.say(id, "two")
	s.send()
	s.wants("ping", "resume 1 a 7")
	s.receive(s.granted(id, 7, ttl))
	s.wants(`say 1 a 7 number 2 "two"`)
	s.receive(said(id, 2))
	s.wants("SAID 1 number 2 code 0")
	s.reconnect()
	s.send()
	s.receive(s.granted(id, 7, ttl))
	s.wants("ping", "resume 1 a 7")
}

// Whoever holds nothing, or can be heard no more, says nothing.
func TestValueWithoutAHold(t *testing.T) {
	s := begin(t)
	id := s.ask("a")
	if n := s.say(id, "early"); n != 0 {
		t.Errorf("a value of a wait has the number %d, want 0", n)
	}
	id = s.held("b", 8)
	s.down(Gone)
	if n := s.say(id, "late"); n != 0 {
		t.Errorf("a value after the last stream has the number %d, want 0", n)
	}
	s.after(2 * ttl)
	if n := s.say(id, "lost"); n != 0 {
		t.Errorf("a value of a lost hold has the number %d, want 0", n)
	}
}

func TestNodeThatAnswersWhatWasNotSaid(t *testing.T) {
	s := begin(t)
	id := s.held("a", 7)
	s.say(id, "one")
	s.send()
	for _, number := range []uint64{0, 2} {
		if err := s.a.Receive(s.now, said(id, number)); err == nil {
			t.Errorf("Said with the number %d is no error", number)
		}
	}
}

// Frames with the longest values are within what a node reads.
func TestFramesOfLongValuesAreShort(t *testing.T) {
	s := begin(t)
	var ids []Claim
	for i := range 100 {
		ids = append(ids, s.held(fmt.Sprintf("%s%d", strings.Repeat("n", 250), i), token.Fence(i+1)))
	}
	for _, id := range ids {
		s.say(id, strings.Repeat("v", token.MaxValueBytes))
	}
	values := 0
	for s.a.Due() {
		bytes := 0
		for _, m := range s.a.Take(s.now) {
			bytes += len(m.Lock) + len(m.Value) + 60
			if m.Kind == frames.Say {
				values++
			}
		}
		if bytes > 16<<10 {
			t.Fatalf("a frame of some %d bytes, want at most 16 KiB", bytes)
		}
	}
	if values != len(ids) {
		t.Errorf("%d values are sent, want %d", values, len(ids))
	}
}
