package admission

import (
	"context"
	"errors"
	"fmt"
	"net"
	"time"

	"google.golang.org/grpc/codes"
	grpcpeer "google.golang.org/grpc/peer"
	"google.golang.org/grpc/status"
	"google.golang.org/grpc/tap"

	clientv1 "conch/proto/conch/client/v1"
	peerv1 "conch/proto/conch/peer/v1"
)

// errHungUp ends a call on a connection that is being closed.
var errHungUp = status.Error(codes.Unavailable, "the connection is being closed")

// Call is a [tap.ServerInHandle]: it admits or refuses a call that came through the
// admission control, before anything but its headers is read.
func (ctl *Control) Call(ctx context.Context, info *tap.Info) (context.Context, error) {
	var c *conn
	if p, ok := grpcpeer.FromContext(ctx); ok {
		c = connAt(p.Addr)
	}
	if c == nil {
		return ctx, nil
	}
	var end func()
	var err error
	if info.FullMethodName == peerv1.PeerService_Deliver_FullMethodName {
		end, err = ctl.stream(c)
	} else {
		end, err = ctl.call(c)
	}
	if err != nil {
		ctl.refuse(c, status.Convert(err))
		return ctx, err
	}
	context.AfterFunc(ctx, end)
	return ctx, nil
}

// refuse counts and logs a refusal.
func (ctl *Control) refuse(c *conn, s *status.Status) {
	if s.Code() != codes.ResourceExhausted {
		return
	}
	ctl.mu.Lock()
	ctl.counts.Refused++
	note := ctl.notes.first(time.Now(), c.host)
	ctl.mu.Unlock()
	if note { // by another goroutine: this one reads for all calls of the connection
		ctl.telling.Go(func() { ctl.refused(c.Conn.RemoteAddr(), errors.New(s.Message())) })
	}
}

// stream begins a member's stream. Its opener is an unauthenticated peer until its HELLO is
// accepted, and has one stream for each connection, as members do.
func (ctl *Control) stream(c *conn) (end func(), err error) {
	ctl.mu.Lock()
	defer ctl.mu.Unlock()
	switch {
	case c.stage == gone:
		return nil, errHungUp
	case c.stream:
		return nil, tooMany("the connection has a member's stream already, and carries one")
	}
	c.stream = true
	return func() {
		ctl.mu.Lock()
		defer ctl.mu.Unlock()
		c.stream = false
	}, nil
}

// call begins any other call.
func (ctl *Control) call(c *conn) (end func(), err error) {
	ctl.mu.Lock()
	defer ctl.mu.Unlock()
	if c.stage == unauthenticated {
		if err := ctl.letIn(c); err != nil {
			return nil, err
		}
	}
	g := c.group
	switch {
	case c.stage == gone:
		return nil, errHungUp
	case c.stage == member && g.calls >= ctl.limits.MemberCalls:
		return nil, tooMany("the member %s has %d calls under way, and may have no more", c.name, g.calls)
	case c.stage == member:
		g.calls++
		return func() { ctl.end(g, 0) }, nil
	case g.calls >= ctl.limits.ClientsPerHost:
		return nil, tooMany("clients at %s have %d calls under way at this node, and may have no more", c.host, g.calls)
	case ctl.counts.Calls >= ctl.limits.Clients:
		return nil, tooMany("clients of this node have %d calls under way, and may have no more; try another node", ctl.counts.Calls)
	}
	g.calls++
	ctl.counts.Calls++
	return func() { ctl.end(g, 1) }, nil
}

// end ends a call of a group, which counts as so many calls of clients.
func (ctl *Control) end(g *group, ofClients int) {
	ctl.mu.Lock()
	defer ctl.mu.Unlock()
	g.calls--
	ctl.counts.Calls -= ofClients
}

// letIn makes an unauthenticated peer a client. The caller has the lock.
func (ctl *Control) letIn(c *conn) error {
	g := ctl.clients[c.host]
	switch {
	case g != nil && len(g.conns) >= ctl.limits.ClientsPerHost:
		return tooMany("clients at %s have %d connections to this node, and may have no more", c.host, len(g.conns))
	case ctl.counts.Clients >= ctl.limits.Clients:
		return tooMany("clients of this node have %d connections, and may have no more; try another node", ctl.counts.Clients)
	}
	ctl.takeOut(c)
	c.stage = client
	ctl.counts.Clients++
	join(ctl.clients, c.host, c)
	return nil
}

// Admit notes that a connection is a member's, which was proven or is believed. Its remote
// address names the connection: its RemoteAddr, or what gRPC made of that.
func (ctl *Control) Admit(remote net.Addr, name string) {
	c := connAt(remote)
	if c == nil {
		return
	}
	ctl.mu.Lock()
	var oldest *conn
	if c.stage == unauthenticated || c.stage == client {
		ctl.takeOut(c)
		c.stage, c.name = member, name
		ctl.counts.Members++
		if g := ctl.members[name]; g != nil && len(g.conns) >= ctl.limits.PerMember {
			oldest = g.conns[0]
		}
		join(ctl.members, name, c)
	}
	ctl.mu.Unlock()
	if oldest != nil {
		ctl.shut(oldest, member, errMember)
	}
}

// tooMany is the error of a call beyond a bound.
func tooMany(format string, args ...any) error {
	text := fmt.Sprintf(format, args...)
	s := status.New(codes.ResourceExhausted, text)
	if detailed, err := s.WithDetails(&clientv1.Error{Code: clientv1.Code_CODE_TOO_MANY_CALLS, Message: text}); err == nil {
		s = detailed
	}
	return s.Err()
}
