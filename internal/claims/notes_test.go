package claims

import (
	"math/rand/v2"
	"strconv"
	"strings"
	"testing"

	"conch/internal/frames"
	"conch/internal/runs"
	"conch/token"
)

// wall is what the wall clock says in these tests.
const wall = 1_700_000_000

func (b *bench) acquireRun(st Stream, id uint64, lock string, run runs.Request, try bool) {
	b.say(st, frames.ClientMessage{Kind: frames.Acquire, ID: id, Lock: lock, Run: &run, Try: try, Wall: wall})
}

func (b *bench) acquireKept(st Stream, id uint64, lock string, keep runs.Keep, try bool) {
	b.say(st, frames.ClientMessage{Kind: frames.Acquire, ID: id, Lock: lock, Keep: &keep, Try: try, Wall: wall})
}

func (b *bench) endRun(st Stream, id uint64, lock string, fence token.Fence, tick token.Tick) {
	b.say(st, frames.ClientMessage{
		Kind: frames.EndRun, ID: id, Lock: lock, Fence: fence, Run: &runs.Request{Tick: tick}, End: &runs.End{ExitCode: 3, Text: "end"},
		Lasted: 7e9, Wall: wall + 60,
	})
}

func (b *bench) release(st Stream, id uint64, lock string, fence token.Fence, lost bool) {
	b.say(st, frames.ClientMessage{Kind: frames.Release, ID: id, Lock: lock, Fence: fence, Lost: lost})
}

// wantsRun checks what the node remembers of a lock's latest run.
func (b *bench) wantsRun(lock string, tick token.Tick, state token.RunState) runs.Run {
	b.t.Helper()
	r := runs.Remembered(b.node.InspectNotes(lock).Run)
	if r.Tick != tick || r.State != state {
		b.t.Errorf("the latest run of %s is %+v; want the tick %d, state %d", lock, r, tick, state)
	}
	return r
}

// wantsKept checks whether a hold is kept that nobody has.
func (b *bench) wantsKept(lock string, fence token.Fence, over bool) {
	b.t.Helper()
	if k := b.node.InspectNotes(lock).Kept; k.Fence != fence || k.Over != over {
		b.t.Errorf("the latest kept hold of %s is %+v; want the fence %d, over: %v", lock, k, fence, over)
	}
}

func TestClientRunsOnce(t *testing.T) {
	b := newBench(t)
	b.attach("s", 1)
	b.acquireRun("s", 1, "x", runs.Request{Tick: 100}, false)
	b.acquireRun("s", 2, "x", runs.Request{Tick: 100}, false)
	b.acquireRun("s", 3, "x", runs.Request{Tick: 101}, false)
	fence := b.fence("x")
	b.now += 60e9
	b.wants("s: granted 1")
	b.endRun("s", 1, "x", fence, 100)
	b.wants("s: refused 2 code 18", "s: granted 3", "s: run ended 1 outcome 1 code 0")
	got := b.wantsRun("x", 100, token.RunDone)
	if got.Began != wall || got.Ended != wall+60 || got.ExitCode != 3 || got.Text != "end" || got.Member != "a:1" || got.Fence != fence {
		t.Errorf("it is remembered as %+v", got)
	}
	if want := int64(wall + runs.DefaultRemember); got.Until != want {
		t.Errorf("it is remembered until %d, want %d", got.Until, want)
	}
	// A release does not say that the run is done.
	b.release("s", 3, "x", b.fence("x"), false)
	b.acquireRun("s", 4, "x", runs.Request{Tick: 101}, false)
	b.acquireRun("s", 5, "x", runs.Request{Tick: 100}, false)
	b.wants("s: released 3 outcome 1", "s: granted 4", "s: refused 5 code 18")
	b.release("s", 4, "x", b.fence("x"), false)
	b.acquireRun("s", 6, "x", runs.Request{Tick: 101, Skip: true}, true)
	b.wants("s: released 4 outcome 1", "s: refused 6 code 18")
	b.detach("s")
	b.after(ttl)
	b.empty()
}

func TestRefusalsNameTheRun(t *testing.T) {
	b := newBench(t)
	b.attach("s", 1)
	b.acquireRun("s", 1, "x", runs.Request{Tick: 100}, false)
	b.endRun("s", 1, "x", b.fence("x"), 100)
	for tick, want := range map[token.Tick]string{100: "the tick 100 was run", 99: "passed over: a run of the tick 100"} {
		run := runs.Request{Tick: tick}
		b.table.Receive(b.now, "s", &frames.ClientMessage{Kind: frames.Acquire, ID: uint64(tick), Lock: "x", Run: &run, Wall: wall})
		effects := b.node.Effects()
		for i := range effects {
			b.table.Take(b.now, &effects[i])
		}
		all := b.table.Effects()
		m := all[len(all)-1].Message
		if m == nil || m.Refusal.Run == nil || m.Refusal.Run.Tick != 100 || m.Refusal.Run.ExitCode != 3 || !strings.Contains(m.Refusal.Text, want) {
			t.Errorf("the tick %d: %+v, want the run of 100 and %q", tick, m, want)
		}
	}
}

