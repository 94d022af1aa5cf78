package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/signal"
	"slices"
	"strings"
	"sync"
	"syscall"
	"time"

	"golang.org/x/sys/unix"

	"conch"
	"conch/internal/client"
	"conch/internal/render"
	clientv1 "conch/proto/conch/client/v1"
	"conch/token"
)

// signalBacklog is how many signals are kept for a command that has not started yet.
const signalBacklog = 64

// endingSignals end the wait for a lock.
var endingSignals = []os.Signal{unix.SIGINT, unix.SIGTERM, unix.SIGHUP, unix.SIGQUIT}

// untilSignal returns a context that the first of these signals ends, with a signalError as
// its cause; the second ends the process at once. After stop, signals stay in l.signals.
func (l *locking) untilSignal(parent context.Context) (ctx context.Context, stop func()) {
	ctx, cancel := context.WithCancelCause(parent)
	for _, number := range endingSignals {
		if number != unix.SIGHUP || !signal.Ignored(number) { // nohup
			signal.Notify(l.signals, number)
		}
	}
	stopped := make(chan struct{})
	var watching sync.WaitGroup
	watching.Go(func() {
		for {
			select {
			case got := <-l.signals:
				number, _ := got.(syscall.Signal)
				if ctx.Err() != nil {
					l.say("ended at once by a second signal")
					os.Exit(signalExit + int(number))
				}
				cancel(&signalError{number})
			case <-stopped:
				return
			}
		}
	})
	return ctx, func() {
		close(stopped)
		watching.Wait()
	}
}

// acquire waits for the lock as the flags say.
func (l *locking) acquire(ctx context.Context) (conch.Hold, error) {
	whileAsking := ctx // without the end of --wait, which is told otherwise
	if l.flags.wait > 0 {
		var stop context.CancelFunc
		ctx, stop = context.WithTimeoutCause(ctx, l.flags.wait, errWaitOver)
		defer stop()
	}
	if l.node == nil {
		if err := l.dial(ctx); err != nil {
			return conch.Hold{}, err
		}
	}
	var watching sync.WaitGroup
	defer watching.Wait()
	whileAsking, end := context.WithCancel(whileAsking)
	defer end()
	if l.flags.verbose {
		watching.Go(func() { l.tellWhoIsAhead(whileAsking) })
	} else {
		watching.Go(func() { l.tellIfBarred(whileAsking) })
	}
	hold, err := l.ask(ctx)
	// All nodes may be down for a while, as in an upgrade.
	for told := false; l.led && errors.Is(err, conch.ErrUnreachable) && ctx.Err() == nil; told = true {
		if !told {
			l.say("%s; trying again", render.Plain(toldLast(err.Error())))
		}
		if !pause(ctx, askAgain) {
			err = context.Cause(ctx)
			break
		}
		hold, err = l.ask(ctx)
	}
	l.end.Node = l.node.Node()
	if err != nil {
		return conch.Hold{}, fmt.Errorf("did not get %s: %w", l.what(), l.barred(whileAsking, err))
	}
	return hold, nil
}

// dial connects with a node, and refuses what cannot be asked of it.
func (l *locking) dial(ctx context.Context) error {
	what := l.cmd.CommandPath() + " " + l.name
	if len(l.command) > 0 {
		what = strings.Join(l.command, " ")
	}
	node, err := conch.Dial(ctx, conch.DialConfig{Nodes: l.flags.nodes, Command: what, TLS: l.flags.tls.TLSFiles})
	if err != nil {
		return err
	}
	l.node = node
	cautionGuess(l.cmd, l.found)
	l.end.Node = node.Node()
	if err := l.graceWithin(node.SessionTTL()); err != nil {
		return err
	}
	return l.refuseNested(ctx)
}

// graceWithin checks --grace against the session's time to live.
func (l *locking) graceWithin(ttl time.Duration) error {
	l.ttl, l.grace = ttl, l.flags.grace
	if !l.cmd.Flags().Changed("grace") {
		l.grace = ttl / defaultGraceShare
	}
	if most := ttl / maxGraceShare; l.grace > most {
		return misuse(l.cmd, "--grace: got %v, want at most %v: a quarter of a session's time to live, which is %v at %s; with more, the lock would be given up now and then though all is well", l.grace, most, ttl, l.end.Node)
	}
	return nil
}

// connect connects with a node to ask it something.
func (l *locking) connect(ctx context.Context, nodes []string) (*asked, error) {
	found, err := client.Find(nodes)
	if err != nil {
		return nil, err
	}
	l.securing.Lock()
	secure, err := l.flags.tls.security(l.cmd)
	l.securing.Unlock()
	if err != nil {
		return nil, err
	}
	conn, target, err := client.Connect(ctx, found.Targets, client.DefaultPatience, secure)
	if err != nil {
		return nil, err
	}
	return &asked{LockServiceClient: clientv1.NewLockServiceClient(conn), conn: conn, target: target}, nil
}

// watchAgain is how long to wait after a node ended a watch before asking it again.
const watchAgain = time.Second

