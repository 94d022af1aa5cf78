package learn

import (
	"errors"
	"io/fs"
	"testing"
	"testing/fstest"
)

func TestPageIsPartOfEveryBuild(t *testing.T) {
	for _, name := range []string{"index.html", "learn.css", "learn.js", "icon.svg"} {
		if _, err := fs.ReadFile(FS(), name); err != nil {
			t.Errorf("%s: %v", name, err)
		}
	}
	if _, err := fs.ReadFile(FS(), "nothing"); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("a file that is not there: %v", err)
	}
}

func TestBuiltMeansThatTheStepperIsThere(t *testing.T) {
	_, wasm := fs.Stat(FS(), "stepper.wasm.gz")
	_, glue := fs.Stat(FS(), "wasm_exec.js")
	if there := wasm == nil && glue == nil; there != Built() {
		t.Errorf("Built reports %t; stepper.wasm.gz: %v, wasm_exec.js: %v", Built(), wasm, glue)
	}
}

func TestFirstLayerHidesTheOthers(t *testing.T) {
	file := func(text string) *fstest.MapFile { return &fstest.MapFile{Data: []byte(text)} }
	l := layers{fstest.MapFS{"a": file("first")}, fstest.MapFS{"a": file("second"), "b": file("second")}}
	for name, want := range map[string]string{"a": "first", "b": "second"} {
		if got, err := fs.ReadFile(l, name); err != nil || string(got) != want {
			t.Errorf("%s is %q (%v), want %q", name, got, err, want)
		}
	}
}
