package lab

import (
	"bytes"
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"testing"
)

func TestParse(t *testing.T) {
	got, err := parse([]byte("lab: 9, a title\nrule: none\ndemo: --nodes 3\ncheck: 1\n-- pass.go before --\na\n-- pass.go after --\nb\n"))
	check(t, err)
	want := &Lab{Title: "9, a title", Rule: "none", Demo: []string{"--nodes", "3"}, Check: 1, Edits: []Edit{{"pass.go", "a\n", "b\n"}}}
	if !reflect.DeepEqual(got, want) {
		t.Errorf("got %+v, want %+v", got, want)
	}
	for text, want := range map[string]string{
		"lab: x\n":                                                "are needed",
		"lab: x\ncheck: one\n":                                    `got "one", want an exit code`,
		"lab: x\ncheck: 1\nhello\n":                               `got the line "hello"`,
		"lab: x\ncheck: 1\n-- a.go --\n":                          `got the section "a.go"`,
		"lab: x\ncheck: 1\n-- a.go before --\n":                   `got the section "a.go before"`,
		"lab: x\ncheck: 1\n-- a.go before --\n-- b.go after --\n": `want pairs`,
	} {
		if _, err := parse([]byte(text)); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%q: %v, want %q", text, err, want)
		}
	}
}

// TestRunSaysWhatWentWrong: a piece that is not there, and a check that ends otherwise. The
// programs are scripts.
func TestRunSaysWhatWentWrong(t *testing.T) {
	root := t.TempDir()
	check(t, os.Mkdir(filepath.Join(root, "token"), 0o755))
	check(t, os.WriteFile(filepath.Join(root, "token", "pass.go"), []byte("package token\n"), 0o600))
	program := filepath.Join(root, "conch")
	check(t, os.WriteFile(program, []byte("#!/bin/sh\nif [ $1 = demo ]; then mkdir -p $3 && touch $3/node1.log; else echo verdict; fi\n"), 0o700))
	cfg := Config{Root: root, Program: program, Dir: filepath.Join(root, "lab"), Out: new(bytes.Buffer)}
	for _, test := range []struct {
		lab  Lab
		want string
	}{
		{Lab{Title: "x", Check: 0}, ""},
		{Lab{Title: "x", Check: 1}, "expects the check to end with 1, and it ended with 0"},
		{Lab{Title: "x", Edits: []Edit{{"pass.go", "not there\n", ""}}}, "token/pass.go has this piece 0 times, want once"},
		{Lab{Title: "x", Edits: []Edit{{"none.go", "a\n", ""}}}, "none.go: no such file"},
	} {
		err := test.lab.Run(t.Context(), cfg)
		if test.want == "" && err != nil || test.want != "" && (err == nil || !strings.Contains(err.Error(), test.want)) {
			t.Errorf("%+v: %v, want %q", test.lab, err, test.want)
		}
	}
}
