package admission

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"go.uber.org/goleak"
	"google.golang.org/grpc/codes"
	grpcpeer "google.golang.org/grpc/peer"
	"google.golang.org/grpc/status"
	"google.golang.org/grpc/tap"

	clientv1 "conch/proto/conch/client/v1"
	peerv1 "conch/proto/conch/peer/v1"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// few are limits that a test reaches soon.
var few = Limits{
	Unauthenticated: 6, UnauthenticatedPatience: 10 * time.Second, UnauthenticatedBytes: 100,
	Clients: 5, ClientsPerHost: 3, PerMember: 2, MemberCalls: 4, Local: 2, WritePatience: 20 * time.Second,
}

// harness is a Control in a bubble, and its connections.
type harness struct {
	t       *testing.T
	control *Control
	// told are the reported refusals.
	mu   sync.Mutex
	told []string
}

// in runs a test of a Control in a bubble, and checks that nothing is left at the end.
func in(t *testing.T, test func(t *testing.T, h *harness)) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) {
		h := &harness{t: t}
		h.control = New(Config{
			Limits: few,
			Refused: func(remote net.Addr, reason error) {
				h.mu.Lock()
				defer h.mu.Unlock()
				h.told = append(h.told, fmt.Sprintf("%v: %v", remote, reason))
			},
		})
		test(t, h)
		h.control.Wait()
		synctest.Wait()
		counts := h.control.Counts()
		counts.Closed, counts.Refused = 0, 0
		if counts != (Counts{}) || len(h.control.unauthenticated)+len(h.control.clients)+len(h.control.members) != 0 {
			t.Errorf("left behind: %+v, %v, %v, %v", counts, h.control.unauthenticated, h.control.clients, h.control.members)
		}
	})
}

// where is the address of a connection in memory.
type where string

func (where) Network() string  { return "tcp" }
func (w where) String() string { return string(w) }

// fromHost is a connection in memory with a remote address.
type fromHost struct {
	net.Conn
	from where
}

func (p fromHost) RemoteAddr() net.Addr { return p.from }

// visitor is a peer that connects.
type visitor struct {
	h     *harness
	inner *conn
	other net.Conn // the visitor's end
}

// come connects a visitor from a host.
func (h *harness) come(host string) *visitor {
	near, far := net.Pipe()
	h.t.Cleanup(func() { _, _ = near.Close(), far.Close() })
	v := &visitor{h: h, other: far}
	v.inner = h.control.enter(fromHost{near, where(net.JoinHostPort(host, "1"))})
	return v
}

// isClosed reports whether the node has hung up.
func (v *visitor) isClosed() bool {
	_ = v.other.SetReadDeadline(time.Now())
	_, err := v.other.Read(make([]byte, 1))
	return !errors.Is(err, os.ErrDeadlineExceeded)
}

// leave closes the node's end.
func (v *visitor) leave() { _ = v.inner.Close() }

// call makes a call.
func (v *visitor) call(method string) (end func(), err error) {
	ctx, cancel := context.WithCancel(grpcpeer.NewContext(context.Background(), &grpcpeer.Peer{Addr: v.inner.RemoteAddr()}))
	if _, err = v.h.control.Call(ctx, &tap.Info{FullMethodName: method}); err != nil {
		cancel()
		return nil, err
	}
	return func() { cancel(); synctest.Wait() }, nil
}

// must is call, and fails the test if the call is refused.
func (v *visitor) must(method string) (end func()) {
	v.h.t.Helper()
	end, err := v.call(method)
	if err != nil {
		v.h.t.Fatalf("call: %v", err)
	}
	return end
}

// refused checks that a call is refused, for a reason with this text.
func (v *visitor) refused(method, says string) {
	v.h.t.Helper()
	_, err := v.call(method)
	var told *clientv1.Error
	for _, detail := range status.Convert(err).Details() {
		told, _ = detail.(*clientv1.Error)
	}
	if status.Code(err) != codes.ResourceExhausted || told.GetCode() != clientv1.Code_CODE_TOO_MANY_CALLS || !strings.Contains(told.GetMessage(), says) {
		v.h.t.Errorf("call: %v with %v; want RESOURCE_EXHAUSTED, CODE_TOO_MANY_CALLS and %q", err, told, says)
	}
}

const (
	statusCall = clientv1.LockService_Status_FullMethodName
	stream     = peerv1.PeerService_Deliver_FullMethodName
)

func (h *harness) counts(want Counts) {
	h.t.Helper()
	synctest.Wait()
	got := h.control.Counts()
	got.Closed, got.Refused = 0, 0
	if got != want {
		h.t.Errorf("counts %+v; want %+v", got, want)
	}
}

