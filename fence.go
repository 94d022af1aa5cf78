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
func DoFenced(ctx context.Context, file string, number uint64, do func() error) error {
	taken, err := fence.Take(ctx, file, number)
	return doUnder(taken, err, do)
}

// DoFencedShared is [DoFenced] for what a reader does, who holds a lock by
// [Locker].RLock. Readers work under the file at once and do not refuse each other,
// whatever their fences. A reader is refused below the highest fence of [DoFenced], and
// DoFenced is refused below the highest of a reader too.
func DoFencedShared(ctx context.Context, file string, number uint64, do func() error) error {
	taken, err := fence.TakeShared(ctx, file, number)
	return doUnder(taken, err, do)
}

// doUnder calls do under a fence file that was taken, unless that failed.
func doUnder(taken *fence.Lock, failed error, do func() error) (err error) {
	if failed != nil {
		return failed
	}
	defer func() { err = errors.Join(err, taken.Release()) }()
	return do()
}
