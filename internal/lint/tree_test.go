package lint

import (
	"bytes"
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"io/fs"
	"path"
	"slices"
	"strconv"
	"strings"
)

// modulePath is the module's path, and the import path of its root package.
const modulePath = "conch"

// source is one Go file of the module.
type source struct {
	path      string // slash-separated, relative to the module's root
	isTest    bool
	generated bool
	lines     int
	imports   []string // import paths
	syntax    *ast.File
	positions *token.FileSet
}

// folder is the path of the folder that the file lies in; "." is the root.
func (s source) folder() string { return path.Dir(s.path) }

// position is where a part of the file stands, as path:line.
func (s source) position(n ast.Node) string {
	return fmt.Sprintf("%s:%d", s.path, s.positions.Position(n.Pos()).Line)
}

// readTree parses all Go files of the module whose root is fsys, in the order of
// their paths.
func readTree(fsys fs.FS) ([]source, error) {
	var tree []source
	err := fs.WalkDir(fsys, ".", func(name string, entry fs.DirEntry, err error) error {
		switch {
		case err != nil:
			return err
		case entry.IsDir() && leftOut(fsys, name):
			return fs.SkipDir
		case entry.IsDir() || path.Ext(name) != ".go":
			return nil
		}
		s, err := readSource(fsys, name)
		if err != nil {
			return err
		}
		tree = append(tree, s)
		return nil
	})
	return tree, err
}

// leftOut says whether a folder is none of the module's: what the go command
// leaves out too, what git ignores, and modules within the module.
func leftOut(fsys fs.FS, folder string) bool {
	if folder == "." {
		return false
	}
	base := path.Base(folder)
	if strings.HasPrefix(base, ".") || strings.HasPrefix(base, "_") || base == "testdata" {
		return true
	}
	if folder == "bin" || folder == "demo" {
		return true
	}
	_, err := fs.Stat(fsys, path.Join(folder, "go.mod"))
	return err == nil
}

func readSource(fsys fs.FS, name string) (source, error) {
	text, err := fs.ReadFile(fsys, name)
	if err != nil {
		return source{}, err
	}
	positions := token.NewFileSet()
	syntax, err := parser.ParseFile(positions, name, text, parser.ParseComments|parser.SkipObjectResolution)
	if err != nil {
		return source{}, err
	}
	s := source{
		path:      name,
		isTest:    strings.HasSuffix(name, "_test.go"),
		generated: ast.IsGenerated(syntax),
		lines:     bytes.Count(text, []byte("\n")),
		syntax:    syntax,
		positions: positions,
	}
	for _, spec := range syntax.Imports {
		imported, err := strconv.Unquote(spec.Path.Value)
		if err != nil {
			return source{}, fmt.Errorf("%s: import %s: %w", name, spec.Path.Value, err)
		}
		s.imports = append(s.imports, imported)
	}
	return s, nil
}

// room is the top-level folder of a path in the module; "" is the root.
func room(folder string) string {
	first, _, _ := strings.Cut(folder, "/")
	if first == "." {
		return ""
	}
	return first
}

// importedRoom is the room of ours that an import path leads to, if it is ours.
func importedRoom(imported string) (string, bool) {
	if imported == modulePath {
		return "", true
	}
	inside, ours := strings.CutPrefix(imported, modulePath+"/")
	return room(inside), ours
}

// folders lists the folders that hold Go files, sorted.
func folders(tree []source) []string {
	var all []string
	for _, s := range tree {
		all = append(all, s.folder())
	}
	slices.Sort(all)
	return slices.Compact(all)
}
