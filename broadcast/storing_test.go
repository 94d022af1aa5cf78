package broadcast

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"conch/internal/runs"
	"conch/token"
)

// notesDisk is a disk of notes that outlives its node. A write takes time.
type notesDisk struct {
	takes atomic.Int64 // a time.Duration

	mu     sync.Mutex
	notes  map[string]token.Notes
	runs   map[string][]token.Run
	writes []int // how many notes each had
	err    error
}

func (d *notesDisk) All() ([]token.LockNotes, error) {
	d.mu.Lock()
	defer d.mu.Unlock()
	var all []token.LockNotes
	for lock, n := range d.notes {
		all = append(all, token.LockNotes{Lock: lock, Notes: n})
	}
	return all, d.err
}

func (d *notesDisk) Put(batch []token.LockNotes) error {
	time.Sleep(time.Duration(d.takes.Load()))
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.err != nil {
		return d.err
	}
	if d.notes == nil {
		d.notes, d.runs = make(map[string]token.Notes), make(map[string][]token.Run)
	}
	for _, n := range batch {
		d.notes[n.Lock] = n.Notes
		if n.Run.Tick != 0 {
			d.runs[n.Lock] = slices.DeleteFunc(d.runs[n.Lock], func(r token.Run) bool { return r.Tick == n.Run.Tick })
			d.runs[n.Lock] = append(d.runs[n.Lock], n.Run)
		}
	}
	d.writes = append(d.writes, len(batch))
	return nil
}

func (d *notesDisk) Delete(locks []string) error {
	d.mu.Lock()
	defer d.mu.Unlock()
	for _, lock := range locks {
		delete(d.notes, lock)
		delete(d.runs, lock)
	}
	return d.err
}

func (d *notesDisk) Runs(lock string) ([]token.Run, error) {
	d.mu.Lock()
	defer d.mu.Unlock()
	return slices.Clone(d.runs[lock]), d.err
}

func (d *notesDisk) fail(err error) {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.err = err
}

// locks returns the names of locks with notes.
func (d *notesDisk) locks() []string {
	d.mu.Lock()
	defer d.mu.Unlock()
	return slices.Sorted(maps.Keys(d.notes))
}

var noteAddresses = []string{"a:1", "b:1", "c:1"}

// startNoting starts three members with disks for notes.
func startNoting(t *testing.T, w *network) (members []*member, disks []*notesDisk) {
	t.Helper()
	for _, address := range noteAddresses {
		disk := new(notesDisk)
		disks = append(disks, disk)
		members = append(members, w.startMember(t, address, setup{members: noteAddresses, notes: disk}))
	}
	settled(t, members)
	return members, disks
}

// run takes a lock for a run, or fails the test.
func (m *member) run(lock string, run runs.Request) Hold {
	m.t.Helper()
	ctx, cancel := context.WithTimeout(m.t.Context(), time.Minute)
	defer cancel()
	hold, err := m.driver.AcquireRun(ctx, lock, run)
	if err != nil {
		m.t.Fatalf("%s: run tick %d of %q: %v", m.address, run.Tick, lock, err)
	}
	return hold
}

// ranAlready wants a run to be refused, since one of the tick was.
func (m *member) ranAlready(lock string, run runs.Request, by token.Tick) {
	m.t.Helper()
	ctx, cancel := context.WithTimeout(m.t.Context(), time.Minute)
	defer cancel()
	_, err := m.driver.AcquireRun(ctx, lock, run)
	var ran *RanError
	if !errors.As(err, &ran) || ran.Run.Tick != by {
		m.t.Errorf("%s: run tick %d of %q: %v; want a RanError of tick %d", m.address, run.Tick, lock, err, by)
	}
}

func (m *member) endRun(hold Hold) {
	m.t.Helper()
	if err := hold.EndRun(m.t.Context(), runs.End{}); err != nil {
		m.t.Errorf("%s: the run's end: %v", m.address, err)
	}
}

// plain is a run of a tick that is no time.
func plain(tick token.Tick, skip bool) runs.Request {
	return runs.Request{Tick: tick, Skip: skip, Plain: true}
}

