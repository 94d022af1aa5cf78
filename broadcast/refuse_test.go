package broadcast

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/credentials/insecure"
	"google.golang.org/grpc/status"

	"conch/broadcast/wire"
	peerv1 "conch/proto/conch/peer/v1"
	"conch/token"
)

// unauthenticated is a peer that the test plays by hand.
type unauthenticated struct {
	t    *testing.T
	conn *grpc.ClientConn
	call call
}

// approach opens a stream to a node as a peer that dials from an address.
func (w *network) approach(t *testing.T, from, to string) *unauthenticated {
	t.Helper()
	conn, err := grpc.NewClient("passthrough:///"+to,
		grpc.WithContextDialer(w.dialerOf(from)),
		grpc.WithTransportCredentials(insecure.NewCredentials()))
	if err != nil {
		t.Fatal(err)
	}
	s := &unauthenticated{t: t, conn: conn}
	s.call, err = peerv1.NewPeerServiceClient(conn).Deliver(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	return s
}

func (s *unauthenticated) send(messages ...*peerv1.Message) {
	s.t.Helper()
	if err := s.call.Send(&peerv1.Frame{Messages: messages}); err != nil && !errors.Is(err, io.EOF) {
		s.t.Fatal(err)
	}
}

// accepted waits until the node has accepted the stream.
func (s *unauthenticated) accepted() {
	s.t.Helper()
	if header, err := s.call.Header(); err != nil || header == nil {
		s.t.Fatalf("headers %v, %v; want the stream accepted", header, err)
	}
}

// ended waits for the end of the stream and checks the status.
func (s *unauthenticated) ended(code codes.Code, says string) {
	s.t.Helper()
	err := s.call.RecvMsg(new(peerv1.Receipt))
	if got := status.Convert(err); got.Code() != code || !strings.Contains(got.Message(), says) {
		s.t.Errorf("status %v %q; want %v with %q", got.Code(), got.Message(), code, says)
	}
	_ = s.conn.Close()
}

// helloOf is a HELLO that a node of these members accepts from one of them.
func helloOf(from string, members ...string) *peerv1.Hello {
	return &peerv1.Hello{
		Version:     ProtocolVersion,
		Member:      from,
		Incarnation: []byte("0123456789abcdef"),
		Boot:        1,
		Members:     members,
		Ttl:         int64(testTTL),
	}
}

func helloMessage(h *peerv1.Hello) *peerv1.Message {
	return &peerv1.Message{Kind: &peerv1.Message_Hello{Hello: h}}
}

func requestMessage(lock string) *peerv1.Message {
	return &peerv1.Message{Kind: &peerv1.Message_Request{Request: &peerv1.Request{
		Lock: lock, Number: &peerv1.Number{Session: 1, Count: 1},
	}}}
}

// startWithPeer starts a node whose only peer the test plays.
func startWithPeer(t *testing.T, w *network) *member {
	t.Helper()
	return w.startMember(t, "a:1", setup{members: []string{"a:1", "b:1"}})
}

func TestHelloIsRefused(t *testing.T) {
	many := []string{"a:1", "b:1"}
	for _, port := range "123456789" {
		many = append(many, "other:"+string(port))
	}
	for _, test := range []struct {
		name   string
		change func(h *peerv1.Hello)
		code   codes.Code
		says   string
		who    string // whom the log names; empty is the remote address
	}{
		{"version", func(h *peerv1.Hello) { h.Version = 1 }, codes.FailedPrecondition, "protocol version 1; want 5", "b:1"},
		{"no version", func(h *peerv1.Hello) { h.Version = 0 }, codes.FailedPrecondition, "protocol version 0; want 5", "b:1"},
		{"other members", func(h *peerv1.Hello) { h.Members = []string{"b:1", "c:1"} }, codes.FailedPrecondition,
			"the member lists differ: only in the receiver's list: a:1; only in the sender's list: c:1", "b:1"},
		{"more members", func(h *peerv1.Hello) { h.Members = many }, codes.FailedPrecondition,
			"only in the sender's list: other:1, other:2, other:3, other:4, other:5, other:6, other:7, other:8 and 1 more", "b:1"},
		{"other order", func(h *peerv1.Hello) { h.Members = []string{"b:1", "a:1"} }, codes.FailedPrecondition, "another order", "b:1"},
		{"for another", func(h *peerv1.Hello) { h.Receiver = "c:1" }, codes.FailedPrecondition,
			`it is meant for "c:1", and this node is a:1: the address leads to the wrong node`, "b:1"},
		{"not a member", func(h *peerv1.Hello) { h.Member = "c:1" }, codes.FailedPrecondition, `"c:1" is not a member`, ""},
		{"long name", func(h *peerv1.Hello) { h.Member = strings.Repeat("ü", 1000) }, codes.FailedPrecondition, "üü…\" is not a member", ""},
		{"ourselves", func(h *peerv1.Hello) { h.Member = "a:1" }, codes.FailedPrecondition, `"a:1" is this node itself`, ""},
		{"time to live", func(h *peerv1.Hello) { h.Ttl = int64(3 * time.Second) }, codes.FailedPrecondition,
			"session time to live 3s; here it is 2s", "b:1"},
		{"incarnation", func(h *peerv1.Hello) { h.Incarnation = []byte("short") }, codes.InvalidArgument,
			"incarnation of 5 bytes; want 16", "b:1"},
		{"session", func(h *peerv1.Hello) { h.Boot = wire.MaxSession + 1 }, codes.InvalidArgument, "session 4611686018427387905 at its start; want at most", "b:1"},
		{"floor", func(h *peerv1.Hello) { h.Floor = wire.MaxBallot + 1 }, codes.InvalidArgument,
			"floor 549755813888; want at most 549755813887 by now: is the clock here or there wrong?", "b:1"},
		{"known incarnation", func(h *peerv1.Hello) { h.KnownIncarnation = []byte("short") }, codes.InvalidArgument,
			"known incarnation of 5 bytes; want 16, or none", "b:1"},
	} {
		t.Run(test.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				w := newNetwork()
				a := startWithPeer(t, w)
				for range 3 {
					hello := helloOf("b:1", "a:1", "b:1")
					test.change(hello)
					s := w.approach(t, "unauthenticated", "a:1")
					s.send(helloMessage(hello))
					s.ended(test.code, test.says)
				}
				a.checkRefused(test.who, test.says)
				a.checkWorks(t, w)
			})
		})
	}
}

