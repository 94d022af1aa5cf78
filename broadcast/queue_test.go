package broadcast

import (
	"testing"
	"time"

	"conch/token"
)

func TestQueueIsFullAtItsLimit(t *testing.T) {
	message := func(count uint64) token.Message {
		return token.Message{Kind: token.Request, Number: token.Number{Count: count}}
	}
	q := newQueue(3)
	for _, test := range []struct {
		add  int
		want bool
	}{{2, true}, {2, true}, {1, false}, {5, false}} {
		var messages []token.Message
		for range test.add {
			messages = append(messages, message(1))
		}
		if got := q.put(messages); got != test.want {
			t.Errorf("put of %d messages = %v; want %v", test.add, got, test.want)
		}
	}
	if messages, closed := q.take(nil); len(messages) != 4 || closed {
		t.Errorf("take = %d messages, closed %v; want 4 of an open queue", len(messages), closed)
	}
	if !q.put([]token.Message{message(2)}) {
		t.Error("full after all was taken")
	}
	q.close()
	if messages, closed := q.take(nil); len(messages) != 1 || messages[0].Number.Count != 2 || !closed {
		t.Errorf("take = %v, closed %v; want the last message of a closed queue", messages, closed)
	}
}

// Of the values of a lock that wait to be sent, the last is sent, in the place of the first.
func TestQueueKeepsTheLastValueOfALock(t *testing.T) {
	say := func(lock string, count uint64) token.Message {
		return token.Message{Kind: token.Say, Lock: lock, Saying: &token.Saying{Count: count}}
	}
	q := newQueue(4)
	for count := uint64(1); count <= 100; count++ {
		if !q.put([]token.Message{say("a", count), say("b", count)}) {
			t.Fatalf("full after %d values of two locks", count)
		}
		if count == 1 {
			q.put([]token.Message{{Kind: token.Ping}})
		}
	}
	messages, _ := q.take(nil)
	if len(messages) != 3 || messages[0].Lock != "a" || messages[0].Saying.Count != 100 || messages[1].Saying.Count != 100 || messages[2].Kind != token.Ping {
		t.Errorf("got %+v; want the last values of both locks, then PING", messages)
	}
}

func TestBackoffStaysBetween10And500Milliseconds(t *testing.T) {
	for range 100 {
		var b backoff
		want := 10 * time.Millisecond
		for range 12 {
			if got := b.next(); got < want || got > 2*want {
				t.Fatalf("wait %v; want %v to %v", got, want, 2*want)
			}
			want = min(2*want, 250*time.Millisecond)
		}
		b.reset()
		if got := b.next(); got > 20*time.Millisecond {
			t.Fatalf("wait %v after a reset; want at most 20ms", got)
		}
	}
}
