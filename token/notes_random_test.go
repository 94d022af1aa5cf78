package token

import (
	"fmt"
	"maps"
	"slices"
	"testing"

	"pgregory.net/rapid"
)

// What sections 7 and 8 of the protocol promise, over random schedules with crashes, cuts,
// slow disks and clocks that go on.

// rememberers is one random schedule of a cluster that remembers notes.
type rememberers struct {
	*network
	t     *rapid.T
	asked map[Waiter]request
	at    map[Waiter]Member

	done, skipped, begun Tick             // the latest: done and told as noted; entered with skip; entered or witnessed or said to be done
	orphan               *KeptHold        // nobody has it any more, and nobody has freed it
	holds                map[Member]*Note // of those who are in; nil if it is neither a run nor kept
	counts               map[string]int
}

func newRememberers(t *rapid.T) *rememberers {
	s := &rememberers{
		t: t, asked: map[Waiter]request{}, at: map[Waiter]Member{}, holds: map[Member]*Note{}, counts: map[string]int{},
	}
	members := rapid.IntRange(1, 5).Draw(t, "members")
	fences := uint64(rapid.SampledFrom([]int{3, MaxFencesPerEpoch}).Draw(t, "fences"))
	batch := rapid.IntRange(1, 3).Draw(t, "batch")
	s.network = newNetwork(t, members, func(c *Config) {
		c.Remembers, c.MaxNotes, c.FencesPerEpoch, c.LocalBatch = true, 10, fences, batch
	})
	s.observe = s.see
	for m := range s.sites {
		s.start(Member(m))
	}
	s.settle()
	s.advance(0)
	return s
}

// see judges an effect.
func (s *rememberers) see(at Member, e Effect) {
	switch e.Kind {
	case Grant:
		s.seeGrant(at, e)
	case Left:
		delete(s.holds, at)
	case Revoke:
		s.counts["revoked"]++
		s.orphaned(at)
	case Witnessing:
		if r := e.Message.Note.Run; r != nil {
			s.begun = max(s.begun, r.Tick)
		}
	case RunNoted:
		if e.Reason == "" {
			s.counts["noted"]++
			s.done = max(s.done, e.Run.Tick)
		}
	case Ran:
		s.counts["ran"]++
		wanted := s.asked[e.Waiter].note.run.Tick
		if e.Run.Tick < wanted || s.begun < wanted {
			s.t.Fatalf("%s: wanted #%d, and the latest that was begun is #%d", describe(at, e), wanted, s.begun)
		}
		s.forget(e.Waiter)
	case Refuse:
		s.t.Fatalf("%s: nobody tried, and all remember", describe(at, e))
	}
}

func (s *rememberers) forget(w Waiter) {
	m := s.at[w]
	s.sites[m].waiting[cs] = slices.DeleteFunc(s.sites[m].waiting[cs], func(o Waiter) bool { return o == w })
	delete(s.asked, w)
}

// orphaned is called when a holder is gone without a word.
func (s *rememberers) orphaned(m Member) {
	if note := s.holds[m]; note != nil && note.Kept != nil && !s.sites[m].freed[note.Kept.Fence] {
		s.orphan = note.Kept
		s.counts["orphaned"]++
	}
	delete(s.holds, m)
}

func (s *rememberers) seeGrant(at Member, e Effect) {
	r := s.asked[e.Waiter]
	delete(s.asked, e.Waiter)
	note := e.Message.Note
	s.holds[at] = note
	if o := s.orphan; o != nil {
		if !r.adopts(o) {
			s.t.Fatalf("%s: nobody has freed %s", describe(at, e), describeKept(o))
		}
		s.counts["adopted"]++
		s.orphan = nil
	}
	switch {
	case r.note == nil && note != nil || r.note != nil && (note == nil || note.fence() != e.Fence):
		s.t.Fatalf("%s: want the note of its hold, with its fence", describe(at, e))
	case r.note == nil:
		s.counts["plain"]++
	case r.note.run != nil:
		run := r.note.run
		if run.Tick <= s.done || run.Tick < s.skipped || run.Skip && run.Tick <= s.skipped {
			s.t.Fatalf("%s: #%d is done, and #%d was entered at most once (skip is %t)", describe(at, e), s.done, s.skipped, run.Skip)
		}
		s.begun = max(s.begun, run.Tick)
		if run.Skip {
			s.counts["skip"]++
			s.skipped = run.Tick
		} else {
			s.counts["again"]++
		}
	default:
		s.counts["kept"]++
	}
}

