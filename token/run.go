package token

import "cmp"

// Once per tick (protocol, section 7). A lock that is released and found free again cannot
// make a job run once at each turn of a schedule. So a run has a tick, and a quorum's disks
// remember the lock's latest.

// Tick says for which turn of a schedule a run is: the turn's time in seconds, or any other
// number from 1. Zero is none.
type Tick int64

// MaxAboutBytes is how long [Run.About] may be.
const MaxAboutBytes = 512

// RunState says what became of a run.
type RunState uint8

// The states of a run. Of two with the same tick and fence, the later here is the higher.
const (
	// RunBegun: its holder was let in, or was about to be.
	RunBegun RunState = iota + 1
	// RunVoid: it was about to begin, and did not.
	RunVoid
	// RunDone: its holder said, while it held the lock, that the tick needs no other run.
	RunDone
)

// RunMark is what a token carries of a lock's latest run; zero if there was none.
type RunMark struct {
	Tick  Tick
	Fence Fence // of its hold
	State RunState
}

// Compare orders marks of one lock: -1, 0 or +1. The one of the later tick is the higher;
// then the one that is done; then that of the higher fence; then a void one.
func (m RunMark) Compare(o RunMark) int {
	return cmp.Or(
		cmp.Compare(m.Tick, o.Tick),
		compareBools(m.State == RunDone, o.State == RunDone),
		cmp.Compare(m.Fence, o.Fence),
		cmp.Compare(m.State, o.State),
	)
}

// Above reports m > o.
func (m RunMark) Above(o RunMark) bool { return m.Compare(o) > 0 }

func compareBools(a, b bool) int {
	switch {
	case a == b:
		return 0
	case a:
		return 1
	}
	return -1
}

// Run is what a member remembers of a lock's latest run.
type Run struct {
	RunMark
	// Until is when the run may be forgotten, by the wall clock, in Unix seconds. The
	// algorithm only passes it on.
	Until int64
	// About says where and when it ran and how it ended, for people and programs. The
	// algorithm only passes it on.
	About string
}

// RunRequest is what a waiter for a run asks for.
type RunRequest struct {
	Tick Tick
	// Skip: at most once. If a run of the tick began and ended without a word, nobody runs
	// it again. Otherwise somebody does: at least once.
	Skip bool
	// Until and About are those of the run that begins.
	Until int64
	About string
}

// AcquireRun queues a local waiter that wants the lock alone, for a run of a tick. A Grant
// follows; or a Ran, if the tick needs no run or a later one has begun; or a Refuse with a
// Reason.
func (n *Node) AcquireRun(now Time, name string, w Waiter, r RunRequest) {
	if q := (request{waiter: w, note: &noteRequest{run: &r}}); n.queues(now, name, q) {
		n.request(now, name, q)
	}
}

// TryRun is AcquireRun for a waiter that does not want to wait, as Try is Acquire.
func (n *Node) TryRun(now Time, name string, w Waiter, r RunRequest) {
	if q := (request{waiter: w, note: &noteRequest{run: &r}}); n.queues(now, name, q) {
		n.try(now, name, q)
	}
}

// EndRun releases a hold that was granted for a run, and says that its tick needs no other
// run. until and about are those of the run from now on. RunNoted follows, now or later. It
// does nothing, and reports false, if the waiter does not hold the lock for a run; then
// [Node.LateRun] is for it.
//
// Protocol, section 7: the token carries that the run is done, and leaves at once. WITNESS
// goes ahead of it on each stream.
func (n *Node) EndRun(now Time, name string, w Waiter, until int64, about string) bool {
	n.advance(now)
	l := n.lock(name)
	defer n.schedule(l)
	if w == 0 || l.holder != w || l.notes == nil || l.notes.hold == nil || l.notes.hold.Run == nil {
		return false
	}
	run := Run{l.notes.hold.Run.RunMark, until, about}
	run.State = RunDone
	note := &Note{Epoch: l.token.Epoch, Run: &run}
	l.token.Run, l.notes.hold = &run.RunMark, nil
	r := n.beginRound(l, w, note)
	l.notes.ended = append(l.notes.ended, r)
	n.heed(l, note)
	n.judgeRound(l, r) // if a later run is on stable storage here
	n.leave(l)
	n.checkGone()
	return true
}

