package worker

import (
	"context"
	"encoding/json"
	"io"
	"strings"
	"testing"

	"conch/bench/internal/board"
)

func TestJobIsRefusedThatHasNoPlace(t *testing.T) {
	for _, test := range []struct {
		job  Job
		want string
	}{
		{Job{Client: board.MaxClients}, "place"},
		{Job{Mode: Each, Locks: board.MaxLocks + 1}, "locks: got 1001"},
	} {
		text, err := json.Marshal(test.job)
		if err != nil {
			t.Fatal(err)
		}
		if err := Run(context.Background(), string(text), io.Discard); err == nil || !strings.Contains(err.Error(), test.want) {
			t.Errorf("%+v: got %v, want an error that says %q", test.job, err, test.want)
		}
	}
}

// A virtual cluster's report comes through JSON whole.
func TestVirtualClusterReports(t *testing.T) {
	text, err := json.Marshal(Job{Mode: Virtual, Members: 4})
	if err != nil {
		t.Fatal(err)
	}
	var out strings.Builder
	if err := Run(t.Context(), string(text), &out); err != nil {
		t.Fatal(err)
	}
	var report Report
	if err := json.Unmarshal([]byte(out.String()), &report); err != nil {
		t.Fatal(err)
	}
	if r := report.Virtual; r.Members != 4 || r.Idle.Session != 96 || len(r.Uses) != 3 {
		t.Errorf("got %+v", r)
	}
	for use, s := range report.Virtual.Uses {
		if s.Grants == 0 || s.Messages() != s.Grants*use.Grant(4).Messages() {
			t.Errorf("%s: got %+v", use, s)
		}
	}
}
