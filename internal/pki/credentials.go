package pki

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"net"

	"google.golang.org/grpc/credentials"
	"google.golang.org/grpc/peer"
)

// alpn is the only protocol over TLS here (RFC 9113, section 3.2).
const alpn = "h2"

// ServerCredentials returns a gRPC server's credentials. refused is told, from the
// connection's goroutine, of each handshake that fails, and of each connection that ends
// because its certificate has ended or its authority is no longer trusted; gRPC itself
// reports neither. It may be nil.
func (t *TLS) ServerCredentials(refused func(remote net.Addr, err error)) credentials.TransportCredentials {
	config := t.Server()
	get := config.GetConfigForClient
	config.GetConfigForClient = func(hello *tls.ClientHelloInfo) (*tls.Config, error) {
		current, err := get(hello)
		if err != nil {
			return nil, err
		}
		current = current.Clone()
		current.NextProtos = []string{alpn}
		return current, nil
	}
	if refused == nil {
		refused = func(net.Addr, error) {}
	}
	return &serverCredentials{side: t, config: config, refused: refused}
}

// ToMemberCredentials are the credentials with which a member dials another: see
// [TLS.ToMember].
func (t *TLS) ToMemberCredentials(address string) credentials.TransportCredentials {
	return &clientCredentials{side: t, address: address, config: t.ToMember}
}

// ToNodeCredentials are the credentials with which a client dials a node: see [TLS.ToNode].
func (t *TLS) ToNodeCredentials(address string) credentials.TransportCredentials {
	return &clientCredentials{side: t, address: address, config: t.ToNode}
}

// PeerState returns the state of a call's TLS connection, for [CheckMember] and [Identify].
// It is false for a call without TLS.
func PeerState(ctx context.Context) (tls.ConnectionState, bool) {
	p, ok := peer.FromContext(ctx)
	if !ok {
		return tls.ConnectionState{}, false
	}
	info, ok := p.AuthInfo.(credentials.TLSInfo)
	return info.State, ok
}

// errOneSided reports credentials that are used at the wrong end of a connection.
var errOneSided = errors.New("pki: these credentials are for the other end of a connection")

// clientCredentials make a configuration for each connection, since files may have changed,
// and explain failures.
type clientCredentials struct {
	side    *TLS
	address string
	config  func(address string) *tls.Config
}

func (c *clientCredentials) ClientHandshake(ctx context.Context, _ string, raw net.Conn) (net.Conn, credentials.AuthInfo, error) {
	conn, info, err := credentials.NewTLS(c.config(c.address)).ClientHandshake(ctx, c.address, raw)
	if err != nil {
		return nil, nil, Explain(err)
	}
	secured, ok := info.(credentials.TLSInfo)
	if !ok {
		return nil, nil, fmt.Errorf("pki: gRPC says %T of a TLS connection", info)
	}
	return c.side.watch(&plainWords{Conn: conn}, secured.State, x509.ExtKeyUsageServerAuth, nil), info, nil
}

func (c *clientCredentials) ServerHandshake(net.Conn) (net.Conn, credentials.AuthInfo, error) {
	return nil, nil, errOneSided
}

func (c *clientCredentials) Info() credentials.ProtocolInfo {
	return credentials.ProtocolInfo{SecurityProtocol: "tls"}
}

func (c *clientCredentials) Clone() credentials.TransportCredentials {
	clone := *c
	return &clone
}

// OverrideServerName is a leftover of gRPC, and refused.
func (c *clientCredentials) OverrideServerName(string) error {
	return errors.New("pki: the name of a node is the host that is dialled")
}

// plainWords is a connection that explains why the other side ended it: with TLS 1.3, a
// client learns only after the handshake that its certificate was refused.
type plainWords struct{ net.Conn }

func (c *plainWords) Read(p []byte) (int, error) {
	n, err := c.Conn.Read(p)
	if e := (*net.OpError)(nil); errors.As(err, &e) && e.Op == "remote error" {
		err = Explain(err)
	}
	return n, err
}

// serverCredentials take connections.
type serverCredentials struct {
	side    *TLS
	config  *tls.Config
	refused func(net.Addr, error)
}

func (s *serverCredentials) ServerHandshake(raw net.Conn) (net.Conn, credentials.AuthInfo, error) {
	peeked := &peekedConn{Conn: raw}
	conn := tls.Server(peeked, s.config)
	err := conn.Handshake() // gRPC has set a deadline
	if err == nil && conn.ConnectionState().NegotiatedProtocol != alpn {
		err = fmt.Errorf("the other side does not offer to speak HTTP/2 (ALPN %q)", alpn)
	}
	if err == nil {
		info := credentials.TLSInfo{
			State:          conn.ConnectionState(),
			CommonAuthInfo: credentials.CommonAuthInfo{SecurityLevel: credentials.PrivacyAndIntegrity},
		}
		remote := raw.RemoteAddr()
		return s.side.watch(conn, info.State, x509.ExtKeyUsageClientAuth, func(why error) { s.refused(remote, why) }), info, nil
	}
	explained := Explain(err)
	s.refused(raw.RemoteAddr(), explained)
	if peeked.plain {
		tellPlainText(raw)
	}
	hangUp(raw)
	return nil, nil, explained
}

func (s *serverCredentials) ClientHandshake(context.Context, string, net.Conn) (net.Conn, credentials.AuthInfo, error) {
	return nil, nil, errOneSided
}

func (s *serverCredentials) Info() credentials.ProtocolInfo {
	return credentials.ProtocolInfo{SecurityProtocol: "tls"}
}

func (s *serverCredentials) Clone() credentials.TransportCredentials {
	clone := *s
	return &clone
}

// OverrideServerName is a leftover of gRPC, and refused.
func (s *serverCredentials) OverrideServerName(string) error {
	return errors.New("pki: a server has the names of its certificate")
}