// Decline ends a hold of which its waiter, who had given up, has not heard. A run that was
// to begin at most once is void. Any other hold is released.
//
// Protocol, section 7: a run that may run again stays begun in the token. Its mark may have
// taken the place of one of the same tick that was let in at most once.
func (n *Node) Decline(now Time, name string, w Waiter) {
	n.advance(now)
	l := n.lock(name)
	if w != 0 && l.holder == w && l.notes != nil && l.notes.hold != nil && n.hasNoted(l, l.notes.hold.Run) {
		run := *l.notes.hold.Run
		run.State = RunVoid
		over := &Note{Epoch: l.token.Epoch, Run: &run}
		l.token.Run, l.notes.hold = &run.RunMark, nil
		n.take(l, over)
		n.tell(l, w, over)
	}
	n.Release(now, name, w)
}

// hasNoted reports whether this node's own note is of a run, as it is of one that was let in
// at most once, unless a later note has taken its place.
func (n *Node) hasNoted(l *lock, r *Run) bool {
	own := n.notes[l.name]
	return r != nil && own != nil && own.Run.RunMark == r.RunMark
}

// LateRun notes that a run is done whose hold was lost before its holder could say so, or
// was at another node. All members are told, once; no answer is counted.
func (n *Node) LateRun(now Time, name string, r Run) {
	n.advance(now)
	l := n.lock(name)
	r.State = RunDone
	note := &Note{Run: &r}
	if n.isRoom(name) {
		n.take(l, note)
	}
	n.tell(l, 0, note)
	n.heed(l, note)
	n.schedule(l)
}

// isRun reports whether the request is for a run of a tick.
func (r request) isRun() bool { return r.note != nil && r.note.run != nil }

// rulesOut reports whether a member that remembers r, and nothing of the lock's token, can
// say that a run is not needed.
//
// Protocol, section 7: if a run of the tick or of a later one is done. That is never untrue.
func (r *Run) rulesOut(wanted *RunRequest) bool { return r.State == RunDone && r.Tick >= wanted.Tick }

// forbids returns the run that forbids one here, where the token is; nil if there is none.
//
// Protocol, section 7: the token's latest run counts, or that which this node remembers, if
// that is done and higher. The token takes that over.
func (n *Node) forbids(l *lock, wanted *RunRequest) *Run {
	t := l.token
	var own Run
	if r := n.notes[l.name]; r != nil {
		own = r.Run
	}
	if own.State == RunDone && (t.Run == nil || own.Above(*t.Run)) {
		t.Run = &own.RunMark
	}
	switch m := t.Run; {
	case m == nil || m.Tick < wanted.Tick:
		return nil
	case m.Tick == wanted.Tick && (m.State == RunVoid || m.State == RunBegun && !wanted.Skip):
		return nil
	case *m == own.RunMark:
		return &own
	default:
		return &Run{RunMark: *m}
	}
}

// ran tells a waiter, which has left the queue, that its run is not needed.
func (n *Node) ran(l *lock, w Waiter, run *Run) {
	told := n.issue(l, Ran, NoMember)
	told.Waiter, told.Run = w, run
	n.noteWithdrawal(l)
}

// tellRan tells all waiters whose runs a run that is done rules out.
func (n *Node) tellRan(l *lock, run *Run) {
	for k := l.waiters.head; k < len(l.waiters.entries); {
		r := l.waiters.entries[k]
		if !r.isRun() || !run.rulesOut(r.note.run) {
			k++
			continue
		}
		l.waiters.remove(r.waiter)
		l.forgetTry(r.waiter)
		n.ran(l, r.waiter, run)
	}
}
