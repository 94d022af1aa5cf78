package broadcast

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"net"
	"os"
	"reflect"
	"slices"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/rs/zerolog"
	"go.uber.org/goleak"
	"google.golang.org/grpc"
	"google.golang.org/grpc/test/bufconn"

	"conch/token"
)

func TestMain(m *testing.M) {
	goleak.VerifyTestMain(m)
}

const testTTL = 2 * time.Second

// network is the connections in memory through which the nodes of a test dial each other. A
// test can cut them.
type network struct {
	mu        sync.Mutex
	listeners map[string]*bufconn.Listener
	conns     map[[2]string][]net.Conn // by who dialled whom
	blocked   map[[2]string]bool
	dialled   map[[2]string]int // how often, whatever came of it
}

func newNetwork() *network {
	return &network{
		listeners: make(map[string]*bufconn.Listener),
		conns:     make(map[[2]string][]net.Conn),
		blocked:   make(map[[2]string]bool),
		dialled:   make(map[[2]string]int),
	}
}

var errRefused = errors.New("connection refused")

// listen opens a member's port, with room for some bytes on each connection.
func (w *network) listen(address string) *bufconn.Listener {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.listeners[address] = bufconn.Listen(64 << 10)
	return w.listeners[address]
}

// dialerOf returns how a member dials.
func (w *network) dialerOf(from string) dialer {
	return func(ctx context.Context, to string) (net.Conn, error) {
		w.mu.Lock()
		listener, blocked := w.listeners[to], w.blocked[[2]string{from, to}]
		w.dialled[[2]string{from, to}]++
		w.mu.Unlock()
		if listener == nil || blocked {
			return nil, errRefused
		}
		conn, err := listener.DialContext(ctx)
		if err != nil {
			return nil, err
		}
		w.mu.Lock()
		defer w.mu.Unlock()
		pair := [2]string{from, to}
		w.conns[pair] = append(w.conns[pair], conn)
		return conn, nil
	}
}

// cut closes the connections that from has dialled to to.
func (w *network) cut(from, to string) {
	w.mu.Lock()
	defer w.mu.Unlock()
	pair := [2]string{from, to}
	for _, conn := range w.conns[pair] {
		_ = conn.Close()
	}
	delete(w.conns, pair)
}

// block cuts the connections that from has dialled to to, and lets no others through until
// unblock.
func (w *network) block(from, to string) {
	w.mu.Lock()
	w.blocked[[2]string{from, to}] = true
	w.mu.Unlock()
	w.cut(from, to)
}

// dials is how often a member has dialled another.
func (w *network) dials(from, to string) int {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.dialled[[2]string{from, to}]
}

func (w *network) unblock(from, to string) {
	w.mu.Lock()
	defer w.mu.Unlock()
	delete(w.blocked, [2]string{from, to})
}

// member is one node of a test.
type member struct {
	t       testing.TB
	address string
	driver  *Driver
	server  *grpc.Server
	served  chan struct{}
	log     *logBuffer
}

// setup says how a test's node differs from the usual one.
type setup struct {
	members []string
	limits  limits
	ttl     time.Duration
	session token.Session
	batch   int // LocalBatch
	store   Store
	notes   Notes
	floor   uint64
	disk    *memberDisk // nil without a data directory
	check   func(ctx context.Context, address string) error
	// plain: no evidence is written.
	plain bool
	log   *logBuffer
	// quiet takes the lines in place of log, if it is not the zero Logger.
	quiet zerolog.Logger
}

// startMember starts the node with an address.
func (w *network) startMember(t testing.TB, address string, s setup) *member {
	t.Helper()
	if s.limits == (limits{}) {
		s.limits = defaultLimits
	}
	if s.ttl == 0 {
		s.ttl = testTTL
	}
	if s.session == 0 {
		s.session = token.Session(time.Now().UnixMicro())
	}
	if s.log == nil {
		s.log = new(logBuffer)
	}
	logger := s.quiet
	if reflect.ValueOf(logger).IsZero() {
		logger = zerolog.New(s.log)
	}
	s.log.collects = true
	listener := w.listen(address)
	began := time.Now()
	if s.disk == nil {
		s.disk = new(memberDisk)
	}
	driver, err := start(Config{
		Members: s.members,
		Self:    token.Member(max(0, slices.Index(s.members, address))),

		Membership:     s.disk.membership,
		Disk:           s.disk.id,
		Choice:         s.disk.choice,
		SaveMembership: s.disk.save,
		Fresh:          s.disk.isFresh(),
		CheckMember:    s.check,

		Session: s.session,
		TTL:     s.ttl,
		Store:   s.store,
		Notes:   s.notes,
		Floor:   s.floor,
		Dial:    w.dialerOf(address),

		LocalBatch: s.batch,
		// A bubble's clock is package time's.
		Clock:    func() token.Time { return token.Time(time.Since(began)) },
		Log:      logger,
		FlushLog: s.log.flush,
		Evidence: !s.plain,
	}, s.limits)
	if err != nil {
		t.Fatal(err)
	}
	m := &member{
		t:       t,
		address: address,
		driver:  driver,
		server:  grpc.NewServer(ServerOptions()...),
		served:  make(chan struct{}),
		log:     s.log,
	}
	driver.Register(m.server)
	go func() {
		defer close(m.served)
		_ = m.server.Serve(driver.Listener(listener))
	}()
	return m
}

