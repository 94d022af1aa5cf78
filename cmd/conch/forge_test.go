package main

import (
	"bytes"
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"encoding/pem"
	"fmt"
	"math/big"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"testing"
	"time"

	"google.golang.org/grpc"
	"google.golang.org/grpc/status"

	"conch"
	"conch/broadcast"
	"conch/internal/pki"
	peerv1 "conch/proto/conch/peer/v1"
)

// conchEnds runs the program and returns its exit code and standard error.
func conchEnds(t *testing.T, args ...string) string {
	t.Helper()
	cmd := exec.Command(program(t), args...)
	var said bytes.Buffer
	cmd.Stderr = &said
	_ = cmd.Run() // the exit code is returned
	return fmt.Sprintf("%d: %s", cmd.ProcessState.ExitCode(), said.String())
}

// tlsFlagsOf returns the flags for these files.
func tlsFlagsOf(f conch.TLSFiles) []string {
	return []string{"--tls-cert", f.Cert, "--tls-key", f.Key, "--tls-ca", f.CA}
}

// forge makes a certificate that no command of the program would make, from one of its
// authorities.
func forge(t *testing.T, authority *pki.Authority, template *x509.Certificate) tls.Certificate {
	t.Helper()
	dir := filepath.Dir(authority.CertFile())
	ca, err := tls.LoadX509KeyPair(authority.CertFile(), filepath.Join(dir, "ca.key"))
	check(t, err)
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	check(t, err)
	template.SerialNumber = big.NewInt(time.Now().UnixNano())
	template.KeyUsage = x509.KeyUsageDigitalSignature
	if template.ExtKeyUsage == nil {
		template.ExtKeyUsage = []x509.ExtKeyUsage{x509.ExtKeyUsageClientAuth}
	}
	der, err := x509.CreateCertificate(rand.Reader, template, ca.Leaf, key.Public(), ca.PrivateKey)
	check(t, err)
	leaf, err := x509.ParseCertificate(der)
	check(t, err)
	return tls.Certificate{Certificate: [][]byte{der}, PrivateKey: key, Leaf: leaf}
}

// save writes a certificate and its key to files.
func (c *certified) save(pair tls.Certificate) conch.TLSFiles {
	c.t.Helper()
	dir := c.t.TempDir()
	files := conch.TLSFiles{Cert: filepath.Join(dir, "x.crt"), Key: filepath.Join(dir, "x.key"), CA: c.bundle}
	key, err := x509.MarshalPKCS8PrivateKey(pair.PrivateKey)
	check(c.t, err)
	check(c.t, os.WriteFile(files.Cert, pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: pair.Certificate[0]}), 0o644))
	check(c.t, os.WriteFile(files.Key, pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: key}), 0o600))
	return files
}

// handshake dials a node with a changed configuration and returns in words how that ended.
func (c *certified) handshake(address string, change func(*tls.Config)) string {
	c.t.Helper()
	trusted, err := os.ReadFile(c.bundle)
	check(c.t, err)
	roots := x509.NewCertPool()
	roots.AppendCertsFromPEM(trusted)
	config := &tls.Config{RootCAs: roots, NextProtos: []string{"h2"}}
	change(config)
	conn, err := tls.Dial("tcp", address, config)
	if err == nil {
		defer conn.Close()
		check(c.t, conn.SetDeadline(time.Now().Add(patience)))
		_, err = conn.Read(make([]byte, 1))
	}
	if err == nil {
		return "let in"
	}
	return pki.Explain(err).Error()
}

// impersonate opens a member's stream under this name and returns how that ended.
func (c *certified) impersonate(address, member string, files conch.TLSFiles) string {
	c.t.Helper()
	ctx, cancel := context.WithTimeout(c.t.Context(), patience)
	defer cancel()
	side, err := pki.LoadClient(pki.Files(files), nil)
	check(c.t, err)
	conn, err := grpc.NewClient("passthrough:///"+address, grpc.WithTransportCredentials(side.ToNodeCredentials(address)))
	check(c.t, err)
	defer conn.Close()
	stream, err := peerv1.NewPeerServiceClient(conn).Deliver(ctx)
	check(c.t, err)
	_ = stream.Send(&peerv1.Frame{Messages: []*peerv1.Message{{Kind: &peerv1.Message_Hello{Hello: &peerv1.Hello{
		Version: broadcast.ProtocolVersion, Member: member, Incarnation: make([]byte, 16), Boot: 1 << 61, Counter: 1, Members: c.sorted(), Ttl: int64(conch.DefaultSessionTTL),
	}}}}})
	err = stream.RecvMsg(new(peerv1.Receipt))
	return fmt.Sprintf("%v: %s", status.Code(err), status.Convert(err).Message())
}

// sorted returns the members in the order that all share.
func (c *certified) sorted() []string { return slices.Sorted(slices.Values(c.addresses())) }
