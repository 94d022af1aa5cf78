package main

import (
	"bytes"
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"os/signal"
	"regexp"
	"syscall"
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
)

func main() {
	if err := run(os.Args[1:], os.Stdout, os.Stderr); err != nil {
		fmt.Fprintln(os.Stderr, "bench-peers:", err)
		os.Exit(1)
	}
}

// run does what the arguments say: a role in a measurement, or the whole of it.
func run(args []string, out, told io.Writer) error {
	ctx, stop := signal.NotifyContext(context.Background(), syscall.SIGINT, syscall.SIGTERM)
	defer stop()
	if len(args) == 2 && args[0] == worker.Role {
		return worker.Run(ctx, args[1], out)
	}
	if len(args) == 2 && args[0] == servers.EtcdRole {
		return servers.RunEtcd(ctx, args[1])
	}
	o, err := parse(args, told)
	if errors.Is(err, flag.ErrHelp) {
		return nil
	}
	if err != nil {
		return err
	}
	return o.measure(ctx, out, told)
}

// options are what a run is asked for.
type options struct {
	rounds    int
	seconds   float64
	only      *regexp.Regexp
	conch     string
	page      string
	arguments []string
}

func parse(args []string, told io.Writer) (*options, error) {
	o := &options{arguments: args}
	flags := flag.NewFlagSet("bench-peers", flag.ContinueOnError)
	flags.SetOutput(told)
	flags.IntVar(&o.rounds, "rounds", 5, "measure each subject `N` times")
	flags.Float64Var(&o.seconds, "seconds", 2, "measure for `SECONDS` each time")
	only := flags.String("only", "", "measure only the subjects whose name matches `REGEXP`")
	flags.StringVar(&o.conch, "conch", "bin/conch", "the conch `PROGRAM`")
	flags.StringVar(&o.page, "page", "", "write the page to `FILE` as well as to standard output")
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
	var err error
	if o.only, err = regexp.Compile(*only); err != nil {
		return nil, fmt.Errorf("-only: %w", err)
	}
	return o, nil
}

// command is what brings the same run about.
func (o *options) command() string {
	if o.only.String() != "" {
		return fmt.Sprintf("bench-peers %q", o.arguments)
	}
	return fmt.Sprintf("make bench-peers ROUNDS=%d SECONDS=%v", o.rounds, o.seconds)
}

// measure runs all rounds and writes the page.
func (o *options) measure(ctx context.Context, out, told io.Writer) (err error) {
	var subjects []*contest.Subject
	for _, subject := range contest.Subjects() {
		if o.only.MatchString(subject.Name) {
			subjects = append(subjects, subject)
		}
	}
	if len(subjects) == 0 {
		return fmt.Errorf("-only: no subject matches %q", o.only)
	}
	program, err := os.Executable()
	if err != nil {
		return fmt.Errorf("find this program: %w", err)
	}
	dir, err := os.MkdirTemp("", "conch-bench")
	if err != nil {
		return err
	}
	stage := &contest.Stage{Program: program, Conch: o.conch, Dir: dir, Window: time.Duration(o.seconds * float64(time.Second))}
	defer func() { err = errors.Join(err, stage.Close(), os.RemoveAll(dir)) }()
	begun := time.Now()
	outcome, err := contest.Run(ctx, stage, subjects, o.rounds, func(text string) { fmt.Fprintln(told, text) })
	if err != nil {
		return err
	}
	var text bytes.Buffer
	page.Write(&text, page.Run{
		Command: o.command(),
		Rounds:  o.rounds,
		Window:  stage.Window,
		Outcome: outcome,
		Facts:   page.Facts(ctx),
		Begun:   begun,
		Took:    time.Since(begun),
	})
	if _, err := out.Write(text.Bytes()); err != nil {
		return err
	}
	if o.page == "" {
		return nil
	}
	return os.WriteFile(o.page, text.Bytes(), 0o644)
}
