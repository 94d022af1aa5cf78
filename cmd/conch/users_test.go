package main

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"io/fs"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"syscall"
	"testing"
)

// User ids that this test takes; they need no names.
const (
	nodeUser  = 65534
	otherUser = 65533
)

// TestUsersOfASocket runs a node as one user, and clients as that user, as root and as
// another. The kernel tells the node who they are, for the rules, for who and for the log.
func TestUsersOfASocket(t *testing.T) {
	if os.Geteuid() != 0 {
		t.Skip("LEFT OUT: nodes and clients as several users, since only root can become others")
	}
	ctx, cancel := context.WithTimeout(t.Context(), 3*patience)
	defer cancel()
	dir := openDir(t)
	conch := copyProgram(t, dir)
	socket, log := filepath.Join(dir, "node.sock"), filepath.Join(dir, "node.log")
	check(t, os.WriteFile(filepath.Join(dir, "allow.txt"), fmt.Appendf(nil, "@local:%d lock,break *\n@local:0 lock,break root/*\n@local look *\n", nodeUser), 0o644))
	run := func(uid uint32, args ...string) *exec.Cmd {
		cmd := exec.CommandContext(ctx, conch, args...)
		cmd.SysProcAttr = &syscall.SysProcAttr{Credential: &syscall.Credential{Uid: uid, Gid: uid}}
		cmd.Dir = dir
		return cmd
	}
	listen := freeAddresses(t, 1)[0]
	node := run(nodeUser, "node", "--single", "--listen", listen, "--socket", socket, "--data-dir", filepath.Join(dir, "data"),
		"--log-file", log, "--allow", filepath.Join(dir, "allow.txt"))
	check(t, node.Start())
	defer func() {
		check(t, node.Process.Signal(syscall.SIGTERM))
		check(t, node.Wait())
	}()
	if !until(func() bool {
		text, _ := os.ReadFile(log)
		return bytes.Contains(text, []byte(`"event":"session_started"`))
	}) {
		t.Fatal("the node has no session")
	}
	// ends runs conch and returns its exit code and output.
	ends := func(uid uint32, args ...string) string {
		t.Helper()
		cmd := run(uid, args...)
		said, err := cmd.CombinedOutput()
		if cmd.ProcessState == nil {
			t.Fatal(err)
		}
		return fmt.Sprintf("%d: %s", cmd.ProcessState.ExitCode(), said)
	}
	who := "known as +local user "
	for _, test := range []struct {
		uid  uint32
		lock string
		want string
	}{
		{nodeUser, "any", `(?s)^0: .*` + who + `([a-z]+ \(65534\)|65534)\n`},
		{0, "root/x", `(?s)^0: .*` + who + `root \(0\)\n`},
		{0, "any", `^80: .*not allowed: local user root \(0\) may not lock "any"`},
		{otherUser, "any", `^69: .*permission denied`},
	} {
		if got := ends(test.uid, "lock", test.lock, "--node", socket, "--", conch, "who", test.lock, "--node", socket); !regexp.MustCompile(test.want).MatchString(got) {
			t.Errorf("user %d, lock %s: %s; want %s", test.uid, test.lock, got, test.want)
		}
	}
	// The log names the user who broke a lock.
	broken := `"$0" break root/y --fence $CONCH_FENCE --reason test --node "$1"`
	if got := ends(0, "lock", "root/y", "--node", socket, "--", "sh", "-c", broken, conch, socket); !strings.HasPrefix(got, "0: ") && !strings.HasPrefix(got, "76: ") {
		t.Errorf("break: %s", got)
	}
	text, err := os.ReadFile(log)
	check(t, err)
	for _, want := range []string{
		`"event":"client_refused","caller":"local user root \(0\)"`,
		`"event":"lock_broken","lock":"root/y",.*"caller":"[^"]*local user root \(0\)`,
	} {
		if !regexp.MustCompile(want).Match(text) {
			t.Errorf("the log has no line of %s:\n%s", want, text)
		}
	}
	checkModes(t, map[string]fs.FileMode{
		socket: fs.ModeSocket | 0o600, filepath.Join(dir, "data"): fs.ModeDir | 0o700,
		filepath.Join(dir, "data", "state.json"): 0o600, filepath.Join(dir, "data", "lock"): 0o600,
	})
}