// When there are too many unauthenticated peers, the oldest of the host with most is
// closed. Peers from another host are not affected, whenever they came.
func TestUnauthenticatedGiveWayToEachOther(t *testing.T) {
	in(t, func(t *testing.T, h *harness) {
		var visitors []*visitor
		first := h.come("10.0.0.1")
		for range few.Unauthenticated - 1 {
			visitors = append(visitors, h.come("10.0.0.2"))
		}
		h.counts(Counts{Unauthenticated: few.Unauthenticated})
		second := h.come("10.0.0.1")
		for range 1000 {
			visitors = append(visitors, h.come("10.0.0.2"))
		}
		third := h.come("10.0.0.3")
		h.counts(Counts{Unauthenticated: few.Unauthenticated})
		for i, v := range visitors {
			if open := i >= len(visitors)-(few.Unauthenticated-3); v.isClosed() == open {
				t.Errorf("number %d of %d: closed %t; want the latest open", i, len(visitors), !open)
			}
		}
		for _, v := range []*visitor{first, second, third} {
			if v.isClosed() {
				t.Errorf("%v is closed; want those open whose hosts have few", v.inner.RemoteAddr())
			}
			v.leave()
		}
		for _, v := range visitors {
			v.leave()
		}
		if want := []string{"10.0.0.2:1: " + errTooManyUnauthenticated.Error()}; !slices.Equal(h.told, want) {
			t.Errorf("told %q; want %q", h.told, want)
		}
		if got, want := h.control.Counts().Closed, uint64(few.Unauthenticated+1002-few.Unauthenticated); got != want {
			t.Errorf("%d closed; want %d", got, want)
		}
	})
}

func TestUnauthenticatedHaveSomeTimeAndSomeBytes(t *testing.T) {
	in(t, func(t *testing.T, h *harness) {
		mute, client, loud := h.come("10.0.0.1"), h.come("10.0.0.2"), h.come("10.0.0.3")
		end := client.must(statusCall)
		go func() { _, _ = loud.other.Write(make([]byte, 1000)) }()
		buffer := make([]byte, 60)
		if n, err := loud.inner.Read(buffer); n != 60 || err != nil {
			t.Errorf("read %d, %v; want what came", n, err)
		}
		if n, err := loud.inner.Read(buffer); n != 60 || err != nil {
			t.Errorf("read %d, %v; want what came", n, err)
		}
		heard := make(chan error, 1)
		go func() {
			_, err := loud.inner.Read(buffer)
			heard <- err
		}()
		synctest.Wait()
		if len(heard) > 0 || loud.isClosed() {
			t.Errorf("more than %d bytes are listened to, or the connection is closed", few.UnauthenticatedBytes)
		}
		go func() { _, _ = client.other.Write(make([]byte, 1000)) }()
		if n, err := io.ReadFull(client.inner, make([]byte, 1000)); n != 1000 || err != nil {
			t.Errorf("read %d, %v; want all that a client says", n, err)
		}
		time.Sleep(few.UnauthenticatedPatience - 1)
		if mute.isClosed() {
			t.Error("closed before its time is over")
		}
		time.Sleep(time.Nanosecond)
		synctest.Wait()
		if !mute.isClosed() || !loud.isClosed() || client.isClosed() {
			t.Errorf("closed: %t, %t, and the client %t; want those that have asked for nothing", mute.isClosed(), loud.isClosed(), client.isClosed())
		}
		if err := <-heard; err == nil {
			t.Error("a connection that was closed is listened to")
		}
		end()
		client.leave()
		want := []string{"10.0.0.1:1: nothing was asked within 10s", "10.0.0.3:1: nothing was asked within 10s"}
		slices.Sort(h.told)
		if !slices.Equal(h.told, want) {
			t.Errorf("told %q; want %q", h.told, want)
		}
	})
}