// ask lets a waiter stand in line.
func (s *rememberers) ask(m Member, note *noteRequest) {
	w, site := s.draw(m, cs), s.sites[m]
	s.asked[w], s.at[w] = request{waiter: w, note: note}, m
	switch {
	case note == nil:
		site.node.Acquire(site.now, cs, w)
	case note.run != nil:
		site.node.AcquireRun(site.now, cs, w, *note.run)
	default:
		site.node.AcquireKept(site.now, cs, w, *note.keep)
	}
	s.perform(m)
}

func (s *rememberers) drawRequest() *noteRequest {
	switch rapid.IntRange(0, 4).Draw(s.t, "wish") {
	case 0:
		return nil
	case 1, 2:
		ticks := rapid.IntRange(-1, 2).Draw(s.t, "tick")
		return &noteRequest{run: &RunRequest{
			Tick: max(1, s.begun+Tick(ticks)), Skip: rapid.Bool().Draw(s.t, "skip"),
		}}
	}
	return &noteRequest{keep: &KeepRequest{
		Owner: rapid.SampledFrom([]string{"", "o", "p"}).Draw(s.t, "owner"), Adopt: rapid.Bool().Draw(s.t, "adopt"),
	}}
}

// end ends a hold in one of the ways that there are.
func (s *rememberers) end(m Member) {
	site := s.sites[m]
	w, note := site.holders[cs], s.holds[m]
	switch {
	case rapid.IntRange(0, 2).Draw(s.t, "how") == 0:
		if note != nil && note.Kept != nil && !site.freed[note.Kept.Fence] {
			s.orphan = note.Kept
			s.counts["abandoned"]++
		}
		site.node.Abandon(site.now, cs, w)
	case note != nil && note.Run != nil:
		if !site.node.EndRun(site.now, cs, w, 0, "") {
			// lost
			site.node.LateRun(site.now, cs, *note.Run)
		}
	default:
		site.node.Release(site.now, cs, w)
	}
	s.perform(m)
}

// free frees the kept hold that nobody has, or one that somebody has.
func (s *rememberers) free(m Member) {
	site := s.sites[m]
	kept := site.node.InspectNotes(cs).Kept
	if kept.Fence == 0 {
		return
	}
	for _, other := range s.sites {
		if other.freed == nil {
			other.freed = map[Fence]bool{}
		}
		other.freed[kept.Fence] = true
	}
	if s.orphan != nil && s.orphan.Fence <= kept.Fence {
		s.counts["freed"]++
		s.orphan = nil
	}
	site.node.Free(site.now, cs, 0, kept.Fence)
	s.perform(m)
}

