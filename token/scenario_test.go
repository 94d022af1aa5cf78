package token

import (
	"fmt"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/cockroachdb/datadriven"
)

// TestScenarios plays the files in testdata: what is done to a cluster, and all that
// the nodes do about it. `go test -run Scenarios -rewrite` writes down what they do
// now; read the difference before you commit it.
//
// Messages travel at once, but for those on a wire made slow. PING, PONG, BUSY, CLEAR
// and empty frames are left out, and guards, which come of PING.
//
//	cluster N         start N members and wait for their sessions
//	   down           start none
//	   token=A        and let A make the lock's token, in silence; holder=A: and be in
//	   fences=N, forget=DURATION   Config.FencesPerEpoch, Config.IdleToken
//	   remember       and all have stable storage for notes
//	start A ...       start processes, or start them again
//	   encumbered     and clients of the earlier ones may hold locks
//	crash A           end a process at once
//	retire A          leave on purpose
//	freeze A, thaw A  stop a process, not its clock; let it go on
//	cut A B ...       end the streams between the first and each of the others; heal A B ...
//	slow [A B]        keep what A sends to B, or all, until it is delivered by hand; fast [A B]
//	deliver A B       give the first message from A to B
//	drop A B          lose it
//	advance DURATION  let time pass
//	ask A ..., release A, withdraw A, try A  [lock=NAME]
//	run A tick=N [skip], end A             ask for a run of a tick, at most once; it is done
//	keep A owner=NAME [adopt], abandon A   ask for a kept hold; its holder is gone
//	free A            say that the kept hold that A remembers is over
//	slowdisk A        what A stores from now on is on its disk once it is told "written A"
//	state A ...       what members know  [lock=NAME]
func TestScenarios(t *testing.T) {
	paths, err := filepath.Glob("testdata/*.txt")
	if err != nil || len(paths) == 0 {
		t.Fatalf("%d scenarios: %v", len(paths), err)
	}
	for _, path := range paths {
		t.Run(filepath.Base(path), func(t *testing.T) {
			var s scenario
			datadriven.RunTest(t, path, func(t *testing.T, d *datadriven.TestData) string {
				s.step(t, d)
				return s.told()
			})
		})
	}
}

// scenario is a cluster and what it has done since the last command.
type scenario struct {
	*network
	lines []string
	timed bool // lines tell the time
}

// told returns what was done.
func (s *scenario) told() string {
	if len(s.lines) == 0 {
		return "(nothing)\n"
	}
	told := strings.Join(s.lines, "\n") + "\n"
	s.lines = nil
	return told
}

func (s *scenario) tell(line string) {
	if s.timed {
		line = fmt.Sprintf("%7.3f s  %s", float64(s.elapsed)/float64(second), line)
	}
	s.lines = append(s.lines, line)
}

func (s *scenario) hear(at Member, e Effect) {
	switch {
	case e.Kind == Received || e.Kind == Guarded:
	case e.Kind == Send && (constant(e.Message.Kind) || e.Message.Kind == Clear):
	default:
		s.tell(describe(at, e))
	}
}

// members are the members that a command names.
func members(d *datadriven.TestData) []Member {
	var named []Member
	for _, arg := range d.CmdArgs {
		if len(arg.Vals) == 0 && len(arg.Key) == 1 {
			named = append(named, Member(arg.Key[0]-'A'))
		}
	}
	return named
}

func (s *scenario) step(t *testing.T, d *datadriven.TestData) {
	if d.Cmd == "cluster" {
		s.cluster(t, d)
		return
	}
	s.network.t = t
	named := members(d)
	switch d.Cmd {
	case "advance":
		s.timed = true
		s.advance(duration(t, d.CmdArgs[0].Key))
		s.timed = false
	case "cut", "heal":
		for _, other := range named[1:] {
			if d.Cmd == "cut" {
				s.cut(named[0], other)
			} else {
				s.heal(named[0], other)
			}
		}
		s.settle()
	case "slow", "fast":
		for _, w := range s.between(named) {
			w.slow = d.Cmd == "slow"
		}
		s.settle()
	case "deliver":
		s.byHand(named)
	case "drop":
		w := s.wires[named[0]][named[1]]
		s.tell(fmt.Sprintf("lost: %s→%s %s", letter(named[0]), letter(named[1]), describeFrame(w.frames[0])))
		w.frames = w.frames[1:]
	case "state":
		for _, m := range named {
			s.tellState(m, lockNamed(d))
		}
	default:
		for _, m := range named {
			s.do(t, d, m)
		}
		s.settle()
	}
}

// do does what is done to one member at a time.
func (s *scenario) do(t *testing.T, d *datadriven.TestData, m Member) {
	lock := lockNamed(d)
	switch d.Cmd {
	case "start":
		s.sites[m].cfg.Encumbered = d.HasArg("encumbered")
		s.start(m)
	case "crash":
		s.crash(m)
	case "retire":
		s.retire(m)
	case "freeze":
		s.sites[m].frozen = true
	case "thaw":
		s.thaw(m)
	case "ask":
		s.acquire(m, lock)
	case "try":
		s.try(m, lock)
	case "release":
		s.release(m, lock)
	case "withdraw":
		s.withdraw(m, lock)
	default:
		s.doNote(t, d, m)
	}
}

