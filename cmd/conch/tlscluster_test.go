package main

import (
	"bytes"
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"conch"
	"conch/internal/pki"
	"conch/internal/verify/processes"
)

// certified is a cluster of real nodes with mutual TLS, with the files of its members and
// clients. All trust the authorities of one file.
type certified struct {
	*processes.Cluster
	t      *testing.T
	dir    string // of the files in use
	bundle string // the authorities
	// authority issues certificates.
	authority *pki.Authority
}

// startCertified starts nodes that do not ask by themselves.
func startCertified(ctx context.Context, t *testing.T, nodes int, flags ...string) *certified {
	t.Helper()
	c := &certified{t: t, dir: t.TempDir()}
	c.bundle = filepath.Join(c.dir, "trusted.crt")
	c.authority = c.newAuthority()
	c.trust(c.authority)
	var err error
	c.Cluster, err = processes.New(processes.Config{
		Program: program(t), Nodes: nodes, Dir: t.TempDir(),
		Flags: append([]string{"--auto-think", maxPause.String(), "--socket", none, "--tls-ca", c.bundle}, flags...),
		FlagsOf: func(address string) ([]string, error) {
			member, err := pki.NewMember(address)
			if err != nil {
				return nil, err
			}
			files := c.issue(member)
			return []string{"--tls-cert", files.Cert, "--tls-key", files.Key}, nil
		},
	})
	check(t, err)
	t.Cleanup(func() { check(t, c.Kill()) })
	check(t, c.Start(ctx))
	for i := range c.Nodes() {
		check(t, c.AwaitEvent(ctx, i, "session_started"))
	}
	return c
}

// newAuthority makes an authority in a folder of its own.
func (c *certified) newAuthority() *pki.Authority {
	c.t.Helper()
	authority, _, err := pki.Init(filepath.Join(c.t.TempDir(), "certs"), pki.AuthorityLifetime)
	check(c.t, err)
	return authority
}

// trust makes all trust these authorities and no others.
func (c *certified) trust(authorities ...*pki.Authority) {
	c.t.Helper()
	var all bytes.Buffer
	for _, a := range authorities {
		data, err := os.ReadFile(a.CertFile())
		check(c.t, err)
		all.Write(data)
	}
	check(c.t, os.WriteFile(c.bundle+".new", all.Bytes(), 0o644))
	check(c.t, os.Rename(c.bundle+".new", c.bundle))
}

// issue makes a certificate, which replaces the one in use.
func (c *certified) issue(subject pki.Subject) conch.TLSFiles {
	c.t.Helper()
	pairs, err := c.authority.Issue(c.t.TempDir(), pki.LeafLifetime, subject)
	check(c.t, err)
	files := conch.TLSFiles{CA: c.bundle}
	for _, move := range []struct {
		from string
		to   *string
	}{{pairs[0].CertFile, &files.Cert}, {pairs[0].KeyFile, &files.Key}} {
		*move.to = filepath.Join(c.dir, filepath.Base(move.from))
		check(c.t, os.Rename(move.from, *move.to))
	}
	return files
}

// client makes a certificate for a client.
func (c *certified) client(name string) conch.TLSFiles {
	c.t.Helper()
	subject, err := pki.NewClient(name)
	check(c.t, err)
	return c.issue(subject)
}

// addresses returns the addresses of all nodes.
func (c *certified) addresses() []string {
	var all []string
	for _, node := range c.Nodes() {
		all = append(all, node.Address())
	}
	return all
}

// counts returns how often each node's log has an event.
func (c *certified) counts(event string) []int {
	c.t.Helper()
	var all []int
	for _, file := range c.LogFiles() {
		data, err := os.ReadFile(file)
		if err != nil && !errors.Is(err, fs.ErrNotExist) {
			c.t.Fatal(err)
		}
		all = append(all, strings.Count(string(data), `"event":"`+event+`"`))
	}
	return all
}

// serial returns the serial number of the certificate in a file.
func serial(t *testing.T, file string) string {
	t.Helper()
	certs, err := pki.ReadCertificates(file)
	check(t, err)
	return certs[0].SerialNumber.String()
}

// handshake dials a node with files. It returns the node's certificate, and the node's
// reaction to the first byte after the handshake.
func handshake(t *testing.T, address string, files conch.TLSFiles) (shown *x509.Certificate, err error) {
	t.Helper()
	pair, err := tls.LoadX509KeyPair(files.Cert, files.Key)
	check(t, err)
	trusted, err := os.ReadFile(files.CA)
	check(t, err)
	roots := x509.NewCertPool()
	roots.AppendCertsFromPEM(trusted)
	conn, err := tls.Dial("tcp", address, &tls.Config{
		MinVersion: tls.VersionTLS13, RootCAs: roots, NextProtos: []string{"h2"},
		GetClientCertificate: func(*tls.CertificateRequestInfo) (*tls.Certificate, error) { return &pair, nil },
	})
	if err != nil {
		return nil, err
	}
	defer conn.Close()
	// With TLS 1.3 the client learns only now whether it was let in.
	_, err = conn.Read(make([]byte, 1))
	return conn.ConnectionState().PeerCertificates[0], err
}
