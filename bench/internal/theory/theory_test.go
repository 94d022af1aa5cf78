package theory

import (
	"testing"
	"time"
)

// The paper's examples, by hand: N messages where the token is elsewhere, none where it
// is here; and one where requests ride.
func TestMessagesOfAGrant(t *testing.T) {
	for _, test := range []struct {
		use  Use
		n    int
		want Cost
	}{
		{Elsewhere, 2, Cost{Sent: 1, Requests: 1, Tokens: 1}},
		{Elsewhere, 10, Cost{Sent: 1, Requests: 9, Tokens: 1}},
		{Here, 10, Cost{}},
		{Saturated, 10, Cost{Rode: 1, Tokens: 1}},
	} {
		got := test.use.Grant(test.n)
		if got != test.want {
			t.Errorf("%s, %d members: got %+v, want %+v", test.use, test.n, got, test.want)
		}
		if want := test.want.Requests + test.want.Tokens; got.Messages() != want {
			t.Errorf("%s, %d members: got %d messages, want %d", test.use, test.n, got.Messages(), want)
		}
	}
}

// Three members have six ordered pairs, each with a PING and its answer four times in T.
func TestSessionMessages(t *testing.T) {
	if got := SessionMessages(3); got != 48 {
		t.Errorf("got %d, want 48", got)
	}
	if got := SessionRate(3, 2*time.Second); got != 24 {
		t.Errorf("got %v a second, want 24", got)
	}
}

// A token grows by the same for each member that it has a number for, and for each that
// waits in its queue; a request does not grow.
func TestBytesGrowWithMembers(t *testing.T) {
	if one, two := TokenSize(11, 0)-TokenSize(10, 0), TokenSize(12, 0)-TokenSize(11, 0); one != two || one < 10 || one > 20 {
		t.Errorf("a member more adds %d bytes, then %d; want the same, some 15", one, two)
	}
	if more := TokenSize(10, 7) - TokenSize(10, 6); more != 1 {
		t.Errorf("a member more in the queue adds %d bytes, want 1", more)
	}
	request, token := RequestSize()+14, TokenSize(10, 0)+14
	if got, want := Elsewhere.Bytes(10), 9*request+token; got != want {
		t.Errorf("token elsewhere: got %d bytes, want %d", got, want)
	}
	if got := Here.Bytes(10); got != 0 {
		t.Errorf("token here: got %d bytes, want none", got)
	}
	if got, want := Saturated.Bytes(10), TokenSize(10, 9)+14; got != want {
		t.Errorf("saturated: got %d bytes, want %d", got, want)
	}
}
