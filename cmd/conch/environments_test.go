package main

import (
	"context"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strconv"
	"syscall"
	"testing"
)

// firstUnusedUser is above all user ids of a system.
const firstUnusedUser = 1 << 30

// environments runs the program in several environments, as a user that has no node yet.
type environments struct {
	t    *testing.T
	ctx  context.Context
	uid  uint32
	dir  string
	path string // of the program
}

// prepare prepares a command.
func (e *environments) prepare(environment []string, args ...string) *exec.Cmd {
	cmd := exec.CommandContext(e.ctx, e.path, args...)
	cmd.SysProcAttr = &syscall.SysProcAttr{Credential: &syscall.Credential{Uid: e.uid, Gid: e.uid}}
	cmd.Dir = e.dir
	cmd.Env = append([]string{"PATH=" + os.Getenv("PATH")}, environment...)
	return cmd
}

// ends runs a command, which must end with this exit code and say this.
func (e *environments) ends(environment []string, code int, said string, args ...string) {
	e.t.Helper()
	cmd := e.prepare(environment, args...)
	text, err := cmd.CombinedOutput()
	if cmd.ProcessState == nil {
		e.t.Fatal(err)
	}
	if got := cmd.ProcessState.ExitCode(); got != code || !regexp.MustCompile(said).Match(text) {
		e.t.Errorf("%q with %q: exit code %d, want %d, and %q in\n%s", args, environment, got, code, said, text)
	}
}

// TestSameNodeInEveryEnvironment: a node that a login started, with XDG_RUNTIME_DIR, is
// found by a cron job, without it.
func TestSameNodeInEveryEnvironment(t *testing.T) {
	if os.Geteuid() != 0 {
		t.Skip("LEFT OUT: commands with and without XDG_RUNTIME_DIR, since only root can become a user without nodes")
	}
	ctx, cancel := context.WithTimeout(t.Context(), 3*patience)
	defer cancel()
	dir := openDir(t)
	e := &environments{t: t, ctx: ctx, uid: firstUnusedUser + rand.Uint32N(1<<20), dir: dir, path: copyProgram(t, dir)}
	t.Cleanup(func() { _ = os.RemoveAll("/tmp/conch-" + strconv.Itoa(int(e.uid))) })
	for _, name := range []string{"run", "tmp"} {
		check(t, os.Mkdir(filepath.Join(dir, name), 0o700))
		check(t, os.Chown(filepath.Join(dir, name), int(e.uid), int(e.uid)))
	}
	login := []string{"XDG_RUNTIME_DIR=" + filepath.Join(dir, "run")}
	others := map[string][]string{"login": login, "cron": nil, "another TMPDIR": {"TMPDIR=tmp"}}

	log := filepath.Join(dir, "node.log")
	node := e.prepare(login, "node", "--single", "--listen", freeAddresses(t, 1)[0], "--data-dir", none, "--log-file", log)
	check(t, node.Start())
	defer func() {
		_ = node.Process.Kill() // as a rule it is gone
		_ = node.Wait()
	}()
	awaitLine(t, log, `"event":"session_started"`)
	for name, environment := range others {
		e.ends(environment, 0, `^inner\n$`, "lock", "nightly", "--", "echo", "inner")
		held := append([]string{"lock", "nightly", "--", "env", "-u", "XDG_RUNTIME_DIR", "-u", "CONCH_NODE", "-u", "CONCH_HELD", "-u", "CONCH_LOCK"}, environment...)
		held = append(held, e.path, "lock", "--try", "nightly", "--", "echo", "inner")
		e.ends(login, exitNotAcquired, `in use`, held...)
		if t.Failed() {
			t.Fatal(name)
		}
	}
	// When that node has died, no other user's node is used.
	check(t, node.Process.Kill())
	_ = node.Wait()
	for name, environment := range others {
		why := `a node of this user ran here`
		if name == "cron" {
			why += `.*\$XDG_RUNTIME_DIR is not set here, as in jobs of cron`
		}
		e.ends(environment, exitUnreachable, why, "lock", "nightly", "--", "echo", "inner")
	}
}

// awaitLine waits until a file has a line that matches.
func awaitLine(t *testing.T, path, pattern string) {
	t.Helper()
	var text []byte
	if !until(func() bool {
		text, _ = os.ReadFile(path)
		return regexp.MustCompile(pattern).Match(text)
	}) {
		t.Fatalf("%s has no line of %s:\n%s", path, pattern, text)
	}
}
