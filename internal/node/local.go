package node

import (
	"context"
	"net"
	"sync"
	"time"

	"google.golang.org/grpc/credentials"

	"conch/internal/delimited"
	"conch/internal/socket"
)

// sortPatience is how long a connection to the socket may take to show whether it speaks
// HTTP/2.
const sortPatience = 5 * time.Second

// local is the listener of the unix socket's gRPC server. Connections that begin with the
// preamble of package delimited do not come to that server: they are attached as they are.
type local struct {
	net.Listener
	attach func(net.Conn, credentials.AuthInfo)
	others chan accepted

	life    context.Context // of connections that are being sorted
	endLife context.CancelFunc
	running sync.WaitGroup
}

// accepted is what an Accept returns.
type accepted struct {
	conn net.Conn
	err  error
}

// newLocal sorts the connections of a listener, until Close.
func newLocal(listener net.Listener, attach func(net.Conn, credentials.AuthInfo)) *local {
	l := &local{Listener: listener, attach: attach, others: make(chan accepted)}
	l.life, l.endLife = context.WithCancel(context.Background())
	l.running.Go(l.run)
	return l
}

// run takes connections in until Close. An error is passed on before the next attempt.
func (l *local) run() {
	for l.life.Err() == nil {
		conn, err := l.Listener.Accept()
		if err != nil {
			l.pass(accepted{err: err})
			continue
		}
		l.running.Go(func() { l.sort(conn) })
	}
}

// pass hands something to Accept. It reports false after Close.
func (l *local) pass(a accepted) bool {
	select {
	case l.others <- a:
		return true
	case <-l.life.Done():
		return false
	}
}

// sort finds out what a connection speaks, and has it served.
func (l *local) sort(conn net.Conn) {
	open := context.AfterFunc(l.life, func() { _ = conn.Close() })
	_ = conn.SetReadDeadline(time.Now().Add(sortPatience)) // which a socket has
	sorted, framed, err := delimited.Sort(conn)
	_ = conn.SetReadDeadline(time.Time{})
	switch {
	case !open():
	case err != nil:
		_ = conn.Close() // it said nothing that could be answered
	case !framed:
		if !l.pass(accepted{conn: sorted}) {
			_ = conn.Close() // the server has ended
		}
	default:
		user, err := socket.Peer(conn)
		if err != nil {
			_ = conn.Close() // as after a handshake that failed
			return
		}
		l.attach(conn, user)
	}
}

// Accept is [net.Listener]'s.
func (l *local) Accept() (net.Conn, error) {
	select {
	case a := <-l.others:
		return a.conn, a.err
	case <-l.life.Done():
		return nil, net.ErrClosed
	}
}

// Close is [net.Listener]'s. Connections that are attached stay; wait waits for them.
func (l *local) Close() error {
	l.endLife()
	return l.Listener.Close()
}

// wait returns after Close, when no connection is attached any more.
func (l *local) wait() { l.running.Wait() }
