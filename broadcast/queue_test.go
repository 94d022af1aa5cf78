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