// checkRefused checks that the log tells of one refusal and its reason, of a member
// or else of an unauthenticated peer.
func (m *member) checkRefused(who, says string) {
	m.t.Helper()
	synctest.Wait()
	refused := m.lines("peer_refused")
	if len(refused) != 1 {
		m.t.Fatalf("refusals %v; want one", refused)
	}
	l := refused[0]
	if reason, _ := l["reason"].(string); !strings.Contains(reason, says) {
		m.t.Errorf("reason %q; want %q", reason, says)
	}
	key, want := "remote", "bufconn"
	if who != "" {
		key, want = "peer", who
	}
	if l[key] != want || l["level"] != "warn" {
		m.t.Errorf("refusal %v; want %s %q, level warn", l, key, want)
	}
}

// checkWorks checks that the node still takes a valid stream, and stops it.
func (m *member) checkWorks(t *testing.T, w *network) {
	t.Helper()
	s := w.approach(t, "b:1", "a:1")
	s.send(helloMessage(helloOf("b:1", "a:1", "b:1")), requestMessage("cs"))
	s.accepted()
	synctest.Wait()
	if got := m.lines("request_received"); len(got) != 1 {
		t.Errorf("requests received %v; want one", got)
	}
	m.stop()
	s.ended(codes.Unavailable, "")
}

func TestBothSidesLogThatMemberListsDiffer(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newNetwork()
		a := w.startMember(t, "a:1", setup{members: []string{"a:1", "b:1", "c:1"}})
		b := w.startMember(t, "b:1", setup{members: []string{"a:1", "b:1", "d:1"}})
		time.Sleep(time.Minute) // many attempts, logged once
		for _, m := range []*member{a, b} {
			var reasons []string
			for _, l := range m.lines("peer_refused") {
				reasons = append(reasons, l["reason"].(string))
			}
			all := strings.Join(reasons, "\n")
			if len(reasons) != 2 || strings.Count(all, "c:1") != 2 || strings.Count(all, "d:1") != 2 {
				t.Errorf("%s: reasons %q; want one for each direction, with c:1 and d:1", m.address, reasons)
			}
			if up := m.lines("peer_connected"); len(up) != 0 {
				t.Errorf("%s: connected: %v", m.address, up)
			}
		}
		stopAll([]*member{a, b})
	})
}

