package main

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"conch/hosts"
	"conch/internal/client"
	"conch/internal/procgroup"
)

// lockFlags are the flags of conch lock as given.
type lockFlags struct {
	tls tlsFlags

	nodes   []string
	shared  bool
	permits int
	try     bool
	wait    time.Duration
	verbose bool

	onLost string
	grace  time.Duration
	asJSON bool

	exits    lockExits
	statusFD int

	// At most one of these: of conch lock --on-death keep, of conch elect, of conch once.
	keep     *keepFlags
	election *electionFlags
	once     *onceFlags
}

// onLostModes are the values of --on-lost.
var onLostModes = map[string]procgroup.OnLost{
	"kill": procgroup.Kill, "warn": procgroup.Warn, "ignore": procgroup.Ignore,
}

// onLostNames are the values of --on-lost in the order of the help text.
var onLostNames = []string{"kill", "warn", "ignore"}

func newLockCommand() *cobra.Command {
	var keep keepFlags
	flags := lockFlags{exits: usualLockExits, keep: &keep}
	cmd := &cobra.Command{
		Use:   "lock [flags] NAME [-- COMMAND [ARGS...]]",
		Short: "Hold a lock while a command runs",
		Long: `Waits for the lock NAME, runs a command while it holds it, and releases it. The command
gets standard input, output and error, every signal that this process gets, and
   CONCH_LOCK   the lock's name
   CONCH_FENCE  the fence: higher than that of any earlier holder; see conch fence
   CONCH_MODE   exclusive, shared or permit
   CONCH_LIMIT  with --permits N: N; else empty
   CONCH_NODE   the node that granted it, for other conch commands
   CONCH_HELD   all locks that it runs under, outermost first: [{"lock":"…","fence":"…"},…]

Processes that the command leaves behind are ended before the lock is released: by
SIGTERM, and by SIGKILL after --grace. (On Linux also those outside its process group.)

With --shared, any number of holders share the lock, and nobody holds it alone meanwhile:
readers. With --permits N, up to N holders share it: a semaphore. All who share a lock
must say the same; conch permits NAME shows what. Who asks without either gets the lock
alone, when the others have given it back. Readers at one node may have the same fence.

A held lock can be lost: when the node dies or is cut off, when this machine sleeps, or
when somebody breaks the lock (conch break). The command then gets SIGTERM --grace ahead
of the end, and SIGKILL before somebody else gets in; --on-lost changes that. If this
process itself is killed, on Linux the command dies too, but not what it has started;
nobody gets in before the lease is over.

With --on-death keep, nobody else gets the lock when it is lost, when this process or its
node dies, or when a signal that did not come through conch kills the command, until
conch break frees it; or until conch lock --adopt with the same --owner takes it up, under
a fence of its own. Each entry is noted on disk by a majority of the members first, so
each member needs --data-dir. A command that ends by itself releases the lock as ever.

Without a command it writes the fence to standard output, on a line of its own, once it
holds the lock, and holds it until standard input ends or a signal comes. If the lock
will be lost, it ends with 76 when --grace is left.

Exit codes: the command's own, or 128+n if signal n ended it, also while it waited, and
   64  wrong usage, a bad name included; a command around this one holds the lock;
       others share the lock with another limit; or, to keep a hold, a member has no data
       directory
   69  no node could be reached, or all drain: at once if all refuse, and with --try
       if all drain; else after 5s, or when --wait is over
   75  not acquired: --wait is over, or --try found it in use
   76  lost, or so nearly that the command was told to end
   77  instead of 75: the node reaches no quorum of the members
   80  the node's rules do not let this caller have the lock
  126  the command cannot be run
  127  there is no such command`,
		Example: `  conch lock nightly -- ./backup --all
  conch lock --try deploy -- make deploy || test $? -eq 75   # somebody else does it
  conch lock --shared config -- ./read                       # beside others that read
  conch lock --permits 4 gpu -- ./train                      # at most 4 at a time
  conch lock --on-death keep --owner ci-7 infra -- ./apply   # add --adopt to take it up again
  conch lock --wait 5m --verbose deploy -- sh -c 'conch fence deploy.fence -- ./deploy'
  conch lock --node node1:7400,node2:7400 nightly -- ./backup
  conch lock -- "$NAME" -- ./backup                          # also for a name that begins with -

  In a script of bash, a lock around several commands:

  coproc conch lock deploy && read -r fence <&"${COPROC[0]}" || exit
  ...
  exec {COPROC[1]}>&-; wait`,
		Args: cobra.ArbitraryArgs, // checked below, so that --status-fd reports them too
		RunE: func(cmd *cobra.Command, args []string) error {
			return runLock(cmd, &flags, args)
		},
		ValidArgsFunction: completeLocked,
	}
	asking := pflag.NewFlagSet("", pflag.ContinueOnError)
	flags.addNode(asking)
	asking.BoolVar(&flags.shared, "shared", false, "share the lock with others that say --shared, as readers do")
	asking.IntVar(&flags.permits, "permits", 0, "take one of `N` permits of the lock, so that at most N hold it at once: 1 to 65535")
	flags.addWait(asking)
	addGroup(cmd, "Asking", asking)
	holding := flags.holding()
	keep.addTo(holding)
	holding.BoolVar(&flags.asJSON, "json", false, "without a command: write a line of JSON in place of the fence")
	addGroup(cmd, "Holding", holding)
	flags.addRest(cmd)
	keep.complete(cmd)
	return cmd
}

