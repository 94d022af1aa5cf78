package console

import (
	"bytes"
	"strings"
	"testing"
)

// TestConsole: how lines look in the form for people.
func TestConsole(t *testing.T) {
	t.Setenv("NO_COLOR", "1")
	var out bytes.Buffer
	console := New(&out)
	line := `{"level":"info","node":"n1:1","time":"2026-01-02T03:04:05.678000000Z","event":"enter","lock":"cs","number":"1795379.12","epoch":"1.0","hop":"3","fence":"7","request_numbers":["1795379.12","1795380.2"],"last_granted":["1795379.11","0.0"],"queue":["n2:1","n3:1"],"message":"entered the critical section"}` + "\n"
	if _, err := console.Write([]byte(line + line)); err != nil {
		t.Fatal(err)
	}
	got := out.String()
	if n := strings.Count(got, "\n"); n != 2 {
		t.Errorf("got %d lines, want 2: %q", n, got)
	}
	for _, want := range []string{":04:05.678 INF entered the critical section lock=cs number=12 fence=7 epoch=1.0 hop=3 RN=[12,2] LN=[11,0] Q=[n2:1,n3:1]\n"} {
		if !strings.Contains(got, want) {
			t.Errorf("got %q, want it to have %q", got, want)
		}
	}
	for _, unwanted := range []string{"n1:1", "event="} {
		if strings.Contains(got, unwanted) {
			t.Errorf("got %q, want it without %q, which says nothing new", got, unwanted)
		}
	}
}

// TestLine: a document quotes a line as a terminal shows it, in one time zone and without
// unwanted keys.
func TestLine(t *testing.T) {
	line := `{"level":"info","node":"n1:1","time":"2026-01-02T03:04:05.678+02:00","event":"enter","lock":"cs","number":"1795379.12","fence":"7","request_numbers":["1795379.12","1795380.2"],"queue":["n2:1"],"message":"entered the critical section"}`
	want := "01:04:05.678 entered the critical section number=12 fence=7 RN=[12,2] Q=[n2:1]"
	if got := Line([]byte(line), "lock"); got != want {
		t.Errorf("got %q, want %q", got, want)
	}
	if got := Line([]byte("no JSON")); got != "no JSON" {
		t.Errorf("got %q of what is no line, want it as it is", got)
	}
}