// TestKeyOfRoot runs a node with a key that is root's and readable by a group of the node's
// user.
func TestKeyOfRoot(t *testing.T) {
	if os.Geteuid() != 0 {
		t.Skip("LEFT OUT: a key of root's that a group may read, since only root can make one")
	}
	ctx, cancel := context.WithTimeout(t.Context(), 3*patience)
	defer cancel()
	dir := openDir(t)
	conch := copyProgram(t, dir)
	listen := freeAddresses(t, 1)[0]
	made := exec.CommandContext(ctx, conch, "cert", "init", listen)
	made.Dir = dir
	check(t, made.Run())
	certs := filepath.Join(dir, "certs")
	base := filepath.Join(certs, strings.ReplaceAll(listen, ":", "_"))
	check(t, os.Chmod(certs, 0o755))
	check(t, os.Chown(base+".key", 0, otherUser))
	check(t, os.Chmod(base+".key", 0o440))
	log := filepath.Join(dir, "node.log")
	node := func(groups ...uint32) *exec.Cmd {
		cmd := exec.CommandContext(ctx, conch, "node", "--single", "--listen", listen, "--socket", none, "--data-dir", none, "--log-file", log,
			"--tls-cert", base+".crt", "--tls-key", base+".key", "--tls-ca", filepath.Join(certs, "ca.crt"))
		cmd.SysProcAttr = &syscall.SysProcAttr{Credential: &syscall.Credential{Uid: nodeUser, Gid: nodeUser, Groups: groups}}
		cmd.Dir = dir
		return cmd
	}
	said, err := node().CombinedOutput()
	if err == nil || !bytes.Contains(said, []byte("permission denied")) {
		t.Errorf("without the group: %v\n%s", err, said)
	}
	check(t, os.Chmod(base+".key", 0o444))
	said, err = node(otherUser).CombinedOutput()
	if err == nil || !bytes.Contains(said, []byte("it belongs to root: have root give it to a group of this process and run: chmod 640 ")) {
		t.Errorf("with a key for everybody: %v\n%s", err, said)
	}
	check(t, os.Chmod(base+".key", 0o440))
	good := node(otherUser)
	check(t, good.Start())
	awaitLine(t, log, `"event":"session_started"`)
	check(t, good.Process.Signal(syscall.SIGTERM))
	check(t, good.Wait())
}

// freeAddresses returns addresses at which nobody listens.
func freeAddresses(t *testing.T, n int) (addresses []string) {
	t.Helper()
	var listeners []net.Listener
	for range n {
		listener, err := net.Listen("tcp", "127.0.0.1:0")
		check(t, err)
		listeners = append(listeners, listener)
		addresses = append(addresses, listener.Addr().String())
	}
	for _, listener := range listeners { // only now, so that no address is found twice
		check(t, listener.Close())
	}
	return addresses
}

// checkModes checks the modes of files.
func checkModes(t *testing.T, modes map[string]fs.FileMode) {
	t.Helper()
	for path, want := range modes {
		info, err := os.Stat(path)
		check(t, err)
		if info.Mode() != want {
			t.Errorf("%s: mode %v, want %v", path, info.Mode(), want)
		}
	}
}

// openDir makes a directory that every user may enter and change.
func openDir(t *testing.T) string {
	t.Helper()
	dir, err := os.MkdirTemp("", "conch-users-") //nolint:usetesting // below t.TempDir, which is this user's alone, others get nowhere
	check(t, err)
	t.Cleanup(func() { check(t, os.RemoveAll(dir)) })
	check(t, os.Chmod(dir, 0o777))
	return dir
}

// copyProgram copies the conch program to where every user may run it.
func copyProgram(t *testing.T, dir string) string {
	t.Helper()
	from, err := os.Open(program(t))
	check(t, err)
	defer from.Close()
	path := filepath.Join(dir, "conch")
	to, err := os.OpenFile(path, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o755)
	check(t, err)
	_, err = io.Copy(to, from)
	check(t, err)
	check(t, to.Close())
	return path
}
