package lint

import (
	"os"
	"regexp"
	"slices"
	"strings"
	"testing"
)

var (
	// required is a direct dependency in go.mod.
	required = regexp.MustCompile(`(?m)^\t(\S+) v\S+$`)
	// reasoned is the first cell of a row of docs/DEPENDENCIES.md.
	reasoned = regexp.MustCompile(`(?m)^\| ([a-z]\S*\.\S[^|]*?) \|`)
	// mapped is a package that docs/CODE.md links.
	mapped = regexp.MustCompile("\\[`([a-z/]+)/`\\]")
)

// direct returns the modules that a go.mod requires directly.
func direct(gomod string) (modules []string) {
	for _, match := range required.FindAllStringSubmatch(gomod, -1) {
		modules = append(modules, match[1])
	}
	return modules
}

// inTable returns the modules that have a row. A row may name several, and say in
// parentheses which package of one is meant.
func inTable(page string) (modules []string) {
	for _, match := range reasoned.FindAllStringSubmatch(page, -1) {
		for name := range strings.SplitSeq(match[1], ", ") {
			name, _, _ = strings.Cut(name, " ")
			modules = append(modules, name)
		}
	}
	return modules
}

// differ says which modules only one of go.mod and the table has.
func differ(gomod, page string) (faults []string) {
	have, want := inTable(page), direct(gomod)
	for _, module := range want {
		if !slices.Contains(have, module) {
			faults = append(faults, module+" has no row: say in one line why it is needed")
		}
	}
	for _, module := range have {
		if !slices.Contains(want, module) {
			faults = append(faults, module+" has a row, but go.mod does not require it directly: remove the row")
		}
	}
	return faults
}

func read(t *testing.T, name string) string {
	t.Helper()
	text, err := os.ReadFile("../../" + name)
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}

// TestEveryDependencyHasAReason holds docs/DEPENDENCIES.md against go.mod.
func TestEveryDependencyHasAReason(t *testing.T) {
	for _, fault := range differ(read(t, "go.mod"), read(t, "docs/DEPENDENCIES.md")) {
		t.Error("docs/DEPENDENCIES.md: " + fault)
	}
}

// TestDependencyFaultsAreFound plants a missing row and a needless one.
func TestDependencyFaultsAreFound(t *testing.T) {
	const gomod = "require (\n\texample.org/a v1.0.0\n\texample.org/b v1.0.0\n\texample.org/c v1.0.0\n\texample.org/i v1.0.0 // indirect\n)\n"
	const page = "| module | why |\n|---|---|\n| example.org/a, example.org/d | x |\n| example.org/c (`part`) | x |\n"
	got := differ(gomod, page)
	want := []string{
		"example.org/b has no row: say in one line why it is needed",
		"example.org/d has a row, but go.mod does not require it directly: remove the row",
	}
	if !slices.Equal(got, want) {
		t.Errorf("got %q, want %q", got, want)
	}
}

// TestEveryPackageIsOnTheMap holds docs/CODE.md against the folders that have Go code. A
// folder below one that is on the map needs no row of its own.
func TestEveryPackageIsOnTheMap(t *testing.T) {
	tree, err := readTree(os.DirFS("../.."))
	if err != nil {
		t.Fatal(err)
	}
	var onMap []string
	for _, match := range mapped.FindAllStringSubmatch(read(t, "docs/CODE.md"), -1) {
		onMap = append(onMap, match[1])
	}
	for _, folder := range folders(tree) {
		if folder == "." || folder == "" || strings.HasPrefix(folder, "tools") {
			continue
		}
		if !slices.ContainsFunc(onMap, func(known string) bool { return folder == known || strings.HasPrefix(folder, known+"/") }) {
			t.Errorf("docs/CODE.md has no row for %s: say in one line what it does", folder)
		}
	}
}

// TestReadmeIsShort: a newcomer reads the README whole. What does not fit belongs in docs/.
func TestReadmeIsShort(t *testing.T) {
	const most = 12288
	if size := len(read(t, "README.md")); size > most {
		t.Errorf("README.md has %d bytes, want at most %d: move what only some readers need to docs/", size, most)
	}
}
