package main

import (
	"fmt"
	"slices"
	"strings"
	"time"
	_ "time/tzdata" // --tz works where the machine has no time zones, as in an image

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"conch"
	"conch/internal/schedule"
)

// onceFlags are the flags that conch once has and conch lock has not.
type onceFlags struct {
	every    time.Duration
	cron, tz string
	tick     string

	onCrash, onFailure string
	waitDone           bool
	atLeast, maxHold   time.Duration
	remember           time.Duration

	run conch.Run // what the flags ask for
}

// The values of --on-crash and --on-failure.
const (
	wordAgain = "again"
	wordSkip  = "skip"
	wordDone  = "done"
)

func newOnceCommand() *cobra.Command {
	var once onceFlags
	flags := lockFlags{exits: usualLockExits, once: &once}
	cmd := &cobra.Command{
		Use:   "once [flags] NAME -- COMMAND [ARGS...]",
		Short: "Run a command once at each turn of a schedule, on one of many machines",
		Long: `For jobs that many machines start at the same times: each starts conch once, and one of
them runs the command. The others end with 0 and say nothing, also those that come late.

A turn of the schedule has a tick, a time that all machines agree on:
   --every D    the multiples of D since 1970-01-01 00:00 UTC: 24h is midnight UTC
   --cron EXPR  as in a crontab, in this machine's time zone or that of --tz
   --tick T     a date (midnight UTC), a time as 2026-11-30T03:00:00Z, or a number that rises

With --every and --cron it is the turn nearest to now, so clocks may be off by up to half
of the time between two turns. Start conch once at the times of the schedule, not midway
between them: by hand, too, it runs the nearest turn, perhaps the next one; for a trial
take another NAME. The command gets CONCH_TICK, in Unix seconds or the number itself, and
all that conch lock gives to a command; see there what becomes of it when the lock is
lost.

A majority of the members notes on disk that a turn was run, so each member needs
--data-dir. A turn is not run once a later one has begun.

The command is done when it ended by itself: with 0, or with --on-failure done, the
default, with another code. If it was killed, or told to end by a signal and ended with
another code than 0, or if its machine died, that was a crash. After a crash, whoever
comes later runs the turn again (--on-crash again, the default), or nobody does (skip).
Nothing runs a job exactly once: a machine can die after the job's last act and before the
note.

Whoever comes while another holds the lock, to run the turn or an earlier one, leaves it
to that one. With --wait-done it waits, runs the turn if the other does not get it done, and
else ends with the other's exit code.

Exit codes: the command's own, or 128+n if signal n ended it, also while it waited, and
    0  the turn was run or is being run by another, or passed over (--skipped-exit)
    1  with --wait-done: the run of another crashed, and nobody runs it again; or it is
       not known how that run ended
   64  wrong usage; a member has no data directory; or a command around this one holds
       the lock
   69  no node could be reached, or all drain
   75  --wait is over; or the lock was not to be had, though no run was seen to hold it:
       its token is lost for long, or its hold is kept
   76  the lock was lost, or so nearly that the command was told to end: another may run
       the turn too
   77  instead of 75: the node reaches no quorum of the members
   80  the node's rules do not let this caller have the lock
   81  the command ended, but no majority is known to have noted that: the turn may be run
       again
  124  --max-hold is over, and the command was ended
  126  the command cannot be run
  127  there is no such command`,
		Example: `  0 3 * * *  conch once nightly --cron '0 3 * * *' -- ./backup     # a line of each machine's crontab
  conch once report --every 1h --on-crash skip -- ./send-report    # never twice
  conch once migrate --tick 42 --remember 87600h --wait-done --on-failure again -- ./migrate && ./serve
  conch runs nightly`,
		Args: cobra.ArbitraryArgs, // checked as those of conch lock are
		RunE: func(cmd *cobra.Command, args []string) error {
			return runLock(cmd, &flags, args)
		},
		ValidArgsFunction: completeLocked,
	}
	turns := pflag.NewFlagSet("", pflag.ContinueOnError)
	turns.DurationVar(&once.every, "every", 0, "a turn every `D`, in whole seconds: 1h, 24h, 90s")
	turns.StringVar(&once.cron, "cron", "", "turns as a crontab has them: `EXPR` is minute, hour, day of the month, month and day of the week, or @hourly, @daily, @weekly, @monthly or @yearly")
	turns.StringVar(&once.tz, "tz", "", "the time `ZONE` of --cron, as Europe/Berlin (default: $TZ, or this machine's)")
	turns.StringVar(&once.tick, "tick", "", "this turn: `T` is a date, a time, or a number from 1")
	addGroup(cmd, "Schedule", turns)
	deciding := pflag.NewFlagSet("", pflag.ContinueOnError)
	deciding.StringVar(&once.onCrash, "on-crash", wordAgain, "`WORD` says what happens to the turn after a crash: again or skip")
	deciding.StringVar(&once.onFailure, "on-failure", wordDone, "`WORD` says what happens to the turn when the command failed: done or again")
	deciding.DurationVar(&once.atLeast, "at-least", 0, "hold the lock for this `TIME` at least, and note that the turn was run then")
	deciding.DurationVar(&once.maxHold, "max-hold", 0, "after this `TIME` send the command SIGTERM, and SIGKILL after --grace: it has failed")
	deciding.DurationVar(&once.remember, "remember", conch.DefaultRememberRun, "remember the run for this `TIME`; a number may run again afterwards, and a time that is older, less two days, is refused")
	addGroup(cmd, "Running", deciding)
	asking := pflag.NewFlagSet("", pflag.ContinueOnError)
	flags.addNode(asking)
	asking.BoolVar(&once.waitDone, "wait-done", false, "while another runs the turn, wait until it is done, or run it then")
	asking.DurationVar(&flags.wait, "wait", 0, "with --wait-done: end with 75 after this `TIME` of waiting (default: wait for ever)")
	asking.BoolVar(&flags.verbose, "verbose", false, "tell who runs the turn, or ran it, and who is ahead while waiting, on standard error")
	addGroup(cmd, "Asking", asking)
	addGroup(cmd, "Holding", flags.holding())
	flags.addRest(cmd)
	ending := pflag.NewFlagSet("", pflag.ContinueOnError)
	ending.IntVar(&flags.exits.skipped, "skipped-exit", 0, "exit `CODE` when the turn is left to another, or was run (default 0)")
	ending.IntVar(&flags.exits.notNoted, "not-noted-exit", exitNotNoted, "exit `CODE` when no majority is known to have noted the run")
	addGroup(cmd, "Telling how it ended", ending)
	for flag, words := range map[string][]string{"on-crash": onCrashWords, "on-failure": onFailureWords} {
		if err := cmd.RegisterFlagCompletionFunc(flag, cobra.FixedCompletions(words, cobra.ShellCompDirectiveNoFileComp)); err != nil {
			panic(err) // there is no such flag
		}
	}
	return cmd
}

