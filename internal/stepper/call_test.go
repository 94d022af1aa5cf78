package stepper

import (
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"testing"
)

// ask sends a request to a server, as the page does.
func (d *Server) ask(t *testing.T, format string, args ...any) answer {
	t.Helper()
	var a answer
	if err := json.Unmarshal(d.Call(fmt.Appendf(nil, format, args...)), &a); err != nil {
		t.Fatal(err)
	}
	return a
}

func TestDesk(t *testing.T) {
	var d Server
	if a := d.ask(t, `{"do":"see"}`); a.Error != "no scenario is open" {
		t.Errorf("before anything is open: %q", a.Error)
	}
	if a := d.ask(t, `{"do":"scenarios"}`); len(a.Scenarios) != len(ReadyMade()) || a.Scenarios[0].Stages[10].Through != 16 {
		t.Errorf("scenarios: %+v", a.Scenarios)
	}
	a := d.ask(t, `{"do":"open","text":"n=3;ask.B;deliver.B-A;deliver.A-B"}`)
	if a.Error != "" || a.Steps != 3 || a.Snapshot.Step != 0 || len(a.Red) != 0 {
		t.Fatalf("open: %+v", a)
	}
	if a = d.ask(t, `{"do":"see","at":3}`); !a.Snapshot.Members[1].Critical || a.Text != "n=3;ask.B;deliver.B-A;deliver.A-B" {
		t.Errorf("step 3: %+v", a)
	}
	if a = d.ask(t, `{"do":"act","at":2,"op":"leave.B"}`); !strings.Contains(a.Error, "nobody is in the critical section there") || a.Steps != 3 {
		t.Errorf("what is not possible at step 2 is refused, and step 3 stands: %q, %d steps", a.Error, a.Steps)
	}
	if a = d.ask(t, `{"do":"act","at":2,"op":"duplicate.A-B"}`); a.Error != "" || a.Steps != 3 || a.Snapshot.Step != 3 || !slices.Equal(a.Red, []int{3}) {
		t.Errorf("what is done at step 2 takes the place of what came after: %+v", a)
	}
}

func TestDeskRefuses(t *testing.T) {
	var d Server
	d.ask(t, `{"do":"open","text":"n=3;ask.B"}`)
	for request, want := range map[string]string{
		`{`:                                   "not a request",
		`{"do":"jump"}`:                       "want scenarios, open, see or act",
		`{"do":"open","text":"<script>"}`:     "not a scenario",
		`{"do":"see","at":2}`:                 "no step 2 among 1",
		`{"do":"see","at":-1}`:                "no step -1",
		`{"do":"act","at":1,"op":"ask.D"}`:    "no member D",
		`{"do":"act","at":1,"op":"ask.Ω"}`:    "want something like",
		`{"do":"act","at":1,"op":"heal.A-B"}`: "not cut",
	} {
		if a := d.ask(t, "%s", request); !strings.Contains(a.Error, want) {
			t.Errorf("%s: %q, want %q", request, a.Error, want)
		}
	}
	if a := d.ask(t, `{"do":"see","at":1}`); a.Error != "" || a.Steps != 1 {
		t.Errorf("what was open is not any more: %+v", a)
	}
	if a := d.ask(t, `{"do":"open","text":"n=3;ask.B;leave.C"}`); a.Snapshot == nil || a.Steps != 1 || !strings.Contains(a.Error, "step 2") {
		t.Errorf("a scenario that is possible in part: %+v", a)
	}
}
