package node

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"net"
	"sync/atomic"

	"google.golang.org/grpc/credentials"
	"google.golang.org/grpc/credentials/insecure"
	grpcpeer "google.golang.org/grpc/peer"

	"conch/broadcast"
	"conch/hosts"
	"conch/internal/admission"
	"conch/internal/pki"
	"conch/internal/rules"
)

// guard says whom a node lets in, and what they may do.
type guard struct {
	tls   *pki.TLS // nil without TLS
	rules func() *rules.Rules
	// control bounds what those who connect make the node spend.
	control *admission.Control
	members []string
	// driver writes the log, once it runs.
	driver atomic.Pointer[broadcast.Driver]
}

// guard reads the files that a configuration names, for a node that is about to listen on
// an address.
func (cfg Config) guard(members hosts.Members, listen *net.TCPAddr) (*guard, error) {
	g := &guard{members: members.Addresses}
	limits := admission.Usual(len(members.Addresses), cmp.Or(cfg.MaxClients, admission.UsualClients))
	if limits.Local < cfg.MaxClients {
		return nil, fmt.Errorf("MaxClients: got %d, and the process may not open enough files for more than %d; raise that bound (ulimit -n)",
			cfg.MaxClients, limits.Local)
	}
	g.control = admission.New(admission.Config{Limits: limits, Refused: g.refused})
	if err := cfg.TLS.Check(); err != nil {
		return nil, fmt.Errorf("TLS: %w", err)
	}
	if cfg.TLS != (pki.Files{}) {
		var err error
		g.tls, err = pki.LoadMember(cfg.TLS, members.Addresses[members.Self], g.filesChanged)
		if err != nil {
			return nil, fmt.Errorf("TLS: %w", err)
		}
	} else if !cfg.Insecure && !listen.IP.IsLoopback() {
		return nil, fmt.Errorf("the Listen address %s is reached from other machines, and without TLS whoever reaches it can pass for a member; "+
			"set TLS (--tls-cert, --tls-key and --tls-ca), or Insecure (--insecure) where the network is trusted", cfg.Listen)
	}
	if cfg.AllowFile == "" {
		usual := rules.Default()
		g.rules = func() *rules.Rules { return usual }
		return g, nil
	}
	file, err := rules.Open(cfg.AllowFile, g.filesChanged)
	if err != nil {
		return nil, fmt.Errorf("AllowFile: %w", err)
	}
	g.rules = file.Rules
	return g, nil
}

// filesChanged has it logged when files that have changed were taken up, or why not, and
// when a certificate ends soon.
func (g *guard) filesChanged(err error) {
	d := g.driver.Load()
	switch {
	case d == nil:
	case errors.Is(err, pki.ErrEnding):
		d.CertificateEnding(err)
	default:
		d.FilesChanged(err)
	}
}

// toMember secures connections to a member.
func (g *guard) toMember(address string) credentials.TransportCredentials {
	if g.tls == nil {
		return insecure.NewCredentials()
	}
	return g.tls.ToMemberCredentials(address)
}

// checkMember tells whether a stream comes from a member, and has it treated as one from
// then on.
func (g *guard) checkMember(ctx context.Context, address string) error {
	if g.tls != nil {
		state, secured := pki.PeerState(ctx)
		if !secured {
			return fmt.Errorf("it comes without a certificate: %w", pki.ErrNoCertificate)
		}
		if err := pki.CheckMember(state, address); err != nil {
			return err
		}
	}
	if p, ok := grpcpeer.FromContext(ctx); ok {
		g.control.Admit(p.Addr, address)
	}
	return nil
}

// isMember tells whether a connection is a member's, by its certificate, and has it
// treated as one.
func (g *guard) isMember(remote net.Addr, info credentials.AuthInfo) bool {
	secured, ok := info.(credentials.TLSInfo)
	if !ok {
		return false
	}
	id, err := pki.Identify(secured.State, g.members)
	if err != nil || id.Kind != rules.Member {
		return false
	}
	g.control.Admit(remote, id.Name)
	return true
}

// refused has it logged that a connection was refused.
func (g *guard) refused(remote net.Addr, err error) {
	if errors.Is(err, net.ErrClosed) {
		return // it was closed here, and why has been told
	}
	if op := (*net.OpError)(nil); errors.As(err, &op) && op.Addr != nil {
		err = op.Err // without the ports, which differ each time
	}
	if d := g.driver.Load(); d != nil {
		d.RefusedUnauthenticated(remote, err)
	}
}