func TestEndOfARunMayComeTwice(t *testing.T) {
	b := newBench(t)
	b.attach("s", 1)
	b.acquireRun("s", 1, "x", runs.Request{Tick: 100}, false)
	fence := b.fence("x")
	b.wants("s: granted 1")

	// While the disk is slow, the answer waits. The hold does not.
	b.disk = false
	b.endRun("s", 1, "x", fence, 100)
	if holds, _, _ := b.table.Counts(); holds != 0 || b.table.Ending() != 1 {
		t.Errorf("%d holds, %d runs are ending; want 0 and 1", holds, b.table.Ending())
	}
	b.endRun("s", 1, "x", fence, 100)
	b.wants()

	// The stream moves, and the client says it again on the next.
	b.detach("s")
	b.attach("t", 1)
	b.endRun("t", 1, "x", fence, 100)
	b.wants()
	b.disk = true
	b.node.Stored(b.now, b.serial)
	b.settle()
	b.wants("t: run ended 1 outcome 1 code 0")
	b.endRun("t", 1, "x", fence, 100)
	b.wants("t: run ended 1 outcome 1 code 0")

	// That answer may be lost, too: it is the same for one time to live.
	b.detach("t")
	b.after(ttl - 1)
	b.attach("u", 1)
	b.endRun("u", 1, "x", fence, 100)
	b.wants("u: run ended 1 outcome 1 code 0")
	b.detach("u")
	b.after(ttl)
	b.empty()
	b.attach("v", 1)
	b.endRun("v", 1, "x", fence, 100)
	b.wants("v: run ended 1 outcome 3 code 0") // late: nobody knows any more
	b.wantsRun("x", 100, token.RunDone)
}

func TestEndOfARunOnAStreamThatHasNotResumed(t *testing.T) {
	b := newBench(t)
	b.attach("s", 1)
	b.acquireRun("s", 1, "x", runs.Request{Tick: 100}, false)
	fence := b.fence("x")
	b.attach("t", 1)
	b.endRun("t", 1, "x", fence, 100)
	b.wants("s: granted 1", "s: end 1", "t: run ended 1 outcome 1 code 0")
	b.wantsRun("x", 100, token.RunDone)
}

func TestLateEndOfARun(t *testing.T) {
	b := newBench(t)
	b.attach("s", 1)
	b.acquireRun("s", 1, "x", runs.Request{Tick: 100}, false)
	fence := b.fence("x")
	b.wants("s: granted 1")
	b.detach("s")
	b.after(ttl)
	b.wants("expired x")
	b.wantsRun("x", 0, 0) // it began, which the token alone knows
	b.attach("t", 2)
	b.acquireRun("t", 1, "x", runs.Request{Tick: 100}, false)
	b.acquireRun("t", 2, "x", runs.Request{Tick: 100}, false)
	b.attach("s", 1)
	b.endRun("s", 9, "x", fence, 100)
	b.wants("t: granted 1", "s: run ended 9 outcome 3 code 0", "t: refused 2 code 18")
	if got := b.wantsRun("x", 100, token.RunDone); got.Fence != fence || got.Began != wall+60-7 {
		t.Errorf("it is remembered as %+v", got)
	}
}

func TestBadEndsOfRuns(t *testing.T) {
	b := newBench(t)
	b.attach("s", 1)
	b.acquire("s", 1, "x")
	b.acquireRun("s", 2, "y", runs.Request{Tick: 100}, false)
	b.endRun("s", 1, "x", b.fence("x"), 100) // it is for no run
	b.endRun("s", 2, "y", b.fence("y"), 101) // it is for another tick
	b.say("s", frames.ClientMessage{
		Kind: frames.EndRun, ID: 2, Lock: "y", Fence: b.fence("y"), Run: &runs.Request{Tick: 100}, End: &runs.End{}, Refusal: frames.Refuse(frames.CodeForbidden, "no"),
	})
	b.wants("s: granted 1", "s: granted 2", "s: run ended 1 outcome 0 code 3", "s: run ended 2 outcome 0 code 3", "s: run ended 2 outcome 0 code 12")
	if holds, _, _ := b.table.Counts(); holds != 2 {
		t.Errorf("%d holds, want both still", holds)
	}
}

