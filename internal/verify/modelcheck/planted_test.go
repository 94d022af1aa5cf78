package modelcheck

import (
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

// A planted fault is a change to the code of package token that switches off one of its
// rules: a file of the simulator with the source before and after. The search must catch
// it. `go test -overlay` builds this package over the changed code, and with searchEnv set
// the test binary makes that one search.

// faultFolder is where the faults are.
const faultFolder = "../sim/testdata/faults"

// searchEnv names the configuration that the test binary searches instead of running tests.
const searchEnv = "CONCH_EXPLORE_SEARCH"

// enough is the most states searched for a planted fault.
const enough = 600_000

// caught names the configuration in which the search catches each fault.
var caught = []struct{ fault, config string }{
	// Chance hardly ever catches these two.
	{"round-without-end", "overtime"},
	{"burial-half-kept", "halfway"},
	// The simulator catches the others too.
	{"absent-ignored", "halfway"},
	{"any-addressee", "overdue"},
	{"burial-at-once", "crash and stalls"},
	{"burial-by-too-few", "halfway"},
	{"batch-without-end", "local batches"},
	{"burial-not-kept", "halfway"},
	{"guard-ignored", "halfway"},
	{"holder-promises", "away"},
	{"encumbered-clears", "clients, all crash"},
	{"encumbered-is-cleared", "clients, alone"},
	{"encumbered-promises", "clients"},
	{"lapse-not-final", "halfway"},
	{"lease-not-shortened", "unheard"},
	{"promise-not-kept-for-ballots", "cold"},
	{"promise-not-kept-for-tokens", "away"},
	{"share-beside-exclusive", "readers"},
	{"recalled-share-lets-in", "permits and one alone"},
	{"encumbered-gives-back", "readers, clients"},
	{"promise-without-share", "readers, crash"},
	{"share-forgotten", "readers, forgetting"},
	{"lost-share-stays", "readers, crash"},
	{"lapse-keeps-share", "readers, stalls"},
	{"older-value-wins", "values"},
	{"release-not-said", "values, several clients"},
	{"unsaid-value-stays", "values, streams end"},
	{"value-not-said-again", "values, crash"},
	{"value-said-after-ping", "values, streams end"},
	{"session-over-leads-on", "values, cuts and pauses"},
	{"lapse-leads-on", "values, all faults, batches"},
	{"led-lock-forgotten", "values, forgetting"},
	{"doubt-too-soon", "values, cuts and pauses"},
	{"silent-leader-not-doubted", "values, all faults, batches"},
	{"run-not-witnessed", "runs"},
	{"run-witnessed-by-too-few", "runs"},
	{"own-disk-counts-at-once", "runs"},
	{"noted-before-it-is-stored", "runs, crash"},
	{"begun-runs-again", "runs, lapse"},
	{"begun-is-ran", "runs, batches"},
	{"begun-never-again", "runs, three"},
	{"done-runs-again", "runs again, crash"},
	{"older-tick-runs", "runs, all crash"},
	{"entry-not-in-the-token", "runs, tries"},
	{"token-without-done", "runs, three"},
	{"token-without-its-note", "runs, crash"},
	{"promise-without-note", "runs, crash"},
	{"notes-not-read", "runs, all crash"},
	{"void-counts", "void"},
	{"refused-token-stays", "refused"},
	{"void-keeps-its-fence", "runs"},
	{"kept-not-witnessed", "kept"},
	{"kept-ignored-at-entry", "kept, lapse"},
	{"kept-after-its-end", "kept"},
	{"kept-not-struck", "kept"},
	{"abandoned-hold-passes-on", "kept, batches"},
	{"adopted-by-another", "kept"},
	{"adopted-by-nobody", "kept, nobody's"},
	{"adoption-given-up-frees", "kept"},
	{"freed-without-a-quorum", "kept"},
	{"token-without-kept", "kept, crash"},
	{"members-chosen-by-too-few", "two proposers"},
	{"members-promise-not-kept", "three choose, crash"},
	{"members-accepted-ignored", "three choose, crash"},
	{"members-accepted-not-told", "three choose, crash"},
	{"members-accepted-not-on-disk", "three choose, crash"},
	{"members-choice-not-read", "three choose, crash"},
	{"members-lease-by-new", "3 to 1, behind"},
	{"members-lease-by-old", "1 to 3, behind"},
	{"members-joined-by-the-old", "1 to 3, behind"},
	{"members-leaver-has-joined", "2 to 1, stalls"},
	{"members-encumbered-has-joined", "2 to 1, clients"},
	{"members-floor-ignored", "the only one replaced"},
	{"members-completed-with-the-old-floor", "the only one replaced"},
	{"members-quorum-of-new", "the only one replaced"},
	{"members-silent-have-joined", "4 to 3, silent"},
	{"members-joined-without-notes", "the only one replaced, runs"},
	{"members-notes-not-stored", "the only one replaced, runs"},
}

// hardToCatch is how many of them every test run tries; each needs a build.
const hardToCatch = 2

func TestMain(m *testing.M) {
	name := os.Getenv(searchEnv)
	if name == "" {
		os.Exit(m.Run())
	}
	i := slices.IndexFunc(configs, func(c Config) bool { return c.Name == name })
	if i < 0 {
		fmt.Printf("there is no configuration %q\n", name)
		os.Exit(2)
	}
	r := Search(configs[i], enough)
	fmt.Println(r)
	if r.Violation == nil {
		fmt.Println(nothingFound)
		return
	}
	fmt.Println(foundSomething)
	fmt.Println(r.Violation.Trace())
}

// Exit codes of a search instead of tests.
const (
	nothingFound   = "explore: no promise is broken"
	foundSomething = "explore: a promise is broken"
)

func TestSearchCatchesWhatChanceDoesNot(t *testing.T) {
	for _, c := range caught[:hardToCatch] {
		t.Run(c.fault, func(t *testing.T) { searchWith(t, c.fault, c.config) })
	}
}

func TestSoakSearchCatchesPlantedFaults(t *testing.T) {
	if os.Getenv(soakEnv) == "" {
		t.Skip("this is for `make soak`: each fault needs a build")
	}
	for _, c := range caught[hardToCatch:] {
		t.Run(c.fault, func(t *testing.T) { searchWith(t, c.fault, c.config) })
	}
}

// searchWith plants a fault, searches a configuration, and fails if nothing is found.
func searchWith(t *testing.T, fault, config string) {
	cmd := exec.CommandContext(t.Context(), "go", "test", "-v", "-vet=off", "-count=1", "-overlay", plant(t, fault), ".")
	cmd.Env = append(os.Environ(), searchEnv+"="+config)
	out, err := cmd.CombinedOutput()
	first, _, _ := strings.Cut(string(out), "\n")
	switch {
	case err != nil:
		t.Fatalf("%s: %v\n%s", cmd, err, out)
	case strings.Contains(string(out), nothingFound):
		t.Errorf("not caught: %s", first)
	case !strings.Contains(string(out), foundSomething):
		t.Errorf("no search was made:\n%s", out)
	default:
		t.Log(first)
	}
}

// plant writes the changed source files of a fault, and the overlay that replaces the real
// ones. It returns the overlay's path.
func plant(t *testing.T, fault string) string {
	text, err := os.ReadFile(filepath.Join(faultFolder, fault+".txt"))
	if err != nil {
		t.Fatal(err)
	}
	folder := t.TempDir()
	replace := make(map[string]string)
	for _, c := range changes(t, fault, string(text)) {
		original, err := filepath.Abs(filepath.Join("..", "..", "..", "token", c.file))
		if err != nil {
			t.Fatal(err)
		}
		changed := replace[original]
		if changed == "" {
			changed = filepath.Join(folder, c.file)
			replace[original] = changed
			copyFile(t, original, changed)
		}
		source, err := os.ReadFile(changed)
		if err != nil {
			t.Fatal(err)
		}
		if n := strings.Count(string(source), c.before); n != 1 {
			t.Fatalf("fault %s: %s contains this %d times, want once:\n%s", fault, c.file, n, c.before)
		}
		writeFile(t, changed, strings.Replace(string(source), c.before, c.after, 1))
	}
	overlay, err := json.Marshal(map[string]any{"Replace": replace})
	if err != nil {
		t.Fatal(err)
	}
	path := filepath.Join(folder, "overlay.json")
	writeFile(t, path, string(overlay))
	return path
}

// change is one passage of a source file, as it is and as the fault has it.
type change struct{ file, before, after string }

// changes reads a fault's file: after a few lines about it, pairs of sections
// "-- FILE before --" and "-- FILE after --".
func changes(t *testing.T, fault, text string) []change {
	var list []change
	sections := strings.Split("\n"+text, "\n-- ")[1:]
	for _, section := range sections {
		head, body, found := strings.Cut(section, " --\n")
		file, side, sided := strings.Cut(head, " ")
		last := len(list) - 1
		switch body = strings.TrimRight(body, "\n"); {
		case found && sided && side == "before":
			list = append(list, change{file: file, before: body})
		case found && sided && side == "after" && last >= 0 && list[last].file == file && list[last].after == "":
			list[last].after = body
		default:
			t.Fatalf("fault %s: section %q is neither a before nor the after to one", fault, head)
		}
	}
	if len(list) == 0 {
		t.Fatalf("fault %s changes nothing", fault)
	}
	return list
}

func copyFile(t *testing.T, from, to string) {
	text, err := os.ReadFile(from)
	if err != nil {
		t.Fatal(err)
	}
	writeFile(t, to, string(text))
}

func writeFile(t *testing.T, path, text string) {
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
}
