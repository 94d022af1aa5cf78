package pki

import (
	"crypto/tls"
	"crypto/x509"
	"fmt"
	"io/fs"
	"os"
	"sync"
	"sync/atomic"
	"time"

	"conch/hosts"
)

// Files are the paths of what a side of a connection needs, all in PEM.
type Files struct {
	// Cert is the own certificate, with those of the authorities between it and a
	// trusted one behind it, if there are any.
	Cert string
	// Key is its key, which must be readable for its owner only, or be root's and
	// readable for a group of this process.
	Key string
	// CA are the certificates of the authorities that are trusted.
	CA string
}

// Check refuses files of which some are missing.
func (f Files) Check() error {
	if f != (Files{}) && (f.Cert == "" || f.Key == "" || f.CA == "") {
		return fmt.Errorf("got Cert %q, Key %q and CA %q, want all three or none", f.Cert, f.Key, f.CA)
	}
	return nil
}

// paths lists the files.
func (f Files) paths() [3]string { return [3]string{f.Cert, f.Key, f.CA} }

// TLS is one side of connections: its own certificate, and whom it trusts. It looks for
// changed files at handshakes, at most once a second, and takes them up if they fit
// together; until they do, it goes on with what it has. It is safe for concurrent use.
type TLS struct {
	files   Files
	member  string // the own address; empty for a client
	changed func(error)
	now     func() time.Time

	current atomic.Pointer[material]
	// checking is held by who looks for changed files; others do not wait for it.
	checking sync.Mutex
	checked  time.Time // when somebody last looked
	seen     [3]fs.FileInfo
	trouble  string    // what was last told of files that cannot be taken up; empty if nothing
	warned   time.Time // when it was last told that the own certificate ends soon
}

// material is what was in the files at one time. It does not change.
type material struct {
	pair  tls.Certificate
	roots *x509.CertPool
	// server is the configuration for the next connection that comes.
	server *tls.Config
	// ends is when the own certificate does, or an authority's that it rests on.
	ends time.Time
}

const (
	// checkInterval is how often files are looked at, at most.
	checkInterval = time.Second
	// warnShare is the share of the own certificate's lifetime, at its end, in which it is
	// told of each warnInterval that it ends soon.
	warnShare    = 10
	warnInterval = 24 * time.Hour
)

// LoadMember loads what the member with an address speaks with. Its certificate must be
// one for that address, as [CheckMember] has it, from an authority that it trusts
// itself.
//
// From then on, changed is called when files have changed: with nil when they were taken
// up, and with an error, once, when they could not be; and once a day in the last tenth
// of the own certificate's life, with an error that wraps [ErrEnding]. It is called during
// a handshake, or while a connection is read from, and must not wait.
//
// The errors wrap [ErrFile], with [ErrPermissions] where others may read the key;
// [ErrExpired], [ErrUnknownAuthority], [ErrWrongUse] or [ErrWrongName]; or
// [hosts.ErrAddress].
func LoadMember(files Files, address string, changed func(error)) (*TLS, error) {
	switch form, err := hosts.ParseAddress(address); {
	case err != nil:
		return nil, err
	case form != address:
		return nil, fmt.Errorf("%w %s: want its one form, %q", hosts.ErrAddress, quote(address), form)
	}
	return load(time.Now, files, address, changed)
}

// LoadClient loads what a client speaks with. It is [LoadMember] for a client: any
// certificate for client authentication will do.
func LoadClient(files Files, changed func(error)) (*TLS, error) {
	return load(time.Now, files, "", changed)
}

func load(now func() time.Time, files Files, member string, changed func(error)) (*TLS, error) {
	t := &TLS{files: files, member: member, changed: changed, now: now, checked: now()}
	seen, err := t.stat()
	if err != nil {
		return nil, err
	}
	m, err := t.read()
	if err != nil {
		return nil, err
	}
	t.seen = seen
	t.current.Store(m)
	return t, nil
}

// Member is the address that the own certificate was loaded for; empty for a client.
func (t *TLS) Member() string { return t.member }

// Certificate is the own certificate that is in use.
func (t *TLS) Certificate() *x509.Certificate { return t.current.Load().pair.Leaf }

// Server returns the configuration for connections that come. Each has to show a valid
// certificate for client authentication; whose it is, [CheckMember] and [Identify]
// tell. It stays good when files change.
func (t *TLS) Server() *tls.Config {
	return &tls.Config{
		MinVersion:         tls.VersionTLS13,
		GetConfigForClient: func(*tls.ClientHelloInfo) (*tls.Config, error) { return t.fresh().server, nil },
	}
}

// ToMember returns the configuration for one connection to a member, by another member:
// whoever answers must have the certificate of exactly that one.
func (t *TLS) ToMember(address string) *tls.Config {
	config := t.ToNode(address)
	config.VerifyConnection = func(state tls.ConnectionState) error { return CheckMember(state, address) }
	return config
}

