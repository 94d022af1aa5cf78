package attachment

import (
	"fmt"
	"math"
	"strings"
	"testing"

	"google.golang.org/protobuf/proto"

	"conch/internal/clientwire"
	"conch/internal/frames"
	"conch/token"
)

// "The client sends a Ping every T/4 for as long as it has a hold or a wait."
func TestPings(t *testing.T) {
	s := begin(t)
	s.after(100 * ttl)
	s.wants()
	s.ask("x")
	s.wants("ping", "acquire 1 x")
	s.after(quarter)
	s.wants("ping")
	s.receive(s.granted(1, 5, ttl))
	s.forget()
	s.after(quarter)
	s.wants("ping")
	s.a.Release(s.now, 1)
	s.send()
	s.receive(frames.NodeMessage{Kind: frames.Released, ID: 1, Lock: "x", Fence: 5, Outcome: frames.OutcomeReleased})
	s.wants("release 1 x 5")
	s.after(100 * ttl)
	s.wants()
}

// The lease of what is asked for late counts from a new Ping.
func TestPingComesBeforeWhatIsAskedForLate(t *testing.T) {
	s := begin(t)
	s.ask("x")
	s.frozen(quarter - 1)
	s.ask("y")
	s.frozen(1)
	s.ask("z")
	s.wants("ping", "acquire 1 x", "acquire 2 y", "ping", "acquire 3 z")
	first := s.a.stamp
	s.a.duePing(s.now) // in the same instant
	s.send()
	if s.a.stamp <= first {
		t.Errorf("the stamp %d after %d; want a higher one", s.a.stamp, first)
	}
}

// A frame is up to 16 KiB.
func TestFramesAreShort(t *testing.T) {
	s := begin(t)
	lock := strings.Repeat("ä", 127) + "x"
	for range 3 * maxFrame {
		s.a.Ask(s.now, lock, token.Exclusive, false)
	}
	got := 0
	for s.a.Due() {
		frame := s.a.Take(s.now)
		got += len(frame)
		if size := proto.Size(clientwire.ClientFrame(frame)); size > 16<<10 || len(frame) > maxFrame {
			t.Errorf("a frame of %d messages and %d bytes; want at most %d and 16 KiB", len(frame), size, maxFrame)
		}
	}
	if got != 3*maxFrame+1 {
		t.Errorf("%d messages sent; want all, and a Ping", got)
	}
}

// A wait may have become a hold that the client has not heard of; a hold is taken up; what
// was not answered is said again.
func TestNextStreamSaysAgainWhatWasNotAnswered(t *testing.T) {
	s := begin(t)
	s.held("x", 5)
	s.ask("y")
	three := s.ask("z")
	four := s.held("v", 6)
	s.a.GiveUp(s.now, three)
	s.a.Release(s.now, four)
	s.send()
	s.a.Ask(s.now, "unsent", token.Exclusive, true)
	s.forget()
	s.reconnect()
	s.send()
	s.wants("ping", "resume 1 x 5", "withdraw 2", "acquire 6 y", "withdraw 3", "release 4 v 6", "try 5 unsent")
	s.receive(
		s.granted(1, 5, ttl),
		frames.NodeMessage{Kind: frames.Withdrawn, ID: 2}, frames.NodeMessage{Kind: frames.Withdrawn, ID: 3},
		frames.NodeMessage{Kind: frames.Released, ID: 4, Lock: "v", Fence: 6, Outcome: frames.OutcomeEndedBefore},
		s.granted(6, 8, ttl),
	)
	s.wants("HELD 2 fence 8") // to the one who asked it is the same claim
	if _, held := s.a.Deadline(2); !held {
		t.Error("no deadline")
	}
	s.a.Release(s.now, 2)
	s.send()
	s.wants("release 6 y 8")
}

// A grant crosses with the end of its wait: whoever was granted a lock that nobody wants
// any more gives it back.
func TestGivingUp(t *testing.T) {
	s := begin(t)
	one := s.a.Ask(s.now, "x", token.Exclusive, false)
	s.a.GiveUp(s.now, one) // not sent yet
	s.send()
	s.wants()
	two := s.ask("x")
	s.a.GiveUp(s.now, two)
	s.send()
	s.receive(s.granted(two, 5, ttl), frames.NodeMessage{Kind: frames.Withdrawn, ID: 2})
	s.wants("ping", "acquire 2 x", "withdraw 2")
	s.receive(s.granted(two, 5, ttl)) // by a node that forgot
	s.wants("withdraw 2")
	s.receive(frames.NodeMessage{Kind: frames.Withdrawn, ID: 2})
	three := s.held("x", 6)
	s.a.GiveUp(s.now, three)
	s.a.GiveUp(s.now, three)
	s.send()
	s.wants("release 3 x 6")
	s.receive(
		s.granted(three, 6, ttl), warned(three, frames.Break), lost(three, frames.Break),
		frames.NodeMessage{Kind: frames.Released, ID: 3, Lock: "x", Fence: 6, Outcome: frames.OutcomeReleased},
	)
	s.wants()
	if s.a.live != 0 {
		t.Errorf("%d claims are left", s.a.live)
	}
}

