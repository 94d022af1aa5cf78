package wires

import (
	"context"
	"errors"
	"fmt"
	"strings"

	"google.golang.org/grpc"
)

func cutUnix(address string) (path string, ok bool) { return strings.CutPrefix(address, "unix:") }

// mesh is one process's place among several, with a link to each other one or to
// some.
type mesh struct {
	self   int
	links  []*link // by process; nil where there is none
	server *grpc.Server
	served chan error
	linked chan struct{} // closed when all links are there
}

// joinMesh listens at addresses[self], and links to the processes that want says.
// Messages may come before it returns; they wait until the links are there.
func joinMesh(ctx context.Context, addresses []string, self int, want func(other int) bool, receive receiver) (*mesh, error) {
	listener, err := listen(ctx, addresses[self])
	if err != nil {
		return nil, err
	}
	m := &mesh{self: self, links: make([]*link, len(addresses)), served: make(chan error, 1), linked: make(chan struct{})}
	m.server = newServer(func(message []byte) error {
		<-m.linked
		return receive(message)
	})
	go func() { m.served <- m.server.Serve(listener) }()
	for i, address := range addresses {
		if i == self || !want(i) {
			continue
		}
		if m.links[i], err = dialLink(ctx, address); err != nil {
			close(m.linked)
			return nil, errors.Join(err, m.close())
		}
	}
	return m, nil
}

// begin lets messages in, once receive can do without what joinMesh returns.
func (m *mesh) begin() { close(m.linked) }

// send sends a message to one process.
func (m *mesh) send(to int, message []byte) error {
	if m.links[to] == nil {
		return fmt.Errorf("wires: process %d has no link to process %d", m.self, to)
	}
	return m.links[to].send(message)
}

// sendAll sends a message to all processes that there are links to.
func (m *mesh) sendAll(message []byte) error {
	for _, l := range m.links {
		if l == nil {
			continue
		}
		if err := l.send(message); err != nil {
			return err
		}
	}
	return nil
}

// close ends the links and the server.
func (m *mesh) close() error {
	var failures []error
	for _, l := range m.links {
		if l != nil {
			failures = append(failures, l.conn.Close())
		}
	}
	m.server.Stop()
	return errors.Join(append(failures, <-m.served)...)
}
