package pki

import (
	"crypto/tls"
	"crypto/x509"
	"errors"
	"io"
	"net"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"
)

// patience bounds every wait of these tests.
const patience = 20 * time.Second

const (
	node1 = "node1.example:7400"
	node2 = "node2.example:7400"
)

// at returns a clock that stands still at a time relative to now.
func at(from time.Duration) func() time.Time {
	now := time.Now().Add(from)
	return func() time.Time { return now }
}

// newAuthority makes an authority in a folder of its own.
func newAuthority(t testing.TB, now func() time.Time) *Authority {
	t.Helper()
	a, _, err := initAt(now, filepath.Join(t.TempDir(), "certs"), AuthorityLifetime)
	if err != nil {
		t.Fatal(err)
	}
	return a
}

// issue makes a certificate in a folder of its own.
func (a *Authority) issue(t testing.TB, s Subject) Files {
	t.Helper()
	pairs, err := a.Issue(t.TempDir(), LeafLifetime, s)
	if err != nil {
		t.Fatal(err)
	}
	return Files{Cert: pairs[0].CertFile, Key: pairs[0].KeyFile, CA: a.CertFile()}
}

func member(address string) Subject { return Subject{Member: true, Name: address} }
func client(name string) Subject    { return Subject{Name: name} }

// mustMember and mustClient load files that are valid.
func mustMember(t *testing.T, files Files, address string) *TLS {
	t.Helper()
	side, err := LoadMember(files, address, nil)
	if err != nil {
		t.Fatal(err)
	}
	return side
}

func mustClient(t *testing.T, files Files) *TLS {
	t.Helper()
	side, err := LoadClient(files, nil)
	if err != nil {
		t.Fatal(err)
	}
	return side
}

// unchecked loads files that Load refuses, so that the other side gets to see them.
func unchecked(t *testing.T, files Files) *TLS {
	t.Helper()
	pair, err := tls.LoadX509KeyPair(files.Cert, files.Key)
	if err != nil {
		t.Fatal(err)
	}
	authorities, err := ReadCertificates(files.CA)
	if err != nil {
		t.Fatal(err)
	}
	m := &material{pair: pair, roots: x509.NewCertPool()}
	for _, a := range authorities {
		m.roots.AddCert(a)
	}
	m.server = &tls.Config{MinVersion: tls.VersionTLS13, Certificates: []tls.Certificate{pair}, ClientAuth: tls.RequireAndVerifyClientCert, ClientCAs: m.roots}
	side := &TLS{files: files, now: time.Now}
	side.current.Store(m)
	side.checking.Lock() // so that nobody looks at the files
	return side
}

// connect opens a connection and sends a byte each way. It returns the errors of both ends,
// and the server's view of the connection.
func connect(t *testing.T, server, client *tls.Config) (state tls.ConnectionState, serverErr, clientErr error) {
	t.Helper()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer listener.Close()
	served := make(chan error, 1)
	go func() {
		raw, err := listener.Accept()
		if err != nil {
			served <- err
			return
		}
		defer raw.Close()
		_ = raw.SetDeadline(time.Now().Add(patience))
		conn := raw
		if server != nil {
			conn = tls.Server(raw, server)
		}
		if _, err = conn.Read(make([]byte, 1)); err == nil {
			if secured, ok := conn.(*tls.Conn); ok {
				state = secured.ConnectionState()
			}
			_, err = conn.Write([]byte{0, 0, 0, 4, 0})
		}
		served <- err
		// If it were closed at once, the alert for the other end could be lost.
		if half, ok := raw.(*net.TCPConn); ok {
			_ = half.CloseWrite()
		}
		_, _ = io.Copy(io.Discard, raw)
	}()
	raw, err := net.Dial("tcp", listener.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	_ = raw.SetDeadline(time.Now().Add(patience))
	conn := raw
	if client != nil {
		conn = tls.Client(raw, client)
	}
	if _, clientErr = conn.Write([]byte("PRI *")); clientErr == nil {
		_, clientErr = io.ReadFull(conn, make([]byte, 5))
	}
	raw.Close()
	serverErr = <-served // after which nobody else touches the state
	return state, Explain(serverErr), Explain(clientErr)
}

// checkError checks that an error is of a kind, says a text, and is one line.
func checkError(t *testing.T, what string, err, kind error, says string) {
	t.Helper()
	if kind == nil {
		if err != nil {
			t.Errorf("%s: %v; want no error", what, err)
		}
		return
	}
	if !errors.Is(err, kind) || !strings.Contains(err.Error(), says) {
		t.Errorf("%s:\n got %v\nwant %v, and %q", what, err, kind, says)
		return
	}
	for _, r := range err.Error() {
		if !strconv.IsPrint(r) {
			t.Errorf("%s: error %q has the unprintable %q in it", what, err, r)
		}
	}
}

func copyFile(t *testing.T, from, to string) {
	t.Helper()
	data, err := os.ReadFile(from)
	if err != nil {
		t.Fatal(err)
	}
	writeFile(t, to, data)
}

// writeFile replaces a file by a rename, with the mode of a key.
func writeFile(t *testing.T, path string, data []byte) {
	t.Helper()
	if err := os.WriteFile(path+".new", data, 0o600); err != nil {
		t.Fatal(err)
	}
	if err := os.Rename(path+".new", path); err != nil {
		t.Fatal(err)
	}
}