func TestGrantOfAnEarlierSessionIsAskedForAnew(t *testing.T) {
	s := begin(t)
	s.ask("x")
	s.frozen(ttl)
	s.receive1(s.granted(1, 5, quarter))
	s.send()
	next := s.pong(ttl)
	next.Session = 2
	s.receive(next)
	s.wants("ping", "acquire 1 x", "ping", "release 1 x 5", "acquire 2 x")
	s.receive(lost(1, frames.Lapse)) // the release says enough
	s.receive(frames.NodeMessage{Kind: frames.Granted, ID: 2, Fence: 6, Session: 2, HadPing: true, Stamp: s.a.stamp, Remaining: ttl})
	s.wants("HELD 1 fence 6")
}

func TestBreakBeforeItBeganIsAskedForAnew(t *testing.T) {
	s := begin(t)
	s.ask("x")
	s.frozen(ttl)
	s.receive(s.granted(1, 5, quarter), warned(1, frames.Lapse), warned(1, frames.Break))
	s.wants("ping", "acquire 1 x", "ping", "release 1 x 5", "acquire 2 x")
}

// "takes the node for gone when it has heard nothing for T": waits move on, and holds last
// as long as their lease.
func TestSilence(t *testing.T) {
	s := begin(t)
	s.held("x", 5)
	s.ask("y")
	s.after(quarter)
	s.receive(s.pong(ttl))
	s.forget()
	s.after(quarter + ttl - 1)
	s.wants("ping", "ping", "ping", "WARNED 1 lease", "LOST 1 lease", "release 1 x 5", "ping")
	s.after(1)
	s.wants("END STREAM", "ping")
	s.down(Silent)
	s.wants("MOVED 2", "FINISHED")
	if why, ended := s.a.Ended(); !ended || why != Silent || !s.a.Avoid() || s.a.Admits() {
		t.Errorf("Ended %v %v, Avoid %v, Admits %v", why, ended, s.a.Avoid(), s.a.Admits())
	}
	if s.a.Ask(s.now, "z", token.Exclusive, false) != 0 {
		t.Error("it may be asked")
	}
}

// An idle hour is no silence.
func TestIdlenessIsNoSilence(t *testing.T) {
	s := begin(t)
	s.after(1000 * ttl)
	s.ask("x")
	s.wants("ping", "acquire 1 x")
	s.after(quarter - 1)
	s.wants()
}

// Whatever ends a stream moves the waits, except where another stream may do better.
func TestEndsOfAStream(t *testing.T) {
	for why, want := range map[Why]struct {
		avoid, moved bool
	}{
		Gone: {false, true}, Final: {true, true}, Silent: {true, true}, Other: {true, false},
	} {
		s := begin(t)
		id := s.held("x", 5)
		s.ask("y")
		s.forget()
		before := s.left(id)
		s.down(why)
		if moved := len(s.did) == 1 && s.did[0] == "MOVED 2"; moved != want.moved || s.a.Avoid() != want.avoid {
			t.Errorf("%d: did %v, Avoid %v; want moved %v, Avoid %v", why, s.did, s.a.Avoid(), want.moved, want.avoid)
		}
		if s.left(id) != before {
			t.Errorf("%d: the lease is another", why)
		}
	}
}

// Other ends are worth another stream for as long as the node's leases may last.
func TestReopen(t *testing.T) {
	s := begin(t)
	s.down(Other)
	s.wants("FINISHED") // nothing is held or wanted
	if s.a.Avoid() {
		t.Error("the node is to be avoided")
	}

	s = begin(t)
	s.held("x", 5)
	s.ask("y")
	s.forget()
	s.frozen(quarter)
	s.down(Other)
	if left, wanted := s.a.Reopen(s.now); !wanted || left != ttl-quarter {
		t.Errorf("Reopen = %d, %v; want %d", left, wanted, ttl-quarter)
	}
	s.down(Other) // it could not be opened
	s.frozen(ttl - quarter - 1)
	if left, wanted := s.a.Reopen(s.now); !wanted || left != 1 {
		t.Errorf("Reopen = %d, %v; want 1", left, wanted)
	}
	s.frozen(1)
	_, wanted := s.a.Reopen(s.now)
	s.note()
	s.wants("LOST 1 lease", "MOVED 2", "FINISHED")
	if why, _ := s.a.Ended(); wanted || why != Silent {
		t.Errorf("Reopen = %v, why %v; want none: silent", wanted, why)
	}

	s = begin(t)
	s.ask("y")
	s.down(Other)
	s.a.GiveUp(s.now, 1)
	if _, wanted := s.a.Reopen(s.now); !wanted {
		t.Error("the node may have granted the lock, and is to be told")
	}

	s = begin(t)
	s.a.Ask(s.now, "y", token.Exclusive, false)
	s.down(Other)
	s.a.GiveUp(s.now, 1)
	if _, wanted := s.a.Reopen(s.now); wanted {
		t.Error("another stream is wanted for nothing")
	}
}