// startAll starts a node for each address.
func (w *network) startAll(t testing.TB, addresses ...string) []*member {
	t.Helper()
	var all []*member
	for _, address := range addresses {
		all = append(all, w.startMember(t, address, setup{members: addresses}))
	}
	return all
}

// stop ends a node with time to release.
func (m *member) stop() {
	m.t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
	defer cancel()
	if err := m.driver.Stop(ctx); err != nil {
		m.t.Errorf("%s: %v", m.address, err)
	}
	m.server.Stop()
	<-m.served
}

func stopAll(members []*member) {
	for _, m := range members {
		m.stop()
	}
}

// crash ends a node at once.
func (m *member) crash() {
	m.t.Helper()
	m.driver.Fail(errors.New("crash"))
	<-m.driver.Done()
	m.server.Stop()
	<-m.served
	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	_ = m.driver.Stop(ctx)
}

// acquire takes a lock, or fails the test if that takes longer than a minute.
func (m *member) acquire(lock string) Hold {
	m.t.Helper()
	ctx, cancel := context.WithTimeout(m.t.Context(), time.Minute)
	defer cancel()
	hold, err := m.driver.Acquire(ctx, lock, token.Exclusive)
	if err != nil {
		m.t.Fatalf("%s: acquire %q: %v", m.address, lock, err)
	}
	return hold
}

func (m *member) release(hold Hold) {
	m.t.Helper()
	if err := hold.Unlock(); err != nil {
		m.t.Errorf("%s: release: %v", m.address, err)
	}
}

// logBuffer keeps the lines of a node. If it collects, it shows them when it is flushed.
type logBuffer struct {
	mu        sync.Mutex
	bytes     bytes.Buffer
	collects  bool
	unflushed bytes.Buffer
}

func (b *logBuffer) Write(p []byte) (int, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	if os.Getenv("CONCH_TEST_LOG") != "" {
		_, _ = os.Stderr.Write(p)
	}
	if b.collects {
		return b.unflushed.Write(p)
	}
	return b.bytes.Write(p)
}

// flush is Config.FlushLog.
func (b *logBuffer) flush() {
	b.mu.Lock()
	defer b.mu.Unlock()
	_, _ = b.unflushed.WriteTo(&b.bytes)
}

type line map[string]any

// lines returns the lines so far with one of the named events, or all if none is named.
func (m *member) lines(events ...string) []line {
	m.t.Helper()
	m.log.mu.Lock()
	defer m.log.mu.Unlock()
	var found []line
	for text := range bytes.Lines(m.log.bytes.Bytes()) {
		var l line
		if err := json.Unmarshal(text, &l); err != nil {
			m.t.Fatalf("%s: line %q: %v", m.address, text, err)
		}
		if event, _ := l["event"].(string); len(events) == 0 || slices.Contains(events, event) {
			found = append(found, l)
		}
	}
	return found
}

// eventually waits, in the bubble's time, until a condition holds.
func eventually(t *testing.T, what string, holds func() bool) {
	t.Helper()
	for range 6000 {
		synctest.Wait()
		if holds() {
			return
		}
		time.Sleep(10 * time.Millisecond)
	}
	t.Fatalf("after a minute: not %s", what)
}

// connected reports whether each of the nodes has a stream to each other.
func connected(members ...*member) bool {
	for _, m := range members {
		up := make(map[string]bool)
		for _, l := range m.lines("peer_connected", "peer_lost") {
			up[l["peer"].(string)] = l["event"] == "peer_connected"
		}
		for _, other := range members {
			if other != m && !up[other.address] {
				return false
			}
		}
	}
	return true
}
