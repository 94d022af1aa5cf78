package lint

import (
	"os"
	"slices"
	"strings"
	"testing"
	"testing/fstest"
)

// TestHouse holds all rules against the module.
func TestHouse(t *testing.T) {
	tree, err := readTree(os.DirFS("../.."))
	if err != nil {
		t.Fatal(err)
	}
	if !slices.ContainsFunc(tree, func(s source) bool { return s.path == "internal/lint/lint_test.go" }) {
		t.Fatalf("read %d files, and this one is not among them: ../.. is not the module's root", len(tree))
	}
	for _, r := range rules {
		t.Run(r.name, func(t *testing.T) {
			for _, f := range r.check(tree) {
				t.Errorf("%s: %s\n\tRemedy: %s.", f.where, f.what, r.remedy)
			}
		})
	}
}

// planted is a module in which one rule is broken, or only just kept.
type planted struct {
	name  string
	rule  string
	files map[string]string
	want  []string // where each finding is, and the beginning of what it says
}

var plantings = []planted{
	{
		name:  "a folder that is no room",
		rule:  "rooms",
		files: map[string]string{"raft/raft.go": "package raft", "raft/log/log.go": "package log", "hosts/a.go": "package hosts"},
		want:  []string{"raft: Go code", "raft/log: Go code"},
	},
	{
		name: "folders that hold no code of the module",
		rule: "rooms",
		files: map[string]string{
			"pictures/a.svg": "", "bin/x/a.go": "package x", ".ci/a.go": "package ci",
			"vendored/go.mod": "module vendored", "vendored/a.go": "package vendored",
		},
	},
	{
		name: "the core imports the driver",
		rule: "arrows",
		files: map[string]string{
			"token/a.go": `package token; import "conch/broadcast"`,
		},
		want: []string{"token/a.go: imports conch/broadcast, and token may import nothing of ours"},
	},
	{
		name: "every room that may import little",
		rule: "arrows",
		files: map[string]string{
			"broadcast/a.go": `package broadcast; import ("conch/token"; "conch/logs"; "conch/proto/conch/peer/v1")`,
			"hosts/a.go":     `package hosts; import "` + modulePath + `"`,
			"logs/a.go":      `package logs; import "conch/internal/verify/sim"`,
			"proto/p/a.go":   `package p; import ("conch/token"; "conch/proto/q"; "conchology/token")`,
		},
		want: []string{
			"broadcast/a.go: imports conch/logs, and broadcast may import only token, proto, internal/claims, internal/frames, internal/leaders, internal/runs of ours",
			"hosts/a.go: imports " + modulePath + ", ",
			"logs/a.go: imports conch/internal/verify/sim, ",
			"proto/p/a.go: imports conch/token, ",
		},
	},
	{
		name: "cmd is imported",
		rule: "arrows",
		files: map[string]string{
			"a.go":              `package conch; import "conch/cmd/conch/run"`,
			"internal/x/a.go":   `package x; import "conch/cmd/conch/run"`,
			"logs/a_test.go":    `package logs; import "conch/cmd/conch/run"`,
			"cmd/conch/main.go": `package main; import ("conch/cmd/conch/run"; "` + modulePath + `"; "conch/internal/x")`,
		},
		want: []string{"a.go: imports conch/cmd", "internal/x/a.go: imports conch/cmd", "logs/a_test.go: imports conch/cmd"},
	},
	{
		name:  "a test looks further",
		rule:  "arrows",
		files: map[string]string{"broadcast/a_test.go": `package broadcast_test; import "conch/logs"`},
	},
	{
		name: "the core reads a clock, locks, draws and takes a module in",
		rule: "pure core",
		files: map[string]string{
			"token/a.go":      `package token; import ("time"; "fmt"; "slices")`,
			"token/b_test.go": `package token; import ("time"; "pgregory.net/rapid")`,
			"token/c.go":      `package token; import ("os"; "sync"; "context"; "net"; "math/rand"; "math/rand/v2")`,
			"token/d.go":      `package token; import "github.com/rs/zerolog"`,
			"hosts/a.go":      `package hosts; import "time"`,
		},
		want: []string{
			"token/a.go: imports time: time comes in",
			"token/c.go: imports os: ", "token/c.go: imports sync: ", "token/c.go: imports context: ",
			"token/c.go: imports net: ", "token/c.go: imports math/rand: ", "token/c.go: imports math/rand/v2: ",
			"token/d.go: imports github.com/rs/zerolog: pureMayImport",
		},
	},
	{
		name: "the core runs beside itself",
		rule: "pure core",
		files: map[string]string{
			"token/a.go":      "package token\n\nfunc f() {\n\tgo f()\n}\n\nvar inbox chan int\n",
			"token/a_test.go": "package token\n\nvar inbox chan int\n",
		},
		want: []string{"token/a.go:4: starts a goroutine", "token/a.go:7: has a channel"},
	},
	{
		name: "other pure packages",
		rule: "pure core",
		files: map[string]string{
			"internal/client/attachment/a.go":   `package attachment; import ("conch/token"; "conch/internal/frames"; "slices")`,
			"internal/client/attachment/b.go":   `package attachment; import ("sync"; "conch/broadcast"; "conch/proto/conch/client/v1")`,
			"internal/client/attachment/x/a.go": `package x; import "time"`,
			"internal/client/a.go":              `package client; import ("sync"; "time"; "conch/broadcast")`,
			"internal/claims/a.go":              `package claims; import ("context"; "conch/internal/frames")`,
			"internal/frames/a.go":              `package frames; import ("conch/token"; "conch/internal/claims")`,
			"broadcast/wire/a.go":               `package wire; import ("conch/token"; "google.golang.org/grpc/mem"; "google.golang.org/grpc")`,
		},
		want: []string{
			"broadcast/wire/a.go: imports google.golang.org/grpc: ",
			"internal/claims/a.go: imports context: ",
			"internal/client/attachment/b.go: imports sync: ", "internal/client/attachment/b.go: imports conch/broadcast: pureMayImport and purePackages",
			"internal/client/attachment/b.go: imports conch/proto/conch/client/v1: ",
			"internal/client/attachment/x/a.go: imports time: ",
			"internal/frames/a.go: imports conch/internal/claims: ",
		},
	},
	{
		name: "long files",
		rule: "file length",
		files: map[string]string{
			"logs/long.go":      "package logs\n" + strings.Repeat("\n", longestFile),
			"logs/full.go":      "package logs\n" + strings.Repeat("\n", longestFile-1),
			"logs/long_test.go": "package logs\n" + strings.Repeat("\n", longestFile),
			"logs/long.pb.go":   "// Code generated by x. DO NOT EDIT.\n\npackage logs\n" + strings.Repeat("\n", longestFile),
		},
		want: []string{"logs/long.go: has 451 lines, more than 450"},
	},
	{
		name: "packages without a word",
		rule: "doc.go",
		files: map[string]string{
			"a.go":               "// Package conch has its comment elsewhere.\npackage conch\n",
			"hosts/doc.go":       "// A comment about something else.\n\npackage hosts\n",
			"hosts/file.go":      "package hosts\n",
			"logs/doc.go":        "// Package logs is explained.\npackage logs\n",
			"logs/x/x_test.go":   "package x\n",
			"logs/testdata/t.go": "package t\n",
		},
		want: []string{".: has no doc.go", "hosts/doc.go: has no comment", "logs/x: has no doc.go"},
	},
	{
		name: "names that say nothing",
		rule: "package names",
		files: map[string]string{
			"internal/util/a.go":         "package util",
			"internal/x/a_test.go":       "package helpers_test",
			"internal/lockmanager/a.go":  "package lockmanager",
			"internal/utilisation/a.go":  "package utilisation",
			"internal/common/b/other.go": "package other",
		},
		want: []string{"internal/util/a.go: package util", "internal/x/a_test.go: package helpers"},
	},
	{
		name: "tests that sleep",
		rule: "sleeping tests",
		files: map[string]string{
			"hosts/a_test.go": "package hosts\n\nimport \"time\"\n\nfunc f() {\n\ttime.Sleep(1)\n}\n",
			"hosts/b_test.go": "package hosts\n\nimport clock \"time\"\n\nvar f = clock.Sleep\n",
			"hosts/c_test.go": "package hosts\n\nimport (\n\t\"testing/synctest\"\n\t\"time\"\n)\n\nfunc f() {\n\ttime.Sleep(1)\n}\n",
			"hosts/d_test.go": "package hosts\n\nimport \"conch/internal/time\"\n\nfunc f() {\n\ttime.Sleep(1)\n}\n",
			"hosts/e.go":      "package hosts\n\nimport \"time\"\n\nfunc f() {\n\ttime.Sleep(1)\n}\n",
		},
		want: []string{"hosts/a_test.go:6: a test sleeps", "hosts/b_test.go:5: a test sleeps"},
	},
}

