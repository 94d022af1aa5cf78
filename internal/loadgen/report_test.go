package loadgen

import (
	"encoding/json"
	"math"
	"os"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/cockroachdb/datadriven"
)

// found is a round in which every figure is known, each as many times what it would be.
func found(times float64) Round {
	r := Round{Figures: map[Figure]float64{}, Judged: 1200, Others: 0}
	for i, f := range Figures() {
		r.Figures[f] = float64(i+1) * 12.3456 * times
	}
	r.Figures[Grants], r.Figures[HandOffs] = 23_456.7*times, 23_400*times
	r.Figures[Messages], r.Figures[Fairness] = 3, 0.99876
	r.Figures[LeastServed], r.Figures[MostServed] = 7000, 7850
	return r
}

// less is a round of one client, at nodes that do not tell their processor time.
func less() Round {
	r := found(1)
	for _, f := range []Figure{Fairness, LeastServed, MostServed, Processor} {
		delete(r.Figures, f)
	}
	r.Figures[HandOffs], r.Figures[Messages] = 0, 0.000_12
	r.Figures[unlockPercentile("p50")] = 0.2345
	return r
}

// reports are those that testdata/reports.txt shows.
func reports() map[string]*Report {
	base := Report{
		Version: "v1.2.3", Platform: "linux/amd64", Processors: 2, Clients: 1,
		Nodes: Nodes{Started: true, Addresses: []string{"127.0.0.1:1", "127.0.0.1:2", "127.0.0.1:3"}, Members: 3, TTL: 2 * time.Second},
		Plan: Plan{
			Workloads: []Workload{Contended, Local}, Rounds: 3, Duration: time.Second, WarmUp: 300 * time.Millisecond,
			Lock: "conch-bench", Locks: 100,
		},
	}
	whole := base
	whole.Results = []*Result{
		{Workload: Contended, Clients: 3, Locks: 1, Rounds: []Round{found(1), found(0.5), found(1.5)}},
		{Workload: Local, Clients: 1, Locks: 1, Rounds: []Round{found(0.1), found(0.1), found(0.1)}},
	}

	interrupted := base
	interrupted.Incomplete = "interrupted"
	interrupted.Results = []*Result{
		{Workload: Contended, Clients: 3, Locks: 1, Rounds: []Round{found(1)}},
		{Workload: Local, Clients: 1, Locks: 1},
	}

	running := base
	running.Nodes = Nodes{Addresses: []string{"node1:7400", "unix:/run/\x1b[2J"}, Members: 5, TTL: time.Second}
	running.Clients, running.Unmetered = 16, "nobody said where"
	running.Plan.Rounds, running.Plan.Hold, running.Plan.Think = 1, 10*time.Millisecond, 20*time.Millisecond
	unmetered := found(1)
	unmetered.Others, unmetered.Lost, unmetered.Judged = math.NaN(), 1, 1_234_567
	delete(unmetered.Figures, Messages)
	delete(unmetered.Figures, Processor)
	running.Results = []*Result{{Workload: Many, Clients: 32, Locks: 100, Rounds: []Round{unmetered}}}

	shared := base
	shared.Plan.Rounds = 1
	others := less()
	others.Others, others.Lost = 300, 2
	few := less()
	few.Others = 12 // as waits that end with their round may be
	shared.Results = []*Result{
		{Workload: Local, Clients: 1, Locks: 1, Rounds: []Round{others}},
		{Workload: Remote, Clients: 3, Locks: 1, Rounds: []Round{few}},
	}
	return map[string]*Report{"whole": &whole, "interrupted": &interrupted, "running": &running, "shared": &shared}
}

