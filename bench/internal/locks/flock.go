package locks

import (
	"context"

	"github.com/gofrs/flock"
)

// fileLock is the kernel's lock on a file, for the processes of one machine.
type fileLock struct{ file *flock.Flock }

func openFlock(spec Spec) *fileLock { return &fileLock{file: flock.New(spec.Endpoints[0])} }

// Lock waits without an end to it: the kernel takes no context. The holder's end
// ends it.
func (f *fileLock) Lock(context.Context) error { return f.file.Lock() }

// Unlock also closes the file, as the library has it.
func (f *fileLock) Unlock(context.Context) error { return f.file.Unlock() }

func (f *fileLock) Close() error { return f.file.Close() }
