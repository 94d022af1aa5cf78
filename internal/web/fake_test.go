package web

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"go.uber.org/goleak"
	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"

	"conch/broadcast"
	clientv1 "conch/proto/conch/client/v1"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// fakeNode is a node whose answers a test sets.
type fakeNode struct {
	changes chan *clientv1.LockStatus // told by Watch, one after the other
	idle    []*clientv1.LockStatus    // told by ListLocks

	mu      sync.Mutex
	session uint64
	down    error // of Status
	broken  []*clientv1.BreakRequest
	refusal error // of Break
	// leader is who leads under every lock; nil is nobody. observeErr is of Observe.
	leader     *clientv1.Leader
	observeErr error
	// visible is the lock that the rules let the page see, or everything; empty for none.
	visible string
	// members are those of the status, and membership how they change.
	members    []string
	membership *clientv1.ShowMembersResponse
}

const everything = "*"

// caution is a caution of the node under test.
const caution = "--insecure: <b>nothing</b> is encrypted"

// see returns the refusal of a node whose rules hide the lock.
func (n *fakeNode) see(lock string) error {
	n.mu.Lock()
	defer n.mu.Unlock()
	if n.visible == everything || n.visible != "" && (lock == n.visible || lock == "") {
		return nil
	}
	return status.Error(codes.PermissionDenied, "not allowed: the page may not look")
}

func newFakeNode() *fakeNode {
	return &fakeNode{changes: make(chan *clientv1.LockStatus), session: 7, visible: everything, members: []string{"a:1", "b:1"}}
}

func (n *fakeNode) Status(context.Context, *clientv1.StatusRequest) (*clientv1.StatusResponse, error) {
	n.mu.Lock()
	defer n.mu.Unlock()
	if n.down != nil {
		return nil, n.down
	}
	return n.status(), nil
}

// asPage is what the page may call of the node.
type asPage struct{ *fakeNode }

func (p asPage) Status(ctx context.Context, r *clientv1.StatusRequest) (*clientv1.StatusResponse, error) {
	if err := p.see(""); err != nil {
		return nil, err
	}
	return p.fakeNode.Status(ctx, r)
}

// status returns the state of the members.
func (n *fakeNode) status() *clientv1.StatusResponse {
	return &clientv1.StatusResponse{
		AnsweredBy: "a:1", Members: n.members, Membership: n.membership,
		Statuses: []*clientv1.MemberStatus{{Member: "a:1", Session: n.session}},
	}
}

func (n *fakeNode) ListLocks(r *clientv1.ListLocksRequest, rpc grpc.ServerStreamingServer[clientv1.ListLocksResponse]) error {
	if err := n.see(r.GetLock()); err != nil {
		return err
	}
	for _, l := range n.idle {
		if err := rpc.Send(&clientv1.ListLocksResponse{Lock: l}); err != nil {
			return err
		}
	}
	return nil
}

func (n *fakeNode) Watch(r *clientv1.WatchRequest, rpc grpc.ServerStreamingServer[clientv1.WatchResponse]) error {
	if err := n.see(r.GetLock()); err != nil {
		return err
	}
	if r.GetLock() != "" {
		if err := rpc.Send(&clientv1.WatchResponse{Lock: known(r.GetLock(), 1)}); err != nil {
			return err
		}
		<-rpc.Context().Done()
		return nil
	}
	if err := rpc.Send(&clientv1.WatchResponse{}); err != nil {
		return err
	}
	for {
		select {
		case l, open := <-n.changes:
			if !open { // the node stops
				return errors.New("the node is stopping")
			}
			if err := rpc.Send(&clientv1.WatchResponse{Lock: l}); err != nil {
				return err
			}
		case <-rpc.Context().Done():
			return nil
		}
	}
}

func (n *fakeNode) Observe(r *clientv1.ObserveRequest, rpc grpc.ServerStreamingServer[clientv1.ObserveResponse]) error {
	if err := broadcast.CheckName(r.GetLock()); err != nil {
		return status.Error(codes.InvalidArgument, err.Error())
	}
	if err := n.see(r.GetLock()); err != nil {
		return err
	}
	n.mu.Lock()
	leader, err := n.leader, n.observeErr
	n.mu.Unlock()
	if err != nil {
		return err
	}
	if err := rpc.Send(&clientv1.ObserveResponse{Leader: leader}); err != nil {
		return err
	}
	<-rpc.Context().Done()
	return status.FromContextError(rpc.Context().Err()).Err()
}

func (n *fakeNode) Break(_ context.Context, r *clientv1.BreakRequest) (*clientv1.BreakResponse, error) {
	n.mu.Lock()
	defer n.mu.Unlock()
	n.broken = append(n.broken, r)
	return &clientv1.BreakResponse{Holder: &clientv1.Holder{Member: "b:1"}}, n.refusal
}

// known is a lock whose token has moved this many hops.
func known(lock string, hop uint64) *clientv1.LockStatus {
	return &clientv1.LockStatus{
		Lock: lock, Token: &clientv1.TokenStatus{Member: "b:1", Hop: hop},
		Views: []*clientv1.LockView{{Member: "a:1", RequestNumbers: []*clientv1.RequestNumber{{Session: 1 << 60, Count: 2}}}},
	}
}

// fakeLocks grants locks and reports when they are released.
type fakeLocks struct {
	grants   chan struct{} // one value for each grant
	unlocked chan string
}

type fakeHold struct {
	locks *fakeLocks
	name  string
}

