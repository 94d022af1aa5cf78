package modulepath

import (
	"bytes"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"unicode/utf8"

	"google.golang.org/protobuf/encoding/protowire"
)

// ErrPath is wrapped by the error for a path that `go get` would not take.
var ErrPath = errors.New("module path")

// rooms are the folders at the root that have code.
const rooms = `(?:token|broadcast|proto|hosts|logs|internal|cmd|bench|tools)\b`

var wanted = regexp.MustCompile(`^[a-z0-9-]+(?:\.[a-z0-9-]+)+(?:/[A-Za-z0-9][A-Za-z0-9._~-]*)+$`)

// Check refuses a path that `go get` does not take; the error wraps [ErrPath].
func Check(module string) error {
	if !wanted.MatchString(module) {
		return fmt.Errorf("%w: got %q, want HOST/PATH with a dot in HOST, such as example.org/you/conch", ErrPath, module)
	}
	return nil
}

// Of returns the path of the module whose go.mod has this text.
func Of(gomod []byte) (string, error) {
	for line := range strings.Lines(string(gomod)) {
		if module, ok := strings.CutPrefix(strings.TrimSpace(line), "module "); ok {
			return strings.TrimSpace(module), nil
		}
	}
	return "", fmt.Errorf("%w: go.mod has no line that begins with \"module\"", ErrPath)
}

// Rewriter changes one path to another.
type Rewriter struct {
	from, to string
	patterns []*regexp.Regexp // each with what stands before the path, and behind it
}

// New returns a Rewriter.
func New(from, to string) *Rewriter {
	r := &Rewriter{from: from, to: to}
	old := regexp.QuoteMeta(from)
	for _, pattern := range []string{
		`(?m)(^|[^A-Za-z0-9_./@-])` + old + `(/` + rooms + `)`,
		`(?m)(^[ \t]*(?:import[ \t]+)?(?:[a-z0-9]+[ \t]+)?")` + old + `("[ \t]*$)`,
		`(?m)(modulePath = ")` + old + `(")`,
		`(?m)(^module[ \t]+)` + old + `([ \t]*$)`,
		`(?m)(^[ \t]*(?:require[ \t]+|replace[ \t]+)?)` + old + `([ \t]+(?:v0\.0\.0|=>))`,
		`(-require[= ])` + old + `(@)`,
		`(-replace[= ])` + old + `(=)`,
	} {
		r.patterns = append(r.patterns, regexp.MustCompile(pattern))
	}
	return r
}

// Text returns a file's text with the path changed.
func (r *Rewriter) Text(name string, text []byte) ([]byte, error) {
	if strings.HasSuffix(name, ".pb.go") {
		return r.generated(text)
	}
	to := []byte("${1}" + strings.ReplaceAll(r.to, "$", "$$") + "${2}")
	for _, pattern := range r.patterns {
		text = pattern.ReplaceAll(text, to)
	}
	return text, nil
}

// generated changes the path in generated code, where it stands in the options of a file
// descriptor, with its length before it.
func (r *Rewriter) generated(text []byte) ([]byte, error) {
	lines := strings.SplitAfter(string(text), "\n")
	for i, line := range lines {
		if !strings.Contains(line, r.from+"/proto/") || !strings.HasPrefix(line, "\t\"") {
			continue
		}
		quoted := strings.TrimSpace(line)
		content, err := strconv.Unquote(quoted)
		if err != nil {
			return nil, err
		}
		changed, err := r.descriptor([]byte(content))
		if err != nil {
			return nil, err
		}
		lines[i] = strings.Replace(line, quoted, strconv.Quote(string(changed)), 1)
	}
	return []byte(strings.Join(lines, "")), nil
}

// Fields of a FileDescriptorProto and of its FileOptions.
const (
	fileOptions = 8
	goPackage   = 11
)

// descriptor changes the path in the end of a file descriptor that has its options.
func (r *Rewriter) descriptor(content []byte) ([]byte, error) {
	at := bytes.Index(content, []byte(r.from+"/proto/"))
	for start := at - 1; start >= 0 && at-start < 8; start-- {
		number, _, n := protowire.ConsumeField(content[start:])
		if number != fileOptions || n < 0 {
			continue
		}
		_, _, tag := protowire.ConsumeTag(content[start:])
		options, _ := protowire.ConsumeBytes(content[start+tag:])
		inner, _, innerTag := protowire.ConsumeTag(options)
		before, size := protowire.ConsumeBytes(options[innerTag:])
		if inner != goPackage || size < 0 || innerTag+size != len(options) {
			break
		}
		value := r.to + strings.TrimPrefix(string(before), r.from)
		option := protowire.AppendString(protowire.AppendTag(nil, goPackage, protowire.BytesType), value)
		changed := protowire.AppendBytes(protowire.AppendTag(bytes.Clone(content[:start]), fileOptions, protowire.BytesType), option)
		return append(changed, content[start+n:]...), nil
	}
	return nil, fmt.Errorf("%w: generated code has it where no options of a file are; run make proto", ErrPath)
}

// Folder changes the path in all text files below a folder, but for what git and builds
// keep there, and returns how many files it has changed.
func (r *Rewriter) Folder(root string) (changed int, err error) {
	err = filepath.WalkDir(root, func(name string, entry os.DirEntry, err error) error {
		switch {
		case err != nil:
			return err
		case entry.IsDir() && name != root && (entry.Name() == ".git" || name == filepath.Join(root, "bin")):
			return filepath.SkipDir
		case !entry.Type().IsRegular():
			return nil
		}
		before, err := os.ReadFile(name)
		if err != nil || !utf8.Valid(before) || bytes.IndexByte(before, 0) >= 0 {
			return err
		}
		after, err := r.Text(name, before)
		if err != nil {
			return fmt.Errorf("%s: %w", name, err)
		}
		if bytes.Equal(before, after) {
			return nil
		}
		info, err := entry.Info()
		if err != nil {
			return err
		}
		changed++
		return os.WriteFile(name, after, info.Mode().Perm())
	})
	return changed, err
}
