package procgroup

import (
	"bufio"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"

	"golang.org/x/sys/unix"
)

// patience bounds every wait on a busy machine. No test passes or fails by how long
// something took.
const patience = time.Minute

// trial is a supervisor in a process of its own.
type trial struct {
	t       *testing.T
	cmd     *exec.Cmd
	control *os.File
	typed   *os.File // the command's standard input
	news    *bufio.Reader
	out     *bufio.Reader // of the command and all that it starts
	errors  *os.File      // standard error of all of them
	pids    []int         // of the command and its descendants
}

// supervise starts a supervisor.
func supervise(t *testing.T, p plan) *trial {
	t.Helper()
	r := &trial{t: t, cmd: exec.Command(self())}
	r.cmd.Env = append(os.Environ(), as("supervise"))
	complaints, err := os.Create(filepath.Join(t.TempDir(), "stderr"))
	check(t, err)
	r.errors, r.cmd.Stderr = complaints, complaints
	controlled, control := pipe(t)
	news, tell := pipe(t)
	out, stdout := pipe(t)
	stdin, typed := pipe(t)
	for _, file := range []*os.File{news, out} {
		check(t, file.SetReadDeadline(time.Now().Add(patience)))
	}
	r.cmd.ExtraFiles, r.cmd.Stdin, r.cmd.Stdout = []*os.File{controlled, tell}, stdin, stdout
	r.control, r.typed, r.news, r.out = control, typed, bufio.NewReader(news), bufio.NewReader(out)
	check(t, r.cmd.Start())
	for _, file := range []*os.File{controlled, tell, stdin, stdout} {
		check(t, file.Close())
	}
	t.Cleanup(func() {
		_ = r.cmd.Process.Kill() // as a rule it is gone
		_ = r.cmd.Wait()
		for _, pid := range r.pids {
			_ = unix.Kill(pid, unix.SIGKILL) // so that a failure leaves nothing behind
		}
		if said := r.said(); said != "" {
			t.Errorf("it said: %s", said)
		}
		complaints.Close()
	})
	line, err := json.Marshal(p)
	check(t, err)
	r.tell(string(line))
	return r
}

// said returns what was written to standard error.
func (r *trial) said() string {
	if r.errors == nil {
		return ""
	}
	said, err := os.ReadFile(r.errors.Name())
	if err != nil {
		return err.Error()
	}
	return string(said)
}

// pipe returns both ends of a pipe, which the end of the test closes.
func pipe(t *testing.T) (r, w *os.File) {
	t.Helper()
	r, w, err := os.Pipe()
	check(t, err)
	t.Cleanup(func() { r.Close(); w.Close() })
	return r, w
}

// tell sends the supervisor a change of the lease.
func (r *trial) tell(line string) {
	r.t.Helper()
	_, err := fmt.Fprintln(r.control, line)
	check(r.t, err)
}

// line returns the next line of the command's output.
func (r *trial) line() string {
	r.t.Helper()
	line, err := r.out.ReadString('\n')
	if err != nil {
		r.t.Fatalf("output of the command: %v after %q; %s", err, line, r.said())
	}
	return strings.TrimSuffix(line, "\n")
}

// await reads the output up to this line.
func (r *trial) await(want string) {
	r.t.Helper()
	for r.line() != want {
	}
}

// ready waits until so many processes hear signals, and returns their numbers.
func (r *trial) ready(count int) []int {
	r.t.Helper()
	for range count {
		var pid int
		if _, err := fmt.Sscanf(r.line(), "ready %d", &pid); err != nil {
			r.t.Fatal(err)
		}
		r.pids = append(r.pids, pid)
	}
	return r.pids
}

// next returns the supervisor's next message.
func (r *trial) next() news {
	r.t.Helper()
	line, err := r.news.ReadBytes('\n')
	if err != nil {
		r.t.Fatalf("news: %v; %s", err, r.said())
	}
	var n news
	check(r.t, json.Unmarshal(line, &n))
	return n
}

// awaitNotice waits for a notice.
func (r *trial) awaitNotice(want Notice) news {
	r.t.Helper()
	n := r.next()
	if n.Notice == nil || *n.Notice != want {
		r.t.Fatalf("got %+v, want notice %d", n, want)
	}
	return n
}

// ended waits for the end, and checks that no process is left.
func (r *trial) ended() news {
	r.t.Helper()
	n := r.next()
	if !n.Ended {
		r.t.Fatalf("got %+v, want the end", n)
	}
	for _, pid := range r.pids {
		if err := unix.Kill(pid, 0); !errors.Is(err, unix.ESRCH) {
			r.t.Errorf("process %d is left: %v", pid, err)
		}
	}
	if _, err := io.Copy(io.Discard, r.out); err != nil {
		r.t.Errorf("somebody still has the command's output: %v", err)
	}
	return n
}

