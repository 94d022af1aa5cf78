package admission

import (
	"errors"
	"net"
	"sync/atomic"
	"time"
)

// stage is what is known of a connection.
type stage uint8

const (
	unauthenticated stage = iota
	client
	member
	gone
)

// conn is a connection that came in.
type conn struct {
	net.Conn
	control *Control
	host    string

	// known is closed when it is an unauthenticated peer's no more, and settled is true from then on. Of
	// an unauthenticated peer, said counts the bytes that have come; only the reader uses it.
	known   chan struct{}
	settled atomic.Bool
	said    int
	turn    turn
	// renewed is when a write was last given time, in nanoseconds since 1970.
	renewed atomic.Int64

	// What follows is guarded by the admission control's lock.
	stage    stage
	patience *time.Timer // ends an unauthenticated peer
	party    *party      // of a client or a member
	name     string      // of a member
	stream   bool        // it carries a member's stream
}

// address is where a connection comes from, by which a call finds the connection: gRPC
// hands on the address and nothing else of it.
type address struct {
	net.Addr
	conn *conn
}

// RemoteAddr is [net.Conn]'s.
func (c *conn) RemoteAddr() net.Addr { return address{c.Conn.RemoteAddr(), c} }

// connAt finds the connection that comes from an address; nil if no Control let it in.
func connAt(remote net.Addr) *conn {
	a, _ := remote.(address)
	return a.conn
}

// Read is [net.Conn]'s. An unauthenticated peer that has said too much is not listened to; it may still
// be answered.
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
		return 0, net.ErrClosed // not to be thought about
	}
	return n, err
}

// Write is [net.Conn]'s. The time that it has is set anew only now and then, since that
// costs.
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

// SetDeadline is [net.Conn]'s.
func (c *conn) SetDeadline(t time.Time) error {
	c.renewed.Store(0)
	return c.Conn.SetDeadline(t)
}

// CloseWrite ends what is sent, and leaves the other direction open.
func (c *conn) CloseWrite() error {
	if half, ok := c.Conn.(interface{ CloseWrite() error }); ok {
		return half.CloseWrite()
	}
	return errors.ErrUnsupported
}

// Close is [net.Conn]'s.
func (c *conn) Close() error {
	c.control.leave(c)
	return c.Conn.Close()
}
