package pki

import (
	"bytes"
	"crypto/tls"
	"crypto/x509"
	"encoding/pem"
	"errors"
	"net"
	"strconv"
	"testing"
	"time"
)

// FuzzCertificates: a certificate in a file is refused or read. Its subject is shown as one
// line without control characters, and it makes nobody a member whom it does not name.
func FuzzCertificates(f *testing.F) {
	a := newAuthority(f, time.Now)
	for _, file := range []string{a.CertFile(), a.issue(f, member(node1)).Cert, a.issue(f, client("alice")).Cert} {
		certs, err := ReadCertificates(file)
		if err != nil {
			f.Fatal(err)
		}
		f.Add(certs[0].Raw)
	}
	for _, template := range []*x509.Certificate{
		{DNSNames: []string{"*.example", "node1.example"}, ExtKeyUsage: forBoth},
		{URIs: uris(f, "conch://client/a%0Ab", "conch://boss/x"), ExtKeyUsage: forClients},
		{IPAddresses: []net.IP{net.IPv4(192, 0, 2, 1)}, ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageAny}},
	} {
		f.Add(foreign(f, template, nil).PeerCertificates[0].Raw)
	}
	f.Fuzz(func(t *testing.T, der []byte) {
		certs, err := parseCertificates("file", pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der}))
		if err != nil {
			if !errors.Is(err, ErrFile) {
				t.Errorf("%v; want ErrFile", err)
			}
			return
		}
		for _, cert := range certs {
			_ = Describe(cert)
			state := tls.ConnectionState{VerifiedChains: [][]*x509.Certificate{{cert}}}
			if CheckMember(state, node1) == nil && cert.VerifyHostname(hostOf(node1)) != nil {
				t.Errorf("a certificate for %v is taken for that of %s", cert.DNSNames, node1)
			}
			id, err := Identify(state, []string{node1, node2})
			text := id.String()
			if err != nil {
				text = err.Error()
			}
			for _, r := range text {
				if !strconv.IsPrint(r) {
					t.Errorf("%q has the unprintable %q in it", text, r)
				}
			}
		}
	})
}

// script is a connection that delivers some bytes and then ends.
type script struct {
	net.Conn // of which nothing else is called
	in       *bytes.Reader
	out      bytes.Buffer
}

func (s *script) Read(p []byte) (int, error)      { return s.in.Read(p) }
func (s *script) Write(p []byte) (int, error)     { return s.out.Write(p) }
func (s *script) SetDeadline(time.Time) error     { return nil }
func (s *script) SetReadDeadline(time.Time) error { return nil }
func (s *script) Close() error                    { return nil }
func (s *script) RemoteAddr() net.Addr            { return &net.TCPAddr{IP: net.IPv4(192, 0, 2, 1)} }

// FuzzUnauthenticated: any bytes in place of a handshake are refused, once, with a reason
// of one line, and with few bytes for the other side.
func FuzzUnauthenticated(f *testing.F) {
	a := newAuthority(f, time.Now)
	side, err := LoadMember(a.issue(f, member(node1)), node1, nil)
	if err != nil {
		f.Fatal(err)
	}
	settings, headers := frame(frameSettings, nil), frame(frameHeaders, []byte("x"))
	for _, seed := range [][]byte{
		nil, []byte("GET / HTTP/1.1\r\n\r\n"), []byte(http2Preface), append([]byte(http2Preface), append(settings, headers...)...),
		append([]byte(http2Preface), 0xff, 0xff, 0xff, 1), []byte("PRI *"), []byte("\x16\x03\x01\x00\x05\x01\x00\x00\x01\x00"), []byte("\x15\x03\x03\x00\x02\x02\x28"),
	} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		conn := &script{in: bytes.NewReader(data)}
		told := 0
		_, _, err := side.ServerCredentials(func(_ net.Addr, err error) {
			told++
			if len(err.Error()) > 500 {
				t.Errorf("refused with %d bytes: %.100v", len(err.Error()), err)
			}
			for _, r := range err.Error() {
				if !strconv.IsPrint(r) {
					t.Errorf("%q has the unprintable %q in it", err, r)
				}
			}
		}).ServerHandshake(conn)
		if err == nil || told != 1 {
			t.Errorf("let in: %t; told %d times that it was refused, want once", err == nil, told)
		}
		const most = 8 << 10 // a server's part of a handshake, with its certificate
		if conn.out.Len() > most {
			t.Errorf("%d bytes were said to %d", conn.out.Len(), len(data))
		}
	})
}