// The values of --on-crash and --on-failure in the order of the help text.
var (
	onCrashWords   = []string{wordAgain, wordSkip}
	onFailureWords = []string{wordDone, wordAgain}
)

// checkOnce refuses what conch lock allows, and nonsensical values, with a usage error. It
// finds the tick.
func (f *lockFlags) checkOnce(cmd *cobra.Command, want lockWanted) error {
	o := f.once
	changed := cmd.Flags().Changed
	switch {
	case len(want.command) == 0:
		return misuse(cmd, "want a command after --")
	case changed("wait") && !o.waitDone:
		return misuse(cmd, "--wait goes with --wait-done; without it, conch once does not wait")
	case !slices.Contains(onCrashWords, o.onCrash):
		return misuse(cmd, "--on-crash: got %q, want %s", o.onCrash, strings.Join(onCrashWords, " or "))
	case !slices.Contains(onFailureWords, o.onFailure):
		return misuse(cmd, "--on-failure: got %q, want %s", o.onFailure, strings.Join(onFailureWords, " or "))
	case o.onCrash == wordSkip && o.onFailure == wordAgain:
		return misuse(cmd, "--on-crash skip never runs a turn twice, so not after a failure either; leave it out, or --on-failure again")
	case o.atLeast < 0:
		return misuse(cmd, "--at-least: got %v, want 0s or more", o.atLeast)
	case changed("max-hold") && o.maxHold <= 0:
		return misuse(cmd, "--max-hold: got %v, want more than 0s", o.maxHold)
	case changed("max-hold") && o.atLeast > o.maxHold:
		return misuse(cmd, "--at-least %v is more than --max-hold %v", o.atLeast, o.maxHold)
	case changed("max-hold") && f.onLost != "kill":
		return misuse(cmd, "--max-hold ends the command; leave it out, or --on-lost %s", f.onLost)
	}
	return o.findRun(cmd)
}

