package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"time"
	"unicode/utf8"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"
	"google.golang.org/grpc"

	"conch/hosts"
	"conch/internal/client"
	"conch/internal/render"
	clientv1 "conch/proto/conch/client/v1"
)

// answerPatience is how long a node that owes an answer may be silent. It waits for other
// members itself, but not as long.
const answerPatience = 10 * time.Second

// askFlags are the flags of commands that ask a node about the cluster.
type askFlags struct {
	nodes  []string
	asJSON bool
	tls    tlsFlags
}

// addTo adds the flags to a command.
func (f *askFlags) addTo(cmd *cobra.Command) {
	asking := pflag.NewFlagSet("", pflag.ContinueOnError)
	asking.StringArrayVar(&f.nodes, "node", nil, "ask the node at `ADDR`, a HOST:PORT or the path of its socket; given ADDR,ADDR,..., the first that answers (default: $"+client.EnvNode+", else this user's nodes here, which must be of one cluster, else "+hosts.DefaultListen+")")
	asking.BoolVar(&f.asJSON, "json", false, "write JSON, for scripts, a line for each object")
	addGroup(cmd, "Asking", asking)
	f.tls.addToClient(cmd)
}

// printer returns what writes the answers.
func (f *askFlags) printer(out io.Writer) render.Printer {
	if f.asJSON {
		return render.JSON(out)
	}
	return render.Text(out)
}

// lockArgument requires the name of one lock.
func lockArgument(_ *cobra.Command, args []string) error {
	if len(args) != 1 {
		return fmt.Errorf("got %d arguments, want one: the lock's name", len(args))
	}
	if name := args[0]; name == "" || len(name) > maxLockNameBytes || !utf8.ValidString(name) {
		return fmt.Errorf("the lock's name: got %d bytes, %.40q, want 1 to %d bytes of UTF-8", len(name), name, maxLockNameBytes)
	}
	return nil
}

// asked is a node that is being asked.
type asked struct {
	clientv1.LockServiceClient
	conn   *grpc.ClientConn
	target client.Target
}

// find returns the nodes to ask.
func (f *askFlags) find(cmd *cobra.Command) (client.Nodes, error) {
	nodes, err := client.Find(f.nodes)
	switch {
	case err != nil && len(f.nodes) > 0:
		return nodes, misuse(cmd, "--node: %w", err)
	case err != nil:
		return nodes, misuse(cmd, "%w", err)
	}
	return nodes, nil
}

// ask connects with a node.
func (f *askFlags) ask(cmd *cobra.Command) (*asked, error) {
	nodes, err := f.find(cmd)
	if err != nil {
		return nil, err
	}
	secure, err := f.tls.security(cmd)
	if err != nil {
		return nil, err
	}
	conn, target, err := client.Connect(cmd.Context(), nodes.Targets, client.DefaultPatience, secure)
	if err != nil {
		return nil, &exitError{code: exitUnreachable, err: nodes.Explain(err)}
	}
	cautionGuess(cmd, nodes)
	return &asked{LockServiceClient: clientv1.NewLockServiceClient(conn), conn: conn, target: target}, nil
}

// cautionGuess warns that the node that was asked was only guessed, and may be somebody
// else's.
func cautionGuess(cmd *cobra.Command, nodes client.Nodes) {
	if nodes.IsGuess {
		fmt.Fprintf(cmd.ErrOrStderr(), "conch: caution: %s\n", nodes.Hint)
	}
}

// close ends the connection.
func (a *asked) close() { a.conn.Close() }

// errSilent is the cause of a context that ended because a node did not answer.
var errSilent = fmt.Errorf("it has not answered for %v", answerPatience)

// within waits for an answer that a node owes, and ends the call with errSilent if none
// comes.
func within[M any](end context.CancelCauseFunc, receive func() (M, error)) (M, error) {
	timer := time.AfterFunc(answerPatience, func() { end(errSilent) })
	defer timer.Stop()
	return receive()
}

// askOnce asks for one answer.
func askOnce[M any](ctx context.Context, a *asked, call func(context.Context) (M, error)) (M, error) {
	ctx, end := context.WithCancelCause(ctx)
	defer end(nil)
	answer, err := within(end, func() (M, error) { return call(ctx) })
	if err != nil {
		return answer, a.failure(ctx, err)
	}
	return answer, nil
}

// eachLock calls take with each lock that a node describes, as it comes, and with the
// members that did not answer. It returns the latter.
func (a *asked) eachLock(ctx context.Context, request *clientv1.ListLocksRequest, take func(*clientv1.LockStatus, []*clientv1.Missing) error) (missing []*clientv1.Missing, err error) {
	ctx, end := context.WithCancelCause(ctx)
	defer end(nil)
	stream, err := a.ListLocks(ctx, request)
	if err != nil {
		return nil, a.failure(ctx, err)
	}
	for {
		message, err := within(end, stream.Recv)
		if errors.Is(err, io.EOF) {
			return missing, nil
		}
		if err != nil {
			return nil, a.failure(ctx, err)
		}
		if len(message.GetMissing()) > 0 { // first, or last if some broke off in the middle
			missing = message.GetMissing()
		}
		if message.GetLock() == nil {
			continue
		}
		if err := take(message.GetLock(), missing); err != nil {
			return nil, err
		}
	}
}

// lock asks about one lock.
func (a *asked) lock(ctx context.Context, name string) (lock *clientv1.LockStatus, missing []*clientv1.Missing, err error) {
	lock = &clientv1.LockStatus{Lock: name}
	request := &clientv1.ListLocksRequest{Scope: clientv1.Scope_SCOPE_CLUSTER, Lock: name}
	missing, err = a.eachLock(ctx, request, func(told *clientv1.LockStatus, _ []*clientv1.Missing) error {
		lock = told
		return nil
	})
	return lock, missing, err
}

// warnMissing names the members that did not answer, on standard error.
func warnMissing(cmd *cobra.Command, missing []*clientv1.Missing) {
	for _, m := range missing {
		fmt.Fprintf(cmd.ErrOrStderr(), "conch: %s\n", render.Unanswered(m))
	}
}
