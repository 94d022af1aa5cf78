package main

import (
	"cmp"
	"context"
	"encoding/json"
	"fmt"
	"os"
	"slices"
	"strconv"
	"strings"

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
	Mode  string `json:"mode,omitempty"` // shared or permit; empty: exclusive
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
	inner := heldLock{os.Getenv(lockVariable), os.Getenv(fenceVariable), strings.TrimPrefix(os.Getenv(modeVariable), modeExclusive)}
	if inner.Lock != "" && inner.Fence != "" && !slices.Contains(held, inner) {
		held = append(held, inner)
	}
	return held
}

// with returns the locks of a command that is started under one more.
func (h heldLocks) with(inner heldLock) heldLocks { return append(slices.Clip(h), inner) }

// environment tells a command the locks that it runs under.
func (h heldLocks) environment() []string {
	inner := h[len(h)-1]
	all, err := json.Marshal(h)
	if err != nil {
		panic(err) // strings can always be encoded
	}
	return []string{
		lockVariable + "=" + inner.Lock, fenceVariable + "=" + inner.Fence,
		modeVariable + "=" + cmp.Or(inner.Mode, modeExclusive), heldVariable + "=" + string(all),
	}
}

// refuseNested refuses to wait for a lock that a command around this process holds: that
// command waits for this one, so neither would end. Nor can a share become the whole lock.
// The environment says which locks may be held there. The node says whether one of them is
// this cluster's and still held; fences identify the hold. If the node cannot tell, conch
// waits for the lock.
//
// A second share, or permit, is let in beside the first if it is free. But a wait for it
// might be for somebody who waits for the first: it must not be for ever. Of two modes
// that share, the node refuses the other one.
func (l *locking) refuseNested(ctx context.Context) error {
	around := slices.DeleteFunc(heldAround(), func(held heldLock) bool {
		bothShare := held.Mode != "" && l.end.Mode != ""
		return held.Lock != l.name || bothShare && (held.Mode != l.end.Mode || l.flags.try || l.flags.wait > 0)
	})
	if len(around) == 0 {
		return nil
	}
	node, err := l.connect(ctx, []string{l.end.Node})
	if err != nil {
		return err
	}
	defer node.close()
	lock, _, err := node.lock(ctx, l.name)
	if err != nil {
		return nil // the request for the lock will show what is wrong
	}
	for _, h := range render.Holders(lock) {
		fence := strconv.FormatUint(h.GetFence(), 10)
		outer := slices.IndexFunc(around, func(held heldLock) bool { return held.Fence == fence })
		if outer < 0 {
			continue
		}
		code := exitUsage
		if l.flags.try {
			code = l.flags.exits.notAcquired
		}
		return &nestedError{code, l.nested(around[outer])}
	}
	return nil
}

// nested says why this lock cannot be had inside an outer one.
func (l *locking) nested(outer heldLock) error {
	name := render.Plain(l.name)
	switch outer.Mode {
	case "":
		return fmt.Errorf("the lock %s is held with fence %s by the command that this one runs under ($%s), which would wait for this one for ever; leave the inner lock out, or name another",
			name, outer.Fence, heldVariable)
	case l.end.Mode:
		return fmt.Errorf("the command that this one runs under ($%s) shares the lock %s already, with fence %s; another share could wait for ever, for somebody who waits for the first; leave the inner lock out, or give it --try or --wait",
			heldVariable, name, outer.Fence)
	default:
		return fmt.Errorf("the command that this one runs under ($%s) shares the lock %s, with fence %s; a share cannot become the whole lock, since that would wait for the share for ever; hold the outer lock without --%s, or leave the inner one out",
			heldVariable, name, outer.Fence, flagOf[outer.Mode])
	}
}

// flagOf is the flag for a mode.
var flagOf = map[string]string{modeShared: "shared", modePermit: "permits"}

// nestedError is the error of a lock inside itself.
type nestedError struct {
	code int
	err  error
}

func (e *nestedError) Error() string { return e.err.Error() }
