package conch

import (
	"context"
	"errors"
	"fmt"
	"net"
	"sync/atomic"

	"google.golang.org/grpc/credentials"
	"google.golang.org/grpc/credentials/insecure"

	"conch/broadcast"
	"conch/hosts"
	"conch/internal/client"
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

// guard reads the files that a configuration names, for a node that is about to listen on
// an address.
func (cfg Config) guard(members hosts.Members, listen *net.TCPAddr) (*guard, error) {
	g := new(guard)
	if err := cfg.TLS.check(); err != nil {
		return nil, err
	}
	if cfg.TLS != (TLSFiles{}) {
		var err error
		g.tls, err = pki.LoadMember(pki.Files(cfg.TLS), members.Addresses[members.Self], g.filesChanged)
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

// check refuses files of which some are missing.
func (f TLSFiles) check() error {
	if f != (TLSFiles{}) && (f.Cert == "" || f.Key == "" || f.CA == "") {
		return fmt.Errorf("TLS: got Cert %q, Key %q and CA %q, want all three or none", f.Cert, f.Key, f.CA)
	}
	return nil
}

// client returns what a client secures its connections with; nil without files.
func (f TLSFiles) client() (client.Security, error) {
	if f == (TLSFiles{}) {
		return nil, nil
	}
	if err := f.check(); err != nil {
		return nil, err
	}
	tls, err := pki.LoadClient(pki.Files(f), func(error) {}) // it goes on with what it has
	if err != nil {
		return nil, fmt.Errorf("TLS: %w", err)
	}
	return tls.ToNodeCredentials, nil
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
