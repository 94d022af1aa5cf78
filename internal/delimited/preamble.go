package delimited

import (
	"errors"
	"fmt"
	"io"
	"net"
	"syscall"
)

// Preamble is what both ends begin a connection with. It has the length of HTTP/2's own
// preface, so that a server of HTTP/2 waits for no more before it says that this is none.
const Preamble = "conch.client.v1 frames\r\n"

// ErrUnknown is wrapped by the error for a server that does not know the preamble.
var ErrUnknown = errors.New("the server knows no frames without gRPC")

// Open says the preamble to a server and hears it from there. The error wraps
// [ErrUnknown], or is the connection's.
func Open(conn net.Conn) error {
	_, err := io.WriteString(conn, Preamble)
	heard := make([]byte, len(Preamble))
	if err == nil {
		_, err = io.ReadFull(conn, heard)
	}
	switch {
	case errors.Is(err, io.EOF), errors.Is(err, io.ErrUnexpectedEOF), errors.Is(err, syscall.ECONNRESET), errors.Is(err, syscall.EPIPE):
		return fmt.Errorf("%w: it ends the connection: %w", ErrUnknown, err)
	case err != nil:
		return err
	case string(heard) != Preamble:
		return fmt.Errorf("%w: it answers %q", ErrUnknown, heard)
	}
	return nil
}

// Sort reads from a connection that came in until it is known whether it begins with the
// preamble. If it does, that is answered, and frames are to follow. If it does not, the
// connection that Sort returns has all that was read still before it. The error is the
// connection's, which may have a deadline.
func Sort(conn net.Conn) (sorted net.Conn, framed bool, err error) {
	heard := make([]byte, 0, len(Preamble))
	for len(heard) < len(Preamble) {
		n, err := conn.Read(heard[len(heard):len(Preamble)])
		heard = heard[:len(heard)+n]
		switch {
		case string(heard) != Preamble[:len(heard)]:
			return &unread{conn, heard}, false, nil
		case err != nil:
			return nil, false, err
		}
	}
	if _, err := io.WriteString(conn, Preamble); err != nil {
		return nil, false, err
	}
	return conn, true, nil
}

// unread is a connection of which something was read and is to be read again.
type unread struct {
	net.Conn
	before []byte
}

// Read is [net.Conn]'s.
func (u *unread) Read(p []byte) (int, error) {
	if len(u.before) == 0 {
		return u.Conn.Read(p)
	}
	n := copy(p, u.before)
	u.before = u.before[n:]
	return n, nil
}

// SyscallConn is [syscall.Conn]'s: the system knows who is at the other end of a socket.
func (u *unread) SyscallConn() (syscall.RawConn, error) {
	if conn, ok := u.Conn.(syscall.Conn); ok {
		return conn.SyscallConn()
	}
	return nil, errors.ErrUnsupported
}
