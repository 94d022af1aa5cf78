package command

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"regexp"
	"time"

	"conch/bench/internal/contest"
	"conch/bench/internal/page"
	"conch/bench/internal/servers"
	"conch/bench/internal/worker"
)

// These bound a run in time.
const (
	maxRounds  = 100
	maxSeconds = 60
	maxCalm    = 600
)

// Play plays the role that the arguments name, if they name one: a worker, a server. It
// reports false if they do not.
func Play(ctx context.Context, args []string, out io.Writer) (played bool, err error) {
	switch {
	case len(args) == 2 && args[0] == worker.Role:
		return true, worker.Run(ctx, args[1], out)
	case len(args) == 2 && args[0] == servers.EtcdRole:
		return true, servers.RunEtcd(ctx, args[1])
	}
	return false, nil
}

// Options are what a run is asked for.
type Options struct {
	// Conch is the conch program; only some programs need it.
	Conch string

	name      string
	rounds    int
	seconds   float64
	calm      float64
	only      *regexp.Regexp
	arguments []string
}

// Parse reads the arguments of a program of some name; more adds its own flags. What is
// wrong with them is told.
func Parse(name string, args []string, told io.Writer, more func(*flag.FlagSet, *Options)) (*Options, error) {
	o := &Options{name: name, arguments: args}
	flags := flag.NewFlagSet(name, flag.ContinueOnError)
	flags.SetOutput(told)
	flags.IntVar(&o.rounds, "rounds", 5, "measure each subject `N` times")
	flags.Float64Var(&o.seconds, "seconds", 2, "measure for `SECONDS` each time")
	flags.Float64Var(&o.calm, "calm", 10, "before each time, wait up to `SECONDS` for others on the machine to be calm")
	only := flags.String("only", "", "measure only the subjects whose name matches `REGEXP`")
	more(flags, o)
	if err := flags.Parse(args); err != nil {
		return nil, err
	}
	if flags.NArg() > 0 {
		return nil, fmt.Errorf("got argument %q, want flags only", flags.Arg(0))
	}
	if o.rounds < 1 || o.rounds > maxRounds {
		return nil, fmt.Errorf("-rounds: got %d, want 1 to %d", o.rounds, maxRounds)
	}
	if o.seconds < 0.1 || o.seconds > maxSeconds {
		return nil, fmt.Errorf("-seconds: got %v, want 0.1 to %d", o.seconds, maxSeconds)
	}
	if o.calm < 0 || o.calm > maxCalm {
		return nil, fmt.Errorf("-calm: got %v, want 0 to %d", o.calm, maxCalm)
	}
	var err error
	if o.only, err = regexp.Compile(*only); err != nil {
		return nil, fmt.Errorf("-only: %w", err)
	}
	return o, nil
}

// command is what brings the same run about.
func (o *Options) command() string {
	if o.only.String() != "" {
		return fmt.Sprintf("%s %q", o.name, o.arguments)
	}
	return fmt.Sprintf("make %s ROUNDS=%d SECONDS=%v CALM=%v", o.name, o.rounds, o.seconds, o.calm)
}

// Measure runs all rounds of the subjects that are asked for, and tells how it goes.
func (o *Options) Measure(ctx context.Context, all []*contest.Subject, told io.Writer) (run page.Run, err error) {
	var subjects []*contest.Subject
	for _, subject := range all {
		if o.only.MatchString(subject.Name) {
			subjects = append(subjects, subject)
		}
	}
	if len(subjects) == 0 {
		return page.Run{}, fmt.Errorf("-only: no subject matches %q", o.only)
	}
	program, err := os.Executable()
	if err != nil {
		return page.Run{}, fmt.Errorf("find this program: %w", err)
	}
	dir, err := os.MkdirTemp("", "conch-bench")
	if err != nil {
		return page.Run{}, err
	}
	stage := &contest.Stage{Program: program, Conch: o.Conch, Dir: dir, Window: seconds(o.seconds), Patience: seconds(o.calm)}
	defer func() { err = errors.Join(err, stage.Close(), os.RemoveAll(dir)) }()
	begun := time.Now()
	outcome, err := contest.Run(ctx, stage, subjects, o.rounds, func(text string) { fmt.Fprintln(told, text) })
	if err != nil {
		return page.Run{}, err
	}
	return page.Run{
		Command:  o.command(),
		Rounds:   o.rounds,
		Window:   stage.Window,
		Patience: stage.Patience,
		Outcome:  outcome,
		Facts:    page.Machine(ctx),
		Begun:    begun,
		Took:     time.Since(begun),
	}, nil
}

func seconds(n float64) time.Duration { return time.Duration(n * float64(time.Second)) }
