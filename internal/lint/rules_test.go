package lint

import (
	"fmt"
	"go/ast"
	"path"
	"slices"
	"strings"
)

// rule is one rule of the house.
type rule struct {
	name   string
	check  func(tree []source) []finding
	remedy string // what to do about a finding
}

// finding is one place where a rule is broken.
type finding struct {
	where string // path, or path:line
	what  string
}

// longestFile is how many lines a file may have. The house's measure is some 300
// lines with one main idea; a file beyond this bound has more than one.
const longestFile = 450

// arrows tells, for each room, which other rooms its code may import, or which single
// packages of one. Data has one way through the house, and arrows never run back. Room "" is the root
// package. Tests are free, but nothing imports cmd.
var arrows = map[string][]string{
	"token":     {},
	"proto":     {},
	"hosts":     {},
	"logs":      {},
	"broadcast": {"token", "proto", "internal/claims", "internal/frames", "internal/leaders", "internal/runs"},
	"":          {"token", "proto", "hosts", "logs", "broadcast", "internal"},
	"internal":  {"token", "proto", "hosts", "logs", "broadcast", "internal", ""},
	"cmd":       {"token", "proto", "hosts", "logs", "broadcast", "internal", ""},
	"bench":     {"token", "proto", "hosts", "logs", "broadcast", "internal", ""},
	"tools":     {},
}

// purePackages are the packages that decide and do nothing else, by their folders, with
// what each may import beside pureMayImport.
var purePackages = map[string][]string{
	"token":                      {"crypto/sha256", "encoding/hex"},
	"internal/runs":              {"conch/token", "encoding/json"},
	"internal/frames":            {"conch/token", "conch/internal/runs"},
	"internal/claims":            {"conch/token", "conch/internal/frames", "conch/internal/runs"},
	"internal/client/attachment": {"conch/token", "conch/internal/frames", "conch/internal/runs"},
	"internal/discovery":         {"conch/token"},
	"internal/leaders":           {"conch/token"},
	"broadcast/wire": {
		"conch/token", "conch/proto/conch/peer/v1", "google.golang.org/protobuf/proto", "google.golang.org/protobuf/encoding/protowire",
		"google.golang.org/grpc/encoding", "google.golang.org/grpc/encoding/proto", "google.golang.org/grpc/mem",
	},
}

// pureMayImport lists what a pure package may import. What is listed neither starts a
// goroutine nor lets its caller read a clock, draw a random number or reach outside.
// (fmt prints as well as formats; golangci-lint refuses printing.)
var pureMayImport = []string{
	"bytes", "cmp", "container/heap", "encoding/binary", "errors", "fmt", "iter", "maps",
	"math", "math/bits", "slices", "sort", "strconv", "strings", "unicode/utf8",
}

// pureReasons says why a pure package may not import what it is most likely to.
var pureReasons = map[string]string{
	"time":         "time comes in as an argument, a plain number type of the package's own",
	"os":           "the driver performs what is to be done outside",
	"sync":         "one goroutine owns the state, so it needs no lock",
	"sync/atomic":  "one goroutine owns the state, so it needs no lock",
	"context":      "nothing here waits, so there is nothing to cancel",
	"net":          "the driver sends; members are small integers here",
	"math/rand":    "the same inputs lead to the same outputs; the caller draws",
	"math/rand/v2": "the same inputs lead to the same outputs; the caller draws",
	"crypto/rand":  "the same inputs lead to the same outputs; the caller draws",
}

// emptyNames are names of packages that say nothing of what is inside.
var emptyNames = []string{
	"util", "utils", "common", "commons", "helper", "helpers", "manager", "managers",
	"misc", "shared", "base", "lib",
}

var rules = []rule{
	{
		name:   "rooms",
		check:  checkRooms,
		remedy: "put the package into one of the rooms; a new room needs a line in docs/CODE.md, and a line in arrows in internal/lint",
	},
	{
		name:   "arrows",
		check:  checkArrows,
		remedy: "move what both need to where both may import it, or hand it in as a value, a function or an interface from the room above",
	},
	{
		name:   "pure core",
		check:  checkPureCore,
		remedy: "let the driver do it: take it as an argument, or give it back as an effect",
	},
	{
		name:   "file length",
		check:  checkLength,
		remedy: "split it by its ideas; some 300 lines with one main idea is the measure",
	},
	{
		name:   "doc.go",
		check:  checkDoc,
		remedy: "write a doc.go that opens with what the package is for and what is not promised",
	},
	{
		name:   "package names",
		check:  checkNames,
		remedy: "name the package for what it provides, or move the code to where it is used",
	},
	{
		name:   "sleeping tests",
		check:  checkSleeps,
		remedy: "wait for the event itself, or test inside a testing/synctest bubble, where sleeping takes no time",
	},
}

