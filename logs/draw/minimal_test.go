package draw

import (
	"path/filepath"
	"testing"

	"conch/logs"
)

// TestMinimalFormIsDrawn draws all messages and critical sections of the log that
// docs/LOGFORMAT.md shows.
func TestMinimalFormIsDrawn(t *testing.T) {
	var paths []string
	for _, name := range []string{"a.log", "b.log", "c.log"} {
		paths = append(paths, filepath.Join("..", "testdata", "minimal", name))
	}
	run, err := logs.Open(paths...)
	if err != nil {
		t.Fatal(err)
	}
	p, err := Draw(run, Options{})
	if err != nil {
		t.Fatal(err)
	}
	for role, want := range map[Role]int{RequestSent: 6, TokenSent: 3, Section: 4, MessageLost: 0} {
		if got := count(p, role); got != want {
			t.Errorf("drew %d of %v, want %d", got, role, want)
		}
	}
}

// TestLogsWithoutBeginningAreDrawn draws logs that have lost their node_started.
func TestLogsWithoutBeginningAreDrawn(t *testing.T) {
	whole := open(t, "contended")
	file := &logs.File{Name: "cut.log"}
	for _, e := range whole.Merge() {
		if e.Kind != logs.NodeStarted {
			file.Events = append(file.Events, e)
		}
	}
	run, err := logs.NewRun(file)
	if err != nil {
		t.Fatal(err)
	}
	p, err := Draw(run, Options{})
	if err != nil {
		t.Fatal(err)
	}
	if got, want := count(p, Section), count(picture(t, "contended", Options{}), Section); got != want {
		t.Errorf("drew %d critical sections, want %d as with the first lines", got, want)
	}
}
