package lab

import (
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"syscall"
	"testing"
)

const sheets = "../../docs/TEACHING.md"

// section is a part of the sheets: its commands, and lines that it says will be printed.
type section struct {
	title           string
	commands, lines []string
}

// read splits the sheets. A command is a line that is indented by four blanks or, in a list,
// by seven; what will be printed stands between fences.
func read(t *testing.T) (sections []section) {
	t.Helper()
	text, err := os.ReadFile(sheets)
	check(t, err)
	command := regexp.MustCompile(`^( {4}| {7})(\S.*)$`)
	fenced := false
	for line := range strings.Lines(string(text)) {
		line = strings.TrimRight(line, "\n")
		switch {
		case strings.HasPrefix(line, "#"):
			sections = append(sections, section{title: strings.TrimLeft(line, "# ")})
		case strings.HasPrefix(strings.TrimSpace(line), "```"):
			fenced = !fenced
		case fenced:
			s := &sections[len(sections)-1]
			s.lines = append(s.lines, strings.TrimSpace(line))
		case command.MatchString(line):
			s := &sections[len(sections)-1]
			s.commands = append(s.commands, command.FindStringSubmatch(line)[2])
		}
	}
	return sections
}

func check(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

// checkout copies what is needed to build the program, so that the sheets write into no
// folder that other tests read at the same time.
func checkout(t *testing.T) string {
	t.Helper()
	root, err := filepath.Abs("../..")
	check(t, err)
	copied := t.TempDir()
	check(t, filepath.WalkDir(root, func(path string, d fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		name, err := filepath.Rel(root, path)
		if err != nil {
			return err
		}
		if d.IsDir() {
			if name == ".git" || name == "bin" || name == "bench" || name == "tools" {
				return filepath.SkipDir
			}
			return os.MkdirAll(filepath.Join(copied, name), 0o755)
		}
		if !d.Type().IsRegular() || strings.HasSuffix(name, ".png") {
			return nil
		}
		data, err := os.ReadFile(path)
		if err != nil {
			return err
		}
		return os.WriteFile(filepath.Join(copied, name), data, 0o600)
	}))
	return copied
}

// TestSheetsRunAsWritten runs every command of docs/TEACHING.md, in its order, and looks for
// the verdicts that the sheets quote.
func TestSheetsRunAsWritten(t *testing.T) {
	if _, err := exec.LookPath("make"); err != nil {
		t.Skip("LEFT OUT: the lab sheets, for want of make")
	}
	dir := checkout(t)
	labs := 0
	for _, s := range read(t) {
		if len(s.commands) == 0 {
			continue
		}
		t.Run(s.title, func(t *testing.T) {
			var printed strings.Builder
			for _, line := range s.commands {
				command := exec.CommandContext(t.Context(), "bash", "-o", "pipefail", "-c", line)
				command.Dir = dir
				out, err := command.CombinedOutput()
				if command.ProcessState.ExitCode() == 128+int(syscall.SIGPIPE) {
					err = nil // of "| grep -m 20", which has read enough
				}
				if err != nil || len(out) == 0 && !strings.Contains(line, "--out") {
					t.Fatalf("%s: %v\n%s", line, err, out)
				}
				printed.Write(out)
			}
			for _, want := range s.lines {
				if !strings.Contains(printed.String(), want) {
					t.Errorf("the sheet says that this is printed: %s\ngot:\n%.4000s", want, printed.String())
				}
			}
		})
		if strings.HasPrefix(s.title, "Lab ") {
			labs++
			if len(s.lines) == 0 {
				t.Errorf("%s quotes no verdict", s.title)
			}
		}
	}
	if labs != 3 {
		t.Errorf("%d labs, want 3", labs)
	}
}