// completeLocked completes the arguments of a command that runs another one under a lock.
func completeLocked(_ *cobra.Command, args []string, _ string) ([]cobra.Completion, cobra.ShellCompDirective) {
	if len(args) == 0 {
		return nil, cobra.ShellCompDirectiveNoFileComp // a lock has any name
	}
	return nil, cobra.ShellCompDirectiveDefault
}

// addNode adds the flag that names nodes.
func (f *lockFlags) addNode(asking *pflag.FlagSet) {
	asking.StringArrayVar(&f.nodes, "node", nil, "ask the node at `ADDR`, a HOST:PORT or the path of its socket; given ADDR,ADDR,..., the first that answers, and the next when that one is gone (default: $"+client.EnvNode+", else this user's nodes here, which must be of one cluster, else "+hosts.DefaultListen+")")
}

// addWait adds the flags for the wait.
func (f *lockFlags) addWait(asking *pflag.FlagSet) {
	asking.BoolVar(&f.try, "try", false, "do not wait: end with 75 if somebody holds the lock")
	asking.DurationVar(&f.wait, "wait", 0, "end with 75 after this `TIME` of waiting (default: wait for ever)")
	asking.BoolVar(&f.verbose, "verbose", false, "tell who is ahead while waiting, on standard error")
}

// holding returns the flags for what happens while the lock is held.
func (f *lockFlags) holding() *pflag.FlagSet {
	holding := pflag.NewFlagSet("", pflag.ContinueOnError)
	holding.StringVar(&f.onLost, "on-lost", "kill", "`WORD` says what happens to the command when the lock is lost: "+strings.Join(onLostNames, ", "))
	holding.DurationVar(&f.grace, "grace", 0, "how much `TIME` the command has to end by itself, at most a quarter of a session's time to live (default: a tenth of it)")
	return holding
}

// addRest adds the flags for security, and for how it ended.
func (f *lockFlags) addRest(cmd *cobra.Command) {
	f.tls.addToClient(cmd)
	telling := pflag.NewFlagSet("", pflag.ContinueOnError)
	telling.IntVar(&f.exits.notAcquired, "not-acquired-exit", f.exits.notAcquired, "exit `CODE` when the lock was not acquired")
	telling.IntVar(&f.exits.lost, "lost-exit", f.exits.lost, "exit `CODE` when the lock was lost")
	telling.IntVar(&f.exits.noSession, "no-session-exit", f.exits.noSession, "exit `CODE` when the node has no session with a quorum")
	telling.IntVar(&f.exits.unreachable, "unreachable-exit", f.exits.unreachable, "exit `CODE` when no node could be reached")
	telling.IntVar(&f.exits.forbidden, "forbidden-exit", f.exits.forbidden, "exit `CODE` when the node's rules forbid it")
	telling.IntVar(&f.statusFD, "status-fd", 0, "write a line of JSON on how it ended to file descriptor `N`, which the command does not get")
	addGroup(cmd, "Telling how it ended", telling)

	complete := cobra.FixedCompletions(onLostNames, cobra.ShellCompDirectiveNoFileComp)
	if err := cmd.RegisterFlagCompletionFunc("on-lost", complete); err != nil {
		panic(err) // there is no such flag
	}
}

