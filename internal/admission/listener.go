package admission

import (
	"errors"
	"fmt"
	"net"
	"sync"
	"syscall"
	"time"
)

// Listener returns a listener whose connections come through the admission control.
func (ctl *Control) Listener(listener net.Listener) net.Listener {
	return &controlled{Listener: listener, control: ctl}
}

type controlled struct {
	net.Listener
	control *Control
}

// Accept implements [net.Listener].
func (w *controlled) Accept() (net.Conn, error) {
	conn, err := w.Listener.Accept()
	if err != nil {
		return nil, err
	}
	return w.control.enter(conn), nil
}

// Local returns a listener for the unix socket, which only users of this machine reach. It
// has a bound of its own.
func (ctl *Control) Local(listener net.Listener) net.Listener {
	local := Bound(listener, ctl.limits.Local, func(_ net.Addr, reason error) {
		ctl.refused(listener.Addr(), reason) // the other end has no address
	})
	ctl.mu.Lock()
	defer ctl.mu.Unlock()
	ctl.local = local
	return local
}

// Bounded is a listener with a bound on open connections. It closes those beyond at once.
// It is for the unix socket and the page, whose peers are all of one kind.
type Bounded struct {
	net.Listener
	most    int
	refused func(remote net.Addr, reason error)

	mu     sync.Mutex
	open   int
	closed uint64
	noted  time.Time
}

// Bound bounds the connections of a listener. refused is told of closed ones, once a
// minute.
func Bound(listener net.Listener, most int, refused func(remote net.Addr, reason error)) *Bounded {
	return &Bounded{Listener: listener, most: most, refused: refused}
}

// Accept implements [net.Listener].
func (b *Bounded) Accept() (net.Conn, error) {
	for {
		conn, err := b.Listener.Accept()
		if err != nil {
			return nil, err
		}
		if b.enter(conn.RemoteAddr()) {
			return &boundedConn{Conn: conn, leave: sync.OnceFunc(b.leave)}, nil
		}
		_ = conn.Close() // it is nobody's
	}
}

// counts returns how many connections are open, and how many were closed at once.
func (b *Bounded) counts() (open int, closed uint64) {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.open, b.closed
}

// enter counts a connection, if there is room for it.
func (b *Bounded) enter(remote net.Addr) bool {
	b.mu.Lock()
	now := time.Now()
	room := b.open < b.most
	note := !room && now.Sub(b.noted) >= noteInterval
	if room {
		b.open++
	} else {
		b.closed++
	}
	if note {
		b.noted = now
	}
	b.mu.Unlock()
	if note {
		b.refused(remote, fmt.Errorf("%d connections are open to %s, and there may be no more", b.most, b.Addr()))
	}
	return room
}

func (b *Bounded) leave() {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.open--
}

// boundedConn is a connection of a Bounded.
type boundedConn struct {
	net.Conn
	leave func()
}

// Close implements [net.Conn].
func (c *boundedConn) Close() error {
	c.leave()
	return c.Conn.Close()
}

// SyscallConn implements [syscall.Conn]: the system knows who is at the other end of a
// socket.
func (c *boundedConn) SyscallConn() (syscall.RawConn, error) {
	if conn, ok := c.Conn.(syscall.Conn); ok {
		return conn.SyscallConn()
	}
	return nil, errors.ErrUnsupported
}
