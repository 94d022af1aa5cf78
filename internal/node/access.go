package node

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"net"
	"slices"
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

// access decides whom a node lets in, and what they may do.
type access struct {
	tls   *pki.TLS // nil without TLS
	rules func() *rules.Rules
	// control bounds what connections make the node spend.
	control *admission.Control
	// members are those at the start.
	members []string
	// driver knows the members and writes the log, once it runs.
	driver atomic.Pointer[broadcast.Driver]
}

// access reads the files that a configuration names, for a node that is about to listen on
// an address.
func (cfg Config) access(members hosts.Members, listen *net.TCPAddr) (*access, error) {
	a := &access{members: members.Addresses}
	limits := admission.Usual(len(members.Addresses), cmp.Or(cfg.MaxClients, admission.UsualClients))
	if limits.Local < cfg.MaxClients {
		return nil, fmt.Errorf("MaxClients: got %d, and the process may not open enough files for more than %d; raise that bound (ulimit -n)",
			cfg.MaxClients, limits.Local)
	}
	a.control = admission.New(admission.Config{Limits: limits, Refused: a.refused})
	if err := cfg.TLS.Check(); err != nil {
		return nil, fmt.Errorf("TLS: %w", err)
	}
	if cfg.TLS != (pki.Files{}) {
		var err error
		a.tls, err = pki.LoadMember(cfg.TLS, members.Addresses[members.Self], a.filesChanged)
		if err != nil {
			return nil, fmt.Errorf("TLS: %w", err)
		}
	} else if !cfg.Insecure && !listen.IP.IsLoopback() {
		return nil, fmt.Errorf("the Listen address %s is reached from other machines, and without TLS whoever reaches it can pass for a member; "+
			"set TLS (--tls-cert, --tls-key and --tls-ca), or Insecure (--insecure) where the network is trusted", cfg.Listen)
	}
	if cfg.AllowFile == "" {
		usual := rules.Default()
		a.rules = func() *rules.Rules { return usual }
		return a, nil
	}
	file, err := rules.Open(cfg.AllowFile, a.filesChanged)
	if err != nil {
		return nil, fmt.Errorf("AllowFile: %w", err)
	}
	a.rules = file.Rules
	return a, nil
}

// filesChanged logs that changed files were loaded, or why not, and that a certificate ends
// soon.
func (a *access) filesChanged(err error) {
	d := a.driver.Load()
	switch {
	case d == nil:
	case errors.Is(err, pki.ErrEnding):
		d.CertificateEnding(err)
	default:
		d.FilesChanged(err)
	}
}

// toMember secures connections to a member.
func (a *access) toMember(address string) credentials.TransportCredentials {
	if a.tls == nil {
		return insecure.NewCredentials()
	}
	return a.tls.ToMemberCredentials(address)
}

// present are the addresses of the members as the node knows them now.
func (a *access) present() []string {
	if d := a.driver.Load(); d != nil {
		return d.Members()
	}
	return a.members
}

// checkMember returns an error unless a call comes from whoever has an address. If that is a
// member, the connection is a member's from then on.
func (a *access) checkMember(ctx context.Context, address string) error {
	if a.tls != nil {
		state, secured := pki.PeerState(ctx)
		if !secured {
			return fmt.Errorf("it comes without a certificate: %w", pki.ErrNoCertificate)
		}
		if err := pki.CheckMember(state, address); err != nil {
			return err
		}
	}
	// One that only waits to be added has no more room than a client.
	if p, ok := grpcpeer.FromContext(ctx); ok && slices.Contains(a.present(), address) {
		a.control.Admit(p.Addr, address)
	}
	return nil
}

// isMember reports whether a connection is a member's, by its certificate. If so, it is
// treated as one. A certificate that names a member by conch's own URI will do for a node that
// is about to become one: its streams come before this node has heard of it.
func (a *access) isMember(remote net.Addr, info credentials.AuthInfo) bool {
	secured, ok := info.(credentials.TLSInfo)
	if !ok {
		return false
	}
	id, err := pki.Identify(secured.State, a.present())
	if err != nil || id.Kind != rules.Member {
		return pki.NamesMember(secured.State)
	}
	a.control.Admit(remote, id.Name)
	return true
}

// refused logs that a connection was refused.
func (a *access) refused(remote net.Addr, err error) {
	if errors.Is(err, net.ErrClosed) {
		return // it was closed here, and the reason is logged
	}
	if op := (*net.OpError)(nil); errors.As(err, &op) && op.Addr != nil {
		err = op.Err // without the ports, which differ each time
	}
	if d := a.driver.Load(); d != nil {
		d.RefusedUnauthenticated(remote, err)
	}
}
