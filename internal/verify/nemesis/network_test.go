package nemesis

import (
	"errors"
	"io"
	"net"
	"os"
	"testing"
	"time"
)

// echo is a node that sends back what it receives.
func echo(t *testing.T) net.Listener {
	t.Helper()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	go func() {
		for {
			conn, err := listener.Accept()
			if err != nil {
				return
			}
			go func() {
				defer conn.Close()
				_, _ = io.Copy(conn, conn) // until the other end closes
			}()
		}
	}()
	t.Cleanup(func() { listener.Close() })
	return listener
}

// dial opens a connection from one node to another, as the network sees it.
func dial(t *testing.T, n *Network, from, to int) net.Conn {
	t.Helper()
	conn, err := net.Dial("tcp", n.Addresses()[to])
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { conn.Close() })
	address := n.Addresses()[from]
	send(t, conn, "PRI\x12"+string(rune(len(address)))+address[:3])
	send(t, conn, address[3:])
	return conn
}

func send(t *testing.T, conn net.Conn, text string) {
	t.Helper()
	if _, err := conn.Write([]byte(text)); err != nil {
		t.Fatal(err)
	}
}

// await reads until so many bytes have come.
func await(t *testing.T, conn net.Conn, k int) {
	t.Helper()
	if err := receive(conn, k, patience); err != nil {
		t.Fatal(err)
	}
}

func receive(conn net.Conn, k int, within time.Duration) error {
	if err := conn.SetReadDeadline(time.Now().Add(within)); err != nil {
		return err
	}
	_, err := io.ReadFull(conn, make([]byte, k))
	return err
}

func TestNetwork(t *testing.T) {
	n, err := NewNetwork(3)
	if err != nil {
		t.Fatal(err)
	}
	defer n.Close()
	node := echo(t)
	n.Open(func(int) string { return node.Addr().String() })
	opening := len("PRI\x12x") + len(n.Addresses()[0])

	stalled, cut, free := dial(t, n, 0, 1), dial(t, n, 1, 0), dial(t, n, 2, 1)
	for _, conn := range []net.Conn{stalled, cut, free} {
		await(t, conn, opening)
	}
	n.Set(0, 1, Stalled)
	n.Set(1, 0, Cut)
	send(t, stalled, "late")
	send(t, free, "soon")
	await(t, free, 4)
	if err := receive(stalled, 1, 50*time.Millisecond); !errors.Is(err, os.ErrDeadlineExceeded) {
		t.Errorf("a stalled connection: got %v, want nothing", err)
	}
	for _, conn := range []net.Conn{cut, dial(t, n, 1, 0)} {
		// A new connection's opening may come back in part before its dialler is known.
		if err := receive(conn, 1<<10, patience); errors.Is(err, os.ErrDeadlineExceeded) {
			t.Errorf("a cut connection: got %v, want its end", err)
		}
	}
	n.Set(0, 1, Slow)
	await(t, stalled, 4)
	n.Set(1, 0, Open)
	await(t, dial(t, n, 1, 0), opening)
}