// tellWhoIsAhead tells people who is ahead, at each change, until ctx ends. If it cannot,
// the wait goes on.
func (l *locking) tellWhoIsAhead(ctx context.Context) {
	self := client.Describe("")
	told := ""
	timer := time.NewTimer(0)
	defer timer.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-timer.C:
		}
		err := l.watchQueue(ctx, func(lock *clientv1.LockStatus) {
			if text := whoIsAhead(lock, self); text != "" && text != told && ctx.Err() == nil {
				told = text
				l.say("waiting for %s%s: %s", waitsFor[modeWord(l.limit)], render.Plain(l.name), text)
			}
		})
		if err != nil && ctx.Err() == nil && told != err.Error() {
			told = err.Error()
			l.say("cannot tell who is ahead: %v", err)
		}
		timer.Reset(watchAgain)
	}
}

// watchQueue calls take with the state of the lock at each change, until the watch fails.
func (l *locking) watchQueue(ctx context.Context, take func(*clientv1.LockStatus)) error {
	node, err := l.connect(ctx, l.flags.nodes)
	if err != nil {
		return err
	}
	defer node.close()
	stream, err := node.Watch(ctx, &clientv1.WatchRequest{Scope: clientv1.Scope_SCOPE_CLUSTER, Lock: l.name})
	if err != nil {
		return node.failure(ctx, err)
	}
	for {
		message, err := stream.Recv()
		if err != nil {
			return node.failure(ctx, err)
		}
		if message.GetLock() != nil {
			take(message.GetLock())
		}
	}
}

// whoIsAhead says who is served before a client; nothing if the client holds the lock, or if
// nobody is known of.
func whoIsAhead(lock *clientv1.LockStatus, self *clientv1.Client) string {
	isSelf := func(c *clientv1.Client) bool { return c.GetPid() == self.GetPid() && c.GetHost() == self.GetHost() }
	var parts []string
	held := render.Holders(lock)
	if slices.ContainsFunc(held, func(h *clientv1.Holder) bool { return isSelf(h.GetClient()) }) {
		return ""
	}
	if len(held) > 0 {
		parts = append(parts, heldBy(lock, held))
	} else if k := lock.GetKept(); k != nil && !isSelf(k.GetClient()) { // its own, before it enters
		parts = append(parts, render.KeptSentence(lock.GetLock(), k))
	}
	waiters := lock.GetWaiters()
	own := slices.IndexFunc(waiters, func(w *clientv1.Waiter) bool { return isSelf(w.GetClient()) })
	if own < 0 && len(parts) == 0 && lock.GetWaiting() == 0 {
		return "" // the node does not count it yet, or no longer
	}
	if own < 0 {
		return strings.Join(append(parts, fmt.Sprintf("%d waiting", lock.GetWaiting())), "; ")
	}
	if ahead := waiters[:own]; len(ahead) > 0 {
		first := ahead[:min(len(ahead), shownAhead)]
		var names []string
		for _, w := range first {
			names = append(names, whois(w.GetClient(), w.GetMember()))
		}
		text := "then " + strings.Join(names, ", ")
		if more := int(waiters[own].GetAhead()) - len(first); more > 1 {
			text += " and others"
		}
		parts = append(parts, text)
	}
	for _, o := range lock.GetObstacles() {
		if !slices.Contains(toldOtherwise, o.GetKind()) {
			parts = append(parts, render.Plain(o.GetText()))
		}
	}
	return strings.Join(append([]string{fmt.Sprintf("%d ahead", waiters[own].GetAhead())}, parts...), "; ")
}

// toldOtherwise are the obstacles that the rest of the text tells.
var toldOtherwise = []clientv1.Obstacle_Kind{clientv1.Obstacle_KIND_HELD, clientv1.Obstacle_KIND_QUEUE, clientv1.Obstacle_KIND_KEPT}

// shownAhead is how many of the holders, and of the waiters ahead, are named.
const shownAhead = 3

// waitsFor says what is waited for, by mode.
var waitsFor = map[string]string{modeShared: "a share of ", modePermit: "a permit of "}

// heldBy names those who hold a lock, with their fence where they all have the same.
func heldBy(lock *clientv1.LockStatus, held []*clientv1.Holder) string {
	var names []string
	for _, h := range held[:min(len(held), shownAhead)] {
		names = append(names, whois(h.GetClient(), h.GetMember()))
	}
	text := "held by " + strings.Join(names, ", ")
	if more := render.CountHolders(lock) - uint64(len(names)); more > 0 {
		text += fmt.Sprintf(" and %d others", more)
	}
	switch limit := token.Limit(held[0].GetLimit()); modeWord(limit) {
	case modeShared:
		return text + ", who share it"
	case modePermit:
		return text + fmt.Sprintf(", with %d of %d permits", render.CountHolders(lock), lock.GetLimit())
	default:
		return text + fmt.Sprintf(" with fence %d", held[0].GetFence())
	}
}

// whois describes a client of a member: "root on web1 (process 42, make deploy)".
func whois(c *clientv1.Client, member string) string {
	text := "a client of " + render.Plain(member)
	if c.GetUser() != "" && c.GetHost() != "" {
		text = render.Plain(c.GetUser()) + " on " + render.Plain(c.GetHost())
	}
	var details []string
	if c.GetPid() != 0 {
		details = append(details, fmt.Sprintf("process %d", c.GetPid()))
	}
	if c.GetCommand() != "" {
		details = append(details, render.Plain(c.GetCommand()))
	}
	if len(details) == 0 {
		return text
	}
	return text + " (" + strings.Join(details, ", ") + ")"
}
