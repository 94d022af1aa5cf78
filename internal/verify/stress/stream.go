package stress

import (
	"context"
	"encoding/binary"
	"net"
	"sync/atomic"

	"google.golang.org/grpc"
	"google.golang.org/grpc/credentials/insecure"

	clientv1 "conch/proto/conch/client/v1"
)

// stream is one stream of a client, over a connection of its own.
type stream struct {
	client *client
	number int
	conn   *grpc.ClientConn
	cancel context.CancelFunc
	attach grpc.BidiStreamingClient[clientv1.ClientFrame, clientv1.NodeFrame]
	ended  chan struct{} // closed when nothing is read any more
}

// brittle is a connection that breaks after so many bytes were read, even in the middle of
// a frame.
type brittle struct {
	net.Conn
	left *atomic.Int64
}

// Read reads what is left to be read.
func (b brittle) Read(p []byte) (int, error) {
	n, err := b.Conn.Read(p)
	if left := b.left.Add(-int64(n)); left < 0 {
		_ = b.Close() // it must break
		return max(0, n+int(left)), net.ErrClosed
	}
	return n, err
}

// open opens a stream to a node and says Hello. The connection breaks after that many bytes
// from the node. From now on this is the client's newest stream, subject to what else the
// caller does under the client's mutex.
func (c *client) open(ctx context.Context, node string, bytes int64) (*stream, error) {
	left := new(atomic.Int64)
	left.Store(bytes)
	conn, err := grpc.NewClient("passthrough:///"+node, grpc.WithTransportCredentials(insecure.NewCredentials()),
		grpc.WithContextDialer(func(ctx context.Context, address string) (net.Conn, error) {
			conn, err := new(net.Dialer).DialContext(ctx, "tcp", address)
			if err != nil {
				return nil, err
			}
			return brittle{conn, left}, nil
		}))
	if err != nil {
		return nil, err
	}
	ctx, cancel := context.WithCancel(ctx)
	attach, err := clientv1.NewLockServiceClient(conn).Attach(ctx)
	if err != nil {
		cancel()
		_ = conn.Close() // there is nothing on it
		return nil, err
	}
	c.streams++
	s := &stream{client: c, number: c.streams, conn: conn, cancel: cancel, attach: attach, ended: make(chan struct{})}
	incarnation := make([]byte, 16)
	copy(incarnation, c.name)
	binary.BigEndian.PutUint64(incarnation[8:], c.scenario.Seed)
	s.send(&clientv1.ClientMessage{Kind: &clientv1.ClientMessage_Hello{Hello: &clientv1.Hello{
		Version: 1, Incarnation: incarnation, Client: &clientv1.Client{Command: c.name},
	}}})
	go s.read()
	return s, nil
}

// send sends a frame. A frame that cannot be sent is lost, as frames on their way may be.
func (s *stream) send(messages ...*clientv1.ClientMessage) {
	if len(messages) > 0 {
		_ = s.attach.Send(&clientv1.ClientFrame{Messages: messages}) // the reader learns of the end
	}
}

// read takes the node's frames until the stream ends.
func (s *stream) read() {
	defer close(s.ended)
	for {
		frame, err := s.attach.Recv()
		if err != nil {
			s.client.scenario.ending(err)
			return
		}
		for _, m := range frame.GetMessages() {
			s.client.take(s.number, m)
		}
	}
}

// close ends the stream at once, wherever it is.
func (s *stream) close() {
	s.cancel()
	_ = s.conn.Close() // there is nothing to save
	<-s.ended
}

// isEnded reports whether the node or the network has ended the stream.
func (s *stream) isEnded() bool {
	select {
	case <-s.ended:
		return true
	default:
		return false
	}
}