// doNote does what is about runs and kept holds.
func (s *scenario) doNote(t *testing.T, d *datadriven.TestData, m Member) {
	lock, site := lockNamed(d), s.sites[m]
	switch d.Cmd {
	case "run":
		r := RunRequest{Skip: d.HasArg("skip")}
		var tick int
		d.ScanArgs(t, "tick", &tick)
		r.Tick = Tick(tick)
		site.node.AcquireRun(site.now, lock, s.draw(m, lock), r)
	case "end":
		site.node.EndRun(site.now, lock, site.holders[lock], 0, "")
	case "keep":
		r := KeepRequest{Adopt: d.HasArg("adopt")}
		d.ScanArgs(t, "owner", &r.Owner)
		site.node.AcquireKept(site.now, lock, s.draw(m, lock), r)
	case "abandon":
		site.node.Abandon(site.now, lock, site.holders[lock])
	case "free":
		s.waiters++
		site.node.Free(site.now, lock, s.waiters, site.node.InspectNotes(lock).Kept.Fence)
	case "slowdisk":
		site.slowDisk = true
	case "written":
		s.stored(m)
	default:
		d.Fatalf(t, "unknown command %s", d.Cmd)
	}
	s.perform(m)
}

// cluster begins the story.
func (s *scenario) cluster(t *testing.T, d *datadriven.TestData) {
	var size, fences int
	if _, err := fmt.Sscan(d.CmdArgs[0].Key, &size); err != nil {
		d.Fatalf(t, "cluster of %q members: %v", d.CmdArgs[0].Key, err)
	}
	d.MaybeScanArgs(t, "fences", &fences)
	var forget string
	d.MaybeScanArgs(t, "forget", &forget)
	s.network = newNetwork(t, size, func(cfg *Config) {
		if fences > 0 {
			cfg.FencesPerEpoch = uint64(fences)
		}
		cfg.Remembers, cfg.MaxNotes = d.HasArg("remember"), 100
		if forget != "" {
			cfg.IdleToken = duration(t, forget)
			cfg.IdleLock = 2 * cfg.IdleToken
		}
	})
	s.observe = s.hear
	if d.HasArg("down") {
		return
	}
	for m := range s.sites {
		s.start(Member(m))
	}
	s.settle()
	s.advance(0)
	for _, arg := range d.CmdArgs {
		if arg.Key == "token" || arg.Key == "holder" {
			s.setUp(Member(arg.Vals[0][0]-'A'), arg.Key)
		}
	}
}

// setUp lets the first member that asks be in the critical section, or leave it.
func (s *scenario) setUp(m Member, role string) {
	s.acquire(m, cs)
	s.settle()
	if role == "token" {
		s.release(m, cs)
		s.settle()
	}
	s.lines = nil
	s.tellState(m, cs)
}

// byHand delivers one message.
func (s *scenario) byHand(named []Member) {
	from, to := named[0], named[1]
	w := s.wires[from][to]
	if len(w.frames) == 0 {
		s.t.Fatalf("there is nothing to deliver from %s to %s", letter(from), letter(to))
	}
	s.tell(fmt.Sprintf("%s←%s %s", letter(to), letter(from), describeFrame(w.frames[0])))
	s.deliver(from, to)
	s.settle()
}

// between is the wire from one to another, or every wire if nobody is named.
func (s *scenario) between(named []Member) []*wire {
	if len(named) == 0 {
		return slices.Concat(s.wires...)
	}
	return []*wire{s.wires[named[0]][named[1]]}
}

func lockNamed(d *datadriven.TestData) string {
	for _, arg := range d.CmdArgs {
		if arg.Key == "lock" && len(arg.Vals) == 1 {
			return arg.Vals[0]
		}
	}
	return cs
}

func duration(t *testing.T, text string) Time {
	t.Helper()
	d, err := time.ParseDuration(text)
	if err != nil {
		t.Fatal(err)
	}
	return Time(d)
}

// tellState tells RN, and the token if it is there.
func (s *scenario) tellState(m Member, lock string) {
	var v LockView
	if !s.sites[m].node.InspectLock(lock, &v) {
		s.tell(letter(m) + " does not know the lock" + ofLock(lock))
		return
	}
	line := fmt.Sprintf("%s%s: RN %s", letter(m), ofLock(lock), numbers(v.RequestNumbers))
	if v.HasToken {
		line += fmt.Sprintf("; token %s, hop %d, fence %s, LN %s, Q %s", ballot(v.Token.Epoch), v.Token.Hop,
			fence(v.Token.Fence), numbers(v.Token.LastGranted), letters(v.Token.Queue))
	}
	if v.Holder != 0 {
		line += fmt.Sprintf("; waiter %d is in the critical section", v.Holder)
	}
	if v.Waiters > 0 {
		line += fmt.Sprintf("; %d waiting", v.Waiters)
	}
	s.tell(line)
}