// The process is gone, so nothing can be taken up: the hold ends with its lease, and may
// be released until then.
func TestHoldOfANodeThatIsGone(t *testing.T) {
	s := begin(t)
	s.held("x", 5)
	two := s.held("y", 6)
	s.down(Other)
	s.down(Gone)
	s.wants()
	s.a.Release(s.now, two)
	s.note()
	s.wants()
	s.after(full)
	s.wants("WARNED 1 lease", "LOST 1 lease", "FINISHED")
	if !s.a.Avoid() || s.a.NextTick() != token.Never {
		t.Errorf("Avoid %v, next tick %d", s.a.Avoid(), s.a.NextTick())
	}
}

// A node that stops refuses those who wait; it keeps the stream for those who hold.
func TestNodeIsLeaving(t *testing.T) {
	s := begin(t)
	s.held("x", 5)
	s.ask("y")
	s.ask("z")
	s.forget()
	s.receive(frames.NodeMessage{Kind: frames.Refused, ID: 2, Refusal: frames.Refusal{Code: frames.CodeNodeLeaving}})
	s.wants("MOVED 2", "MOVED 3", "withdraw 3")
	s.receive(frames.NodeMessage{Kind: frames.Refused, ID: 3, Refusal: frames.Refusal{Code: frames.CodeNodeLeaving}})
	s.receive(warned(1, frames.NodeLeaving))
	s.wants("WARNED 1 node leaving")
	if s.a.Admits() || !s.a.Avoid() || !s.a.Leaving() {
		t.Error("a node that is leaving is asked, or not avoided")
	}
	s.a.Release(s.now, 1)
	s.send()
	s.receive(frames.NodeMessage{Kind: frames.Released, ID: 1, Lock: "x", Fence: 5, Outcome: frames.OutcomeReleased})
	s.wants("release 1 x 5", "CLOSE STREAM")
	s.down(Other)
	s.wants("FINISHED")
}

// A node that does not end the stream in time is ended.
func TestCloseIsAwaited(t *testing.T) {
	s := begin(t)
	s.a.Drain(s.now)
	s.send()
	s.wants("CLOSE STREAM")
	s.after(ttl)
	s.wants("END STREAM")
	s.after(ttl)
	s.wants() // once
}

func TestDrain(t *testing.T) {
	s := begin(t)
	s.held("held", 5)
	two := s.held("released", 6)
	s.a.Release(s.now, two)
	s.ask("waiting")
	s.frozen(quarter / 2)
	s.a.Ask(s.now, "unsent", token.Exclusive, false)
	s.forget()
	s.a.Drain(s.now)
	s.note()
	s.send()
	s.wants("CLOSED 3", "CLOSED 4", "LOST 1 closed", "ping", "withdraw 3")
	if s.a.Undelivered() != 1 {
		t.Errorf("%d releases undelivered; want 1", s.a.Undelivered())
	}
	s.receive(frames.NodeMessage{Kind: frames.Withdrawn, ID: 3})
	s.wants()
	s.receive(frames.NodeMessage{Kind: frames.Released, ID: 2, Lock: "released", Fence: 6, Outcome: frames.OutcomeReleased})
	s.wants("CLOSE STREAM")
	if s.a.Undelivered() != 0 {
		t.Errorf("%d releases undelivered; want none", s.a.Undelivered())
	}
}

func TestRefusals(t *testing.T) {
	s := begin(t)
	id := s.held("x", 5)
	s.ask("y")
	s.reconnect()
	s.send()
	s.forget()
	refused := func(id Claim, code frames.Code) frames.NodeMessage {
		return frames.NodeMessage{Kind: frames.Refused, ID: uint64(id), Refusal: frames.Refusal{Code: code}}
	}
	s.receive(refused(3, frames.CodeBusy))
	s.wants("REFUSED 2 code 4")
	s.receive(refused(id, frames.CodeForbidden)) // to be taken up again
	s.wants("LOST 1 refused")
	s.receive(refused(id, frames.CodeForbidden), refused(3, frames.CodeBusy))
	s.wants()
	if !s.a.Useful(s.now) {
		t.Error("a node that refuses is of no use")
	}
}