func check(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

// held is a plan whose lease is far from its end. A test brings the end near by telling how
// much is left.
func held(role string) plan {
	return plan{Role: role, Grace: time.Hour, Margin: 30 * time.Minute, Left: 2 * time.Hour}
}

// within is how much of the lease is left when SIGTERM is due, beyond when SIGKILL is due.
const (
	within = "left 45m"
	beyond = "left 10m"
)

func TestExitCodeIsTheCommands(t *testing.T) {
	for role, want := range map[string]int{
		"exit 0": 0, "exit 1": 1, "exit 75": 75, "exit 255": 255,
		"die 1": 129, "die 9": 137, "die 15": 143,
	} {
		got := supervise(t, held(role)).ended()
		if got.Code != want || got.Lost != "" || got.Error != "" {
			t.Errorf("%s: got %+v, want exit code %d and nothing else", role, got, want)
		}
	}
}

func TestInputAndOutputAreTheCommands(t *testing.T) {
	r := supervise(t, held("read"))
	r.ready(1)
	_, err := fmt.Fprintln(r.typed, "a line")
	check(t, err)
	r.await("read a line")
	check(t, r.typed.Close())
	r.ended()
}

func TestEnvironmentIsAddedTo(t *testing.T) {
	t.Setenv("CONCH_LOCK", "another")
	r := supervise(t, held("env"))
	got := []string{r.line(), r.line()}
	slices.Sort(got)
	if want := []string{"CONCH_FENCE=7", "CONCH_LOCK=x"}; !slices.Equal(got, want) {
		t.Errorf("got %q, want %q", got, want)
	}
	r.ended()
}

// TestSignalsReachTheGroup: each signal that can be caught reaches the command and its
// descendants in the group.
func TestSignalsReachTheGroup(t *testing.T) {
	r := supervise(t, held("tree in stays"))
	pids := r.ready(2)
	for _, number := range []syscall.Signal{
		unix.SIGHUP, unix.SIGINT, unix.SIGQUIT, unix.SIGTERM, unix.SIGUSR1, unix.SIGALRM,
		unix.SIGWINCH, unix.SIGTSTP, unix.SIGCONT, unix.SIGABRT, unix.SIGSEGV,
	} {
		check(t, r.cmd.Process.Signal(number))
		want := []syscall.Signal{number}
		if slices.Contains(ending, number) {
			want = append(want, unix.SIGCONT) // so that a stopped process ends
		}
		var got []string
		for range len(want) * len(pids) {
			got = append(got, r.line())
		}
		for _, pid := range pids {
			for _, number := range want {
				if want := fmt.Sprintf("%d hears %s", pid, unix.SignalName(number)); !slices.Contains(got, want) {
					t.Errorf("got %q, want %q among them", got, want)
				}
			}
		}
	}
	check(t, r.cmd.Process.Signal(unix.SIGUSR2))
	if got := r.lastNews(); got.Code != 0 { // the two may end in either order
		t.Errorf("got %+v", got)
	}
}

// TestAskedToEnd: the result says whether somebody asked the command to end.
func TestAskedToEnd(t *testing.T) {
	for _, ending := range []syscall.Signal{0, unix.SIGTERM, unix.SIGINT} {
		r := supervise(t, held("hear"))
		r.ready(1)
		for _, number := range []syscall.Signal{unix.SIGUSR1, ending, unix.SIGUSR2} {
			if number == 0 {
				continue
			}
			check(t, r.cmd.Process.Signal(number))
			r.await(fmt.Sprintf("%d hears %s", r.pids[0], unix.SignalName(number)))
		}
		if got := r.ended(); got.Asked != ending || got.Code != 0 {
			t.Errorf("got %+v, want that it was asked by signal %d", got, ending)
		}
	}
}

func TestLossBeforeTheStart(t *testing.T) {
	p := held("exit 0")
	p.Lose = true
	for _, p.OnLost = range []OnLost{Kill, Warn, Ignore} {
		r := supervise(t, p)
		if got := r.ended(); got.Lost == "" || got.Error != "" {
			t.Errorf("%d: got %+v, want a loss", p.OnLost, got)
		}
	}
}

// trees are roles whose processes all ignore SIGTERM, and how many processes each has.
func trees() map[string]int {
	all := map[string]int{"hear": 1, "tree in stays": 2}
	if runtime.GOOS == "linux" {
		all["tree out stays"] = 2
		all["tree deep stays"] = 3
	}
	return all
}

func TestLossKillsAll(t *testing.T) {
	for role, count := range trees() {
		r := supervise(t, held(role))
		r.ready(count)
		r.tell("lose")
		r.awaitNotice(Killed)
		if got := r.ended(); got.Lost == "" || got.Code != 137 {
			t.Errorf("%s: got %+v, want a loss, and the command killed", role, got)
		}
	}
}

func TestLossKillsAStoppedCommand(t *testing.T) {
	r := supervise(t, held("hear"))
	check(t, unix.Kill(r.ready(1)[0], unix.SIGSTOP))
	r.awaitNotice(Stopped)
	r.tell("lose")
	r.awaitNotice(Killed)
	r.ended()
}

// TestStoppedCommandIsEnded: each signal that ends processes also ends a stopped command.
// The stop was reported.
func TestStoppedCommandIsEnded(t *testing.T) {
	for _, number := range ending {
		if number == unix.SIGQUIT {
			continue // a program in Go writes its goroutines then
		}
		r := supervise(t, held("wait"))
		check(t, unix.Kill(r.ready(1)[0], unix.SIGSTOP))
		if got := r.next(); got.Notice == nil || *got.Notice != Stopped || got.Why != "stopped by SIGSTOP" {
			t.Errorf("%v: got %+v, want the notice that it is stopped", number, got)
		}
		check(t, r.cmd.Process.Signal(number))
		if got := r.ended(); got.Code != signalBase+int(number) || got.Lost != "" {
			t.Errorf("%v: got %+v, want the command ended by it", number, got)
		}
	}
}

// TestTheEndComesNear: the command gets SIGTERM first, and SIGKILL nearer to the lease's
// end.
func TestTheEndComesNear(t *testing.T) {
	for role, count := range trees() {
		r := supervise(t, held(role))
		r.ready(count)
		r.tell(within)
		r.awaitNotice(Ending)
		for !strings.HasSuffix(r.line(), " hears SIGTERM") { // whoever is in the group
		}
		r.tell(beyond)
		r.awaitNotice(Killed)
		if got := r.ended(); got.Lost == "" || got.Code != 137 {
			t.Errorf("%s: got %+v, want a loss, and the command killed", role, got)
		}
	}
}

// TestCommandThatEndsWhenTold: a command that ends at SIGTERM is not killed, but counts as
// having lost the lock.
func TestCommandThatEndsWhenTold(t *testing.T) {
	r := supervise(t, held("read"))
	r.ready(1)
	r.tell(within)
	r.awaitNotice(Ending)
	if got := r.ended(); got.Lost == "" || got.Code != 143 {
		t.Errorf("got %+v, want a loss, and the command ended by SIGTERM", got)
	}
}

// TestRenewedLease: a lease that is always near its end but renewed in time does not end
// the command.
func TestRenewedLease(t *testing.T) {
	p := held("hear")
	p.Grace, p.Margin = 10*time.Millisecond, 5*time.Millisecond
	p.Left, p.Renewing = p.Grace+5*time.Millisecond, true
	r := supervise(t, p)
	pid := r.ready(1)[0]
	for looks := 0; looks < 20; looks = r.next().Looks {
		r.tell("looks")
	}
	check(t, unix.Kill(pid, unix.SIGUSR2))
	if got := r.lastNews(); got.Lost != "" || got.Code != 0 {
		t.Errorf("got %+v, want that it was left alone", got)
	}
}

// lastNews skips messages up to the end.
func (r *trial) lastNews() news {
	r.t.Helper()
	for {
		if n := r.next(); n.Ended {
			return n
		}
	}
}

// TestWarningThatComesToNothing: a lease that was renewed after a warning does not end the
// command.
func TestWarningThatComesToNothing(t *testing.T) {
	r := supervise(t, held("hear"))
	pid := r.ready(1)[0]
	r.tell("lapse")
	for first, looks := -1, 0; looks < first+3 || first < 0; { // until the supervisor has looked at it three times more
		r.tell("looks")
		looks = r.next().Looks
		if first < 0 {
			first = looks
		}
	}
	check(t, unix.Kill(pid, unix.SIGUSR2))
	if got := r.ended(); got.Lost != "" || got.Code != 0 {
		t.Errorf("got %+v, want that it was left alone", got)
	}
}

// TestSettledEnd: if the end is certain, SIGTERM comes at once, however far off the end is.
func TestSettledEnd(t *testing.T) {
	r := supervise(t, held("hear"))
	pid := r.ready(1)[0]
	r.tell("break")
	r.awaitNotice(Ending)
	r.await(fmt.Sprintf("%d hears SIGTERM", pid))
	check(t, unix.Kill(pid, unix.SIGUSR2))
	if got := r.ended(); !got.Broken || got.Code != 0 {
		t.Errorf("got %+v, want that the lock was broken", got)
	}
}

// TestSettledEndWithoutDeadline: SIGKILL comes when the grace is over.
func TestSettledEndWithoutDeadline(t *testing.T) {
	p := held("hear")
	p.Left, p.Grace = 0, time.Millisecond
	r := supervise(t, p)
	r.ready(1)
	r.tell("break")
	r.awaitNotice(Ending)
	r.awaitNotice(Killed)
	if got := r.ended(); !got.Broken || got.Code != 137 {
		t.Errorf("got %+v, want that the lock was broken", got)
	}
}

// TestCommandOutlivesTheLock: with Warn and Ignore the command goes on.
func TestCommandOutlivesTheLock(t *testing.T) {
	for _, onLost := range []OnLost{Warn, Ignore} {
		p := held("hear")
		p.OnLost = onLost
		r := supervise(t, p)
		pid := r.ready(1)[0]
		r.tell(beyond)
		if onLost == Warn {
			r.awaitNotice(Lapsing)
		}
		r.tell("lose")
		if onLost == Warn {
			r.awaitNotice(Lost)
		}
		check(t, unix.Kill(pid, unix.SIGUSR2))
		if got := r.ended(); got.Lost == "" || got.Code != 0 {
			t.Errorf("%d: got %+v, want a loss, and the command's own exit code", onLost, got)
		}
	}
}

// TestNothingIsLeftBehind: descendants that ignore SIGTERM are killed after the command has
// ended.
func TestNothingIsLeftBehind(t *testing.T) {
	p := held("")
	p.Grace, p.Margin = time.Millisecond, 0
	for _, p.Role = range []string{"tree in", "tree out", "tree deep"} {
		if runtime.GOOS != "linux" && p.Role != "tree in" {
			continue // where descendants that left the group are out of reach
		}
		r := supervise(t, p)
		r.awaitNotice(Leftover)
		if got := r.ended(); got.Lost != "" || got.Code != 7 {
			t.Errorf("%s: got %+v, want the command's own exit code", p.Role, got)
		}
	}
}

// TestLeftoverMayEndByItself: a descendant that hears SIGTERM has time to end.
func TestLeftoverMayEndByItself(t *testing.T) {
	r := supervise(t, held("tree in"))
	r.awaitNotice(Leftover)
	pid := 0
	for pid == 0 { // SIGTERM may have come before the process caught it
		line, err := r.out.ReadString('\n')
		if err != nil {
			break
		}
		_, _ = fmt.Sscanf(line, "ready %d", &pid)
	}
	if pid != 0 {
		check(t, unix.Kill(pid, unix.SIGUSR2))
	}
	if got := r.ended(); got.Lost != "" || got.Code != 7 {
		t.Errorf("got %+v, want the command's own exit code", got)
	}
}

// TestOtherChildrenAreLeftAlone: an earlier child of the process is not the command's.
func TestOtherChildrenAreLeftAlone(t *testing.T) {
	p := held("tree in")
	p.Grace, p.OtherChild = time.Millisecond, true
	r := supervise(t, p)
	other := r.next().OtherChild
	defer func() { check(t, unix.Kill(other, unix.SIGKILL)) }()
	r.awaitNotice(Leftover)
	r.ended()
	check(t, unix.Kill(other, 0))
}

// TestCommandDiesWithItsSupervisor: the command dies even if its supervisor is killed.
func TestCommandDiesWithItsSupervisor(t *testing.T) {
	if runtime.GOOS != "linux" {
		t.Skip("only Linux ends the children of a process that was killed with SIGKILL")
	}
	r := supervise(t, held("hear"))
	r.ready(1)
	check(t, r.cmd.Process.Kill())
	if _, err := io.Copy(io.Discard, r.out); err != nil {
		t.Errorf("the command lives on: %v", err)
	}
}

func TestCommandThatCannotBeStarted(t *testing.T) {
	dir := t.TempDir()
	text := filepath.Join(dir, "text")
	check(t, os.WriteFile(text, []byte("no program\n"), 0o644))
	empty := filepath.Join(dir, "empty")
	check(t, os.WriteFile(empty, nil, 0o755))
	lost := filepath.Join(dir, "lost")
	check(t, os.WriteFile(lost, []byte("#!"+dir+"/interpreter\n"), 0o755))
	t.Setenv("PATH", dir)
	for name, want := range map[string]int{
		"nowhere": exitNotFound, filepath.Join(dir, "nowhere"): exitNotFound,
		filepath.Join(text, "below"): exitNotFound,
		text:                         exitNotExecutable, dir: exitNotExecutable,
	} {
		if path, err := Find(name); err == nil || StartExitCode(err) != want {
			t.Errorf("%s: got %q, %v, want an error that is exit code %d", name, path, err, want)
		}
	}
	for path, want := range map[string]int{
		empty: exitNotExecutable, lost: exitNotFound, text: exitNotExecutable,
	} {
		p := held("")
		p.Path = path
		if got := supervise(t, p).ended(); got.Error == "" || got.ErrCode != want {
			t.Errorf("%s: got %+v, want an error that is exit code %d", path, got, want)
		}
	}
}
