package conch

import (
	"context"
	"errors"

	"conch/internal/fence"
)

// DoFenced calls do unless the file has seen a higher fence than number, which is what
// [Hold.Fence] returned. The file remembers the highest, on stable storage before do
// is called. It is made by the first call, in a directory that must exist, and guards
// the work of one lock.
//
// While do runs, nobody else works under the file: neither another DoFenced in any
// process of the machine nor a command of `conch fence`. DoFenced waits for them until
// the context ends; lower fences are refused from the beginning of the wait. An equal
// fence is let in, so one hold may do its work in several calls, but do must not call
// DoFenced for the same file itself: it would wait for its own end.
//
// The error is what do returns; or it wraps [ErrStaleFence], [ErrFenceInUse] or
// [ErrFenceFile], and do was not called.
func DoFenced(ctx context.Context, file string, number uint64, do func() error) (err error) {
	taken, err := fence.Take(ctx, file, number)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, taken.Release()) }()
	return do()
}
