package main

import (
	"context"
	"encoding/json"
	"fmt"
	"os"
	"slices"
	"strconv"

	"conch/internal/render"
)

const (
	// lockVariable names the innermost lock that a command runs under.
	lockVariable = "CONCH_LOCK"
	// heldVariable lists all locks that a command runs under, outermost first, as JSON: a
	// lock's name may contain any separator.
	heldVariable = "CONCH_HELD"
)

// heldLock is a lock that a command runs under.
type heldLock struct {
	Lock  string `json:"lock"`
	Fence string `json:"fence"`
}

// heldLocks are the locks that a command runs under, outermost first.
type heldLocks []heldLock

// heldAround returns the locks that this process runs under, by its environment. It skips
// entries that it does not understand: the nodes are asked whether a lock is really held.
func heldAround() heldLocks {
	var held heldLocks
	if err := json.Unmarshal([]byte(os.Getenv(heldVariable)), &held); err != nil {
		held = nil
	}
	inner := heldLock{os.Getenv(lockVariable), os.Getenv(fenceVariable)}
	if inner.Lock != "" && inner.Fence != "" && !slices.Contains(held, inner) {
		held = append(held, inner)
	}
	return held
}

// with returns the locks of a command that is started under one more.
func (h heldLocks) with(lock, fence string) heldLocks {
	return append(slices.Clip(h), heldLock{lock, fence})
}

// environment tells a command the locks that it runs under.
func (h heldLocks) environment() []string {
	inner := h[len(h)-1]
	all, err := json.Marshal(h)
	if err != nil {
		panic(err) // strings can always be encoded
	}
	return []string{lockVariable + "=" + inner.Lock, fenceVariable + "=" + inner.Fence, heldVariable + "=" + string(all)}
}

// fences returns the fences under which a lock is held around this process.
func (h heldLocks) fences(lock string) []string {
	var fences []string
	for _, held := range h {
		if held.Lock == lock {
			fences = append(fences, held.Fence)
		}
	}
	return fences
}

// refuseNested refuses to wait for a lock that a command around this process holds: that
// command waits for this one, so neither would end. The environment says which locks may be
// held there. The node says whether one of them is this cluster's and still held; fences
// identify the hold. If the node cannot tell, conch waits for the lock.
func (l *locking) refuseNested(ctx context.Context) error {
	fences := heldAround().fences(l.name)
	if len(fences) == 0 {
		return nil
	}
	node, err := l.connect(ctx, []string{l.end.Node})
	if err != nil {
		return err
	}
	defer node.close()
	lock, _, err := node.lock(ctx, l.name)
	if err != nil || lock.GetHolder() == nil {
		return nil // the request for the lock will show what is wrong
	}
	fence := strconv.FormatUint(lock.GetHolder().GetFence(), 10)
	if !slices.Contains(fences, fence) {
		return nil
	}
	code := exitUsage
	if l.flags.try {
		code = l.flags.exits.notAcquired
	}
	return &nestedError{code, fmt.Errorf("the lock %s is held with fence %s by the command that this one runs under ($%s), which would wait for this one for ever; leave the inner lock out, or name another",
		render.Plain(l.name), fence, heldVariable)}
}

// nestedError is the error of a lock inside itself.
type nestedError struct {
	code int
	err  error
}

func (e *nestedError) Error() string { return e.err.Error() }