// TestRulesFindWhatIsPlanted shows that each rule can fail, and where it does not.
func TestRulesFindWhatIsPlanted(t *testing.T) {
	for _, p := range plantings {
		t.Run(p.name, func(t *testing.T) {
			i := slices.IndexFunc(rules, func(r rule) bool { return r.name == p.rule })
			if i < 0 {
				t.Fatalf("there is no rule %q", p.rule)
			}
			fsys := fstest.MapFS{}
			for name, text := range p.files {
				fsys[name] = &fstest.MapFile{Data: []byte(text)}
			}
			tree, err := readTree(fsys)
			if err != nil {
				t.Fatal(err)
			}
			var got []string
			for _, f := range rules[i].check(tree) {
				got = append(got, f.where+": "+f.what)
			}
			if !slices.EqualFunc(got, p.want, strings.HasPrefix) {
				t.Errorf("found\n\t%s\nwant, each a beginning,\n\t%s", strings.Join(got, "\n\t"), strings.Join(p.want, "\n\t"))
			}
		})
	}
}

// TestEachRuleHasAPlantedViolation keeps a rule from being added that nobody has
// seen fail.
func TestEachRuleHasAPlantedViolation(t *testing.T) {
	for _, r := range rules {
		if !slices.ContainsFunc(plantings, func(p planted) bool { return p.rule == r.name && len(p.want) > 0 }) {
			t.Errorf("rule %q: no planted violation in plantings", r.name)
		}
	}
}
