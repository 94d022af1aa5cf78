package learn

import (
	"embed"
	"errors"
	"io/fs"
)

//go:embed static
var static embed.FS

//go:embed all:built
var built embed.FS

// Command is what is to be run where Built reports false, before the program is built
// again.
const Command = "make learn"

// FS is the page: index.html and what it needs, all in one folder. Without a built
// stepper stepper.wasm.gz and wasm_exec.js are missing.
func FS() fs.FS { return layers{below(static, "static"), below(built, "built")} }

// Built reports whether the stepper was built into this program.
func Built() bool {
	for _, name := range []string{"stepper.wasm.gz", "wasm_exec.js"} {
		if _, err := fs.Stat(built, "built/"+name); err != nil {
			return false
		}
	}
	return true
}

// below is the folder of a file system that is known to have it.
func below(fsys fs.FS, folder string) fs.FS {
	sub, err := fs.Sub(fsys, folder)
	if err != nil {
		panic("learn: " + err.Error())
	}
	return sub
}

// layers is several file systems as one. What the first has, the others do not show.
type layers []fs.FS

// Open opens the file of the first layer that has it.
func (l layers) Open(name string) (fs.File, error) {
	for _, layer := range l {
		f, err := layer.Open(name)
		if err == nil || !errors.Is(err, fs.ErrNotExist) {
			return f, err
		}
	}
	return nil, &fs.PathError{Op: "open", Path: name, Err: fs.ErrNotExist}
}
