//go:build !race

package sim

import (
	"flag"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/rogpeppe/go-internal/txtar"
)

// A fault is a rule of the protocol switched off in a copy of its package, so that the
// package itself needs no switch. Each file in testdata/faults is one: the rule, what
// catches its absence, and pieces of source before and after. The tests of this package are
// built over the copy, and must fail.

var (
	huntFlag    = flag.Int("hunt", 100, "how many seeds TestHunt runs")
	changesFlag = flag.Bool("changes", false, "TestHunt runs only seeds whose members change")
)

// TestHunt runs seeds one after the other until one fails.
func TestHunt(t *testing.T) {
	w := new(World)
	for seed, runs := uint64(1), 0; runs < *huntFlag; seed++ {
		p := Draw(seed)
		if *changesFlag && !p.Changes {
			continue
		}
		runs++
		if f := w.Run(p).Failure; f != nil {
			t.Fatalf("seed %d: %v", seed, f)
		}
	}
}

// fault is what a file in testdata/faults says.
type fault struct {
	name string
	// seeds is within how many seeds the simulator must find it; 0 if it need not. A
	// directed test of its name, if there is one, must find it too.
	seeds int
	// changes: these are seeds whose members change.
	changes   bool
	edits     []edit
	hasSwitch bool
}

type edit struct{ file, before, after string }

// path is the file's in the module: one without a folder is of package token.
func (e edit) path() string {
	if strings.Contains(e.file, "/") {
		return e.file
	}
	return "token/" + e.file
}

func TestPlantedFaults(t *testing.T) {
	paths, err := filepath.Glob("testdata/faults/*.txt")
	if err != nil || len(paths) == 0 {
		t.Fatalf("%d faults, error %v", len(paths), err)
	}
	faults := make([]*fault, len(paths))
	s := switched{files: make(map[string]*switchedFile)}
	var alone []string
	for i, path := range paths {
		faults[i] = readFault(t, path)
		if faults[i].hasSwitch = s.add(t, faults[i]); !faults[i].hasSwitch {
			alone = append(alone, faults[i].name)
		}
	}
	t.Logf("of %d faults, %d have a build of their own: %v", len(faults), len(alone), alone)
	all := s.build(t)
	if found := find(t, all, "", []string{"-test.run=^TestHunt$", "-hunt=100"}); found != "" {
		t.Fatalf("with no fault switched on: %s", found)
	}
	for _, f := range faults {
		t.Run(f.name, func(t *testing.T) {
			t.Parallel()
			tests := all
			if !f.hasSwitch {
				tests = build(t, f)
			}
			for _, args := range f.searches() {
				begin := time.Now()
				found := find(t, tests, f.name, args)
				if found == "" {
					t.Errorf("%v finds nothing\nEither the fault is not what it was (renew testdata/faults/%s.txt), or the simulator has lost its sight.", args, f.name)
				}
				t.Logf("%s, after %.1f s: %s", f.name, time.Since(begin).Seconds(), found)
			}
		})
	}
}

// readFault reads a file of testdata/faults: a txtar archive whose comment is the
// rule and what catches its absence.
func readFault(t *testing.T, path string) *fault {
	t.Helper()
	archive, err := txtar.ParseFile(path)
	if err != nil {
		t.Fatal(err)
	}
	f := &fault{name: strings.TrimSuffix(filepath.Base(path), ".txt")}
	_, caught, _ := strings.Cut(string(archive.Comment), "caught by: ")
	switch caught = strings.TrimSpace(caught); caught {
	case "directed test":
		if directed[f.name] == nil {
			t.Fatalf("%s: there is no directed test of that name", path)
		}
	default:
		caught, f.changes = strings.CutSuffix(caught, " of changes")
		if n, err := fmt.Sscanf(caught, "random search, %d seeds", &f.seeds); n != 1 || f.seeds < 1 {
			t.Fatalf("%s: caught by: got %q, want \"random search, N seeds\", with \" of changes\" behind it or not, or \"directed test\" (%v)", path, caught, err)
		}
	}
	for k := 0; k+1 < len(archive.Files); k += 2 {
		file, isBefore := strings.CutSuffix(archive.Files[k].Name, " before")
		if !isBefore || archive.Files[k+1].Name != file+" after" {
			t.Fatalf("%s: got %q and %q, want pairs of \"FILE before\" and \"FILE after\"", path, archive.Files[k].Name, archive.Files[k+1].Name)
		}
		f.edits = append(f.edits, edit{file, string(archive.Files[k].Data), string(archive.Files[k+1].Data)})
	}
	return f
}

// build builds the tests of this package over copies of the files that have the fault.
func build(t *testing.T, f *fault) (tests string) {
	t.Helper()
	o := overlay{t: t, dir: t.TempDir(), Replace: make(map[string]string)}
	texts := make(map[string]string) // with the edits so far
	for _, e := range f.edits {
		source, edited := texts[e.path()]
		if !edited {
			text, err := os.ReadFile(filepath.Join("..", "..", "..", e.path()))
			if err != nil {
				t.Fatal(err)
			}
			source = string(text)
		}
		if n := strings.Count(source, e.before); n != 1 {
			t.Fatalf("%s has this %d times, want once; renew the fault:\n%s", e.path(), n, e.before)
		}
		texts[e.path()] = strings.Replace(source, e.before, e.after, 1)
	}
	for path, text := range texts {
		o.put(path, text)
	}
	return o.build()
}

var finding = regexp.MustCompile(`(seed \d+: )?at \d+ µs: .*`)

// searches are the searches that must find the fault, as arguments of the test binary.
func (f *fault) searches() (all [][]string) {
	if f.seeds > 0 {
		all = append(all, []string{"-test.run=^TestHunt$", fmt.Sprintf("-hunt=%d", f.seeds), fmt.Sprintf("-changes=%t", f.changes)})
	}
	if directed[f.name] != nil {
		all = append(all, []string{"-test.run=^TestDirected$/^" + f.name + "$"})
	}
	return all
}

// find runs the tests with the fault and returns their finding; "" if they pass.
func find(t *testing.T, tests, fault string, args []string) string {
	t.Helper()
	cmd := exec.CommandContext(t.Context(), tests, args...)
	cmd.Env = append(os.Environ(), switchedOn+"="+fault)
	out, err := cmd.CombinedOutput()
	if err == nil {
		return ""
	}
	found := finding.FindString(string(out))
	if found == "" {
		t.Fatalf("%v, and no judge says why:\n%s", err, out)
	}
	return found
}
