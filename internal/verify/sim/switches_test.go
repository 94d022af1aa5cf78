//go:build !race

package sim

import (
	"encoding/json"
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

// A build takes longer than most searches. So one build has all faults that lie within
// functions, each with a switch: a function that has the fault stands beside the one that has
// not, which calls it if the fault is switched on. The others have a build of their own.

// switchedOn is the variable of the environment that names the fault.
const switchedOn = "CONCH_PLANTED_FAULT"

// switched is the code with switches.
type switched struct {
	files map[string]*switchedFile // by path in the module
}

// switchedFile is a file with functions that have faults.
type switchedFile struct {
	text   string
	fset   *token.FileSet
	parsed *ast.File
	copies map[*ast.FuncDecl][]faultyCopy
}

// faultyCopy is a function with a fault.
type faultyCopy struct{ fault, text string }

// add adds a fault, and reports whether it has a switch.
func (s *switched) add(t *testing.T, f *fault) bool {
	t.Helper()
	type function struct {
		file *switchedFile
		decl *ast.FuncDecl
	}
	edited := make(map[function]string)
	for _, e := range f.edits {
		file := s.file(t, e.path())
		decl := file.around(e.before)
		if decl == nil || !callable(decl) {
			return false
		}
		fn := function{file, decl}
		text, ok := edited[fn]
		if !ok {
			text = file.source(decl)
		}
		if strings.Count(text, e.before) != 1 {
			return false
		}
		edited[fn] = strings.Replace(text, e.before, e.after, 1)
	}
	for fn, text := range edited {
		fn.file.copies[fn.decl] = append(fn.file.copies[fn.decl], faultyCopy{f.name, text})
	}
	return true
}

// file reads a file of the module.
func (s *switched) file(t *testing.T, path string) *switchedFile {
	t.Helper()
	if f := s.files[path]; f != nil {
		return f
	}
	text, err := os.ReadFile(filepath.Join("..", "..", "..", path))
	if err != nil {
		t.Fatal(err)
	}
	f := &switchedFile{text: string(text), fset: token.NewFileSet(), copies: make(map[*ast.FuncDecl][]faultyCopy)}
	if f.parsed, err = parser.ParseFile(f.fset, path, text, parser.SkipObjectResolution); err != nil {
		t.Fatal(err)
	}
	s.files[path] = f
	return f
}

func (f *switchedFile) offset(p token.Pos) int { return f.fset.Position(p).Offset }

func (f *switchedFile) source(n ast.Node) string {
	return f.text[f.offset(n.Pos()):f.offset(n.End())]
}

// around returns the function whose body has a text, which the file has once; nil if there is
// none.
func (f *switchedFile) around(text string) *ast.FuncDecl {
	if strings.Count(f.text, text) != 1 {
		return nil
	}
	begin := strings.Index(f.text, text)
	for _, d := range f.parsed.Decls {
		decl, ok := d.(*ast.FuncDecl)
		if ok && f.offset(decl.Body.Lbrace) < begin && begin+len(text) <= f.offset(decl.Body.Rbrace) {
			return decl
		}
	}
	return nil
}

// callable reports whether a function can call another with the same arguments.
func callable(decl *ast.FuncDecl) bool {
	if decl.Type.TypeParams != nil {
		return false
	}
	fields := slices.Clone(decl.Type.Params.List)
	if decl.Recv != nil {
		fields = append(fields, decl.Recv.List...)
	}
	return !slices.ContainsFunc(fields, func(f *ast.Field) bool {
		return len(f.Names) == 0 || slices.ContainsFunc(f.Names, func(n *ast.Ident) bool { return n.Name == "_" })
	})
}

// withSwitches is the file's text with the faulty functions and their switches.
func (f *switchedFile) withSwitches() string {
	var text, more strings.Builder
	end := 0
	for _, d := range f.parsed.Decls {
		decl, ok := d.(*ast.FuncDecl)
		if !ok || len(f.copies[decl]) == 0 {
			continue
		}
		body := f.offset(decl.Body.Lbrace) + 1
		text.WriteString(f.text[end:body])
		end = body
		for i, c := range f.copies[decl] {
			name := fmt.Sprintf("%sFault%d", decl.Name.Name, i)
			fmt.Fprintf(&text, " if plantedFault == %q { %s };", c.fault, callOf(decl, name))
			at := f.offset(decl.Name.Pos()) - f.offset(decl.Pos())
			more.WriteString("\n\n" + c.text[:at] + name + c.text[at+len(decl.Name.Name):])
		}
	}
	text.WriteString(f.text[end:])
	return text.String() + more.String() + "\n"
}

// callOf calls another function, by name, in place of one.
func callOf(decl *ast.FuncDecl, name string) string {
	var args []string
	for _, p := range decl.Type.Params.List {
		for _, n := range p.Names {
			arg := n.Name
			if _, variadic := p.Type.(*ast.Ellipsis); variadic {
				arg += "..."
			}
			args = append(args, arg)
		}
	}
	call := name + "(" + strings.Join(args, ", ") + ")"
	if decl.Recv != nil {
		call = decl.Recv.List[0].Names[0].Name + "." + call
	}
	if decl.Type.Results != nil {
		return "return " + call
	}
	return call + "; return"
}

// build builds the tests of this package with all switches.
func (s *switched) build(t *testing.T) (tests string) {
	t.Helper()
	o := overlay{t: t, dir: t.TempDir(), Replace: make(map[string]string)}
	for path, f := range s.files {
		if len(f.copies) == 0 {
			continue
		}
		o.put(path, f.withSwitches())
		o.put(filepath.Join(filepath.Dir(path), "plantedfault.go"),
			fmt.Sprintf("package %s\n\nimport \"os\"\n\nvar plantedFault = os.Getenv(%q)\n", f.parsed.Name.Name, switchedOn))
	}
	return o.build()
}

// overlay has files in place of the module's.
type overlay struct {
	t       *testing.T
	dir     string
	Replace map[string]string // by absolute path
}

// put puts a text in place of a file of the module.
func (o *overlay) put(path, text string) {
	o.t.Helper()
	original, err := filepath.Abs(filepath.Join("..", "..", "..", path))
	if err != nil {
		o.t.Fatal(err)
	}
	o.Replace[original] = filepath.Join(o.dir, strings.ReplaceAll(path, "/", "-"))
	if err := os.WriteFile(o.Replace[original], []byte(text), 0o600); err != nil {
		o.t.Fatal(err)
	}
}

// build builds the tests of this package.
func (o *overlay) build() (tests string) {
	o.t.Helper()
	text, err := json.Marshal(struct{ Replace map[string]string }{o.Replace})
	if err != nil {
		o.t.Fatal(err)
	}
	list := filepath.Join(o.dir, "overlay.json")
	if err := os.WriteFile(list, text, 0o600); err != nil {
		o.t.Fatal(err)
	}
	tests = filepath.Join(o.dir, "sim.test")
	if out, err := exec.CommandContext(o.t.Context(), "go", "test", "-vet=off", "-overlay", list, "-c", "-o", tests, ".").CombinedOutput(); err != nil {
		o.t.Fatalf("the fault does not build: %v\n%s", err, out)
	}
	return tests
}
