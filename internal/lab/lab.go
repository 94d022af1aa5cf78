package lab

import (
	"errors"
	"fmt"
	"os"
	"strconv"
	"strings"

	"github.com/rogpeppe/go-internal/txtar"
)

// Lab is what a file says.
type Lab struct {
	Title string   // after "lab:"
	Rule  string   // after "rule:": which rule is changed
	Demo  []string // after "demo:": the flags of conch demo
	Check int      // after "check:": the exit code of conch logs check
	Edits []Edit
}

// Edit replaces a piece of a file of package token, which must be there exactly once.
type Edit struct{ File, Before, After string }

// Read reads a lab: lines of KEY: VALUE, and pairs of sections in the txtar format, named
// "FILE before" and "FILE after".
func Read(path string) (*Lab, error) {
	data, err := os.ReadFile(path)
	if err != nil {
		return nil, err
	}
	lab, err := parse(data)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", path, err)
	}
	return lab, nil
}

func parse(data []byte) (*Lab, error) {
	archive := txtar.Parse(data)
	lab := &Lab{Check: -1}
	for line := range strings.Lines(string(archive.Comment)) {
		if err := lab.take(strings.TrimSpace(line)); err != nil {
			return nil, err
		}
	}
	if lab.Title == "" || lab.Check < 0 {
		return nil, errors.New(`the lines "lab: TITLE" and "check: EXIT CODE" are needed`)
	}
	for k := 0; k < len(archive.Files); k += 2 {
		first := archive.Files[k]
		file, isBefore := strings.CutSuffix(first.Name, " before")
		if !isBefore || k+1 == len(archive.Files) || archive.Files[k+1].Name != file+" after" {
			return nil, fmt.Errorf("got the section %q, want pairs of \"FILE before\" and \"FILE after\"", first.Name)
		}
		lab.Edits = append(lab.Edits, Edit{file, string(first.Data), string(archive.Files[k+1].Data)})
	}
	return lab, nil
}

// take takes one line of the beginning.
func (l *Lab) take(line string) (err error) {
	key, value, found := strings.Cut(line, ":")
	value = strings.TrimSpace(value)
	switch {
	case line == "":
	case found && key == "lab":
		l.Title = value
	case found && key == "rule":
		l.Rule = value
	case found && key == "demo":
		l.Demo = strings.Fields(value)
	case found && key == "check":
		if l.Check, err = strconv.Atoi(value); err != nil || l.Check < 0 {
			return fmt.Errorf("check: got %q, want an exit code, such as 1", value)
		}
	default:
		return fmt.Errorf("got the line %.80q, want lab:, rule:, demo: or check: and a value", line)
	}
	return nil
}
