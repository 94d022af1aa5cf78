package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"strconv"
	"sync"
	"syscall"
	"time"

	"github.com/spf13/cobra"

	"conch"
	"conch/internal/client"
	"conch/internal/procgroup"
	"conch/internal/render"
	"conch/token"
)

const (
	// --grace is T/defaultGraceShare by default and T/maxGraceShare at most, with T a
	// session's time to live. In a healthy cluster, a client's lease drops to 0.48 T between
	// two Pings: the node's own lease is 0.99 T after a Ping to its peers, and 0.74 T just
	// before it hears of the next, T/4 later; the client deducts a hundredth, which makes
	// 0.73 T, and pings its node every T/4, too. A grace of T/4 leaves 0.23 T for messages
	// and for processes that wait for a processor: almost one Ping may be missed.
	defaultGraceShare, maxGraceShare = 10, 4
	// The command gets SIGKILL T/killShare before the lease's end: as long as a busy
	// machine may take to end it.
	killShare = 40
)

// locking is one run of conch lock.
type locking struct {
	cmd     *cobra.Command
	flags   *lockFlags
	name    string
	limit   token.Limit // the mode
	command []string    // empty: none
	path    string      // of the command
	found   client.Nodes
	signals chan os.Signal
	ttl     time.Duration // of a session, as the node says
	grace   time.Duration
	end     lockEnd
	node    *conch.Client // nil if none was reached
	led     bool          // in an election, this process has led
	asked   bool          // somebody asked the command to end, by a signal
	// securing guards the flags for TLS: while it waits, it asks nodes for several reasons.
	securing sync.Mutex
	// free is when a lock given up as lost is free in any case; zero if the node need not
	// be told anything more.
	free time.Time
}

// runLock waits for a lock and holds it.
func runLock(cmd *cobra.Command, flags *lockFlags, args []string) error {
	status, err := flags.statusFile(cmd)
	if err != nil {
		return err
	}
	l := &locking{cmd: cmd, flags: flags, signals: make(chan os.Signal, signalBacklog)}
	want, err := lockArguments(cmd, args)
	if err != nil {
		err = misuse(cmd, "%w", err)
	} else if err = flags.check(cmd, want); err == nil {
		l.limit, err = flags.mode(cmd)
	}
	if err != nil {
		l.end.fail(err, flags.exits)
		return l.end.tell(cmd, status)
	}
	l.name, l.command = want.name, want.command
	l.end.Lock = l.name
	if l.flags.once != nil {
		l.end.Tick = strconv.FormatInt(l.flags.once.run.Tick, 10)
	}
	if mode := modeWord(l.limit); mode != modeExclusive {
		l.end.Mode = mode
	}
	if modeWord(l.limit) == modePermit {
		l.end.Limit = int(l.limit)
	}
	l.run()
	if l.end.isLoss {
		// Whoever waits for this process has little time left, so it is told before
		// anything is waited for.
		err := l.end.tell(cmd, status)
		l.say("%s", l.end.Error)
		l.closeLost()
		return &exitError{code: exitCode(err), err: errSaid}
	}
	l.close()
	return l.end.tell(cmd, status)
}

// run sets how it ended.
func (l *locking) run() {
	nodes, err := client.Find(l.flags.nodes)
	switch {
	case err != nil && len(l.flags.nodes) > 0:
		l.end.fail(misuse(l.cmd, "--node: %w", err), l.flags.exits)
		return
	case err != nil:
		l.end.fail(misuse(l.cmd, "%w", err), l.flags.exits)
		return
	}
	l.found = nodes
	if len(l.command) > 0 {
		// Before the wait for the lock, which would be useless.
		path, err := procgroup.Find(l.command[0])
		if err != nil {
			l.end.finish(procgroup.Result{}, err, l.flags.exits)
			return
		}
		l.path = path
	}
	for l.runOnce(); l.campaignsAgain(); l.runOnce() {
		l.say("%s; waiting for the next election", l.end.text())
		l.end = lockEnd{Lock: l.name, Node: l.end.Node}
		l.free = time.Time{}
	}
}

