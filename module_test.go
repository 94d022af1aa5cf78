package conch_test

import (
	"context"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"

	"conch/internal/modulepath"
)

// moduleSection is the section of README.md on one's own module.
const moduleSection = "From your own Go module"

// outsideProgram is a user's program in a module of its own.
const outsideProgram = `package main

import (
	"context"
	"fmt"

	"conch"
)

func main() {
	ctx := context.Background()
	node, err := conch.Start(ctx, conch.Config{Listen: "127.0.0.1:0"})
	if err != nil {
		panic(err)
	}
	hold, err := node.Lock(ctx, "cs")
	defer hold.Unlock()
	if err != nil {
		panic(err)
	}
	fmt.Println("locked", hold.Fence() > 0)
}
`

// readModuleLines returns the commands of the section in README.md.
func readModuleLines(t *testing.T) []string {
	t.Helper()
	readme, err := os.ReadFile("README.md")
	if err != nil {
		t.Fatal(err)
	}
	_, section, found := strings.Cut(string(readme), "# "+moduleSection+"\n")
	if !found {
		t.Fatalf("README.md has no section %q", moduleSection)
	}
	section, _, _ = strings.Cut(section, "\n#")
	lines := regexp.MustCompile(`(?m)^[ \t]*(go mod edit [^\n]*?)[ \t]*$`).FindAllStringSubmatch(section, -1)
	var commands []string
	for _, line := range lines {
		commands = append(commands, line[1])
	}
	if len(commands) != 2 {
		t.Fatalf("README.md, %q: got %q, want two lines of go mod edit", moduleSection, commands)
	}
	return commands
}

// TestUseFromAnotherModule: a module outside uses the checkout as README.md says.
func TestUseFromAnotherModule(t *testing.T) {
	checkout, err := os.Getwd()
	if err != nil {
		t.Fatal(err)
	}
	gomod, err := os.ReadFile("go.mod")
	if err != nil {
		t.Fatal(err)
	}
	path, err := modulepath.Of(gomod)
	if err != nil {
		t.Fatal(err)
	}
	parent := t.TempDir()
	if err := os.Symlink(checkout, filepath.Join(parent, "conch")); err != nil {
		t.Fatal(err)
	}
	outside := filepath.Join(parent, "outside")
	if err := os.Mkdir(outside, 0o750); err != nil {
		t.Fatal(err)
	}
	program := strings.Replace(outsideProgram, `"conch"`, `"`+path+`"`, 1)
	program = strings.Replace(program, "127.0.0.1:0", freeAddresses(t, 1)[0], 1)
	if err := os.WriteFile(filepath.Join(outside, "main.go"), []byte(program), 0o600); err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithTimeout(t.Context(), 5*time.Minute)
	defer cancel()
	run := func(args ...string) string {
		t.Helper()
		command := exec.CommandContext(ctx, args[0], args[1:]...)
		command.Dir = outside
		// The product's dependencies are already in the module cache.
		command.Env = append(os.Environ(), "GOFLAGS=-mod=mod", "GOPROXY=off", "GOSUMDB=off", "GOWORK=off")
		out, err := command.CombinedOutput()
		if err != nil {
			t.Fatalf("%s: %v\n%s", strings.Join(args, " "), err, out)
		}
		return string(out)
	}
	run("go", "mod", "init", "example.org/outside")
	for _, line := range readModuleLines(t) {
		run(strings.Fields(line)...)
	}
	run("go", "build", "-buildvcs=false", "-o", "program", ".")
	if got := run("./program"); !strings.Contains(got, "locked true") {
		t.Errorf("the program says %q; want that it got the lock", got)
	}
}
