package main

import (
	"bytes"
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// scenes are logs of fixed runs, kept with the package that reads them.
const scenes = "../../logs/testdata/"

// runLogs runs "conch logs" and returns the exit code, what it wrote and its error.
func runLogs(args ...string) (code int, out string, err error) {
	root := newRootCommand()
	var b bytes.Buffer
	root.SetOut(&b)
	root.SetErr(&b)
	root.SetArgs(append([]string{"logs"}, args...))
	if err = root.Execute(); err != nil {
		code = exitCode(err)
	}
	return code, b.String(), err
}

func TestLogsExitCodes(t *testing.T) {
	dir := t.TempDir()
	whole, err := os.ReadFile(scenes + "contended.merged.jsonl")
	if err != nil {
		t.Fatal(err)
	}
	cut := filepath.Join(dir, "cut.log")
	if err := os.WriteFile(cut, whole[:len(whole)/2], 0o600); err != nil {
		t.Fatal(err)
	}
	garbage := filepath.Join(dir, "garbage.log")
	if err := os.WriteFile(garbage, []byte("hello\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	good, bad := scenes+"contended.merged.jsonl", scenes+"two-inside.merged.jsonl"
	grown, err := filepath.Glob(scenes + "grown/n?.log")
	if err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct {
		args []string
		code int
		says string // part of the output or of the error
	}{
		{[]string{"check", good}, 0, "HOLDS"},
		{[]string{"check", scenes + "recovery.merged.jsonl"}, 0, "no grant outside a session"},
		{[]string{"check", bad}, exitFailure, "was still inside"},
		{[]string{"check", cut}, exitInsufficient, "want node_stopped"},
		{[]string{"check", garbage}, exitInsufficient, "no line of a conch log"},
		{[]string{"check", filepath.Join(dir, "none.log")}, exitUsage, "none.log"},
		{[]string{"check", good, "--cs-file", garbage}, exitInsufficient, "is this the file of --cs-file?"},
		{[]string{"check", good, "--cs-file", filepath.Join(dir, "none")}, exitUsage, "--cs-file: open"},
		{[]string{"check"}, exitUsage, "want the log files"},
		{[]string{"check", good, "--colour"}, exitUsage, "--colour"},
		{[]string{"explain", good}, 0, "enters the critical section"},
		{[]string{"explain", good, "--lock", "cs", "--fence", "3"}, 0, "with fence 3"},
		{[]string{"explain", good, "--fence", "99"}, exitInsufficient, "fence 99"},
		{[]string{"explain", good, "--lock", "db"}, exitInsufficient, `nobody entered lock "db"`},
		{[]string{"explain", good, "--fence", "many"}, exitUsage, "many"},
		{[]string{"explain", good, "--membership", "2"}, exitInsufficient, "the members did not change"},
		{[]string{"explain", good, "--membership", "2", "--fence", "3"}, exitUsage, "membership"},
		{append([]string{"explain", "--membership", "4"}, grown...), 0, "comes in place of 127.0.0.1:27402, with another disk at the same address"},
		{[]string{"merge", good}, 0, `"event":"token_sent"`},
		{[]string{"merge"}, exitUsage, "want the log files"},
	} {
		code, out, err := runLogs(c.args...)
		if code != c.code {
			t.Errorf("logs %q: got exit code %d, want %d (%v)", c.args, code, c.code, err)
		}
		if err != nil {
			out += err.Error()
		}
		if !strings.Contains(out, c.says) {
			t.Errorf("logs %q: does not say %q:\n%s", c.args, c.says, out)
		}
	}
}

// TestLogsMergeKeepsLines: merged logs, merged again, stay the same, byte for byte.
func TestLogsMergeKeepsLines(t *testing.T) {
	path := scenes + "recovery.merged.jsonl"
	want, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if _, out, _ := runLogs("merge", path); out != string(want) {
		t.Error("the lines were changed")
	}
}

func TestLogsCheckJSON(t *testing.T) {
	_, out, _ := runLogs("check", "--json", scenes+"two-inside.merged.jsonl")
	var report struct {
		Verdict      string
		Requirements []struct {
			Verdict string
			Details []struct{ Lines []struct{ Line int } }
		}
	}
	if err := json.Unmarshal([]byte(out), &report); err != nil {
		t.Fatalf("%v:\n%s", err, out)
	}
	if report.Verdict != "violated" || report.Requirements[2].Verdict != "violated" || report.Requirements[2].Details[0].Lines[0].Line == 0 {
		t.Errorf("got %s", out)
	}
}