func TestClientsHaveRoomInAllAndForEachHost(t *testing.T) {
	in(t, func(t *testing.T, h *harness) {
		var clients []*visitor
		for range few.ClientsPerHost {
			v := h.come("10.0.0.1")
			v.must(statusCall)()
			clients = append(clients, v)
		}
		late := h.come("10.0.0.1")
		late.refused(statusCall, "clients at 10.0.0.1 have 3 connections")
		for range few.Clients - few.ClientsPerHost {
			v := h.come("10.0.0.2")
			v.must(statusCall)()
			clients = append(clients, v)
		}
		other := h.come("10.0.0.3")
		other.refused(statusCall, "clients of this node have 5 connections")
		h.counts(Counts{Clients: few.Clients, Unauthenticated: 2})
		if got := h.control.Counts().Refused; got != 2 {
			t.Errorf("%d refused; want 2", got)
		}
		h.control.Wait()
		slices.Sort(h.told)
		if want := []string{
			"10.0.0.1:1: clients at 10.0.0.1 have 3 connections to this node, and may have no more",
			"10.0.0.3:1: clients of this node have 5 connections, and may have no more; try another node",
		}; !slices.Equal(h.told, want) {
			t.Errorf("told %q; want %q", h.told, want)
		}
		clients[0].leave()
		late.must(statusCall)() // there is room again
		other.refused(statusCall, "clients of this node")
		clients[1].leave()
		other.must(statusCall)()
		for _, v := range append(clients, late, other) {
			v.leave()
		}
	})
}

func TestCallsOfClientsAreBounded(t *testing.T) {
	in(t, func(t *testing.T, h *harness) {
		one, same, other := h.come("10.0.0.1"), h.come("10.0.0.1"), h.come("10.0.0.2")
		ends := []func(){one.must(statusCall), one.must(statusCall), same.must(statusCall)}
		same.refused(statusCall, "clients at 10.0.0.1 have 3 calls under way")
		ends = append(ends, other.must(statusCall), other.must(statusCall))
		other.refused(statusCall, "clients of this node have 5 calls under way")
		h.counts(Counts{Clients: 3, Calls: 5})
		ends[0]()
		other.must(statusCall)()
		for _, end := range ends[1:] {
			end()
		}
		// Calls of a connection that is closed end with it, and count no more.
		end := one.must(statusCall)
		one.leave()
		end()
		h.counts(Counts{Clients: 2})
		if _, err := one.call(statusCall); status.Code(err) != codes.Unavailable {
			t.Errorf("a call on a closed connection: %v; want UNAVAILABLE", err)
		}
		same.leave()
		other.leave()
	})
}

// Members are let in however many clients and unauthenticated peers there are, and a
// member's latest connections stay.
func TestMembersHaveRoomOfTheirOwn(t *testing.T) {
	in(t, func(t *testing.T, h *harness) {
		var all []*visitor
		for i := range few.Clients {
			v := h.come(fmt.Sprintf("10.0.0.%d", i))
			v.must(statusCall)()
			all = append(all, v)
		}
		for range few.Unauthenticated - 1 {
			all = append(all, h.come("10.0.1.1"))
		}
		var ends []func()
		var members []*visitor
		for i := range few.PerMember + 2 {
			v := h.come("10.0.2.2")
			switch i % 3 { // by its certificate, or by its HELLO, or that after a call
			case 0:
				h.control.Admit(v.inner.RemoteAddr(), "b:1")
				ends = append(ends, v.must(statusCall))
			case 1:
				ends = append(ends, v.must(stream))
			case 2:
				all[0].leave()
				ends = append(ends, v.must(statusCall), v.must(stream))
			}
			h.control.Admit(v.inner.RemoteAddr(), "b:1")
			members = append(members, v)
		}
		other := h.come("10.0.2.3")
		h.control.Admit(other.inner.RemoteAddr(), "c:1")
		ends = append(ends, other.must(statusCall))
		h.counts(Counts{Clients: few.Clients - 1, Unauthenticated: few.Unauthenticated - 1, Members: few.PerMember + 1, Calls: 1})
		for i, v := range members {
			if old := i < 2; v.isClosed() != old {
				t.Errorf("connection %d of the member: closed %t; want the oldest two closed", i, v.isClosed())
			}
		}
		time.Sleep(few.UnauthenticatedPatience) // which does not apply to members
		if members[3].isClosed() || other.isClosed() {
			t.Error("a member's connection is closed")
		}
		for _, end := range ends {
			end()
		}
		for range few.MemberCalls {
			ends = append(ends, other.must(statusCall))
		}
		other.refused(statusCall, "the member c:1 has 4 calls under way")
		for _, end := range ends {
			end()
		}
		for _, v := range append(append(all, members...), other) {
			v.leave()
		}
	})
}

// The opener of a member's stream is unauthenticated until it has said HELLO, and cannot
// open many streams.
func TestConnectionCarriesOneStreamOfAMember(t *testing.T) {
	in(t, func(t *testing.T, h *harness) {
		v := h.come("10.0.0.1")
		end := v.must(stream)
		h.counts(Counts{Unauthenticated: 1})
		v.refused(stream, "carries one")
		end()
		end = v.must(stream)
		end()
		v.leave()
		if _, err := v.call(stream); status.Code(err) != codes.Unavailable {
			t.Errorf("a stream on a closed connection: %v; want UNAVAILABLE", err)
		}
		if _, err := h.control.Call(t.Context(), &tap.Info{FullMethodName: statusCall}); err != nil {
			t.Errorf("a call that came through no Control: %v; want it let in", err)
		}
	})
}