// A reason is logged once, and again after an accepted stream of the member.
func TestRefusalIsLoggedAgainAfterAStreamWasAccepted(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newNetwork()
		addresses := []string{"a:1", "b:1"}
		a := w.startMember(t, "a:1", setup{members: addresses})
		for _, test := range []struct {
			ttl  time.Duration
			want int
		}{{testTTL + 1, 2}, {testTTL, 2}, {testTTL + 1, 4}, {testTTL, 4}} {
			b := w.startMember(t, "b:1", setup{members: addresses, ttl: test.ttl})
			time.Sleep(time.Minute)
			if got := a.lines("peer_refused"); len(got) != test.want {
				t.Errorf("refusals %v; want %d: one for each direction and each time", got, test.want)
			}
			b.stop()
		}
		a.stop()
	})
}

func TestFirstMessageHasToBeHello(t *testing.T) {
	for name, first := range map[string][]*peerv1.Message{
		"a request":   {requestMessage("cs"), helloMessage(helloOf("b:1", "a:1", "b:1"))},
		"no message":  nil,
		"no kind":     {{}},
		"hello twice": {helloMessage(helloOf("b:1", "a:1", "b:1")), helloMessage(helloOf("b:1", "a:1", "b:1"))},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				w := newNetwork()
				a := startWithPeer(t, w)
				s := w.approach(t, "unauthenticated", "a:1")
				s.send(first...)
				s.ended(codes.InvalidArgument, "HELLO")
				synctest.Wait()
				if refused := a.lines("peer_refused"); len(refused) != 1 {
					t.Errorf("refusals %v; want one", refused)
				}
				a.stop()
			})
		})
	}
}

func TestHelloHasToComeInTime(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newNetwork()
		a := startWithPeer(t, w)
		s := w.approach(t, "unauthenticated", "a:1")
		if header, err := s.call.Header(); header != nil || err != nil {
			t.Errorf("headers %v, %v; want the stream ended", header, err)
		}
		s.ended(codes.InvalidArgument, "no HELLO within 2s")
		a.checkRefused("", "no HELLO within 2s")
		a.checkWorks(t, w)
	})
}

func TestOversizedFrameEndsTheStream(t *testing.T) {
	for _, test := range []struct {
		name  string
		hello bool
		who   string
	}{{"before HELLO", false, ""}, {"after HELLO", true, "b:1"}} {
		t.Run(test.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				w := newNetwork()
				a := startWithPeer(t, w)
				s := w.approach(t, "unauthenticated", "a:1")
				if test.hello {
					s.send(helloMessage(helloOf("b:1", "a:1", "b:1")))
					s.accepted()
				}
				s.send(requestMessage(strings.Repeat("x", wire.MaxFrameBytes)))
				s.ended(codes.ResourceExhausted, "larger than max") // gRPC's own words
				a.checkRefused(test.who, "frame longer than 1048576 bytes")
				a.stop()
			})
		})
	}
}

func TestNonsenseFromAMemberEndsTheStream(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newNetwork()
		a := startWithPeer(t, w)
		s := w.approach(t, "b:1", "a:1")
		s.send(helloMessage(helloOf("b:1", "a:1", "b:1")))
		s.accepted()
		s.send(requestMessage("cs"), requestMessage(""))
		s.ended(codes.InvalidArgument, "message 2 of 2 in a frame: REQUEST: bad lock name")
		a.checkRefused("b:1", "REQUEST: bad lock name")
		if got := a.lines("request_received"); len(got) != 0 {
			t.Errorf("requests received %v; want none of a frame that is wrong", got)
		}
		a.stop()
	})
}

func TestBytesThatAreNotHTTP2CloseTheConnection(t *testing.T) {
	for bytes, says := range map[string]string{
		"GET / HTTP/1.1\r\nHost: a\r\n\r\n": "got ", "PRI * HTTP/1.1\r\n\r\n": "got ", "\x00": "got ",
		"\x16\x03\x01\x02\x00": "it speaks TLS, and this node does not (--tls-cert, --tls-key and --tls-ca)",
	} {
		synctest.Test(t, func(t *testing.T) {
			w := newNetwork()
			a := startWithPeer(t, w)
			for range 3 {
				conn := w.dial(t, "unauthenticated", "a:1")
				if _, err := conn.Write([]byte(bytes)); err != nil {
					t.Error(err)
				}
				if _, err := io.ReadAll(conn); err != nil {
					t.Errorf("read: %v; want the end", err)
				}
				_ = conn.Close()
			}
			a.checkRefused("", "not an HTTP/2 connection: "+says)
			a.checkWorks(t, w)
		})
	}
}