// runOnce waits for the lock and holds it, once.
func (l *locking) runOnce() {
	stopReaping := procgroup.ReapOrphans()
	ctx, stop := l.untilSignal(l.cmd.Context())
	hold, err := l.acquire(ctx)
	if err == nil {
		err = l.lead(ctx, hold)
	}
	stop()
	if err == nil && ctx.Err() != nil { // a signal came at the moment of the grant
		err = context.Cause(ctx)
	}
	if err != nil {
		l.free = hold.Deadline()
		_ = hold.Unlock() // if there is one
		if !l.skip(err) {
			l.end.fail(err, l.flags.exits)
		}
		return
	}
	l.end.Fence = strconv.FormatUint(hold.Fence(), 10)
	if l.flags.verbose {
		l.say("got %s %s with fence %s at %s", l.what(), render.Plain(l.name), l.end.Fence, l.end.Node)
		over := make(chan struct{})
		var watching sync.WaitGroup
		watching.Go(func() { l.tellWarning(hold, over) })
		defer watching.Wait()
		defer close(over)
	}
	if len(l.command) > 0 {
		stopReaping() // the supervisor does it
		l.runUnder(hold)
		return
	}
	l.holdAlone(hold)
}

// runUnder runs the command, and releases the lock when none of its processes is left.
func (l *locking) runUnder(hold conch.Hold) {
	began := time.Now()
	environment := append(heldAround().with(heldLock{l.name, l.end.Fence, l.end.Mode}).environment(),
		limitVariable+"="+limitText(l.limit), client.EnvNode+"="+l.end.Node)
	if l.flags.once != nil {
		environment = append(environment, tickVariable+"="+l.end.Tick)
	}
	result, err := procgroup.Run(procgroup.Config{
		Lease: l.leaseOf(hold, began), Path: l.path, Args: l.command,
		Env:   environment,
		Stdin: os.Stdin, Stdout: os.Stdout, Stderr: os.Stderr,
		OnLost: onLostModes[l.flags.onLost], Grace: l.grace, Margin: l.ttl / killShare,
		Signals: l.signals,
		Notify:  l.tellNotice,
	})
	l.end.finish(result, err, l.flags.exits)
	l.asked = result.Asked != 0
	switch {
	case l.flags.once != nil:
		l.endRun(hold, result, err, began)
	case l.flags.keeps() && isDeath(result):
		l.tellKept() // and leave it to the node: the hold is not released
	default:
		l.free = hold.Deadline()
		_ = hold.Unlock() // a loss is known by now
	}
}

// tellWarning tells people once that the lock may be lost, and why, until over is closed.
func (l *locking) tellWarning(hold conch.Hold, over <-chan struct{}) {
	select {
	case <-over:
		return
	case <-hold.Warned():
	}
	if why := hold.Warning(); why != nil {
		l.say("caution: the lock %s may be lost soon: %v", render.Plain(l.name), why)
	}
}

// tellNotice tells people what happens while the command runs.
func (l *locking) tellNotice(notice procgroup.Notice, why error) {
	name := render.Plain(l.name)
	switch notice {
	case procgroup.Lapsing:
		l.say("caution: the lock %s may be lost soon: %v", name, why)
	case procgroup.Lost:
		l.say("caution: the lock %s is lost, and the command goes on: %v", name, why)
	case procgroup.Ending, procgroup.Killed:
		if errors.Is(why, errMaxHold) {
			return // told at the end
		}
		l.tellEnding(notice, name, why)
	case procgroup.Stopped:
		l.tellStopped(why)
	case procgroup.Leftover:
		if l.flags.verbose {
			l.say("the command has ended; what it left running is sent SIGTERM")
		}
	}
}

// tellEnding tells people that the command is ended since the lock is lost or nearly so.
func (l *locking) tellEnding(notice procgroup.Notice, name string, why error) {
	if notice == procgroup.Ending {
		l.say("the lock %s is about to be lost, so the command was sent SIGTERM: %v", name, why)
		return
	}
	l.say("the lock %s is lost or nearly so, so the command was killed: %v", name, why)
}

