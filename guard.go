package conch

import (
	"context"
	"fmt"
	"net"
	"sync/atomic"

	"google.golang.org/grpc/credentials"
	"google.golang.org/grpc/credentials/insecure"

	"conch/broadcast"
	"conch/hosts"
	"conch/internal/pki"
	"conch/internal/rules"
)

// guard says whom a node lets in, and what they may do.
type guard struct {
	tls   *pki.TLS // nil without TLS
	rules func() *rules.Rules
	// driver writes the log, once it runs.
	driver atomic.Pointer[broadcast.Driver]
}

// guard reads the files that a configuration names.
func (cfg Config) guard(members hosts.Members) (*guard, error) {
	g := new(guard)
	switch {
	case cfg.TLS == TLSFiles{}:
		if !cfg.Insecure && !isLoopback(cfg.Listen) {
			return nil, fmt.Errorf("the Listen address %s is reached from other machines, and without TLS whoever reaches it can pass for a member; "+
				"set TLS, or Insecure where the network is trusted", cfg.Listen)
		}
	case cfg.TLS.Cert == "" || cfg.TLS.Key == "" || cfg.TLS.CA == "":
		return nil, fmt.Errorf("TLS: got Cert %q, Key %q and CA %q, want all three", cfg.TLS.Cert, cfg.TLS.Key, cfg.TLS.CA)
	default:
		var err error
		g.tls, err = pki.LoadMember(pki.Files(cfg.TLS), members.Addresses[members.Self], g.filesChanged)
		if err != nil {
			return nil, fmt.Errorf("TLS: %w", err)
		}
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

// isLoopback reports whether only this machine reaches an address. A name counts as
// what it stands for now.
func isLoopback(address string) bool {
	tcp, err := net.ResolveTCPAddr("tcp", address)
	return err == nil && tcp.IP.IsLoopback()
}

// filesChanged has it logged when files that have changed were taken up, or why not.
func (g *guard) filesChanged(err error) {
	if d := g.driver.Load(); d != nil {
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

// checkMember tells whether a call comes from a member.
func (g *guard) checkMember(ctx context.Context, address string) error {
	if g.tls == nil {
		return nil
	}
	state, secured := pki.PeerState(ctx)
	if !secured {
		return fmt.Errorf("it comes without a certificate: %w", pki.ErrNoCertificate)
	}
	return pki.CheckMember(state, address)
}

// refused has it logged that a connection was refused.
func (g *guard) refused(remote net.Addr, err error) {
	if d := g.driver.Load(); d != nil {
		d.RefusedStranger(remote, err)
	}
}
