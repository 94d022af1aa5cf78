package main

import (
	"context"
	"errors"
	"slices"
	"strings"
	"unicode/utf8"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"conch"
	"conch/internal/procgroup"
	"conch/internal/render"
	clientv1 "conch/proto/conch/client/v1"
)

// keepFlags are the flags of conch lock for a hold that outlives its holder.
type keepFlags struct {
	onDeath string
	owner   string
	adopt   bool
}

// The values of --on-death, in the order of the help text.
const (
	wordRelease = "release"
	wordKeep    = "keep"
)

var onDeathWords = []string{wordRelease, wordKeep}

func (k *keepFlags) addTo(holding *pflag.FlagSet) {
	holding.StringVar(&k.onDeath, "on-death", wordRelease, "`WORD` says what becomes of the lock when its holder dies, is cut off, or loses it: release, or keep, so that nobody else gets it until conch break frees it")
	holding.StringVar(&k.owner, "owner", "", "with --on-death keep: `ID` names who may adopt the hold after its holder died (default: nobody)")
	holding.BoolVar(&k.adopt, "adopt", false, "take up the hold that --owner ID has kept, if there is one")
}

// complete adds what shells complete.
func (k *keepFlags) complete(cmd *cobra.Command) {
	if err := cmd.RegisterFlagCompletionFunc("on-death", cobra.FixedCompletions(onDeathWords, cobra.ShellCompDirectiveNoFileComp)); err != nil {
		panic(err) // there is no such flag
	}
}

// keeps reports whether the hold is to be kept.
func (f *lockFlags) keeps() bool { return f.keep != nil && f.keep.onDeath == wordKeep }

// keep is what a node is asked for.
func (k *keepFlags) keep() conch.Keep { return conch.Keep{Owner: k.owner, Adopt: k.adopt} }

// checkKeep refuses nonsensical values with a usage error.
func (f *lockFlags) checkKeep(cmd *cobra.Command) error {
	k, changed := f.keep, cmd.Flags().Changed
	switch {
	case !slices.Contains(onDeathWords, k.onDeath):
		return misuse(cmd, "--on-death: got %q, want %s", k.onDeath, strings.Join(onDeathWords, " or "))
	case k.onDeath != wordKeep && changed("owner"):
		return misuse(cmd, "--owner goes with --on-death keep")
	case k.onDeath != wordKeep && k.adopt:
		return misuse(cmd, "--adopt goes with --on-death keep")
	case k.onDeath != wordKeep:
		return nil
	case f.shared || changed("permits"):
		return misuse(cmd, "--on-death keep is for a lock that is held alone; leave --shared and --permits out")
	case changed("owner") && k.owner == "":
		return misuse(cmd, "--owner: got nothing, want a name for whoever may adopt the hold")
	case len(k.owner) > conch.MaxOwnerBytes || !utf8.ValidString(k.owner):
		return misuse(cmd, "--owner: got %d bytes, %.40q, want at most %d bytes of UTF-8", len(k.owner), k.owner, conch.MaxOwnerBytes)
	case k.adopt && k.owner == "":
		return misuse(cmd, "--adopt takes up the hold of an owner; name it with --owner ID")
	}
	return nil
}

// isDeath reports whether a holder's end is one after which its hold is kept: the lock is
// lost or nearly so, or a signal that nobody sent through conch ended the command.
func isDeath(result procgroup.Result) bool {
	return result.Lost != nil || result.Signal() != 0 && result.Asked == 0
}

// barredError says that a kept hold bars the lock, and what frees it. It wraps the error that
// came of that.
type barredError struct {
	kept string
	err  error
}

func (e *barredError) Error() string { return "it is " + e.kept }

func (e *barredError) Unwrap() error { return e.err }

// barred returns a barredError in place of one that says only that the lock was not to be had,
// if a kept hold bars it: whoever waits longer would not get it either.
func (l *locking) barred(ctx context.Context, err error) error {
	var told *barredError
	if !errors.Is(err, conch.ErrBusy) && !errors.Is(err, errWaitOver) || errors.As(err, &told) {
		return err
	}
	if kept := l.keptHold(ctx); kept != nil {
		return &barredError{render.KeptSentence(l.name, kept), err}
	}
	return err
}

// keptHold returns the kept hold that bars the lock; nil if none is known of.
func (l *locking) keptHold(ctx context.Context) *clientv1.KeptHold {
	ctx, stop := context.WithTimeout(ctx, l.ttl)
	defer stop()
	node, err := l.connect(ctx, []string{l.node.Node()})
	if err != nil {
		return nil
	}
	defer node.close()
	lock, _, err := node.lock(ctx, l.name)
	if err != nil || len(render.Holders(lock)) > 0 {
		return nil
	}
	return lock.GetKept()
}

// A waiter looks whether a kept hold bars the lock after firstLook sessions' times to live,
// and after each nextLook more.
const firstLook, nextLook = 2, 30

// tellIfBarred tells people once if a kept hold bars the lock, since only people end that.
func (l *locking) tellIfBarred(ctx context.Context) {
	for wait := firstLook * l.ttl; pause(ctx, wait); wait = nextLook * l.ttl {
		if kept := l.keptHold(ctx); kept != nil && ctx.Err() == nil {
			l.say("waiting for %s: %s", render.Plain(l.name), render.KeptSentence(l.name, kept))
			return
		}
	}
}

// tellKept tells people that the hold outlives its holder, and what ends it.
func (l *locking) tellKept() {
	adoption := ""
	if l.flags.keep.owner != "" {
		adoption = ", or its owner adopts it (--adopt)"
	}
	l.say("the lock %s is kept, unless somebody has freed it already: nobody else gets it until '%s' frees it%s", render.Plain(l.name), render.BreakCommand(l.name, l.end.Fence), adoption)
}