// findRun sets the run from the schedule and the clock.
func (o *onceFlags) findRun(cmd *cobra.Command) error {
	changed := cmd.Flags().Changed
	var given []string
	for _, flag := range []string{"every", "cron", "tick"} {
		if changed(flag) {
			given = append(given, "--"+flag)
		}
	}
	switch {
	case len(given) == 0:
		return misuse(cmd, "want the schedule: --every, --cron or --tick")
	case len(given) > 1:
		return misuse(cmd, "%s are two schedules; leave one out", strings.Join(given[:2], " and "))
	case changed("tz") && !changed("cron"):
		return misuse(cmd, "--tz goes with --cron; %s counts in UTC (for midnight in a zone: --cron @daily --tz ZONE)", given[0])
	}
	o.run = conch.Run{AtMostOnce: o.onCrash == wordSkip, RememberFor: o.remember}
	now := time.Now()
	var turns schedule.Schedule
	var err error
	switch given[0] {
	case "--tick":
		if o.run.Tick, o.run.Plain, err = schedule.Given(o.tick, now); err != nil {
			return misuse(cmd, "--tick: %w", err)
		}
		return o.checkRemember(cmd)
	case "--every":
		if turns, err = schedule.Every(o.every); err != nil {
			return misuse(cmd, "--every: %w", err)
		}
	default:
		zone, err := schedule.Zone(o.tz)
		if err != nil {
			return misuse(cmd, "--tz: %w", err)
		}
		if turns, err = schedule.Cron(o.cron, zone); err != nil {
			return misuse(cmd, "--cron: %w", err)
		}
	}
	turn, err := turns.Nearest(now)
	if err != nil {
		return misuse(cmd, "%s: %w", given[0], err)
	}
	switch {
	case turn.IsMidway:
		fmt.Fprintf(cmd.ErrOrStderr(), "conch: caution: now is midway between two turns, %s and %s: a machine whose clock differs a little takes the other one; start conch once at the times of %s\n",
			instantText(turn.Time), instantText(turn.Other), given[0])
	case turn.IsEarly:
		fmt.Fprintf(cmd.ErrOrStderr(), "conch: caution: the turn nearest to now is still to come, at %s: if it runs now, it does not run then; for a trial, take another NAME\n",
			instantText(turn.Time))
	}
	o.run.Tick = turn.Time.Unix()
	return o.checkRemember(cmd)
}

// shortestMemory is how long a run is remembered at least, if its tick is a time.
const shortestMemory = 3 * 24 * time.Hour

// refusedEarlier is how much sooner than its run is forgotten such a tick is refused.
const refusedEarlier = 2 * 24 * time.Hour

// checkRemember checks --remember.
func (o *onceFlags) checkRemember(cmd *cobra.Command) error {
	switch {
	case o.remember < time.Second || o.remember%time.Second != 0:
		return misuse(cmd, "--remember: got %v, want whole seconds, 1s or more", o.remember)
	case !o.run.Plain && o.remember < shortestMemory:
		return misuse(cmd, "--remember: got %v, want %v or more: clocks may be off by a day", o.remember, shortestMemory)
	}
	oldest := o.remember - refusedEarlier
	if tick := time.Unix(o.run.Tick, 0); !o.run.Plain && time.Since(tick) > oldest {
		return misuse(cmd, "the turn %s was more than %v ago, and whether it was run may be forgotten by now; give all runs a longer --remember than %v",
			instantText(tick), oldest, o.remember)
	}
	return nil
}

// instantText is a time for people and scripts.
func instantText(t time.Time) string { return t.UTC().Format(time.RFC3339) }