// Whoever says that runs are done that nobody knows makes the node know no more locks than it
// may.
func TestLateEndsOfRunsAreBounded(t *testing.T) {
	b := newBench(t)
	b.attach("s", 1)
	for i := range 200 {
		b.endRun("s", 1, "name "+strconv.Itoa(i), 7, 100)
	}
	if got := b.node.InspectCount(); got != 100 {
		t.Errorf("the node knows %d locks, want 100", got)
	}
	if first, last := b.told[0], b.told[199]; first != "s: run ended 1 outcome 3 code 0" || last != "s: run ended 1 outcome 0 code 13" {
		t.Errorf("told %q first, and %q last", first, last)
	}
}

func TestLocalRun(t *testing.T) {
	b := newBench(t)
	want := Want{Run: &runs.Request{Tick: 5}, Wall: wall}
	b.table.AskFor(b.now, 1, "x", want, false, "one", &Caller{Host: "h"})
	b.table.AskFor(b.now, 2, "x", want, false, "two", &Caller{})
	b.settle()
	b.wants("one: answer")
	if b.table.EndRun(b.now, 2, wall, runs.End{}, "early") {
		t.Error("a run that has not begun ends")
	}
	if !b.table.EndRun(b.now, 1, wall, runs.End{}, "end") {
		t.Error("a run does not end")
	}
	b.settle()
	b.wants("two: refuse code 18", "end: run ended outcome 1")
	if b.table.EndRun(b.now, 1, wall, runs.End{}, "again") {
		t.Error("a run ends twice")
	}
	if got := b.wantsRun("x", 5, token.RunDone); got.Host != "h" {
		t.Errorf("it is remembered as %+v", got)
	}
	b.empty()
}

func TestFailureAnswersEndsOfRuns(t *testing.T) {
	b := newBench(t)
	b.disk = false
	b.attach("s", 1)
	b.table.AskFor(b.now, 1, "x", Want{Run: &runs.Request{Tick: 5}, Wall: wall}, false, "one", &Caller{})
	b.acquireRun("s", 1, "y", runs.Request{Tick: 100}, false)
	b.table.EndRun(b.now, 1, wall, runs.End{}, "end")
	b.endRun("s", 1, "y", b.fence("y"), 100)
	b.table.Fail(b.now, frames.Refuse(frames.CodeNodeLeaving, "failed"))
	b.settle()
	b.wants("one: answer", "s: granted 1", "end: run ended outcome 2", "s: run ended 1 outcome 2 code 0")
}

func TestNotesFull(t *testing.T) {
	b := newBench(t)
	b.attach("s", 1)
	for i, lock := range []string{"a", "b", "c"} { // as many as the node may remember
		b.acquireRun("s", uint64(i+1), lock, runs.Request{Tick: 100}, false)
		b.endRun("s", uint64(i+1), lock, b.fence(lock), 100)
	}
	b.told = nil
	b.acquireRun("s", 4, "d", runs.Request{Tick: 100}, false)
	b.acquireKept("s", 5, "d", runs.Keep{}, true)
	b.acquireRun("s", 6, "a", runs.Request{Tick: 101}, false)
	b.wants("s: refused 4 code 20", "s: refused 5 code 20", "s: granted 6")
}

func TestKeptHoldThatIsReleasedIsOver(t *testing.T) {
	b := newBench(t)
	b.attach("s", 1)
	b.acquireKept("s", 1, "x", runs.Keep{Owner: "o"}, false)
	fence := b.fence("x")
	b.wantsKept("x", fence, false)
	b.acquire("s", 2, "x")
	b.release("s", 1, "x", fence, false)
	b.wants("s: granted 1", "s: released 1 outcome 1", "s: granted 2")
	b.wantsKept("x", fence, true)
}

// kept has a client hold x, which is lost by the way that a test has.
func (b *bench) kept(lose func(fence token.Fence)) (fence token.Fence) {
	b.t.Helper()
	b.attach("s", 1)
	b.attach("w", 9)
	b.acquireKept("s", 1, "x", runs.Keep{Owner: "o"}, false)
	fence = b.fence("x")
	b.acquire("w", 1, "x")
	b.told = nil
	lose(fence)
	for _, told := range b.told {
		if strings.Contains(told, "w: granted") {
			b.t.Errorf("another is let in: %q", b.told)
		}
	}
	if b.table.InspectHeld("x") {
		b.t.Error("it is held still")
	}
	b.wantsKept("x", fence, false)
	b.told = nil
	return fence
}

