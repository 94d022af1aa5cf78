package web

import (
	"encoding/json"
	"strings"
	"testing"

	clientv1 "conch/proto/conch/client/v1"
	"conch/token"
)

// A lock that is shared is shown with all its holders, their mode, and whose the limit is.
func TestSharersAreShown(t *testing.T) {
	s := places{"a:1", "b:1"}
	const permits = 3
	holders := []*clientv1.Holder{
		{Member: "a:1", Fence: 7, Limit: permits, Client: &clientv1.Client{Pid: 11}},
		{Member: "b:1", Fence: 8, Limit: permits, Client: &clientv1.Client{Pid: 12}},
		{Member: "b:1", Fence: 8, Limit: permits, Client: &clientv1.Client{Pid: 13}},
	}
	shown, err := json.Marshal(s.showDetail(&clientv1.LockStatus{
		Lock: "cs", Holder: holders[0], Holders: holders, Holding: 3, Limit: permits, LimitBy: "b:1",
		Waiters: []*clientv1.Waiter{{Member: "a:1", Limit: uint32(token.Unlimited)}, {Member: "a:1"}},
	}))
	if err != nil {
		t.Fatal(err)
	}
	text := string(shown)
	for want, times := range map[string]int{
		`"holding":3`: 1, `"inside":[0,1]`: 1, `"limit":"a semaphore of 3 permits","limitBy":1`: 1,
		`"mode":"a semaphore of 3 permits"`: 4, `"mode":"shared"`: 1, `"pid":13`: 1, `"fence":"8"`: 2,
	} {
		if got := strings.Count(text, want); got != times {
			t.Errorf("%s: %d times, want %d, in %s", want, got, times, text)
		}
	}
}

// What a leader says is shown with its hold, an empty text too.
func TestValueIsShown(t *testing.T) {
	s := places{"a:1"}
	empty, text := "", "<b>one</b>"
	for want, value := range map[string]*string{`}`: nil, `,"value":""}`: &empty, `,"value":"\u003cb\u003eone\u003c/b\u003e"}`: &text} {
		shown, err := json.Marshal(s.showHolder(&clientv1.Holder{Member: "a:1", Value: value}))
		if err != nil {
			t.Fatal(err)
		}
		if !strings.HasSuffix(string(shown), `"lease":0`+want) {
			t.Errorf("%s; want %s at its end", shown, want)
		}
	}
}

// That a hold is kept if its holder dies is shown with it.
func TestHolderOfAKeptHoldIsShown(t *testing.T) {
	s := places{"a:1"}
	shown, err := json.Marshal(s.showHolder(&clientv1.Holder{Member: "a:1", Kept: true, Owner: "ci"}))
	if err != nil {
		t.Fatal(err)
	}
	if want := `"lease":0,"kept":true,"owner":"ci"}`; !strings.HasSuffix(string(shown), want) {
		t.Errorf("%s; want %s at its end", shown, want)
	}
}

// A kept hold that nobody alive has is shown with its lock, and the latest run too.
func TestKeptHoldAndRunAreShown(t *testing.T) {
	s := places{"a:1", "b:1"}
	shown, err := json.Marshal(s.showLock(&clientv1.LockStatus{
		Lock: "cs",
		Kept: &clientv1.KeptHold{Fence: 7, Owner: "ci", Member: "b:1", Client: &clientv1.Client{Pid: 11}, SinceS: 1795996801, InToken: true},
		Run:  &clientv1.RunRecord{Tick: 1795996800, Fence: 6, State: clientv1.RunRecord_STATE_BEGUN, BeganS: 1795996801, Member: "a:1"},
	}))
	if err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{
		`"kept":{"member":1,"client":{"host":"","pid":11,"user":"","command":""},"fence":"7","owner":"ci","since":"2026-11-30T00:00:01Z","certain":true}`,
		`"run":"turn 2026-11-30T00:00:00Z: Someone began it at 2026-11-30T00:00:01Z, and has not said that it is done; node a:1, fence 6"`,
	} {
		if !strings.Contains(string(shown), want) {
			t.Errorf("%s; want %s in it", shown, want)
		}
	}
}
