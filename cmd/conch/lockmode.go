package main

import (
	"context"
	"fmt"
	"strconv"

	"github.com/spf13/cobra"

	"conch"
	"conch/token"
)

const (
	// modeVariable is the environment variable in which a command finds how it holds the
	// innermost lock: one of the words below.
	modeVariable = "CONCH_MODE"
	// limitVariable is the one in which it finds how many permits that lock has; empty
	// unless it holds one of them.
	limitVariable = "CONCH_LIMIT"

	modeExclusive = "exclusive"
	modeShared    = "shared"
	modePermit    = "permit"
)

// modeWord is the word for a mode, in the environment and in JSON.
func modeWord(limit token.Limit) string {
	switch limit {
	case token.Exclusive:
		return modeExclusive
	case token.Unlimited:
		return modeShared
	default:
		return modePermit
	}
}

// limitText is how many permits a lock has, for the environment; empty if the mode has none.
func limitText(limit token.Limit) string {
	if modeWord(limit) != modePermit {
		return ""
	}
	return strconv.FormatUint(uint64(limit), 10)
}

// checkPermits refuses a number of permits that no lock can have.
func checkPermits(cmd *cobra.Command, flag string, permits int) error {
	if permits < 1 || permits > conch.MaxPermits {
		return misuse(cmd, "--%s: got %d, want 1 to %d permits", flag, permits, conch.MaxPermits)
	}
	return nil
}

// mode reads --shared and --permits.
func (f *lockFlags) mode(cmd *cobra.Command) (token.Limit, error) {
	switch {
	case f.shared && cmd.Flags().Changed("permits"):
		return 0, misuse(cmd, "--shared and --permits are two ways to share a lock; leave one out")
	case f.shared:
		return token.Unlimited, nil
	case cmd.Flags().Changed("permits"):
		return token.Limit(f.permits), checkPermits(cmd, "permits", f.permits) //nolint:gosec // checked just now
	default:
		return token.Exclusive, nil
	}
}

// ask asks a node for the lock, as the flags say.
func (l *locking) ask(ctx context.Context) (conch.Hold, error) {
	node := l.node
	switch {
	case l.flags.once != nil && !l.flags.once.waitDone:
		return l.askUnlessRunning(ctx)
	case l.flags.once != nil:
		return node.LockRun(ctx, l.name, l.flags.once.run)
	case l.flags.keeps() && l.flags.try:
		return node.TryLockKept(ctx, l.name, l.flags.keep.keep())
	case l.flags.keeps():
		return node.LockKept(ctx, l.name, l.flags.keep.keep())
	}
	switch mode, try := modeWord(l.limit), l.flags.try; {
	case mode == modeShared && try:
		return node.TryRLock(ctx, l.name)
	case mode == modeShared:
		return node.RLock(ctx, l.name)
	case mode == modePermit && try:
		return node.TryAcquire(ctx, l.name, int(l.limit))
	case mode == modePermit:
		return node.Acquire(ctx, l.name, int(l.limit))
	case try:
		return node.TryLock(ctx, l.name)
	default:
		return node.Lock(ctx, l.name)
	}
}

// what is what is waited for, for people: the lock, a share of it, or a permit.
func (l *locking) what() string {
	switch modeWord(l.limit) {
	case modeShared:
		return "a share of the lock"
	case modePermit:
		return fmt.Sprintf("one of %d permits of the lock", l.limit)
	default:
		return "the lock"
	}
}
