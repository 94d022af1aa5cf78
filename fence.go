package conch

import (
	"context"
	"errors"

	"conch/internal/fence"
)

// DoFenced calls do unless the file has seen a higher fence than number, which [Hold.Fence]
// returned. The file remembers the highest fence, on stable storage before do is called.
// The first call makes the file, in a directory that must exist. A file is for the work of
// one lock.
//
// While do runs, nobody else works under the file: neither another DoFenced in any process
// of the machine nor a command of `conch fence`. DoFenced waits for them until the context
// ends; it refuses lower fences from the beginning of its wait. It accepts an equal fence,
// so one hold may do its work in several calls, but do must not call DoFenced for the same
// file: it would wait for itself.
//
// The error is do's; or it wraps [ErrStaleFence], [ErrFenceInUse] or [ErrFenceFile], and do
// was not called.
func DoFenced(ctx context.Context, file string, number uint64, do func() error) (err error) {
	taken, err := fence.Take(ctx, file, number)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, taken.Release()) }()
	return do()
}
