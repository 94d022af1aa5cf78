package broadcast

import (
	"errors"
	"fmt"
	"net"
	"strings"

	"conch/token"
)

// preface begins every HTTP/2 connection (RFC 9113, section 3.4).
const preface = "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"

// tlsRecord begins every TLS connection: a record of a handshake (RFC 8446, section 5.1).
const tlsRecord = "\x16\x03"

// errPreface ends a connection that does not begin as HTTP/2.
var errPreface = errors.New("not an HTTP/2 connection")

// Listener returns a listener that passes on the connections of another. It closes and logs
// those that do not begin as HTTP/2: gRPC would close them too, but logs nothing.
func (d *Driver) Listener(listener net.Listener) net.Listener {
	return &prefaceListener{Listener: listener, driver: d}
}

type prefaceListener struct {
	net.Listener
	driver *Driver
}

func (l *prefaceListener) Accept() (net.Conn, error) {
	conn, err := l.Listener.Accept()
	if err != nil {
		return nil, err
	}
	return &prefaceConn{Conn: conn, driver: l.driver, want: preface}, nil
}

// prefaceConn is a connection whose first bytes are checked as they are read.
type prefaceConn struct {
	net.Conn
	driver *Driver
	want   string // the rest of the preface, not read yet; only the reader uses it
}

func (c *prefaceConn) Read(p []byte) (int, error) {
	n, err := c.Conn.Read(p)
	if c.want == "" || n == 0 {
		return n, err
	}
	k := min(n, len(c.want))
	if got := string(p[:k]); got != c.want[:k] {
		reason := fmt.Sprintf("%v: got %q, want %q", errPreface, got, c.want)
		if strings.HasPrefix(got, tlsRecord) {
			reason = fmt.Sprintf("%v: it speaks TLS, and this node does not (--tls-cert, --tls-key and --tls-ca)", errPreface)
		}
		c.driver.postRefused(token.NoMember, c.RemoteAddr().String(), reason)
		return 0, errors.Join(errPreface, c.Close())
	}
	c.want = c.want[k:]
	return n, err
}
