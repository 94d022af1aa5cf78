package main

import (
	"bytes"
	"context"
	"crypto/ecdsa"
	"crypto/tls"
	"encoding/base64"
	"encoding/hex"
	"fmt"
	"io/fs"
	"math/big"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
	"testing"
)

// overheard collects all that processes print and log.
type overheard struct {
	t   *testing.T
	dir string

	mu   sync.Mutex
	said bytes.Buffer
}

// Write collects output.
func (o *overheard) Write(p []byte) (int, error) {
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.said.Write(p)
}

// conch prepares a command whose output is collected, with a secret in its environment.
func (o *overheard) conch(ctx context.Context, args ...string) *exec.Cmd {
	o.t.Helper()
	cmd := exec.CommandContext(ctx, program(o.t), args...)
	cmd.Dir = o.dir
	cmd.Env = append(os.Environ(), "DATABASE_PASSWORD="+secretValue)
	cmd.Stdout, cmd.Stderr = o, o
	return cmd
}

// ends runs a command, which must succeed.
func (o *overheard) ends(ctx context.Context, args ...string) {
	o.t.Helper()
	if err := o.conch(ctx, args...).Run(); err != nil {
		o.t.Fatalf("conch %v: %v\n%s", args, err, o.said.String())
	}
}

const secretValue = "correct-horse-battery-staple"

// TestNothingSecretIsSaid runs nodes and commands with all messages switched on. No key,
// and nothing of an environment, is printed, logged, shown or served.
func TestNothingSecretIsSaid(t *testing.T) {
	ctx, cancel := context.WithTimeout(t.Context(), 3*patience)
	defer cancel()
	o := &overheard{t: t, dir: t.TempDir()}
	addresses := freeAddresses(t, 4)
	a, b, page, unused := addresses[0], addresses[1], addresses[2], addresses[3]
	o.ends(ctx, "cert", "init", a, b)
	o.ends(ctx, "cert", "client", "--json", "alice")
	o.ends(ctx, "cert", "show", "certs/ca.crt", "certs/alice.crt")
	_ = o.conch(ctx, "cert", "show", "certs/alice.key").Run() // is no certificate
	file := func(address, ending string) string {
		return "certs/" + strings.ReplaceAll(address, ":", "_") + ending
	}
	var nodes []*exec.Cmd
	for i, address := range []string{a, b} {
		flags := []string{
			"node", "--listen", address, "--peers", a + "," + b, "--socket", none, "--log-level", "debug", "--evidence", "--log-file", fmt.Sprint(i, ".log"),
			"--data-dir", fmt.Sprint("data", i), "--tls-cert", file(address, ".crt"), "--tls-key", file(address, ".key"), "--tls-ca", "certs/ca.crt",
		}
		if i == 0 {
			flags = append(flags, "--http", page)
		}
		node := o.conch(ctx, flags...)
		check(t, node.Start())
		nodes = append(nodes, node)
	}
	for i := range nodes {
		if !until(func() bool {
			log, _ := os.ReadFile(filepath.Join(o.dir, fmt.Sprint(i, ".log")))
			return bytes.Contains(log, []byte(`"event":"session_started"`))
		}) {
			t.Fatal("no session")
		}
	}
	alice := []string{"--tls-cert", "certs/alice.crt", "--tls-key", "certs/alice.key", "--tls-ca", "certs/ca.crt"}
	with := func(args ...string) []string {
		return append(append(args[:len(args):len(args)], alice...), "--node", a)
	}
	conch := program(t)
	o.ends(ctx, append(with("lock", "--verbose", "--status-fd", "2", "x"), "--", "sh", "-c",
		fmt.Sprintf("%[1]s who x --node %[2]s %[3]s && %[1]s who x --json --node %[2]s %[3]s", conch, b, strings.Join(alice, " ")))...)
	o.ends(ctx, with("status", "--json")...)
	o.ends(ctx, with("ls", "--all", "--json")...)
	o.ends(ctx, with("why", "x")...)
	_ = o.conch(ctx, "lock", "x", "--node", a).Run()                                                                                           // without a certificate
	_ = o.conch(ctx, "status", "--node", a, "--tls-cert", "certs/alice.key", "--tls-key", "certs/alice.crt", "--tls-ca", "certs/ca.key").Run() // the wrong way round
	_ = o.conch(ctx, "node", "--single", "--listen", unused, "--tls-cert", file(a, ".crt"), "--tls-key", file(b, ".key"), "--tls-ca", "certs/ca.crt").Run()
	for _, path := range []string{"", "metrics", "healthz", "readyz"} {
		response, err := http.Get("http://" + page + "/" + path)
		check(t, err)
		check(t, response.Write(o))
		check(t, response.Body.Close())
	}
	for _, node := range nodes {
		check(t, node.Process.Signal(syscall.SIGTERM))
		check(t, node.Wait())
	}

	secrets := map[string]string{"the environment": secretValue}
	modes := map[string]fs.FileMode{filepath.Join(o.dir, "certs"): fs.ModeDir | 0o700}
	for _, base := range []string{"ca", "alice", strings.ReplaceAll(a, ":", "_"), strings.ReplaceAll(b, ":", "_")} {
		path := filepath.Join(o.dir, "certs", base)
		modes[path+".key"], modes[path+".crt"] = 0o600, 0o644
		addKey(t, secrets, path)
	}
	for i := range nodes {
		dir := filepath.Join(o.dir, fmt.Sprint("data", i))
		modes[dir], modes[filepath.Join(dir, "state.json")], modes[filepath.Join(dir, "lock")] = fs.ModeDir|0o700, 0o600, 0o600
		log, err := os.ReadFile(filepath.Join(o.dir, fmt.Sprint(i, ".log")))
		check(t, err)
		_, _ = o.Write(log)
		state, err := os.ReadFile(filepath.Join(dir, "state.json"))
		check(t, err)
		_, _ = o.Write(state)
	}
	for what, secret := range secrets {
		if strings.Contains(o.said.String(), secret) {
			t.Errorf("%s is in what was said: %q", what, secret)
		}
	}
	// The test must have collected something.
	for _, want := range []string{"secret: whoever has it can make members", "got the lock x with fence", "known as", `"event":"enter"`, "conch_", `"promised"`} {
		if !strings.Contains(o.said.String(), want) {
			t.Errorf("%q was not overheard", want)
		}
	}
	checkModes(t, modes)
}

// addKey adds the forms in which the key beside a certificate could appear.
func addKey(t *testing.T, secrets map[string]string, base string) {
	t.Helper()
	text, err := os.ReadFile(base + ".key")
	check(t, err)
	for i, line := range strings.Split(strings.TrimSpace(string(text)), "\n") {
		if !strings.HasPrefix(line, "-----") {
			secrets[fmt.Sprintf("line %d of %s.key", i+1, filepath.Base(base))] = line
		}
	}
	pair, err := tls.LoadX509KeyPair(base+".crt", base+".key")
	check(t, err)
	key, ok := pair.PrivateKey.(*ecdsa.PrivateKey)
	if !ok {
		t.Fatalf("%s.key is a %T", base, pair.PrivateKey)
	}
	scalar, err := key.Bytes()
	check(t, err)
	for form, secret := range map[string]string{
		"in hexadecimal digits": hex.EncodeToString(scalar), "in base64": base64.StdEncoding.EncodeToString(scalar),
		"as a number": new(big.Int).SetBytes(scalar).String(), "as it is": string(scalar),
	} {
		secrets[filepath.Base(base)+".key "+form] = secret
	}
	secrets["the name of a key"] = "PRIVATE KEY"
}
