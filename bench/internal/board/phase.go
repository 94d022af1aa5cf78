package board

import (
	"context"
	"errors"
	"fmt"
	"math"
	"sync/atomic"
	"time"
	"unsafe"

	"golang.org/x/sys/unix"
)

// Phase says what the processes of a measurement are to do.
type Phase uint32

// The phases, in their order.
const (
	WarmUp  Phase = iota // work, and record nothing
	Measure              // work, and record
	End                  // finish, report and end
)

// phaseCell is the phase, on a cache line of its own.
type phaseCell struct {
	word atomic.Uint32
	_    [60]byte
}

// Phase returns the present phase.
func (b *Board) Phase() Phase { return Phase(b.page.phase.word.Load()) }

// SetPhase begins a phase, and wakes those who wait for it.
func (b *Board) SetPhase(p Phase) {
	word := &b.page.phase.word
	word.Store(uint32(p))
	if _, _, errno := unix.Syscall6(unix.SYS_FUTEX, uintptr(unsafe.Pointer(word)), futexWake, math.MaxInt32, 0, 0, 0); errno != 0 {
		panic(fmt.Sprintf("board: wake who waits for a phase: %v", errno)) // the page is there, and aligned
	}
}

// longestWait is how long the kernel lets somebody wait before contexts are looked at.
const longestWait = time.Second

// AwaitPhase waits until a phase has begun, or a later one, or ctx has ended. It waits
// in the kernel: fifty processes that looked at the page again and again would be seen
// in what is measured.
func (b *Board) AwaitPhase(ctx context.Context, p Phase) error {
	word := &b.page.phase.word
	for {
		ended := ctx.Err() != nil // before the phase: its beginning may be what ends ctx
		now := Phase(word.Load())
		switch {
		case now >= p:
			return nil
		case ended:
			return context.Cause(ctx)
		}
		patience := unix.NsecToTimespec(longestWait.Nanoseconds())
		_, _, errno := unix.Syscall6(unix.SYS_FUTEX, uintptr(unsafe.Pointer(word)), futexWait, uintptr(now), uintptr(unsafe.Pointer(&patience)), 0, 0)
		if errno != 0 && !errors.Is(errno, unix.EAGAIN) && !errors.Is(errno, unix.EINTR) && !errors.Is(errno, unix.ETIMEDOUT) {
			return fmt.Errorf("board: wait for a phase: %w", errno)
		}
	}
}

// The kernel's two operations on a word of memory that processes share.
const (
	futexWait = 0
	futexWake = 1
)