func checkRooms(tree []source) []finding {
	var found []finding
	for _, folder := range folders(tree) {
		if _, known := arrows[room(folder)]; !known {
			found = append(found, finding{folder, "Go code outside the rooms of the house"})
		}
	}
	return found
}

func checkArrows(tree []source) []finding {
	var found []finding
	for _, s := range tree {
		from := room(s.folder())
		for _, imported := range s.imports {
			to, ours := importedRoom(imported)
			switch {
			case !ours || to == from:
			case to == "cmd":
				found = append(found, finding{s.path, fmt.Sprintf("imports %s, which nothing may import", imported)})
			case !s.isTest && !slices.Contains(arrows[from], to) && !slices.Contains(arrows[from], strings.TrimPrefix(imported, modulePath+"/")):
				found = append(found, finding{s.path, fmt.Sprintf(
					"imports %s, and %s may import %s of ours", imported, roomName(from), roomNames(arrows[from]))})
			}
		}
	}
	return found
}

// roomName and roomNames name rooms to people.
func roomName(room string) string {
	if room == "" {
		return "the root package"
	}
	return room
}

func roomNames(rooms []string) string {
	if len(rooms) == 0 {
		return "nothing"
	}
	var names []string
	for _, r := range rooms {
		names = append(names, roomName(r))
	}
	return "only " + strings.Join(names, ", ")
}

func checkPureCore(tree []source) []finding {
	var found []finding
	for _, s := range tree {
		ours, pure := pureImports(s.folder())
		if s.isTest || !pure {
			continue
		}
		for _, imported := range s.imports {
			if slices.Contains(pureMayImport, imported) || slices.Contains(ours, imported) {
				continue
			}
			reason, known := pureReasons[imported]
			if !known {
				reason = "pureMayImport and purePackages in internal/lint list what it may import; the lists are for packages without goroutines, clocks, randomness and I/O"
			}
			found = append(found, finding{s.path, fmt.Sprintf("imports %s: %s", imported, reason)})
		}
		ast.Inspect(s.syntax, func(n ast.Node) bool {
			switch n.(type) {
			case *ast.GoStmt:
				found = append(found, finding{s.position(n), "starts a goroutine: the core does all its work inside its methods"})
			case *ast.ChanType:
				found = append(found, finding{s.position(n), "has a channel: inputs are methods, and outputs are values"})
			}
			return true
		})
	}
	return found
}

// pureImports returns what of ours a folder's package may import, and whether it has to be
// pure: folders below a pure one have to be, too.
func pureImports(folder string) (ours []string, pure bool) {
	for ; folder != "."; folder = path.Dir(folder) {
		if ours, pure = purePackages[folder]; pure {
			return ours, true
		}
	}
	return nil, false
}

func checkLength(tree []source) []finding {
	var found []finding
	for _, s := range tree {
		if !s.isTest && !s.generated && s.lines > longestFile {
			found = append(found, finding{s.path, fmt.Sprintf("has %d lines, more than %d", s.lines, longestFile)})
		}
	}
	return found
}

func checkDoc(tree []source) []finding {
	var found []finding
	for _, folder := range folders(tree) {
		i := slices.IndexFunc(tree, func(s source) bool { return s.path == path.Join(folder, "doc.go") })
		switch {
		case i < 0:
			found = append(found, finding{folder, "has no doc.go"})
		case tree[i].syntax.Doc.Text() == "":
			found = append(found, finding{tree[i].path, "has no comment right above its package clause"})
		}
	}
	return found
}

func checkNames(tree []source) []finding {
	var found []finding
	for _, s := range tree {
		name := strings.TrimSuffix(s.syntax.Name.Name, "_test")
		if slices.Contains(emptyNames, name) {
			found = append(found, finding{s.path, fmt.Sprintf("package %s: the name says nothing", name)})
		}
	}
	return found
}

func checkSleeps(tree []source) []finding {
	var found []finding
	for _, s := range tree {
		if !s.isTest || slices.Contains(s.imports, "testing/synctest") {
			continue
		}
		clock := importName(s, "time")
		ast.Inspect(s.syntax, func(n ast.Node) bool {
			selector, ok := n.(*ast.SelectorExpr)
			if !ok || selector.Sel.Name != "Sleep" {
				return true
			}
			if left, ok := selector.X.(*ast.Ident); ok && left.Name == clock {
				found = append(found, finding{s.position(n), "a test sleeps on the real clock"})
			}
			return true
		})
	}
	return found
}

// importName is the name by which a file speaks of a package of the standard
// library, or "" if it does not import it.
func importName(s source, imported string) string {
	i := slices.Index(s.imports, imported)
	switch {
	case i < 0:
		return ""
	case s.syntax.Imports[i].Name != nil:
		return s.syntax.Imports[i].Name.Name
	default:
		return path.Base(imported)
	}
}