// check refuses nonsensical values with a usage error. It contacts no node.
func (f *lockFlags) check(cmd *cobra.Command, want lockWanted) error {
	f.tls.fromEnvironment()
	if err := f.tls.check(cmd); err != nil {
		return err
	}
	changed := cmd.Flags().Changed
	switch {
	case changed("wait") && f.try:
		return misuse(cmd, "--try does not wait; leave --wait out, or --try")
	case changed("wait") && f.wait <= 0:
		return misuse(cmd, "--wait: got %v, want more than 0s; --try asks without waiting", f.wait)
	case f.grace < 0:
		return misuse(cmd, "--grace: got %v, want 0s or more", f.grace)
	case !slices.Contains(onLostNames, f.onLost):
		return misuse(cmd, "--on-lost: got %q, want one of %s", f.onLost, strings.Join(onLostNames, ", "))
	case len(want.command) == 0 && changed("on-lost"):
		return misuse(cmd, "--on-lost does nothing without a command; leave it out, or add one after --")
	case len(want.command) > 0 && f.asJSON:
		return misuse(cmd, "--json does nothing with a command, whose standard output is its own; --status-fd tells how it ended")
	}
	var err error
	switch {
	case f.election != nil:
		err = f.checkElection(cmd, want)
	case f.once != nil:
		err = f.checkOnce(cmd, want)
	default:
		err = f.checkKeep(cmd)
	}
	if err != nil {
		return err
	}
	for name, code := range f.exits.byFlag() {
		if code < 0 || code > maxExitCode {
			return misuse(cmd, "--%s: got %d, want 0 to %d", name, code, maxExitCode)
		}
	}
	return nil
}

// lockWanted is what the arguments of conch lock ask for.
type lockWanted struct {
	name    string
	command []string // empty: none
}

// lockArguments requires a lock's name and, after --, a command. A name that begins with -
// needs a -- before it. Before a command, any name may stand: a script need not check it.
func lockArguments(cmd *cobra.Command, args []string) (lockWanted, error) {
	dash := cmd.ArgsLenAtDash()
	rest := args
	if dash == 0 && len(args) > 0 && (strings.HasPrefix(args[0], "-") || len(args) > 1 && args[1] == "--") {
		if dash = slices.Index(args[1:], "--") + 1; dash == 0 {
			dash = -1
		} else {
			rest = slices.Delete(slices.Clone(args), dash, dash+1)
		}
	}
	switch {
	case len(rest) == 0:
		return lockWanted{}, errors.New("want the lock's name")
	case dash == 0:
		return lockWanted{}, errors.New("want the lock's name in front of -- and a command; only a name that begins with - comes after a -- of its own")
	case dash < 0 && len(rest) > 1:
		return lockWanted{}, fmt.Errorf("got %q after the lock's name; want -- in front of a command", rest[1])
	case dash > 1:
		return lockWanted{}, fmt.Errorf("got %q before --; want nothing there but the lock's name", rest[1])
	case dash == 1 && (len(rest) == 1 || rest[1] == ""):
		return lockWanted{}, errors.New("want a command after --; conch lock NAME, without --, holds the lock without one")
	}
	if name := rest[0]; name == "" || len(name) > maxLockNameBytes || !utf8.ValidString(name) {
		return lockWanted{}, fmt.Errorf("the lock's name: got %d bytes, %.40q, want 1 to %d bytes of UTF-8", len(name), name, maxLockNameBytes)
	}
	return lockWanted{rest[0], rest[1:]}, nil
}
