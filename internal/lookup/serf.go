package lookup

import (
	"bytes"
	"context"
	"encoding/base64"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"strings"
	"sync"
	"time"
	"unicode"

	"github.com/hashicorp/serf/serf"
)

const (
	// DefaultSerfPort is the port that Serf agents have as a rule.
	DefaultSerfPort = "7946"
	// tagName is the tag by which an agent tells its node's address to the others. Agents
	// without it are not of a conch node.
	tagName = "conch"
	// joinInterval is the time between two attempts to reach the seeds while no other agent
	// is known, and rejoinInterval otherwise: a seed that has come back may know nobody.
	joinInterval   = time.Second
	rejoinInterval = 10 * time.Second
	// leavePatience is how long an agent waits for its leave to spread.
	leavePatience = 300 * time.Millisecond
)

// ErrKey is wrapped by the error for a file that has no key for Serf.
var ErrKey = errors.New("bad Serf key")

// SerfConfig is what a Serf agent is started with.
type SerfConfig struct {
	// Listen is the HOST:PORT of the agent; an empty HOST is every interface.
	Listen string
	// Self is the address of this node, which the agent tells the others.
	Self string
	// Key encrypts what agents say: 16, 24 or 32 bytes, the same at all. Empty encrypts
	// nothing.
	Key []byte
}

// serfSource is one Serf agent.
type serfSource struct {
	agent *serf.Serf
	seeds []string
	said  *lastError

	closing context.CancelFunc
	joining sync.WaitGroup

	mu     sync.Mutex
	joined error // why the last attempt to reach the seeds failed
}

// OpenSerf runs a Serf agent until Close, which tries to reach the seeds of the spec.
func OpenSerf(spec Spec, cfg SerfConfig) (Source, error) {
	listen, err := net.ResolveTCPAddr("tcp", cfg.Listen)
	if err != nil {
		return nil, fmt.Errorf("serf agent on %s: %w", cfg.Listen, err)
	}
	if listen.IP == nil {
		listen.IP = net.IPv4zero
	}
	s := &serfSource{seeds: spec.Seeds, said: &lastError{}}
	conf := serf.DefaultConfig()
	conf.NodeName = cfg.Self // a node that comes back is the same agent
	conf.Tags = map[string]string{tagName: cfg.Self}
	conf.LogOutput, conf.MemberlistConfig.LogOutput = s.said, s.said
	conf.LeavePropagateDelay, conf.BroadcastTimeout = leavePatience, leavePatience
	// Who loses a vote over a name would shut down its agent. Here it is told.
	conf.EnableNameConflictResolution = false
	conf.MemberlistConfig.BindAddr, conf.MemberlistConfig.BindPort = listen.IP.String(), listen.Port
	conf.MemberlistConfig.AdvertisePort = listen.Port
	conf.MemberlistConfig.SecretKey = cfg.Key
	// A node may come back with another IP address.
	conf.MemberlistConfig.DeadNodeReclaimTime = time.Second
	if s.agent, err = serf.Create(conf); err != nil {
		return nil, fmt.Errorf("serf agent on %s: %w", cfg.Listen, err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	s.closing = cancel
	s.joining.Go(func() { s.join(ctx) })
	return s, nil
}

// join tries to reach the seeds again and again.
func (s *serfSource) join(ctx context.Context) {
	ticker := time.NewTicker(joinInterval)
	defer ticker.Stop()
	var last time.Time
	for {
		if s.isAlone() || time.Since(last) >= rejoinInterval {
			last = time.Now()
			_, err := s.agent.Join(s.seeds, true)
			s.mu.Lock()
			s.joined = err
			s.mu.Unlock()
		}
		select {
		case <-ctx.Done():
			return
		case <-ticker.C:
		}
	}
}

func (s *serfSource) isAlone() bool {
	alive := 0
	for _, m := range s.agent.Members() {
		if m.Status == serf.StatusAlive {
			alive++
		}
	}
	return alive < 2
}

// Find lists the nodes whose agents are alive, and tells of what went wrong while there
// was none but this one.
func (s *serfSource) Find(context.Context) ([]string, error) {
	var texts []string
	for _, m := range s.agent.Members() {
		if tag := m.Tags[tagName]; tag != "" && m.Status == serf.StatusAlive {
			texts = append(texts, tag)
		}
	}
	found, err := addresses(texts)
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.isAlone() && s.joined != nil {
		err = errors.Join(err, fmt.Errorf("serf: %s", oneLine(s.joined.Error())))
	}
	if said := s.said.take(); said != "" {
		err = errors.Join(err, errors.New(said))
	}
	return found, err
}

// Close leaves the other agents and ends this one.
func (s *serfSource) Close() error {
	s.closing()
	left := s.agent.Leave()
	err := s.agent.Shutdown()
	s.joining.Wait()
	return errors.Join(left, err)
}

// ReadKey reads a file that has a key for Serf: 16, 24 or 32 bytes in base64, as
// "serf keygen" writes them. Only its owner may read it. The error wraps [ErrKey].
func ReadKey(path string) ([]byte, error) {
	const maxBytes = 1 << 10
	file, err := os.Open(path)
	if err != nil {
		return nil, fmt.Errorf("%w: %w", ErrKey, err)
	}
	defer file.Close()
	info, err := file.Stat()
	if err != nil {
		return nil, fmt.Errorf("%w: %w", ErrKey, err)
	}
	if mode := info.Mode().Perm(); info.Mode().IsRegular() && mode&0o077 != 0 {
		return nil, fmt.Errorf("%w: %s: other users may read it (mode %#o); run: chmod 600 %s", ErrKey, path, mode, path)
	}
	text, err := io.ReadAll(io.LimitReader(file, maxBytes))
	if err != nil {
		return nil, fmt.Errorf("%w: %w", ErrKey, err)
	}
	key, err := base64.StdEncoding.DecodeString(string(bytes.TrimSpace(text)))
	if err != nil {
		return nil, fmt.Errorf("%w: %s: it is not base64; \"serf keygen\" or \"openssl rand -base64 32\" makes one", ErrKey, path)
	}
	if n := len(key); n != 16 && n != 24 && n != 32 {
		return nil, fmt.Errorf("%w: %s: it has %d bytes, want 16, 24 or 32", ErrKey, path, n)
	}
	return key, nil
}

// lastError keeps the latest error that an agent has logged, until it is taken.
type lastError struct {
	mu   sync.Mutex
	text string
}

// Write is [io.Writer]'s. The logger writes a line at a time.
func (l *lastError) Write(line []byte) (int, error) {
	if _, text, found := bytes.Cut(line, []byte("[ERR] ")); found {
		l.mu.Lock()
		l.text = oneLine(string(text))
		l.mu.Unlock()
	}
	return len(line), nil
}

func (l *lastError) take() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	text := l.text
	l.text = ""
	return text
}

// oneLine makes a text one line that a terminal shows as it is, of a length that a log line
// may have.
func oneLine(text string) string {
	const most = 300
	text = strings.Join(strings.FieldsFunc(text, func(r rune) bool { return !unicode.IsPrint(r) || r == ' ' }), " ")
	if len(text) > most {
		text = strings.ToValidUTF8(text[:most], "") + "…"
	}
	return text
}