// A tick runs once, at whichever node it is asked for, also after all nodes have crashed; and
// a quorum knows the runs.
func TestATickRunsOnce(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newNetwork()
		members, disks := startNoting(t, w)
		for tick := range token.Tick(3) {
			first := members[tick%3]
			first.endRun(first.run("job", plain(tick+1, tick%2 == 0)))
			for _, m := range members {
				m.ranAlready("job", plain(tick+1, false), tick+1)
				m.ranAlready("job", plain(tick+1, true), tick+1)
			}
		}
		for i, m := range members {
			m.crash()
			members[i] = w.startMember(t, m.address, setup{members: noteAddresses, notes: disks[i], log: m.log, floor: 1000})
		}
		settled(t, members)
		know := 0
		for _, m := range members {
			m.ranAlready("job", plain(3, false), 3)
			m.ranAlready("job", plain(2, false), 3)
			list, err := m.driver.Runs(t.Context(), "job")
			if err != nil {
				t.Errorf("%s: %v", m.address, err)
			}
			if len(list) == 3 && list[0].Tick == 1 && list[2].Tick == 3 && list[2].State == token.RunDone {
				know++
			}
			if s, err := m.driver.Status(t.Context()); err != nil || !s.Remembers || s.Notes > 1 || s.MaxNotes != defaultLimits.notes || s.Kept != 0 {
				t.Errorf("%s: status %+v, %v; want one note", m.address, s, err)
			}
		}
		if know < 2 { // what the third was told may not have been on its disk yet
			t.Errorf("%d members know the runs of ticks 1 to 3, want a quorum", know)
		}
		members[1].endRun(members[1].run("job", plain(4, true)))
		stopAll(members)
		judge(t, members...)
	})
}

// A hold that is kept bars the lock when its node is gone, until somebody frees or adopts it.
func TestAKeptHoldOutlivesItsNode(t *testing.T) {
	for _, adopts := range []bool{false, true} {
		t.Run(fmt.Sprintf("adopts=%v", adopts), func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				w := newNetwork()
				members, disks := startNoting(t, w)
				keep := runs.Keep{Owner: "job"}
				released, err := members[1].driver.AcquireKept(t.Context(), "disk", keep)
				if err != nil {
					t.Fatal(err)
				}
				members[1].release(released)
				hold, err := members[0].driver.AcquireKept(t.Context(), "disk", keep)
				if err != nil {
					t.Fatal(err)
				}
				members[0].crash()
				waits := make(chan Hold)
				go func() { waits <- members[1].acquire("disk") }()
				eventually(t, "kept", func() bool { return len(members[1].lines("keeping")) > 0 })
				// The hold was noted by a and another.
				kept, err := members[2].driver.KeptHolds(t.Context())
				if err == nil && len(kept) == 0 {
					kept, err = members[1].driver.KeptHolds(t.Context())
				}
				if err != nil || len(kept) != 1 || kept[0].Lock != "disk" || uint64(kept[0].Kept.Fence) != hold.Fence() || kept[0].Kept.Owner != "job" {
					t.Errorf("the members know the kept holds %+v, %v; want that of disk with fence %d", kept, err, hold.Fence())
				}
				if s, err := members[1].driver.Status(t.Context()); err != nil || s.Barred != 1 {
					t.Errorf("b:1 has %d tokens that nobody gets, %v; want 1", s.Barred, err)
				}
				select {
				case <-waits:
					t.Fatal("somebody entered while the hold was kept")
				default:
				}
				if adopts {
					adopted, err := members[2].driver.AcquireKept(t.Context(), "disk", runs.Keep{Owner: "job", Adopt: true})
					if err != nil {
						t.Fatal(err)
					}
					members[2].release(adopted)
				} else if err := members[2].driver.FreeKept(t.Context(), "disk", token.Fence(hold.Fence()), "it is over", Caller{User: "me"}); err != nil {
					t.Errorf("free: %v", err)
				}
				members[1].release(<-waits)
				members[0] = w.startMember(t, "a:1", setup{members: noteAddresses, notes: disks[0], log: members[0].log, floor: 1000})
				settled(t, members)
				members[0].release(members[0].acquire("disk"))
				for _, m := range members[1:] { // nobody need have told a:1, which was away
					if s, err := m.driver.Status(t.Context()); err != nil || s.Kept != 0 || s.Barred != 0 {
						t.Errorf("%s: %d holds are kept, and %d tokens nobody gets, %v; want none", m.address, s.Kept, s.Barred, err)
					}
				}
				stopAll(members)
				judge(t, members...)
			})
		})
	}
}