// inputs lists what may happen next.
func (s *rememberers) inputs() []input {
	list := []input{{"time", func() { s.advance(Time(rapid.IntRange(0, 800).Draw(s.t, "ms")) * ms) }}}
	for from := range s.wires {
		for to, w := range s.wires[from] {
			a, b := Member(from), Member(to)
			if len(w.frames) > 0 {
				list = append(list, input{"deliver", func() { s.deliver(a, b) }})
			}
			if a < b && w.cut {
				list = append(list, input{"heal", func() { s.heal(a, b) }})
			}
		}
	}
	for k, site := range s.sites {
		m := Member(k)
		if site.node == nil {
			list = append(list, input{"start", func() { s.start(m) }})
			continue
		}
		list = append(list, input{"ask", func() { s.ask(m, s.drawRequest()) }})
		if site.holders[cs] != 0 {
			list = append(list, input{"end", func() { s.end(m) }}, input{"end", func() { s.end(m) }})
		}
		if waiting := site.waiting[cs]; len(waiting) > 0 {
			list = append(list, input{"withdraw", func() {
				delete(s.asked, waiting[len(waiting)-1])
				s.withdraw(m, cs)
			}})
		}
		if len(site.unstored) > 0 {
			list = append(list, input{"stored", func() { s.stored(m) }})
		}
		if s.orphan != nil {
			list = append(list, input{"free", func() { s.free(m) }})
		}
	}
	return list
}

// fault does something that a cluster must bear.
func (s *rememberers) fault() {
	m := Member(rapid.IntRange(0, len(s.sites)-1).Draw(s.t, "at"))
	other := Member(rapid.IntRange(0, len(s.sites)-1).Draw(s.t, "other"))
	site := s.sites[m]
	switch rapid.IntRange(0, 4).Draw(s.t, "fault") {
	case 0:
		if site.node != nil {
			for _, w := range site.waiting[cs] {
				delete(s.asked, w)
			}
			s.orphaned(m)
			s.crash(m)
		}
	case 1:
		if m != other {
			s.cut(m, other)
		}
	case 2:
		site.slowDisk = !site.slowDisk
	case 3:
		if site.node != nil {
			run := Run{RunMark: RunMark{Tick: max(1, s.begun-1), Fence: 1}}
			site.node.LateRun(site.now, cs, run)
			s.perform(m)
		}
	case 4:
		if site.node != nil {
			s.free(m)
		}
	}
}

// play lets things happen in a random order.
func (s *rememberers) play(steps int) {
	for range steps {
		if rapid.IntRange(0, 30).Draw(s.t, "fault?") == 0 {
			s.fault()
			continue
		}
		if rapid.IntRange(0, 2).Draw(s.t, "settle?") == 0 {
			s.settle()
			continue
		}
		list := s.inputs()
		list[rapid.IntRange(0, len(list)-1).Draw(s.t, "input")].do()
	}
}

// calm ends the faults, and wants every waiter to be served.
func (s *rememberers) calm() {
	for m, site := range s.sites {
		site.slowDisk = false
		if site.node == nil {
			s.start(Member(m))
		}
		s.stored(Member(m))
		for other := range s.sites {
			if s.wires[m][other].cut {
				s.heal(Member(m), Member(other))
			}
		}
	}
	s.settle()
	for range 400 {
		s.advance(testTTL / 4)
		idle := true
		for m, site := range s.sites {
			if site.holders[cs] != 0 {
				s.end(Member(m))
				idle = false
			}
			idle = idle && len(site.waiting[cs]) == 0
		}
		s.settle()
		for m := range s.sites { // perhaps only a hold that was about to begin
			s.free(Member(m))
		}
		if idle && len(s.asked) == 0 {
			return
		}
	}
	for m, site := range s.sites {
		var v LockView
		site.node.InspectLock(cs, &v)
		s.t.Logf("%s: %+v, %+v", letter(Member(m)), v, site.node.InspectNotes(cs))
	}
	s.t.Fatalf("all is well again, and these wait still: %v", slices.Sorted(maps.Keys(s.asked)))
}

func TestRandomNotes(t *testing.T) {
	total := map[string]int{}
	rapid.Check(t, func(t *rapid.T) {
		s := newRememberers(t)
		s.play(300)
		s.calm()
		for what, count := range s.counts {
			total[what] += count
		}
	})
	for _, what := range []string{"plain", "again", "skip", "kept", "adopted", "orphaned", "abandoned", "freed", "noted", "ran", "revoked"} {
		if total[what] == 0 {
			t.Errorf("%s: never happened", what)
		}
	}
	t.Log(fmt.Sprint(total))
}