// InspectHeld reports whether somebody here holds a lock.
func (t *Table) InspectHeld(lock string) bool { return len(t.holders(lock)) > 0 }

func TestKeptHoldStaysKept(t *testing.T) {
	for name, lose := range map[string]func(b *bench, fence token.Fence){
		"the client is gone": func(b *bench, _ token.Fence) {
			b.detach("s")
			b.pings("w", ttl+1)
		},
		"the client is silent": func(b *bench, _ token.Fence) { b.pings("w", 3*ttl) },
		"the client has lost it": func(b *bench, fence token.Fence) {
			b.release("s", 1, "x", fence, true)
			b.wants("s: released 1 outcome 1")
		},
		"it is broken, and not given back": func(b *bench, fence token.Fence) {
			if _, err := b.table.Break(b.now, "x", Whom{Fence: fence}, "by a test"); err != nil {
				b.t.Fatal(err)
			}
			b.settle()
			for range 8 {
				b.ping("s")
				b.pings("w", ttl/4)
			}
		},
	} {
		t.Run(name, func(t *testing.T) {
			b := newBench(t)
			b.ping("s")
			fence := b.kept(func(fence token.Fence) { lose(b, fence) })
			b.node.Free(b.now, "x", 77, fence)
			b.settle()
			b.wants("w: granted 1")
			b.wantsKept("x", fence, true)
		})
	}
}

// pings lets time pass while a client is heard.
func (b *bench) pings(st Stream, d token.Time) {
	for end := b.now + d; b.now < end; {
		b.ping(st)
		b.after(min(ttl/4, end-b.now))
	}
	b.told = deletePongs(b.told)
}

func deletePongs(told []string) []string {
	var kept []string
	for _, line := range told {
		if !strings.HasSuffix(line, ": pong") {
			kept = append(kept, line)
		}
	}
	return kept
}

func TestBrokenKeptHoldThatIsGivenBackIsOver(t *testing.T) {
	b := newBench(t)
	b.attach("s", 1)
	b.acquireKept("s", 1, "x", runs.Keep{}, false)
	fence := b.fence("x")
	b.acquire("s", 2, "x")
	if _, err := b.table.Break(b.now, "x", Whom{Fence: fence}, "by a test"); err != nil {
		t.Fatal(err)
	}
	b.release("s", 1, "x", fence, false)
	b.wants("s: granted 1", "s: warned 1 reason 2", "s: released 1 outcome 1", "s: granted 2")
	b.wantsKept("x", fence, true)
}

func TestOwnerAdoptsItsKeptHold(t *testing.T) {
	b := newBench(t)
	fence := b.kept(func(token.Fence) {
		b.detach("s")
		b.pings("w", ttl+1)
	})
	b.attach("t", 2)
	b.acquireKept("t", 1, "x", runs.Keep{Owner: "other", Adopt: true}, true)
	b.acquireKept("t", 2, "x", runs.Keep{Owner: "o", Adopt: true}, false)
	b.wants("t: refused 1 code 4", "t: granted 2")
	if now := b.fence("x"); now <= fence {
		t.Errorf("it is adopted with the fence %d, and was kept with %d", now, fence)
	}
	b.release("t", 2, "x", b.fence("x"), false)
	b.wants("t: released 2 outcome 1", "w: granted 1")
}

func TestLocalBrokenKeptHoldStaysKept(t *testing.T) {
	b := newBench(t)
	b.table.AskFor(b.now, 1, "x", Want{Keep: &runs.Keep{}, Wall: wall}, false, "one", &Caller{})
	b.settle()
	fence := b.fence("x")
	if _, err := b.table.Break(b.now, "x", Whom{Fence: fence}, "by a test"); err != nil {
		t.Fatal(err)
	}
	b.after(ttl)
	b.wants("one: answer", "one: warn reason 2", "expired x", "one: lose")
	b.wantsKept("x", fence, false)
	b.empty()
}

// A node that stops leaves its kept holds kept: a quorum remembers them.
func TestStopKeepsKeptHolds(t *testing.T) {
	b := newBench(t)
	b.table.AskFor(b.now, 1, "x", Want{Keep: &runs.Keep{}, Wall: wall}, false, "one", &Caller{})
	b.attach("s", 1)
	b.acquireKept("s", 1, "y", runs.Keep{}, false)
	x, y := b.fence("x"), b.fence("y")
	b.table.Stop(b.now)
	b.settle()
	b.table.Abandon(b.now)
	b.settle()
	b.wants("one: answer", "s: granted 1", "one: warn reason 3", "s: warned 1 reason 3", "one: lose", "s: lost 1 reason 3")
	b.wantsKept("x", x, false)
	b.wantsKept("y", y, false)
}

