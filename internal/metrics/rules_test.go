package metrics

import (
	"encoding/json"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/prometheus/client_golang/prometheus"

	"conch/token"
)

// promtool runs Prometheus's own checker, or skips the test aloud where there is none.
func promtool(t *testing.T, arguments ...string) {
	t.Helper()
	program, err := exec.LookPath("promtool")
	if err != nil {
		t.Skip("LEFT OUT: alert rules and the dashboard's queries, for want of promtool (on Debian: apt-get install prometheus)")
	}
	if out, err := exec.CommandContext(t.Context(), program, arguments...).CombinedOutput(); err != nil {
		t.Errorf("promtool %s: %v\n%s", strings.Join(arguments, " "), err, out)
	}
}

// dashboard is what a test wants of dashboard.json.
type dashboard struct {
	Panels []struct {
		Title   string
		Targets []struct{ Expr string }
	}
}

// queries are the dashboard's, with Grafana's variables filled in.
func queries(t *testing.T) []string {
	t.Helper()
	content, err := os.ReadFile("dashboard.json")
	if err != nil {
		t.Fatal(err)
	}
	var d dashboard
	if err := json.Unmarshal(content, &d); err != nil {
		t.Fatal(err)
	}
	var all []string
	for _, panel := range d.Panels {
		if len(panel.Targets) == 0 {
			t.Errorf("panel %q shows nothing", panel.Title)
		}
		for _, target := range panel.Targets {
			all = append(all, strings.NewReplacer("$__rate_interval", "5m", "$job", ".*").Replace(target.Expr))
		}
	}
	return all
}

// shown are the names of all metrics.
func shown(t *testing.T) map[string]bool {
	t.Helper()
	m := New([]string{"a:1", "b:1"}, 0, "v1")
	m.ShowState(nil) // which is not asked: nothing is collected
	m.ShowAdmission(nil)
	m.ShowLog(nil)
	descs := make(chan *prometheus.Desc, 100)
	m.Describe(descs)
	close(descs)
	names := make(map[string]bool)
	for d := range descs {
		found := regexp.MustCompile(`fqName: "(\w+)"`).FindStringSubmatch(d.String())
		if found == nil {
			t.Fatalf("no name in %s", d)
		}
		names[found[1]] = true
	}
	return names
}

var (
	metricName = regexp.MustCompile(`\bconch_\w+`)
	derived    = regexp.MustCompile(`_(bucket|count|sum)$`)
	label      = regexp.MustCompile(`(kind|outcome)=~?"([^"]*)"`)
)

// What the dashboard, the alerts and their tests name is there.
func TestRulesNameWhatIsThere(t *testing.T) {
	texts := map[string]string{"dashboard.json": strings.Join(queries(t), "\n")}
	for _, file := range []string{"alerts.yml", "alerts_test.yml"} {
		content, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		texts[file] = string(content)
	}
	names := shown(t)
	values := map[string]bool{"token made": true}
	for _, outcome := range outcomes {
		values[outcome] = true
	}
	for kind := token.Request; kind <= token.SyncAnswer; kind++ {
		values[kind.String()] = true
	}
	for file, text := range texts {
		for _, name := range metricName.FindAllString(text, -1) {
			if !names[name] && !names[derived.ReplaceAllString(name, "")] {
				t.Errorf("%s names %s, which no node shows", file, name)
			}
		}
		for _, found := range label.FindAllStringSubmatch(text, -1) {
			for value := range strings.SplitSeq(found[2], "|") {
				if !values[value] {
					t.Errorf("%s names %s %q, which there is not", file, found[1], value)
				}
			}
		}
	}
	for name := range names {
		if !strings.Contains(texts["dashboard.json"], name) && name != "conch_build_info" && name != "conch_peers_up" {
			t.Errorf("the dashboard does not show %s", name)
		}
	}
}

func TestAlertsRaise(t *testing.T) {
	promtool(t, "check", "rules", "--lint-fatal", "alerts.yml")
	promtool(t, "test", "rules", "alerts_test.yml")
}

// Every query of the dashboard is one that Prometheus understands.
func TestDashboardAsksWhatPrometheusUnderstands(t *testing.T) {
	type rule struct {
		Record string `json:"record"`
		Expr   string `json:"expr"`
	}
	var rules []rule
	for _, query := range queries(t) {
		rules = append(rules, rule{"panel:query" + strings.Repeat("x", len(rules)), query})
	}
	// JSON is YAML.
	content, err := json.Marshal(map[string]any{"groups": []any{map[string]any{"name": "dashboard", "rules": rules}}})
	if err != nil {
		t.Fatal(err)
	}
	file := filepath.Join(t.TempDir(), "dashboard.yml")
	if err := os.WriteFile(file, content, 0o600); err != nil {
		t.Fatal(err)
	}
	promtool(t, "check", "rules", file)
}
