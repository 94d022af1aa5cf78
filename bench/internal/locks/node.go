package locks

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/rs/zerolog"

	"conch"
	"conch/internal/logfile"
	"conch/token"
)

// stopPatience is how long a node may take to stop.
const stopPatience = 2 * time.Second

// node is a member of a conch cluster in this process, and the hold that its one
// user has.
type node struct {
	node    *conch.Node
	name    string
	log     *logfile.Writer      // nil if there is none
	metrics *prometheus.Registry // what it counts; nil if it does not
	mode    token.Limit
	hold    conch.Hold
}

func startNode(ctx context.Context, spec Spec, sent func(uint64)) (*node, error) {
	n := &node{name: Name}
	config := conch.Config{
		Listen:     spec.Endpoints[spec.Self],
		Peers:      spec.Endpoints,
		SessionTTL: spec.TTL,
		LocalBatch: spec.LocalBatch,
		Socket:     spec.Socket,
		DataDir:    filepath.Join(spec.Dir, fmt.Sprintf("member%d", spec.Self)),
	}
	switch spec.Log {
	case LogFile:
		path := filepath.Join(spec.Dir, fmt.Sprintf("member%d.log", spec.Self))
		file, err := os.OpenFile(path, os.O_RDWR|os.O_APPEND|os.O_CREATE, 0o600)
		if err != nil {
			return nil, fmt.Errorf("locks: %w", err)
		}
		if n.log, err = logfile.Open(path, logfile.Config{}); err != nil { // what fails is its cost alone
			return nil, errors.Join(err, file.Close())
		}
		config.Log, config.FlushLog, config.Evidence = zerolog.New(n.log).Level(zerolog.InfoLevel), n.log.Flush, true
	case LogCount:
		config.Log, config.Evidence = zerolog.New(io.Discard).Level(zerolog.InfoLevel).Hook(counter{sent}), true
	case LogNothing:
	default:
		return nil, fmt.Errorf("locks: log: got %q, want %q, %q or none", spec.Log, LogFile, LogCount)
	}
	if spec.Counting {
		n.metrics = prometheus.NewRegistry()
		config.Metrics = n.metrics
	}
	var err error
	if n.node, err = conch.Start(ctx, config); err != nil {
		return nil, fmt.Errorf("locks: %w", err)
	}
	return n, nil
}

// counter counts the messages that pass the lock, by what the log says of them.
type counter struct{ sent func(uint64) }

// Run is zerolog.Hook's.
func (c counter) Run(_ *zerolog.Event, _ zerolog.Level, message string) {
	switch message {
	case "request sent", "token sent", "recall sent", "done sent":
		c.sent(1)
	}
}

func (n *node) Lock(ctx context.Context) (err error) {
	n.hold, err = take(ctx, n.node, n.name, n.mode)
	return err
}

// In implements [Sharing].
func (n *node) In(mode token.Limit) Lock {
	n.mode = mode
	return n
}

func (n *node) Unlock(context.Context) error { return n.hold.Unlock() }

// Another returns an end for one more caller of the node.
func (n *node) Another() Lock { return n.Of(n.name) }

// Of returns an end for one more caller of the node, of a lock of some name.
func (n *node) Of(name string) Lock { return &node{node: n.node, name: name} }

func (n *node) Close() error {
	ctx, cancel := context.WithTimeout(context.Background(), stopPatience)
	defer cancel()
	err := n.node.Stop(ctx)
	if n.log != nil {
		_ = n.log.Close() // it was for its cost alone
	}
	return err
}