// ToNode returns the configuration for one connection to a node, by a client: whoever
// answers must have a certificate for the host of the address that is dialled. The
// port may be another than the member's, if connections are forwarded. The address is in
// its one form. A configuration is of its moment: make one for each connection.
func (t *TLS) ToNode(address string) *tls.Config {
	m := t.fresh()
	return &tls.Config{
		MinVersion: tls.VersionTLS13,
		Time:       t.now,
		RootCAs:    m.roots,
		ServerName: hostOf(address),
		// Whether or not the other side says that it trusts the authority: with a
		// certificate it can say what is wrong with it.
		GetClientCertificate: func(*tls.CertificateRequestInfo) (*tls.Certificate, error) { return &m.pair, nil },
	}
}

// read reads the files, and refuses what the other side would refuse.
func (t *TLS) read() (*material, error) {
	pair, err := loadPair(t.files.Cert, t.files.Key)
	if err != nil {
		return nil, err
	}
	if err := checkTrusted(t.files.CA); err != nil {
		return nil, err
	}
	authorities, err := ReadCertificates(t.files.CA)
	if err != nil {
		return nil, err
	}
	roots := x509.NewCertPool()
	for _, authority := range authorities {
		if !authority.IsCA {
			return nil, fmt.Errorf("%w %s: that of %s in it is not the certificate of an authority", ErrFile, t.files.CA, subjectText(authority))
		}
		roots.AddCert(authority)
	}
	m := &material{pair: pair, roots: roots}
	m.server = &tls.Config{
		MinVersion:   tls.VersionTLS13,
		Time:         t.now,
		Certificates: []tls.Certificate{pair},
		ClientAuth:   tls.RequireAndVerifyClientCert,
		ClientCAs:    roots,
		// A ticket would bring in whoever was let in before, with a certificate that may
		// be over by now.
		SessionTicketsDisabled: true,
	}
	if err := t.checkOwn(m); err != nil {
		return nil, fmt.Errorf("%s: %w", t.files.Cert, err)
	}
	return m, nil
}

// checkOwn looks at the own certificate with the eyes of the other side.
func (t *TLS) checkOwn(m *material) error {
	shown := []*x509.Certificate{m.pair.Leaf}
	for _, der := range m.pair.Certificate[1:] {
		cert, err := x509.ParseCertificate(der)
		if err != nil {
			return fmt.Errorf("%w: %w", ErrFile, err)
		}
		shown = append(shown, cert)
	}
	chains, err := verify(shown, m.roots, x509.ExtKeyUsageClientAuth, t.now())
	if err != nil {
		return err
	}
	m.ends = endOf(chains)
	if t.member == "" {
		return nil
	}
	return CheckMember(tls.ConnectionState{VerifiedChains: chains}, t.member)
}

// stat returns the system's information on the files.
func (t *TLS) stat() (seen [3]fs.FileInfo, err error) {
	for i, path := range t.files.paths() {
		if seen[i], err = os.Stat(path); err != nil {
			return seen, fmt.Errorf("%w: %w", ErrFile, err)
		}
	}
	return seen, nil
}

// fresh returns what is in the files, or what was there when they last fitted
// together.
func (t *TLS) fresh() *material {
	if t.checking.TryLock() {
		defer t.checking.Unlock()
		if now := t.now(); now.Sub(t.checked) >= checkInterval || now.Before(t.checked) {
			t.checked = now
			t.check()
			t.warn(now)
		}
	}
	return t.current.Load()
}

// check takes changed files up. Those that cannot be are tried again each time: they may
// be half of a rotation.
func (t *TLS) check() {
	// Asked before the files are read: what is written later is found the next time.
	seen, err := t.stat()
	if err == nil && t.trouble == "" && same(seen, t.seen) {
		return
	}
	var m *material
	if err == nil {
		m, err = t.read()
	}
	if err != nil {
		if text := err.Error(); text != t.trouble {
			t.trouble = text
			t.tell(fmt.Errorf("changed certificates are not taken up, the old ones stay in use: %w", err))
		}
		return
	}
	t.seen, t.trouble = seen, ""
	t.current.Store(m)
	t.tell(nil)
}

// warn tells that the own certificate ends soon.
func (t *TLS) warn(now time.Time) {
	m := t.current.Load()
	cert := m.pair.Leaf
	left := m.ends.Sub(now)
	if left > cert.NotAfter.Sub(cert.NotBefore)/warnShare || now.Sub(t.warned) < warnInterval {
		return
	}
	t.warned = now
	t.tell(fmt.Errorf("%w: %s, or an authority's behind it, on %s, and with it all connections: replace it before", ErrEnding, t.files.Cert, moment(m.ends)))
}

func (t *TLS) tell(err error) {
	if t.changed != nil {
		t.changed(err)
	}
}

// same tells whether nothing was written between two looks.
func same(a, b [3]fs.FileInfo) bool {
	for i := range a {
		if !os.SameFile(a[i], b[i]) || a[i].Size() != b[i].Size() || !a[i].ModTime().Equal(b[i].ModTime()) || a[i].Mode() != b[i].Mode() {
			return false
		}
	}
	return true
}
