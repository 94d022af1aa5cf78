package delimited

import (
	"context"
	"errors"
	"io"
	"net"
	"time"

	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"

	clientv1 "conch/proto/conch/client/v1"
)

// Server is the node's end of a client's stream. One goroutine at a time may receive, and
// one send.
type Server struct {
	conn *Conn
	ctx  context.Context
}

// NewServer returns the node's end of a stream that takes frames of at most so many bytes.
// The context tells who the client is.
func NewServer(ctx context.Context, conn net.Conn, most int) *Server {
	return &Server{NewConn(conn, most), ctx}
}

// Context is that of NewServer.
func (s *Server) Context() context.Context { return s.ctx }

// Recv returns the client's next frame. The error is io.EOF once the client has closed its
// side, or a status.
func (s *Server) Recv() (*clientv1.ClientFrame, error) {
	frame := new(clientv1.ClientFrame)
	if err := s.conn.Receive(frame); err != nil {
		return nil, asStatus(err)
	}
	return frame, nil
}

// Send sends a frame without waiting for the client to read. It reports whether all was
// sent; if not, Flush sends the rest.
func (s *Server) Send(frame *clientv1.NodeFrame) (all bool, err error) {
	if err := s.conn.Queue(frame); err != nil {
		return false, err
	}
	all, err = s.conn.TryFlush()
	return all, asStatus(err)
}

// Flush sends what Send has left.
func (s *Server) Flush() error { return asStatus(s.conn.Flush()) }

// SetSendDeadline bounds all sends, also one that waits.
func (s *Server) SetSendDeadline(t time.Time) { _ = s.conn.conn.SetWriteDeadline(t) }

// End tells the client how the stream ends. It waits for a client that does not read, until
// the deadline. Nobody may send any more.
func (s *Server) End(err error) {
	if s.conn.Queue(&clientv1.NodeFrame{End: endOf(err)}) == nil {
		_ = s.conn.Flush() // it may be gone
	}
}

// Client is the client's end of a stream. One goroutine at a time may receive, and one
// send.
type Client struct {
	conn *Conn
}

// NewClient returns the client's end of a stream that takes frames of at most so many
// bytes.
func NewClient(conn net.Conn, most int) *Client { return &Client{NewConn(conn, most)} }

// Recv returns the node's next frame. The error is io.EOF once the node has ended the
// stream in peace, os.ErrDeadlineExceeded after Interrupt, or a status.
func (c *Client) Recv() (*clientv1.NodeFrame, error) {
	frame := new(clientv1.NodeFrame)
	err := c.conn.Receive(frame)
	switch {
	case errors.Is(err, io.EOF):
		return nil, errGone
	case err != nil:
		return nil, asStatus(err)
	case frame.GetEnd() != nil:
		return nil, endError(frame.GetEnd())
	}
	return frame, nil
}

// errGone is for a stream that ends without an End.
var errGone = status.Error(codes.Unavailable, "the node has closed the connection")

// Interrupt ends a Recv that waits, or the next one. Resume has to be called before one
// waits again.
func (c *Client) Interrupt() { _ = c.conn.conn.SetReadDeadline(time.Unix(1, 0)) }

// Resume ends an Interrupt.
func (c *Client) Resume() { _ = c.conn.conn.SetReadDeadline(time.Time{}) }

// Send sends a frame without waiting for the node to read. It reports whether all was
// sent; if not, Flush sends the rest.
func (c *Client) Send(frame *clientv1.ClientFrame) (all bool, err error) {
	if err := c.conn.Queue(frame); err != nil {
		return false, err
	}
	all, err = c.conn.TryFlush()
	return all, asStatus(err)
}

// Flush sends what Send has left.
func (c *Client) Flush() error { return asStatus(c.conn.Flush()) }

// CloseSend tells the node that this was all.
func (c *Client) CloseSend() error {
	half, ok := c.conn.conn.(interface{ CloseWrite() error })
	if !ok {
		return errors.ErrUnsupported
	}
	return half.CloseWrite()
}

// Close ends the connection, and each call that waits on it.
func (c *Client) Close() error { return c.conn.conn.Close() }
