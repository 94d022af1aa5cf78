package logs

import (
	"strings"
	"testing"
)

// The last line of a process that failed says that it ended, and not in order. No peer need
// have noticed.
func TestAFailedProcessIsACrash(t *testing.T) {
	text := `{"level":"info","node":"a:1","event":"node_started","members":["a:1","b:1","c:1"],"incarnation":"0123456789abcdef0123456789abcdef","version":"v1","session":"7","time":"2026-11-30T08:00:00.000000001Z","message":"node started"}
{"level":"error","node":"a:1","event":"node_failed","reason":"disk full","time":"2026-11-30T08:00:01.000000001Z","message":"node cannot go on"}
`
	file, err := Read("a", strings.NewReader(text))
	if err != nil {
		t.Fatal(err)
	}
	run, err := NewRun(file)
	if err != nil {
		t.Fatal(err)
	}
	if end := run.Lives[0].End; end != Crashed {
		t.Errorf("the process's end is %v, want Crashed", end)
	}
}