// TestRandomRuns has clients run ticks of one lock, and break off at any point: each end of a
// run is answered, no tick is let in again after an answer that it was noted, and a kept hold
// that ends without a word lets nobody in.
func TestRandomRuns(t *testing.T) {
	noted := 0
	for seed := range uint64(200) {
		b := newBench(t)
		r := &runner{bench: b, rng: rand.New(rand.NewPCG(seed, 7)), done: map[token.Tick]bool{}, streams: map[byte]string{}}
		for range 300 {
			r.step()
		}
		noted += len(r.done)
		r.quiet()
		if t.Failed() {
			t.Fatalf("seed %d", seed)
		}
	}
	if noted < 1000 {
		t.Errorf("%d runs were noted, want more for this to show anything", noted)
	}
}

// runner is three clients that run ticks.
type runner struct {
	*bench
	rng     *rand.Rand
	streams map[byte]string // of those that have one
	count   int
	lastID  uint64
	held    []heldRun
	ending  []heldRun
	tick    token.Tick
	done    map[token.Tick]bool
}

type heldRun struct {
	client byte
	id     uint64
	tick   token.Tick
	fence  token.Fence
}

func (r *runner) step() {
	c := byte(r.rng.IntN(3) + 1)
	st, up := r.streams[c]
	switch n := r.rng.IntN(12); {
	case !up:
		r.count++
		st = strings.Repeat("s", r.count)
		r.streams[c] = st
		r.attach(st, c)
		for _, e := range r.ending { // what was not answered is said again
			if e.client == c {
				r.endRun(st, e.id, "x", e.fence, e.tick)
			}
		}
	case n < 5:
		r.lastID++
		r.tick += token.Tick(r.rng.IntN(2))
		tick := max(1, r.tick-token.Tick(r.rng.IntN(3)))
		run := runs.Request{Tick: tick, Skip: r.rng.IntN(2) == 0}
		r.acquireRun(st, r.lastID, "x", run, true)
		r.hear(c, r.lastID, tick)
	case n < 9 && len(r.held) > 0:
		h := r.held[0]
		r.held = nil
		if st, up := r.streams[h.client]; up {
			r.ending = append(r.ending, h)
			r.endRun(st, h.id, "x", h.fence, h.tick)
		}
	case n == 9:
		r.detach(st)
		delete(r.streams, c)
	case n == 10:
		r.disk = !r.disk
		if r.disk {
			r.node.Stored(r.now, r.serial)
			r.settle()
		}
	default:
		for _, st := range r.streams {
			r.ping(st)
		}
		r.after(token.Time(r.rng.Int64N(int64(ttl))))
	}
	r.answers()
}

// hear notes whether a claim was granted.
func (r *runner) hear(c byte, id uint64, tick token.Tick) {
	for _, told := range r.told {
		if !strings.Contains(told, ": granted") {
			continue
		}
		if r.done[tick] { // of what was noted before
			r.t.Errorf("the tick %d is let in, and was noted", tick)
		}
		r.held = append(r.held[:0], heldRun{c, id, tick, r.fence("x")})
	}
}

// answers takes the answers to ends of runs.
func (r *runner) answers() {
	for _, told := range r.told {
		if !strings.Contains(told, "run ended") {
			continue
		}
		for i, e := range r.ending {
			switch {
			case strings.Contains(told, "run ended "+strconv.FormatUint(e.id, 10)+" outcome 1 "):
				r.done[e.tick] = true
			case !strings.Contains(told, "run ended "+strconv.FormatUint(e.id, 10)+" outcome"):
				continue
			}
			r.ending = append(r.ending[:i:i], r.ending[i+1:]...)
			break
		}
	}
	r.told = nil
}

// quiet ends all.
func (r *runner) quiet() {
	r.disk = true
	r.node.Stored(r.now, r.serial)
	r.settle()
	r.answers()
	for c := byte(1); c <= 3; c++ {
		st, up := r.streams[c]
		if !up {
			st = "last" + strconv.Itoa(int(c))
			r.attach(st, c)
		}
		for _, e := range append([]heldRun(nil), r.ending...) {
			if e.client == c {
				r.endRun(st, e.id, "x", e.fence, e.tick)
				r.answers()
			}
		}
		r.detach(st)
	}
	if len(r.ending) > 0 {
		r.t.Errorf("no answer to %v", r.ending)
	}
	r.after(3 * ttl)
	r.empty()
}