func newFakeLocks() *fakeLocks {
	return &fakeLocks{grants: make(chan struct{}, 100), unlocked: make(chan string, 100)}
}

func (f *fakeLocks) lock(ctx context.Context, name string) (Hold, error) {
	select {
	case <-f.grants:
		return fakeHold{f, name}, nil
	case <-ctx.Done():
		return nil, context.Cause(ctx)
	}
}

func (h fakeHold) Fence() uint64  { return 1 << 60 }
func (h fakeHold) Err() error     { return nil }
func (h fakeHold) Warning() error { return nil }
func (h fakeHold) Unlock() error {
	h.locks.unlocked <- h.name
	return nil
}

// site is a server under test and its fakes.
type site struct {
	*testing.T
	node   *fakeNode
	locks  *fakeLocks
	server *Server
	url    string
}

func newSite(t *testing.T, ttl time.Duration) *site {
	t.Helper()
	s := &site{T: t, node: newFakeNode(), locks: newFakeLocks()}
	s.server = New(Config{
		Node: asPage{s.node}, Lock: s.locks.lock, Health: s.node.Status, Cautions: []string{caution}, Members: []string{"a:1", "b:1"}, Member: "a:1", TTL: ttl,
		Caller: &clientv1.Client{Command: "page"}, Version: "v1", Metrics: prometheus.NewRegistry(), Listen: "127.0.0.1",
	})
	web := httptest.NewServer(s.server)
	s.url = web.URL
	t.Cleanup(func() {
		s.server.visits.close()
		web.CloseClientConnections()
		web.Close()
	})
	return s
}

// send sends a request as the page does, after edit has changed it.
func (s *site) send(method, path, body string, edit func(*http.Request)) (code int, answer string) {
	s.Helper()
	r, err := http.NewRequestWithContext(s.Context(), method, s.url+path, strings.NewReader(body))
	if err != nil {
		s.Fatal(err)
	}
	if method == http.MethodPost {
		r.Header.Set("Content-Type", "application/json")
		r.Header.Set(tokenHeader, s.server.token)
	}
	if edit != nil {
		edit(r)
	}
	response, err := http.DefaultClient.Do(r)
	if err != nil {
		s.Fatal(err)
	}
	defer response.Body.Close()
	text, err := io.ReadAll(response.Body)
	if err != nil {
		s.Fatal(err)
	}
	return response.StatusCode, string(text)
}

// act sends the request of a button.
func (s *site) act(what, body string) {
	s.Helper()
	if code, answer := s.send(http.MethodPost, "/api/"+what, body, nil); code != http.StatusOK {
		s.Fatalf("%s %s: %d %s", what, body, code, answer)
	}
}

// listener is an open event stream of a page.
type listener struct {
	*testing.T
	response *http.Response
	lines    *bufio.Scanner
	hello    helloJSON
}

const pageID = "0123456789abcdef0123456789abcdef"

// listen opens a page's stream.
func (s *site) listen(query string) *listener {
	s.Helper()
	r, err := http.NewRequestWithContext(s.Context(), http.MethodGet, s.url+"/events?page="+pageID+query, nil)
	if err != nil {
		s.Fatal(err)
	}
	response, err := http.DefaultClient.Do(r)
	if err != nil {
		s.Fatal(err)
	}
	s.Cleanup(func() { _ = response.Body.Close() })
	l := &listener{T: s.T, response: response, lines: bufio.NewScanner(response.Body)}
	l.lines.Buffer(nil, 1<<24)
	if err := json.Unmarshal(l.next("hello"), &l.hello); err != nil {
		s.Fatal(err)
	}
	return l
}

// close ends the stream, as a browser does when its tab is closed.
func (l *listener) close() { _ = l.response.Body.Close() }

// next returns the content of the next event, which must be of this kind.
func (l *listener) next(kind string) []byte {
	l.Helper()
	for l.lines.Scan() {
		if got, isEvent := strings.CutPrefix(l.lines.Text(), "event: "); isEvent && got != kind {
			l.Fatalf("event %q; want %q", got, kind)
		}
		if data, isData := strings.CutPrefix(l.lines.Text(), "data: "); isData {
			return []byte(data)
		}
	}
	l.Fatalf("the stream has ended (%v); want an event %q", l.lines.Err(), kind)
	return nil
}

// until reads news until one is as wanted.
func (l *listener) until(wanted func(newsJSON) bool) newsJSON {
	l.Helper()
	for {
		var n newsJSON
		if err := json.Unmarshal(l.next("news"), &n); err != nil {
			l.Fatal(err)
		}
		if wanted(n) {
			return n
		}
	}
}

// untilHello reads events until the page is to begin anew.
func (l *listener) untilHello() {
	l.Helper()
	kind := ""
	for l.lines.Scan() {
		if got, isEvent := strings.CutPrefix(l.lines.Text(), "event: "); isEvent {
			kind = got
		}
		if data, isData := strings.CutPrefix(l.lines.Text(), "data: "); isData && kind == "hello" {
			if err := json.Unmarshal([]byte(data), &l.hello); err != nil {
				l.Fatal(err)
			}
			return
		}
	}
	l.Fatalf("the stream has ended (%v); want another hello", l.lines.Err())
}

// asks reads news until the page's first request is in this state; empty for no request.
func (l *listener) asks(state string) {
	l.Helper()
	l.until(func(n newsJSON) bool {
		switch {
		case n.Asks == nil:
			return false
		case len(*n.Asks) == 0:
			return state == ""
		}
		return (*n.Asks)[0].State == state
	})
}
