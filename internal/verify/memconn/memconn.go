package memconn

import (
	"io"
	"net"
	"os"
	"sync"
	"time"
)

// Pipe returns the two ends of a connection. Each direction holds so many bytes that were
// not read.
func Pipe(size int) (a, b *Conn) {
	there, back := newHalf(size), newHalf(size)
	return &Conn{in: back, out: there}, &Conn{in: there, out: back}
}

// Conn is one end of a connection. Only its read deadline is heeded.
type Conn struct{ in, out *half }

// Read is [net.Conn]'s.
func (c *Conn) Read(p []byte) (int, error) { return c.in.read(p) }

// Write is [net.Conn]'s.
func (c *Conn) Write(p []byte) (int, error) { return c.out.write(p) }

// CloseWrite ends what is written. What was written before can still be read.
func (c *Conn) CloseWrite() error {
	c.out.end()
	return nil
}

// Close is [net.Conn]'s.
func (c *Conn) Close() error {
	c.in.abandon()
	c.out.end()
	return nil
}

// SetReadDeadline is [net.Conn]'s.
func (c *Conn) SetReadDeadline(t time.Time) error {
	c.in.setDeadline(t)
	return nil
}

// SetDeadline is [net.Conn]'s.
func (c *Conn) SetDeadline(t time.Time) error { return c.SetReadDeadline(t) }

// SetWriteDeadline is [net.Conn]'s. It does nothing.
func (*Conn) SetWriteDeadline(time.Time) error { return nil }

// LocalAddr is [net.Conn]'s.
func (*Conn) LocalAddr() net.Addr { return addr{} }

// RemoteAddr is [net.Conn]'s.
func (*Conn) RemoteAddr() net.Addr { return addr{} }

type addr struct{}

func (addr) Network() string { return "memconn" }
func (addr) String() string  { return "memconn" }

// half is one direction.
type half struct {
	size int

	mu      sync.Mutex
	changed *sync.Cond
	data    []byte
	ended   bool // nothing more is written
	unread  bool // nothing more is read
	late    bool // the deadline has passed
	timer   *time.Timer
}

func newHalf(size int) *half {
	h := &half{size: size}
	h.changed = sync.NewCond(&h.mu)
	return h
}

func (h *half) read(p []byte) (int, error) {
	h.mu.Lock()
	defer h.mu.Unlock()
	for {
		switch {
		case h.unread:
			return 0, net.ErrClosed
		case h.late:
			return 0, os.ErrDeadlineExceeded
		case len(h.data) > 0:
			n := copy(p, h.data)
			h.data = h.data[n:]
			h.changed.Broadcast()
			return n, nil
		case h.ended:
			return 0, io.EOF
		}
		h.changed.Wait()
	}
}

func (h *half) write(p []byte) (written int, err error) {
	h.mu.Lock()
	defer h.mu.Unlock()
	for {
		if h.ended || h.unread {
			return written, io.ErrClosedPipe
		}
		n := min(len(p)-written, h.size-len(h.data))
		h.data = append(h.data, p[written:written+n]...)
		written += n
		h.changed.Broadcast()
		if written == len(p) {
			return written, nil
		}
		h.changed.Wait()
	}
}

// end ends a direction: nothing more is written.
func (h *half) end() {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.ended = true
	h.changed.Broadcast()
}

// abandon ends a direction: nothing more is read.
func (h *half) abandon() {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.unread = true
	h.changed.Broadcast()
}

func (h *half) setDeadline(t time.Time) {
	h.mu.Lock()
	defer h.mu.Unlock()
	if h.timer != nil {
		h.timer.Stop()
	}
	h.late = !t.IsZero() && !t.After(time.Now())
	if !t.IsZero() && !h.late {
		h.timer = time.AfterFunc(time.Until(t), func() { h.setDeadline(time.Unix(1, 0)) })
	}
	h.changed.Broadcast()
}
