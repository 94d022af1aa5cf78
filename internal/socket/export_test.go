package socket

import (
	"path/filepath"
	"testing"
)

// SetDirs puts other directories in the places of /run/user and /tmp.
func SetDirs(t *testing.T, runtime, shared string) {
	t.Helper()
	runtimeBefore, sharedBefore, serviceBefore := runtimeDirs, sharedDir, serviceDir
	t.Cleanup(func() { runtimeDirs, sharedDir, serviceDir = runtimeBefore, sharedBefore, serviceBefore })
	runtimeDirs, sharedDir, serviceDir = runtime, shared, filepath.Join(shared, "no-services")
}

// SetServiceDir puts another directory in the place of /run/conch.
func SetServiceDir(t *testing.T, dir string) {
	t.Helper()
	before := serviceDir
	t.Cleanup(func() { serviceDir = before })
	serviceDir = dir
}
