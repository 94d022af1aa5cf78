package delimited

import (
	"errors"
	"fmt"
	"io"
	"net"
	"syscall"

	"google.golang.org/protobuf/encoding/protowire"
	"google.golang.org/protobuf/proto"
)

// Errors of what came in. Each ends the connection's use.
var (
	// ErrTooLong: a message is longer than the reader takes.
	ErrTooLong = errors.New("message too long")
	// ErrLength: what stands in the place of a length is none.
	ErrLength = errors.New("no length of a message")
	// ErrMessage: the bytes of a message cannot be decoded.
	ErrMessage = errors.New("no message")
)

// Conn reads and writes messages of protobuf, each behind its length. One goroutine may
// read, and another one write at the same time.
type Conn struct {
	conn net.Conn
	most int // bytes of a message that is read

	in    []byte // what was read, from taken on
	taken int

	out  []byte // what is to be written, from gone on
	gone int
	// raw and write are there where a write need not wait; n and err are that write's.
	raw   syscall.RawConn
	write func(fd uintptr) bool
	n     int
	err   error
}

const (
	// readBytes is the room for what is read at a time, in bytes; longer messages get more.
	readBytes = 512
	// keptBytes is the most room, in bytes, that is kept when nothing is in it.
	keptBytes = 4 << 10
)

// NewConn returns a Conn that takes messages of at most so many bytes.
func NewConn(conn net.Conn, most int) *Conn {
	c := &Conn{conn: conn, most: most}
	if system, ok := conn.(syscall.Conn); ok {
		if raw, err := system.SyscallConn(); err == nil {
			c.raw, c.write = raw, c.writeOnce
		}
	}
	return c
}

// Receive reads a message. The error is io.EOF if the other end has sent its last message,
// io.ErrUnexpectedEOF if it ended within one; it wraps [ErrTooLong], [ErrLength] or
// [ErrMessage]; or it is the connection's. After os.ErrDeadlineExceeded, Receive may be
// called again: nothing is lost.
func (c *Conn) Receive(m proto.Message) error {
	for {
		body, err := c.next()
		if err != nil {
			return err
		}
		if body != nil {
			err := proto.Unmarshal(body, m)
			c.discard()
			if err != nil {
				return fmt.Errorf("%w: %w", ErrMessage, err)
			}
			return nil
		}
		if err := c.read(); err != nil {
			return err
		}
	}
}

// next takes the next message from what was read; nil if that is not all of one.
func (c *Conn) next() ([]byte, error) {
	have := c.in[c.taken:]
	length, n := protowire.ConsumeVarint(have)
	switch {
	case n < 0 && len(have) < longestLength:
		return nil, nil
	case n < 0:
		return nil, fmt.Errorf("%w: got the bytes % x", ErrLength, have[:longestLength])
	case length > uint64(c.most):
		return nil, fmt.Errorf("%w: got one of %d bytes, want at most %d", ErrTooLong, length, c.most)
	case uint64(len(have)-n) < length:
		return nil, nil
	}
	c.taken += n + int(length)
	return have[n : n+int(length) : n+int(length)], nil
}

// longestLength is how many bytes a length has at most.
const longestLength = 10

// discard makes room after a message was taken.
func (c *Conn) discard() {
	if c.taken < len(c.in) {
		return
	}
	c.taken, c.in = 0, c.in[:0]
	if cap(c.in) > keptBytes {
		c.in = nil
	}
}

// read reads once. The room grows with what comes, and not with what a length says.
func (c *Conn) read() error {
	if c.taken > 0 {
		c.in = c.in[:copy(c.in, c.in[c.taken:])]
		c.taken = 0
	}
	if cap(c.in) == 0 {
		c.in = make([]byte, 0, readBytes)
	}
	if len(c.in) == cap(c.in) {
		grown := make([]byte, len(c.in), 2*cap(c.in))
		copy(grown, c.in)
		c.in = grown
	}
	n, err := c.conn.Read(c.in[len(c.in):cap(c.in)])
	c.in = c.in[:len(c.in)+n]
	switch {
	case n > 0:
		return nil
	case errors.Is(err, io.EOF) && len(c.in) > 0:
		return io.ErrUnexpectedEOF
	default:
		return err
	}
}

// Queue adds a message to what is to be written.
func (c *Conn) Queue(m proto.Message) error {
	out := protowire.AppendVarint(c.out, uint64(proto.Size(m)))
	out, err := proto.MarshalOptions{UseCachedSize: true}.MarshalAppend(out, m)
	if err != nil {
		return err
	}
	c.out = out
	return nil
}

// TryFlush writes what can be written without waiting for the other end to read, and
// reports whether that was all.
func (c *Conn) TryFlush() (all bool, err error) {
	if len(c.out) > c.gone && c.raw != nil {
		if err := c.raw.Write(c.write); err != nil {
			return false, err
		}
		if c.err != nil {
			return false, fmt.Errorf("write: %w", c.err)
		}
	}
	return c.written(c.n), nil
}

// writeOnce is TryFlush's call of the system. It reports true: there is no waiting.
func (c *Conn) writeOnce(fd uintptr) bool {
	for {
		c.n, c.err = syscall.Write(int(fd), c.out[c.gone:])
		if c.err == nil {
			return true
		}
		c.n = 0
		switch {
		case errors.Is(c.err, syscall.EINTR):
			continue
		case errors.Is(c.err, syscall.EAGAIN):
			c.err = nil
		}
		return true
	}
}

// written notes that so many bytes more were written, and reports whether that was all.
func (c *Conn) written(n int) (all bool) {
	c.n = 0
	if c.gone += n; c.gone < len(c.out) {
		return false
	}
	c.gone, c.out = 0, c.out[:0]
	if cap(c.out) > keptBytes {
		c.out = nil
	}
	return true
}

// Flush writes all that is to be written, however long the other end takes to read.
func (c *Conn) Flush() error {
	n, err := c.conn.Write(c.out[c.gone:])
	c.written(n)
	return err
}
