package node

import (
	"errors"
	"io"
	"net"
	"os"
	"path/filepath"
	"testing"
	"testing/synctest"
	"time"

	"google.golang.org/grpc/credentials"

	"conch/internal/delimited"
	"conch/internal/socket"
	"conch/internal/verify/memconn"
)

// memListener is a listener whose connections come from the test.
type memListener struct {
	conns  chan net.Conn
	closed chan struct{}
}

func (l *memListener) Accept() (net.Conn, error) {
	select {
	case conn := <-l.conns:
		return conn, nil
	case <-l.closed:
		return nil, net.ErrClosed
	}
}

func (l *memListener) Close() error   { close(l.closed); return nil }
func (l *memListener) Addr() net.Addr { return nil }

// dial opens a connection and says something on it.
func (l *memListener) dial(t *testing.T, says string) net.Conn {
	t.Helper()
	here, there := memconn.Pipe(1 << 10)
	l.conns <- there
	if _, err := io.WriteString(here, says); err != nil {
		t.Fatal(err)
	}
	return here
}

// Whoever says nothing, or half a preamble, on the socket has some time, and holds up
// nobody else.
func TestSocketEndsThoseWhoDoNotSayWhatTheySpeak(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		inner := &memListener{make(chan net.Conn), make(chan struct{})}
		l := newLocal(inner, func(net.Conn, credentials.AuthInfo) { t.Error("a connection is attached of which nothing is known") })
		began := time.Now()
		ends := make(chan time.Duration, 2)
		for _, says := range []string{"", delimited.Preamble[:10]} {
			conn := inner.dial(t, says)
			go func() {
				_, err := conn.Read(make([]byte, 1))
				if !errors.Is(err, io.EOF) {
					t.Errorf("%q: %v; want the end of the connection", says, err)
				}
				ends <- time.Since(began)
			}()
		}
		inner.dial(t, "PRI * HTTP/2.0")
		conn, err := l.Accept()
		if err != nil {
			t.Fatal(err)
		}
		heard := make([]byte, 14)
		if _, err := io.ReadFull(conn, heard); err != nil || string(heard) != "PRI * HTTP/2.0" || time.Since(began) != 0 {
			t.Errorf("got %q, %v after %v; want what was said, at once", heard, err, time.Since(began))
		}
		for range 2 {
			if after := <-ends; after != sortPatience {
				t.Errorf("ended after %v; want %v", after, sortPatience)
			}
		}
		late := inner.dial(t, "")
		synctest.Wait()
		if err := l.Close(); err != nil {
			t.Error(err)
		}
		l.wait()
		if _, err := late.Read(make([]byte, 1)); !errors.Is(err, io.EOF) {
			t.Errorf("one that was being sorted at the end: %v; want its end", err)
		}
		if _, err := l.Accept(); !errors.Is(err, net.ErrClosed) {
			t.Errorf("Accept after Close: %v; want net.ErrClosed", err)
		}
	})
}

// Whoever says the preamble is attached as the user that the system names.
func TestSocketKnowsTheUserOfFrames(t *testing.T) {
	dir, err := os.MkdirTemp("", "conch") //nolint:usetesting // a socket's path must not be long
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = os.RemoveAll(dir) }()
	inner, err := socket.Listen(t.Context(), filepath.Join(dir, "s"), socket.Access{})
	if err != nil {
		t.Fatal(err)
	}
	attached := make(chan credentials.AuthInfo, 1)
	l := newLocal(inner, func(conn net.Conn, info credentials.AuthInfo) {
		attached <- info
		_ = conn.Close()
	})
	conn, err := new(net.Dialer).DialContext(t.Context(), "unix", inner.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	if err := delimited.Open(conn); err != nil {
		t.Fatal(err)
	}
	if user, ok := (<-attached).(socket.User); !ok || int(user.UID) != os.Getuid() {
		t.Errorf("attached as %v; want user %d", user, os.Getuid())
	}
	_ = conn.Close()
	if err := l.Close(); err != nil {
		t.Error(err)
	}
	l.wait()
}
