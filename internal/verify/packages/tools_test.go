package packages_test

import (
	"bytes"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"
	"testing"
)

// root is the folder of the checkout.
const root = "../../.."

// tool returns a tool that the Makefile builds; without it, the test is left out.
func tool(t *testing.T, name string) string {
	t.Helper()
	path, err := filepath.Abs(filepath.Join(root, "bin", "tools", runtime.Version(), name))
	if err != nil {
		t.Fatal(err)
	}
	if _, err := os.Stat(path); err != nil {
		t.Skipf("LEFT OUT: this test needs %s; make bin/tools/%s/%s builds it", name, runtime.Version(), name)
	}
	return path
}

// installed returns a program of this machine; without it, the test is left out.
func installed(t *testing.T, name string) string {
	t.Helper()
	path, err := exec.LookPath(name)
	if err != nil {
		t.Skipf("LEFT OUT: this test needs %s", name)
	}
	return path
}

// output runs a command, which must end with 0, and returns its output.
func output(t *testing.T, stdin, name string, args ...string) string {
	t.Helper()
	var stderr bytes.Buffer
	cmd := exec.CommandContext(t.Context(), name, args...)
	cmd.Stdin, cmd.Stderr = strings.NewReader(stdin), &stderr
	out, err := cmd.Output()
	if err != nil {
		t.Fatalf("%s %v: %v\n%s%s", name, args, err, out, stderr.Bytes())
	}
	return string(out)
}

// fails runs a command, which must not end with 0, and returns its output.
func fails(t *testing.T, name string, args ...string) string {
	t.Helper()
	out, err := exec.CommandContext(t.Context(), name, args...).CombinedOutput()
	if err == nil {
		t.Fatalf("%s %v ended with 0, and should have failed:\n%s", name, args, out)
	}
	return string(out)
}

// read returns the text of a file of the checkout.
func read(t *testing.T, file string) string {
	t.Helper()
	text, err := os.ReadFile(filepath.Join(root, file))
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}