// Whoever watches a node sees that a kept hold bars a lock after a restart too, before anybody
// asks for the lock: at the node of its holder, and only there, since another node cannot tell
// that the holder is gone.
func TestAKeptHoldIsCountedAfterARestart(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newNetwork()
		members, disks := startNoting(t, w)
		counts := func(when string, want ...int) {
			t.Helper()
			for i, m := range members {
				if s, err := m.driver.Status(t.Context()); err != nil || s.Barred != want[i] {
					t.Errorf("%s, %s counts %d locks that nobody gets, %v; want %d", when, m.address, s.Barred, err, want[i])
				}
			}
		}
		restart := func(i int) {
			members[i] = w.startMember(t, noteAddresses[i], setup{members: noteAddresses, notes: disks[i], log: members[i].log, floor: 1000})
		}
		hold, err := members[0].driver.AcquireKept(t.Context(), "disk", runs.Keep{Owner: "job"})
		if err != nil {
			t.Fatal(err)
		}
		counts("while it is held", 0, 0, 0)
		members[1].crash()
		restart(1)
		settled(t, members)
		counts("while it is held, after a restart of another", 0, 0, 0)
		for _, m := range members {
			m.crash()
		}
		for i := range members {
			restart(i)
		}
		settled(t, members)
		counts("after a restart of all", 1, 0, 0)
		if err := members[0].driver.FreeKept(t.Context(), "disk", token.Fence(hold.Fence()), "it is over", Caller{User: "me"}); err != nil {
			t.Errorf("free: %v", err)
		}
		counts("after it was freed", 0, 0, 0)
		members[1].release(members[1].acquire("disk"))
		stopAll(members)
		judge(t, members...)
	})
}

// While a write is under way, what is to be remembered goes into the next: all of it at once.
func TestNotesOfManyLocksGoInOneWrite(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		members, disks := startNoting(t, newNetwork())
		const locks = 50
		var holds []Hold
		for i := range locks {
			holds = append(holds, members[0].run(fmt.Sprintf("job %d", i), plain(1, false)))
		}
		for _, d := range disks {
			d.takes.Store(int64(100 * time.Millisecond))
		}
		began := time.Now()
		var all sync.WaitGroup
		for _, hold := range holds {
			all.Go(func() { members[0].endRun(hold) })
		}
		all.Wait()
		if took := time.Since(began); took > 500*time.Millisecond {
			t.Errorf("%d runs were noted in %v; want some writes of 100 ms", locks, took)
		}
		for i, d := range disks {
			d.mu.Lock()
			if len(d.writes) > 4 || i == 0 && slices.Max(d.writes) < locks/2 {
				t.Errorf("the disk of %s was written with %d notes; want few writes", members[i].address, d.writes)
			}
			d.mu.Unlock()
		}
		members[1].release(members[1].acquire("job 1"))
		stopAll(members)
		judge(t, members...)
	})
}

// What a quorum is said to remember is on a quorum's disks.
func TestNotedIsOnDisk(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		members, disks := startNoting(t, newNetwork())
		const takes = 300 * time.Millisecond
		for _, d := range disks {
			d.takes.Store(int64(takes))
		}
		began := time.Now()
		hold := members[0].run("job", plain(1, true))
		if took := time.Since(began); took < takes {
			t.Errorf("a run that may take place once began %v after it was asked for, before it was on disk", took)
		}
		members[0].endRun(hold)
		done := 0
		for _, d := range disks {
			d.mu.Lock()
			if d.notes["job"].Run.State == token.RunDone {
				done++
			}
			d.mu.Unlock()
		}
		if done < 2 {
			t.Errorf("a run was noted, and is on %d disks", done)
		}
		members[1].release(members[1].acquire("job"))
		stopAll(members)
		judge(t, members...)
	})
}

// A node whose disk takes no more notes cannot go on; the others can.
func TestDiskOfNotesThatFailsEndsTheNode(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		members, disks := startNoting(t, newNetwork())
		disks[1].fail(errors.New("disk full"))
		members[0].endRun(members[0].run("job", plain(1, true)))
		<-members[1].driver.Done()
		if err := members[1].driver.Err(); !errors.Is(err, disks[1].err) {
			t.Errorf("Err = %v, want the disk's error", err)
		}
		members[2].ranAlready("job", plain(1, false), 1)
		stopAll(members)
	})
}

// A driver that stops while a write is under way ends the write first.
func TestStopWaitsForAWrite(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		disk := new(notesDisk)
		m := newNetwork().startMember(t, "a:1", setup{members: []string{"a:1"}, notes: disk})
		eventually(t, "in session", func() bool { l, _ := m.driver.Lease(); return l.Session != 0 })
		first, second := m.run("first", plain(1, false)), m.run("second", plain(1, false))
		disk.takes.Store(int64(300 * time.Millisecond))
		ended := make(chan error, 2)
		for _, hold := range []Hold{first, second} {
			go func() { ended <- hold.EndRun(t.Context(), runs.End{}) }()
		}
		synctest.Wait()
		m.stop()
		if got := disk.locks(); !slices.Equal(got, []string{"first", "second"}) {
			t.Errorf("after the stop, the notes of %q are on disk; want both", got)
		}
		for range 2 {
			if err := <-ended; err != nil && !errors.Is(err, ErrNotNoted) {
				t.Errorf("the run's end: %v", err)
			}
		}
	})
}

