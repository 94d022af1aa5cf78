package admission

import (
	"errors"
	"net"
	"sync/atomic"
	"time"
)

// stage is what is known of a connection's peer.
type stage uint8

const (
	unauthenticated stage = iota
	client
	member
	gone
)

// conn is an incoming connection.
type conn struct {
	net.Conn
	control *Control
	host    string

	// known is closed, and settled becomes true, when the peer is no longer
	// unauthenticated. said counts the bytes from an unauthenticated peer; only the reader
	// uses it.
	known   chan struct{}
	settled atomic.Bool
	said    int
	turn    turn
	// renewed is when the write deadline was last extended, in nanoseconds since 1970.
	renewed atomic.Int64

	// The Control's lock guards the rest.
	stage    stage
	patience *time.Timer // closes an unauthenticated peer's connection
	group    *group      // of a client or a member
	name     string      // of a member
	stream   bool        // it carries a member's stream
}

// address is a connection's remote address, by which a call finds the connection: gRPC
// passes on nothing but the address.
type address struct {
	net.Addr
	conn *conn
}

// RemoteAddr implements [net.Conn].
func (c *conn) RemoteAddr() net.Addr { return address{c.Conn.RemoteAddr(), c} }

// connAt finds the connection with a remote address; nil if no Control let it in.
func connAt(remote net.Addr) *conn {
	a, _ := remote.(address)
	return a.conn
}

// Read implements [net.Conn]. After an unauthenticated peer has sent too much, it waits
// until the peer is known or the connection closed; the peer can still be answered.
func (c *conn) Read(p []byte) (int, error) {
	if c.settled.Load() {
		return c.Conn.Read(p)
	}
	c.turn.end()
	if c.said >= c.control.limits.UnauthenticatedBytes {
		<-c.known
	}
	n, err := c.Conn.Read(p)
	c.said += n
	if n == 0 {
		return n, err
	}
	if c.turn.take(c.known); c.control.hasLeft(c) {
		return 0, net.ErrClosed // nothing more is processed
	}
	return n, err
}

// Write implements [net.Conn]. It extends the deadline only now and then, since that costs
// time.
func (c *conn) Write(p []byte) (int, error) {
	patience := c.control.limits.WritePatience
	if now := time.Now(); now.UnixNano()-c.renewed.Load() > int64(patience/4) {
		c.renewed.Store(now.UnixNano())
		if err := c.Conn.SetWriteDeadline(now.Add(patience + patience/4)); err != nil {
			return 0, err
		}
	}
	return c.Conn.Write(p)
}

// SetDeadline implements [net.Conn].
func (c *conn) SetDeadline(t time.Time) error {
	c.renewed.Store(0)
	return c.Conn.SetDeadline(t)
}

// CloseWrite ends the outgoing direction and leaves the other open.
func (c *conn) CloseWrite() error {
	if half, ok := c.Conn.(interface{ CloseWrite() error }); ok {
		return half.CloseWrite()
	}
	return errors.ErrUnsupported
}

// Close implements [net.Conn].
func (c *conn) Close() error {
	c.control.leave(c)
	return c.Conn.Close()
}