// TestReports shows the reports as testdata/reports.txt says. `go test -run Reports
// -rewrite` writes down what is shown now; read the difference before you commit it.
//
//	text REPORT
//	json REPORT
func TestReports(t *testing.T) {
	all := reports()
	datadriven.RunTest(t, "testdata/reports.txt", func(t *testing.T, d *datadriven.TestData) string {
		report := all[d.CmdArgs[0].Key]
		if report == nil {
			t.Fatalf("%s: there is no report %q", d.Pos, d.CmdArgs[0].Key)
		}
		var out strings.Builder
		var err error
		switch d.Cmd {
		case "text":
			err = report.WriteText(&out)
		case "json":
			err = report.WriteJSON(&out)
		default:
			t.Fatalf("%s: no such command: %s", d.Pos, d.Cmd)
		}
		if err != nil {
			t.Fatal(err)
		}
		return out.String()
	})
}

// TestJSONIsDocumented wants each key of the JSON in JSON.md, and each key there in the
// JSON.
func TestJSONIsDocumented(t *testing.T) {
	var out strings.Builder
	if err := reports()["whole"].WriteJSON(&out); err != nil {
		t.Fatal(err)
	}
	var report any
	if err := json.Unmarshal([]byte(out.String()), &report); err != nil {
		t.Fatal(err)
	}
	page, err := os.ReadFile("JSON.md")
	if err != nil {
		t.Fatal(err)
	}
	var documented []string
	for line := range strings.Lines(string(page)) {
		if rest, isRow := strings.CutPrefix(line, "| `"); isRow {
			key, _, _ := strings.Cut(rest, "`")
			documented = append(documented, key)
		}
	}
	written := map[string]bool{}
	keys(report, written)
	for key := range written {
		if !slices.Contains(documented, key) {
			t.Errorf("JSON.md has no row for %q", key)
		}
	}
	for _, key := range documented {
		if !written[key] {
			t.Errorf("JSON.md has a row for %q, which is never written", key)
		}
	}
}

// keys collects the keys of all objects in a value.
func keys(value any, into map[string]bool) {
	switch v := value.(type) {
	case map[string]any:
		for key, element := range v {
			into[key] = true
			keys(element, into)
		}
	case []any:
		for _, element := range v {
			keys(element, into)
		}
	}
}

func TestJainsIndex(t *testing.T) {
	for _, test := range []struct {
		shares []uint64
		want   float64
	}{
		{[]uint64{5, 5, 5, 5}, 1}, {[]uint64{9}, 1}, {[]uint64{8, 0, 0, 0}, 0.25}, {[]uint64{1, 3}, 0.8},
	} {
		if got := jain(test.shares); math.Abs(got-test.want) > 1e-12 {
			t.Errorf("%v: got %v, want %v", test.shares, got, test.want)
		}
	}
	if got := jain([]uint64{0, 0}); !math.IsNaN(got) {
		t.Errorf("nobody served: got %v, want NaN", got)
	}
}

func TestSpread(t *testing.T) {
	for _, test := range []struct {
		values []float64
		want   Spread
		text   string
	}{
		{nil, Spread{}, "–"},
		{[]float64{4}, Spread{4, 4, 4, 1}, "4"},
		{[]float64{9, 1, 2}, Spread{2, 1, 9, 3}, "2 (1..9)"},
		{[]float64{9, 1, 2, 4}, Spread{3, 1, 9, 4}, "3 (1..9)"},
		{[]float64{3, 3.001, 2.999}, Spread{3, 2.999, 3.001, 3}, "3.00"},
		{[]float64{0, 1234.5, 0}, Spread{0, 0, 1234.5, 3}, "0 (0..1,234)"},
		{[]float64{0.1234, 12.34, 1.234}, Spread{1.234, 0.1234, 12.34, 3}, "1.23 (0.123..12.3)"},
		{[]float64{0, 0.0002, 0}, Spread{0, 0, 0.0002, 3}, "0 (0..<0.001)"},
		{[]float64{1234567}, Spread{1234567, 1234567, 1234567, 1}, "1,234,567"},
	} {
		got := spreadOf(test.values)
		if got != test.want || got.String() != test.text {
			t.Errorf("%v: got %+v, %q; want %+v, %q", test.values, got, got, test.want, test.text)
		}
	}
}
