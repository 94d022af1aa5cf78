package frames

import (
	"slices"
	"testing"
)

func TestReleasesAreTakenAfterTheRestOrBeforeTheNextTry(t *testing.T) {
	acquire := func(id uint64) ClientMessage { return ClientMessage{Kind: Acquire, ID: id} }
	try := func(id uint64) ClientMessage { return ClientMessage{Kind: Acquire, Try: true, ID: id} }
	endRun := func(id uint64) ClientMessage { return ClientMessage{Kind: EndRun, ID: id} }
	release := func(id uint64) ClientMessage { return ClientMessage{Kind: Release, ID: id} }
	for _, test := range []struct{ frame, want []ClientMessage }{
		{[]ClientMessage{release(1)}, []ClientMessage{release(1)}},
		{[]ClientMessage{release(1), acquire(2)}, []ClientMessage{acquire(2), release(1)}},
		{[]ClientMessage{endRun(1), acquire(2)}, []ClientMessage{acquire(2), endRun(1)}},
		{[]ClientMessage{release(1), acquire(2), release(3), acquire(4)}, []ClientMessage{acquire(2), acquire(4), release(1), release(3)}},
		{[]ClientMessage{release(1), acquire(2), try(3), release(4), acquire(5)}, []ClientMessage{acquire(2), release(1), try(3), acquire(5), release(4)}},
	} {
		got := slices.Clone(test.frame)
		InOrder(got)
		if !slices.Equal(got, test.want) {
			t.Errorf("%v\n in order: %v\n want     %v", test.frame, got, test.want)
		}
	}
}