// A connection on which nothing comes is closed, and so is one that breaks HTTP/2's rules.
func TestConnectionsThatLeadNowhereAreClosed(t *testing.T) {
	for _, bytes := range []string{"", preface[:10], preface, preface + strings.Repeat("\xff", 1000)} {
		synctest.Test(t, func(t *testing.T) {
			w := newNetwork()
			a := startWithPeer(t, w)
			conn := w.dial(t, "unauthenticated", "a:1")
			if _, err := conn.Write([]byte(bytes)); err != nil {
				t.Error(err)
			}
			_, _ = io.Copy(io.Discard, conn) // until the node closes it
			a.checkWorks(t, w)
		})
	}
}

func (w *network) dial(t *testing.T, from, to string) net.Conn {
	t.Helper()
	conn, err := w.dialerOf(from)(context.Background(), to)
	if err != nil {
		t.Fatal(err)
	}
	return conn
}

func TestLaterStreamReplacesTheOlder(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newNetwork()
		a := startWithPeer(t, w)
		hello := func(boot, counter uint64) *peerv1.Message {
			h := helloOf("b:1", "a:1", "b:1")
			h.Boot, h.Counter = boot, counter
			return helloMessage(h)
		}
		first, second := w.approach(t, "b:1", "a:1"), w.approach(t, "b:1", "a:1")
		first.send(hello(7, 1))
		first.accepted()
		second.send(hello(7, 2))
		second.accepted()
		first.ended(codes.Aborted, "replaced")
		for _, old := range []*peerv1.Message{hello(7, 1), hello(7, 2), hello(6, 9)} {
			s := w.approach(t, "b:1", "a:1")
			s.send(old)
			s.ended(codes.Aborted, token.ErrOldStream.Error())
		}
		second.send(requestMessage("cs"))
		synctest.Wait()
		if got := a.lines("request_received"); len(got) != 1 {
			t.Errorf("requests received %v; want the one on the newest stream", got)
		}
		a.stop()
		second.ended(codes.Unavailable, "")
	})
}

// TestTwoProcessesAsOneMember: the one that was there before comes again.
func TestTwoProcessesAsOneMember(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newNetwork()
		a := startWithPeer(t, w)
		hello := func(incarnation string, boot uint64) *peerv1.Message {
			h := helloOf("b:1", "a:1", "b:1")
			h.Incarnation, h.Boot = []byte(incarnation), boot
			return helloMessage(h)
		}
		first, second, again := w.approach(t, "b:1", "a:1"), w.approach(t, "b:1", "a:1"), w.approach(t, "b:1", "a:1")
		first.send(hello("0123456789abcdef", 7))
		first.accepted()
		second.send(hello("fedcba9876543210", 8))
		second.accepted()
		first.ended(codes.Aborted, "replaced")
		again.send(hello("0123456789abcdef", 7))
		const want = "another process runs as the same member, b:1"
		again.ended(codes.Aborted, want)
		synctest.Wait()
		if got := a.lines("peer_refused"); len(got) != 1 || !strings.Contains(fmt.Sprint(got[0]), want) {
			t.Errorf("the log has the refusals %v; want one with %q", got, want)
		}
		status, err := a.driver.Status(t.Context())
		if err != nil || !strings.Contains(status.Peers[0].RefusedHere, want) || status.Peers[0].RefusedThere != "" {
			t.Errorf("status %+v, %v; want %q as the reason of a refusal here", status.Peers, err, want)
		}
		a.stop()
		second.ended(codes.Unavailable, "")
	})
}

func TestSilentStreamIsClosed(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newNetwork()
		a := startWithPeer(t, w)
		s := w.approach(t, "b:1", "a:1")
		s.send(helloMessage(helloOf("b:1", "a:1", "b:1")))
		s.accepted()
		began := time.Now()
		for range 10 {
			time.Sleep(testTTL * 3 / 4)
			s.send()
		}
		s.ended(codes.DeadlineExceeded, "nothing came for 2s")
		if lived := time.Since(began); lived != 10*testTTL*3/4+testTTL {
			t.Errorf("closed after %v; want %v, since empty frames keep a stream open", lived, 10*testTTL*3/4+testTTL)
		}
		a.stop()
	})
}
