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
func (d *Control) Call(ctx context.Context, info *tap.Info) (context.Context, error) {
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
		end, err = d.stream(c)
	} else {
		end, err = d.call(c)
	}
	if err != nil {
		d.refuse(c, status.Convert(err))
		return ctx, err
	}
	context.AfterFunc(ctx, end)
	return ctx, nil
}

// refuse counts a refusal and has it logged.
func (d *Control) refuse(c *conn, s *status.Status) {
	if s.Code() != codes.ResourceExhausted {
		return
	}
	d.mu.Lock()
	d.counts.Refused++
	note := d.notes.first(time.Now(), c.host)
	d.mu.Unlock()
	if note { // by another goroutine: this one reads for all calls of the connection
		d.telling.Go(func() { d.refused(c.Conn.RemoteAddr(), errors.New(s.Message())) })
	}
}

// stream begins a member's stream. Its opener is an unauthenticated peer until its HELLO is
// accepted, and has one stream for each connection, as members do.
func (d *Control) stream(c *conn) (end func(), err error) {
	d.mu.Lock()
	defer d.mu.Unlock()
	switch {
	case c.stage == gone:
		return nil, errHungUp
	case c.stream:
		return nil, tooMany("the connection has a member's stream already, and carries one")
	}
	c.stream = true
	return func() {
		d.mu.Lock()
		defer d.mu.Unlock()
		c.stream = false
	}, nil
}

// call begins any other call.
func (d *Control) call(c *conn) (end func(), err error) {
	d.mu.Lock()
	defer d.mu.Unlock()
	if c.stage == unauthenticated {
		if err := d.letIn(c); err != nil {
			return nil, err
		}
	}
	p := c.party
	switch {
	case c.stage == gone:
		return nil, errHungUp
	case c.stage == member && p.calls >= d.limits.MemberCalls:
		return nil, tooMany("the member %s has %d calls under way, and may have no more", c.name, p.calls)
	case c.stage == member:
		p.calls++
		return func() { d.end(p, 0) }, nil
	case p.calls >= d.limits.ClientsPerHost:
		return nil, tooMany("clients at %s have %d calls under way at this node, and may have no more", c.host, p.calls)
	case d.counts.Calls >= d.limits.Clients:
		return nil, tooMany("clients of this node have %d calls under way, and may have no more; try another node", d.counts.Calls)
	}
	p.calls++
	d.counts.Calls++
	return func() { d.end(p, 1) }, nil
}

// end ends a call of a party, which counts as so many of the clients' calls.
func (d *Control) end(p *party, ofClients int) {
	d.mu.Lock()
	defer d.mu.Unlock()
	p.calls--
	d.counts.Calls -= ofClients
}

// letIn makes an unauthenticated peer a client. The caller has the lock.
func (d *Control) letIn(c *conn) error {
	p := d.clients[c.host]
	switch {
	case p != nil && len(p.conns) >= d.limits.ClientsPerHost:
		return tooMany("clients at %s have %d connections to this node, and may have no more", c.host, len(p.conns))
	case d.counts.Clients >= d.limits.Clients:
		return tooMany("clients of this node have %d connections, and may have no more; try another node", d.counts.Clients)
	}
	d.takeOut(c)
	c.stage = client
	d.counts.Clients++
	join(d.clients, c.host, c)
	return nil
}

// Admit notes that a connection is a member's, which was proven or is believed. Its remote
// address names the connection: its RemoteAddr, or what gRPC made of that.
func (d *Control) Admit(remote net.Addr, name string) {
	c := connAt(remote)
	if c == nil {
		return
	}
	d.mu.Lock()
	var oldest *conn
	if c.stage == unauthenticated || c.stage == client {
		d.takeOut(c)
		c.stage, c.name = member, name
		d.counts.Members++
		if p := d.members[name]; p != nil && len(p.conns) >= d.limits.PerMember {
			oldest = p.conns[0]
		}
		join(d.members, name, c)
	}
	d.mu.Unlock()
	if oldest != nil {
		d.shut(oldest, member, errMember)
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
