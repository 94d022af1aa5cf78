package pki

import (
	"context"
	"crypto/tls"
	"net"
	"os/exec"
	"strings"
	"testing"
	"time"

	"conch/internal/rules"
)

// TestOpenSSLConnects: another implementation of TLS completes the handshake with our
// certificates, and does not without one.
func TestOpenSSLConnects(t *testing.T) {
	openssl, err := exec.LookPath("openssl")
	if err != nil {
		t.Skip("openssl is not installed, so nobody else's TLS is tried")
	}
	a := newAuthority(t, time.Now)
	server := mustMember(t, a.issue(t, member(node1)), node1)
	alice := a.issue(t, client("alice"))
	for _, test := range []struct {
		name string
		args []string
		err  error
	}{
		{"with a certificate", []string{"-cert", alice.Cert, "-key", alice.Key}, nil},
		{"without", nil, ErrNoCertificate},
		{"with TLS 1.2", []string{"-cert", alice.Cert, "-key", alice.Key, "-tls1_2"}, ErrVersion},
	} {
		t.Run(test.name, func(t *testing.T) {
			listener, err := net.Listen("tcp", "127.0.0.1:0")
			if err != nil {
				t.Fatal(err)
			}
			defer listener.Close()
			ctx, cancel := context.WithTimeout(t.Context(), patience)
			defer cancel()
			args := append([]string{"s_client", "-connect", listener.Addr().String(), "-CAfile", a.CertFile(),
				"-verify_hostname", "node1.example", "-verify_return_error", "-quiet"}, test.args...)
			command := exec.CommandContext(ctx, openssl, args...)
			var said strings.Builder
			command.Stdout, command.Stderr = &said, &said
			command.Stdin = strings.NewReader("x")
			if err := command.Start(); err != nil {
				t.Fatal(err)
			}
			raw, err := listener.Accept()
			if err != nil {
				t.Fatal(err)
			}
			_ = raw.SetDeadline(time.Now().Add(patience))
			conn := tls.Server(raw, server.Server())
			err = conn.Handshake()
			checkError(t, "openssl", Explain(err), test.err, "")
			if err == nil {
				if who, err := Identify(conn.ConnectionState(), []string{node1}); err != nil || who != (rules.Identity{Kind: rules.Client, Name: "alice"}) {
					t.Errorf("openssl is %v, %v; want client alice", who, err)
				}
			}
			conn.Close()
			if err := command.Wait(); err != nil && test.err == nil {
				t.Errorf("openssl: %v\n%s", err, said.String())
			}
		})
	}
}