func TestUseful(t *testing.T) {
	s := begin(t)
	s.frozen(ttl - 1)
	if s.a.Useful(s.now) {
		t.Error("a node that did nothing was of use")
	}
	s.frozen(1)
	if !s.a.Useful(s.now) {
		t.Error("a node that has long stood by was of no use")
	}
	s = begin(t)
	s.ask("x")
	s.receive(s.granted(1, 5, ttl))
	if !s.a.Useful(s.now) {
		t.Error("a node that granted was of no use")
	}
}

// A node that says what it may not say is not believed.
func TestNonsense(t *testing.T) {
	for want, m := range map[string]frames.NodeMessage{
		"kind 0":                       {},
		"id 0,":                        {Kind: frames.Granted, Fence: 9, Session: 1},
		"id 99,":                       {Kind: frames.Granted, ID: 99, Fence: 9, Session: 1},
		"fence 0,":                     {Kind: frames.Granted, ID: 2, Session: 1},
		"fence 9223372036854775808":    {Kind: frames.Granted, ID: 2, Fence: math.MaxInt64 + 1, Session: 1},
		"outside a session":            {Kind: frames.Granted, ID: 2, Fence: 9},
		"stamp 0,":                     {Kind: frames.Granted, ID: 2, Fence: 9, Session: 1, HadPing: true},
		"lasts -1 ns":                  {Kind: frames.Granted, ID: 2, Fence: 9, Session: 1, HadPing: true, Stamp: 1, Remaining: -1},
		"fence 6 of session 1, after":  {Kind: frames.Granted, ID: 1, Fence: 6, Session: 1},
		"fence 5 of session 2, after":  {Kind: frames.Granted, ID: 1, Fence: 5, Session: 2},
		"stamp 9223372036854775807":    {Kind: frames.Pong, Stamp: math.MaxInt64, Session: 1},
		"lasts -2 ns":                  {Kind: frames.Pong, Stamp: 1, Session: 1, Remaining: -2},
		"id 98":                        {Kind: frames.Refused, ID: 98},
		"id 97":                        {Kind: frames.Withdrawn, ID: 97},
		"id 1, which was not withdra":  {Kind: frames.Withdrawn, ID: 1},
		"id 2, which was not withdra":  {Kind: frames.Withdrawn, ID: 2},
		"Warned for the reason 0":      {Kind: frames.Warned, ID: 1},
		"Warned for the reason 4":      {Kind: frames.Warned, ID: 1, Reason: frames.ClientLease},
		"id 96":                        {Kind: frames.Warned, ID: 96, Reason: frames.Lapse},
		"Lost for the reason 0":        {Kind: frames.Lost, ID: 1},
		"id 95":                        {Kind: frames.Lost, ID: 95, Reason: frames.Lapse},
		"id 94":                        {Kind: frames.Released, ID: 94, Fence: 5},
		"id 1 with the fence 5, which": {Kind: frames.Released, ID: 1, Fence: 5},
	} {
		s := begin(t)
		id := s.held("x", 5)
		s.ask("y")
		s.forget()
		before := s.left(id)
		err := s.a.Receive(s.now, m)
		s.note()
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%+v: %v; want an error with %q", m, err, want)
		}
		s.wants()
		if s.left(id) != before {
			t.Errorf("%+v: the lease is another", m)
		}
	}
}

func TestSearch(t *testing.T) {
	s := Search{Nodes: 3, Patience: 100}
	check := func(now token.Time, last *Last, order string, fresh, again bool, left token.Time) {
		t.Helper()
		gotOrder, gotFresh := s.Begin(now, last)
		if fmt.Sprint(gotOrder) != order || gotFresh != fresh || s.Again() != again || s.Left(now) != left {
			t.Errorf("Begin(%d, %+v) = %v, %v, again %v, %d left; want %s, %v, %v, %d",
				now, last, gotOrder, gotFresh, s.Again(), s.Left(now), order, fresh, again, left)
		}
	}
	check(10, nil, "[0 1 2]", true, false, 100)
	check(20, &Last{Node: 1, Useful: true}, "[1 2 0]", true, true, 100)
	check(30, &Last{Node: 1, Useful: true, Avoid: true}, "[2 0 1]", true, true, 100)
	check(50, &Last{Node: 2, Avoid: true}, "[0 1 2]", false, true, 80) // no more time is won
	check(130, &Last{Node: 0}, "[0 1 2]", false, true, 0)
	check(140, nil, "[0 1 2]", true, false, 100)
	b := Backoff{Min: 10, Max: 35}
	var got []token.Time
	for range 4 {
		got = append(got, b.Next())
	}
	b.Reset()
	if got := fmt.Sprint(got, b.Next()); got != "[10 20 35 35] 10" {
		t.Errorf("pauses %s", got)
	}
}