// A node forgets, at its start and each hour, what is as old as was asked for; a kept hold
// only when it is over.
func TestNotesAreForgotten(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		now := time.Now().Unix()
		done := func(until int64) token.Notes {
			return token.Notes{Run: token.Run{RunMark: token.RunMark{Tick: 1, Fence: 1 << token.FenceBits, State: token.RunDone}, Until: until}}
		}
		kept := func(over bool, until int64) token.Notes {
			return token.Notes{Kept: token.KeptHold{Fence: 1 << token.FenceBits, Over: over, Until: until}}
		}
		disk := &notesDisk{runs: map[string][]token.Run{}, notes: map[string]token.Notes{
			"old": done(now - 1), "soon": done(now + 1800), "later": done(now + 3*3600),
			"kept": kept(false, now-1), "over": kept(true, now-1),
			"both": {Run: done(now - 1).Run, Kept: kept(true, now+1800).Kept},
		}}
		for i := range 2*forgetAtOnce + 10 {
			disk.notes[fmt.Sprintf("many %d", i)] = done(now - 1)
		}
		m := newNetwork().startMember(t, "a:1", setup{members: []string{"a:1"}, notes: disk})
		synctest.Wait()
		if got, want := disk.locks(), []string{"both", "kept", "later", "soon"}; !slices.Equal(got, want) {
			t.Errorf("after the start, %d notes are on disk, of %q; want those of %q", len(got), got[:min(len(got), 10)], want)
		}
		time.Sleep(forgetEvery + time.Second)
		synctest.Wait()
		if got, want := disk.locks(), []string{"kept", "later"}; !slices.Equal(got, want) {
			t.Errorf("after an hour, the notes of %q are on disk; want those of %q", got, want)
		}
		if n, err := m.driver.Notes(t.Context(), "soon"); err != nil || n != (token.Notes{}) {
			t.Errorf("the node remembers %+v, %v of soon; want nothing", n, err)
		}
		m.stop()
	})
}

// The latest that a node has heard is among the runs, also if it is not on disk yet.
func TestRunsHaveTheLatest(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		disk := new(notesDisk)
		m := newNetwork().startMember(t, "a:1", setup{members: []string{"a:1"}, notes: disk})
		eventually(t, "in session", func() bool { l, _ := m.driver.Lease(); return l.Session != 0 })
		m.endRun(m.run("job", plain(1, false)))
		disk.takes.Store(int64(time.Second))
		hold := m.run("job", plain(2, false))
		ended := make(chan error)
		go func() { ended <- hold.EndRun(t.Context(), runs.End{}) }()
		synctest.Wait()
		list, err := m.driver.Runs(t.Context(), "job")
		if err != nil || len(list) != 2 || list[1].Tick != 2 || list[1].State != token.RunDone {
			t.Errorf("the runs are %+v, %v; want those of ticks 1 and 2", list, err)
		}
		if err := <-ended; err != nil {
			t.Error(err)
		}
		again, err := m.driver.Runs(t.Context(), "job")
		if err != nil || slices.CompareFunc(list, again, func(a, b token.Run) int { return cmp.Compare(a.Tick, b.Tick) }) != 0 {
			t.Errorf("once they are on disk, the runs are %+v, %v", again, err)
		}
		if _, err := m.driver.Runs(t.Context(), ""); !errors.Is(err, ErrName) {
			t.Errorf("Runs of no lock: %v; want ErrName", err)
		}
		m.stop()
	})
}

// A cluster in which a member has no disk for notes refuses runs and kept holds.
func TestAMemberWithoutADiskForNotes(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newNetwork()
		members := []*member{
			w.startMember(t, "a:1", setup{members: noteAddresses, notes: new(notesDisk)}),
			w.startMember(t, "b:1", setup{members: noteAddresses}),
			w.startMember(t, "c:1", setup{members: noteAddresses, notes: new(notesDisk)}),
		}
		settled(t, members)
		for _, m := range members {
			if _, err := m.driver.AcquireRun(t.Context(), "job", plain(1, false)); !errors.Is(err, ErrNoNotes) {
				t.Errorf("%s: a run: %v; want ErrNoNotes", m.address, err)
			}
		}
		if list, err := members[1].driver.Runs(t.Context(), "job"); err != nil || list != nil {
			t.Errorf("the member without a disk knows the runs %v, %v; want none", list, err)
		}
		stopAll(members)
	})
}

// A disk that cannot be read keeps a driver from starting.
func TestNotesThatCannotBeRead(t *testing.T) {
	disk := &notesDisk{err: errors.New("damaged")}
	if _, err := Start(Config{Members: []string{"a:1"}, Session: 1, TTL: testTTL, Notes: disk}); !errors.Is(err, disk.err) {
		t.Errorf("Start = %v; want the disk's error", err)
	}
}