// tellStopped tells people that the command is stopped, and what becomes of the lock.
func (l *locking) tellStopped(why error) {
	name := render.Plain(l.name)
	var stop *procgroup.StopError
	switch {
	case !errors.As(why, &stop) || !stop.StopsBoth:
		l.say("the command is %v, and the lock %s stays held: continue the command, or end it", why, name)
	case stop.Left > 0:
		l.say("the command is %v, and conch with it, so the lock %s is not renewed: continue both (fg or bg) within %v, or it is lost", why, name, forPeople(stop.Left))
	default:
		l.say("the command is %v, and conch with it: continue both (fg or bg)", why)
	}
}

// forPeople rounds a time down, to a precision that people read.
func forPeople(d time.Duration) time.Duration {
	if d < time.Second {
		return d.Truncate(time.Millisecond)
	}
	return d.Truncate(time.Second / 10)
}

// holdAlone holds the lock without a command.
func (l *locking) holdAlone(hold conch.Hold) {
	if err := l.announce(); err != nil {
		l.end.fail(fmt.Errorf("standard output: %w", err), l.flags.exits)
		_ = hold.Unlock() // nobody knows of the lock
		return
	}
	over, read := make(chan struct{}), make(chan error, 1)
	go func() {
		_, err := io.Copy(io.Discard, os.Stdin) // it may outlive this function, but not the program
		read <- err
	}()
	var reason error
	go func() {
		defer close(over)
		select {
		case reason = <-read:
		case got := <-l.signals:
			number, _ := got.(syscall.Signal)
			reason = &signalError{number}
		}
	}()
	if lost := procgroup.AwaitLoss(hold, l.grace, over); lost != nil {
		if l.flags.keeps() {
			l.tellKept()
		}
		l.end.lose(lost, l.flags.exits) // not released: whoever relied on the lock may still be at work
		return
	}
	l.end.Outcome = "ended"
	if reason != nil {
		l.end.fail(reason, l.flags.exits)
	}
	if err := hold.Unlock(); err != nil {
		l.end.lose(err, l.flags.exits)
	}
}

// announce writes the fence to standard output.
func (l *locking) announce() error {
	if !l.flags.asJSON {
		_, err := fmt.Fprintln(l.cmd.OutOrStdout(), l.end.Fence)
		return err
	}
	return json.NewEncoder(l.cmd.OutOrStdout()).Encode(struct {
		Lock  string `json:"lock"`
		Fence string `json:"fence"`
		Mode  string `json:"mode,omitempty"`
		Limit int    `json:"limit,omitempty"`
		Node  string `json:"node"`
	}{l.name, l.end.Fence, l.end.Mode, l.end.Limit, l.end.Node})
}

// close ends the client once its messages are delivered.
func (l *locking) close() {
	if l.node == nil {
		return
	}
	if err := l.node.Close(); err != nil {
		l.say("%v", err)
		if l.flags.keeps() && l.end.Fence != "" {
			l.say("if 'conch who' shows that the lock %s is kept, '%s' frees it", render.Plain(l.name), render.BreakCommand(l.name, l.end.Fence))
		}
	}
}

// closeLost is close for a lock that is lost or nearly so. If the lock was given back, the
// node gets half of the time that is left until the lock is free anyway. A silent node is
// not waited for longer, since this process has to end in time.
func (l *locking) closeLost() {
	if l.free.IsZero() {
		return // nothing was given back: whoever relied on the lock may still be at work
	}
	closed := make(chan struct{})
	go func() {
		defer close(closed)
		_ = l.node.Close() // the node may not have heard; that is known
	}()
	timer := time.NewTimer(time.Until(l.free) / 2)
	defer timer.Stop()
	select {
	case <-closed:
	case <-timer.C:
	}
}

// say tells people, on standard error.
func (l *locking) say(format string, args ...any) {
	fmt.Fprintf(l.cmd.ErrOrStderr(), "conch: "+format+"\n", args...)
}