// Only a few unauthenticated peers are processed at a time: each until it must send more,
// until it is closed or known, or for a moment. Others do not wait for them.
func TestUnauthenticatedHaveTheirTurns(t *testing.T) {
	in(t, func(t *testing.T, h *harness) {
		h.control.turns = make(chan struct{}, 1)
		read := func(v *visitor) <-chan error { // a visitor's next bytes
			heard := make(chan error, 1)
			go func() { _, _ = v.other.Write([]byte("x")) }()
			go func() {
				_, err := v.inner.Read(make([]byte, 1))
				heard <- err
			}()
			synctest.Wait()
			return heard
		}
		check := func(what string, heard <-chan error, want bool) {
			t.Helper()
			synctest.Wait()
			switch {
			case (len(heard) > 0) != want:
				t.Fatalf("%s: heard %t; want %t", what, !want, want)
			case want:
				if err := <-heard; err != nil {
					t.Errorf("%s: %v", what, err)
				}
			}
		}
		first, second, third, known := h.come("10.0.0.1"), h.come("10.0.0.2"), h.come("10.0.0.3"), h.come("10.0.0.4")
		ends := []func(){known.must(statusCall)}
		check("the first", read(first), true)
		waits := read(second)
		check("the second, while the first is thought about", waits, false)
		check("one that is known", read(known), true)
		again := read(first)
		check("the second, once more is wanted of the first", waits, true)
		check("the first, while the second is thought about", again, false)
		time.Sleep(longestTurn)
		check("the first, since a turn ends", again, true)

		waits = read(second)
		check("the second, while the first is thought about", waits, false)
		ends = append(ends, first.must(statusCall))
		check("the second, since the first is known", waits, true)
		waits = read(third)
		check("the third, while the second is thought about", waits, false)
		third.leave()
		synctest.Wait()
		if err := <-waits; !errors.Is(err, net.ErrClosed) {
			t.Errorf("one that is closed while it waits: %v; want net.ErrClosed", err)
		}
		for _, end := range ends {
			end()
		}
		for _, v := range []*visitor{first, second, known} {
			v.leave()
		}
		if len(h.control.turns) > 0 {
			t.Error("a turn is not over")
		}
	})
}

// A write that nobody reads ends, whatever deadline was set before. A slow reader that does
// read has all the time it needs.
func TestWriteEndsIfNobodyReads(t *testing.T) {
	in(t, func(t *testing.T, h *harness) {
		stalled, slow := h.come("10.0.0.1"), h.come("10.0.0.2")
		ends := []func(){stalled.must(statusCall), slow.must(statusCall)}
		const chunks = 20
		go func() {
			for range chunks {
				time.Sleep(few.WritePatience - time.Second)
				_, _ = io.ReadFull(slow.other, make([]byte, 10))
			}
		}()
		for range chunks {
			if _, err := slow.inner.Write(make([]byte, 10)); err != nil {
				t.Fatalf("write to one who reads slowly: %v", err)
			}
		}
		go func() { _, _ = io.ReadFull(stalled.other, make([]byte, 10)) }()
		if _, err := stalled.inner.Write(make([]byte, 10)); err != nil {
			t.Fatal(err)
		}
		_ = stalled.inner.SetDeadline(time.Now().Add(time.Hour))
		_ = stalled.inner.SetDeadline(time.Time{})
		began := time.Now()
		_, err := stalled.inner.Write(make([]byte, 10))
		if took := time.Since(began); !errors.Is(err, os.ErrDeadlineExceeded) || took < few.WritePatience || took > 2*few.WritePatience {
			t.Errorf("write to one who does not read: %v after %v; want it ended after %v", err, took, few.WritePatience)
		}
		for _, end := range ends {
			end()
		}
		stalled.leave()
		slow.leave()
	})
}

// The log is told of a host once a minute, and of a limited number of hosts.
func TestNotesAreBounded(t *testing.T) {
	in(t, func(t *testing.T, h *harness) {
		for range 2 {
			var all []*visitor
			for i := range 2 * maxNoted {
				host := fmt.Sprintf("10.0.%d.%d", i/250, i%250)
				for range few.Unauthenticated + 2 {
					all = append(all, h.come(host))
				}
			}
			for _, v := range all {
				v.leave()
			}
			if len(h.told) != maxNoted || slices.ContainsFunc(h.told[1:], func(s string) bool { return s == h.told[0] }) {
				t.Errorf("%d lines; want %d, each of another host", len(h.told), maxNoted)
			}
			h.told = nil
			time.Sleep(noteInterval)
		}
	})
}

