package main

import (
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"
)

// document reads a file of the checkout.
func document(t *testing.T, name string) string {
	t.Helper()
	text, err := os.ReadFile(filepath.Join("..", "..", name))
	check(t, err)
	return string(text)
}

// written returns the names of the documents for readers.
func written(t *testing.T) []string {
	t.Helper()
	pages, err := filepath.Glob("../../docs/*.md")
	check(t, err)
	names := []string{"README.md", "CONTRIBUTING.md", "token/DESIGN.md"}
	for _, page := range pages {
		names = append(names, "docs/"+filepath.Base(page))
	}
	return names
}

// unknown returns the matches of a pattern's group that are not known, and the number of
// all matches.
func unknown(text, pattern string, known func(string) bool) (names []string, found int) {
	for _, match := range regexp.MustCompile(pattern).FindAllStringSubmatch(text, -1) {
		found++
		if !known(match[1]) && !slices.Contains(names, match[1]) {
			names = append(names, match[1])
		}
	}
	return names, found
}

// foreign are flags of other programs in documents.
var foreign = []string{"arg", "no-log-prefix", "output", "prefix", "replicas", "set", "sort", "timestamps", "unit"}

// TestFlagsInDocumentsExist reports flags that no command has.
func TestFlagsInDocumentsExist(t *testing.T) {
	known := slices.Clone(foreign)
	var collect func(*cobra.Command)
	collect = func(cmd *cobra.Command) {
		cmd.InitDefaultHelpFlag()
		cmd.Flags().VisitAll(func(f *pflag.Flag) { known = append(known, f.Name) })
		for _, sub := range cmd.Commands() {
			collect(sub)
		}
	}
	collect(newRootCommand())
	total := 0
	for _, name := range written(t) {
		names, found := unknown(document(t, name), `(?m)(?:^|[\s"'\x60(\[|])--([a-z][a-z-]*)`, func(flag string) bool { return slices.Contains(known, flag) })
		total += found
		for _, flag := range names {
			t.Errorf("%s names the flag --%s, which no command has", name, flag)
		}
	}
	if total < 100 {
		t.Errorf("only %d flags were found in the documents: is this test blind?", total)
	}
}

// TestTargetsInDocumentsExist reports targets that the Makefile lacks.
func TestTargetsInDocumentsExist(t *testing.T) {
	rules := document(t, "Makefile") + document(t, "packaging/packaging.mk")
	known := func(target string) bool {
		return target == "deploy" || // an example of a job
			regexp.MustCompile(`(?m)^([a-z0-9 -]* )?`+target+`( [a-z0-9 -]*)?:`).MatchString(rules)
	}
	total := 0
	for _, name := range written(t) {
		names, found := unknown(document(t, name), `(?m)(?:^ {4}|\x60)make ([a-z][a-z0-9-]*)`, known)
		total += found
		for _, target := range names {
			t.Errorf("%s names make %s, which the Makefile does not have", name, target)
		}
	}
	if total < 30 {
		t.Errorf("only %d targets were found in the documents: is this test blind?", total)
	}
}

// TestTestsInDocumentsExist reports names of tests that do not exist. A name that ends with
// … stands for all that begin so.
func TestTestsInDocumentsExist(t *testing.T) {
	var tests []string
	check(t, filepath.WalkDir("../..", func(path string, entry fs.DirEntry, err error) error {
		switch {
		case err != nil:
			return err
		case entry.IsDir() && strings.HasPrefix(entry.Name(), ".") && entry.Name() != "..":
			return fs.SkipDir
		case entry.IsDir() || !strings.HasSuffix(path, "_test.go"):
			return nil
		}
		source, err := os.ReadFile(path)
		for _, match := range regexp.MustCompile(`(?m)^func ((?:Test|Fuzz|Benchmark|Example)\w*)\(`).FindAllSubmatch(source, -1) {
			tests = append(tests, string(match[1]))
		}
		return err
	}))
	known := func(name string) bool {
		beginning, isMany := strings.CutSuffix(name, "…")
		return slices.ContainsFunc(tests, func(test string) bool { return test == name || isMany && strings.HasPrefix(test, beginning) })
	}
	total := 0
	for _, name := range written(t) {
		names, found := unknown(document(t, name), `\b((?:Test|Fuzz|Benchmark|Example)[A-Z]\w*…?)`, known)
		total += found
		for _, test := range names {
			t.Errorf("%s names %s, which is no test", name, test)
		}
	}
	if total < 50 {
		t.Errorf("only %d names of tests were found in the documents: is this test blind?", total)
	}
}

// TestNamesForOperatorsExist compares the events, keys, metrics and alerts on the pages for
// operators with those that nodes have.
func TestNamesForOperatorsExist(t *testing.T) {
	keys := document(t, "logs/SCHEMA.md") + document(t, "internal/render/JSON.md")
	var metrics strings.Builder
	sources, err := filepath.Glob("../../internal/metrics/*.go")
	check(t, err)
	for _, source := range sources {
		if !strings.HasSuffix(source, "_test.go") {
			metrics.WriteString(document(t, "internal/metrics/"+filepath.Base(source)))
		}
	}
	known := func(name string) bool {
		if metric, isMetric := strings.CutPrefix(name, "conch_"); isMetric {
			return strings.Contains(metrics.String(), `"`+metric+`"`) || strings.Contains(metrics.String(), `"`+name+`"`)
		}
		return strings.Contains(keys, "`"+name+"`") || name == "stop_grace_period" // of docker-compose
	}
	for _, page := range []string{"docs/OPERATIONS.md", "docs/NODE.md"} {
		names, found := unknown(document(t, page), "`([a-z]+(?:_[a-z]+)+)`", known)
		for _, name := range names {
			t.Errorf("%s names %s, which is no event, key or metric", page, name)
		}
		if found < 5 {
			t.Errorf("only %d names were found in %s: is this test blind?", found, page)
		}
	}
	operations := document(t, "docs/OPERATIONS.md")
	alerts := regexp.MustCompile(`(?m)^ *- alert: (\w+)$`).FindAllStringSubmatch(document(t, "internal/metrics/alerts.yml"), -1)
	for _, alert := range alerts {
		if !strings.Contains(operations, "\n| `"+alert[1]+"` |") {
			t.Errorf("docs/OPERATIONS.md does not say what to do on the alert %s", alert[1])
		}
	}
	warnings := regexp.MustCompile("(?m)^\\| `([a-z_]+)` .*\\(level `warn`\\) \\|$").FindAllStringSubmatch(document(t, "logs/SCHEMA.md"), -1)
	for _, warning := range warnings {
		if !strings.Contains(operations, "\n| `"+warning[1]+"`") && !strings.Contains(operations, ", `"+warning[1]+"` |") {
			t.Errorf("docs/OPERATIONS.md does not say what the warning %s means", warning[1])
		}
	}
	if len(alerts) < 5 || len(warnings) < 5 {
		t.Errorf("%d alerts and %d warnings were found: is this test blind?", len(alerts), len(warnings))
	}
}
