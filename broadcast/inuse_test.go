package broadcast

import (
	"testing"

	"conch/token"
)

// Who watches all locks is told of those in use, and of those of which a hold is kept, though
// nobody has asked for them since the nodes were started.
func TestKeptLockIsInUse(t *testing.T) {
	kept := func(k token.KeptHold) LockState { return LockState{Notes: token.Notes{Kept: k}} }
	for _, test := range []struct {
		state LockState
		want  bool
	}{
		{LockState{}, false},
		{LockState{Holds: 1}, true},
		{LockState{Waits: 1}, true},
		{kept(token.KeptHold{Fence: 7}), true},
		{kept(token.KeptHold{Fence: 7, Over: true}), false},
	} {
		if got := test.state.InUse(); got != test.want {
			t.Errorf("%+v: in use %t, want %t", test.state, got, test.want)
		}
	}
}
