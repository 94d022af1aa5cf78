package socket

import "testing"

// SetDirs puts other directories in the places of /run/user and /tmp.
func SetDirs(t *testing.T, runtime, shared string) {
	t.Helper()
	runtimeBefore, sharedBefore := runtimeDirs, sharedDir
	t.Cleanup(func() { runtimeDirs, sharedDir = runtimeBefore, sharedBefore })
	runtimeDirs, sharedDir = runtime, shared
}