// halfOpen is a connection whose directions end apart.
type halfOpen struct {
	fromHost
	ended *bool
}

func (h halfOpen) CloseWrite() error { *h.ended = true; return nil }

func TestConnectionsCanBeHalfClosed(t *testing.T) {
	in(t, func(t *testing.T, h *harness) {
		near, far := net.Pipe()
		defer far.Close()
		ended := false
		c := h.control.enter(halfOpen{fromHost{near, "10.0.0.1:1"}, &ended})
		if err := c.CloseWrite(); err != nil || !ended {
			t.Errorf("CloseWrite: %v, %t; want it passed on", err, ended)
		}
		_ = c.Close()
		c = h.control.enter(fromHost{near, "10.0.0.1:1"})
		if err := c.CloseWrite(); !errors.Is(err, errors.ErrUnsupported) {
			t.Errorf("CloseWrite: %v; want ErrUnsupported", err)
		}
		_ = c.Close()
		_ = c.Close() // again, which changes nothing
	})
}

// Where few files may be open, all bounds together leave some.
func TestLimitsFitTheFilesThatMayBeOpen(t *testing.T) {
	for _, test := range []struct{ files, members int }{{1 << 20, 3}, {1 << 20, 1024}, {20000, 1024}, {4096, 3}, {1024, 3}, {400, 5}} {
		l := fitting(test.files, test.members, UsualClients)
		if sum := l.Unauthenticated + l.Clients + l.Local + filesPerMember*test.members; sum > test.files-keptFiles/2 {
			t.Errorf("%+v: %d files may be taken; want %d left", test, sum, keptFiles/2)
		}
		if l.ClientsPerHost > l.Clients || l.Unauthenticated < leastRoom {
			t.Errorf("%+v: %+v", test, l)
		}
	}
	if l := Usual(3, UsualClients); l.Unauthenticated > maxUnauthenticated || l.Clients > UsualClients || l.Unauthenticated == 0 {
		t.Errorf("usual limits %+v", l)
	}
	if l := fitting(1<<20, 3, 10_000); l.Clients != 10_000 || l.Local != 10_000 || l.ClientsPerHost != 2500 {
		t.Errorf("with room for 10,000 clients: %+v", l)
	}
	if l := fitting(1024, 3, 10_000); l.Local >= 1024/2 {
		t.Errorf("with room for 10,000 clients and 1024 files: %+v", l)
	}
}

// A bounded listener closes connections beyond its bound, and lets others in when there is
// room again.
func TestBoundedListenerClosesWhatComesBeyond(t *testing.T) {
	listener, err := new(net.ListenConfig).Listen(t.Context(), "tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	var told bytes.Buffer
	bounded := Bound(listener, 2, func(remote net.Addr, reason error) { fmt.Fprintf(&told, "%v\n", reason) })
	accepted := make(chan net.Conn, 10)
	done := make(chan struct{})
	go func() {
		defer close(done)
		for {
			conn, err := bounded.Accept()
			if err != nil {
				return
			}
			accepted <- conn
		}
	}()
	dial := func() net.Conn {
		t.Helper()
		conn, err := new(net.Dialer).DialContext(t.Context(), "tcp", listener.Addr().String())
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { _ = conn.Close() })
		_ = conn.SetDeadline(time.Now().Add(10 * time.Second))
		return conn
	}
	next := func() net.Conn {
		t.Helper()
		select {
		case conn := <-accepted:
			return conn
		case <-time.After(10 * time.Second):
			t.Fatal("nobody is let in")
			return nil
		}
	}
	dial()
	first := next()
	dial()
	next()
	for range 3 {
		if _, err := io.ReadAll(dial()); err != nil {
			t.Errorf("one too many: %v; want it closed", err)
		}
	}
	_ = first.Close()
	_ = first.Close() // which counts once
	dial()
	last := next()
	if open, closed := bounded.counts(); open != 2 || closed != 3 {
		t.Errorf("%d open, %d closed; want 2 and 3", open, closed)
	}
	_ = listener.Close()
	<-done
	_ = last.Close()
	if want := fmt.Sprintf("2 connections are open to %s, and there may be no more\n", listener.Addr()); told.String() != want {
		t.Errorf("told %q; want %q, once", told.String(), want)
	}
}
