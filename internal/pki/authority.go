package pki

import (
	"crypto"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"errors"
	"fmt"
	"io/fs"
	"math/big"
	"path/filepath"
	"time"
)

const (
	// AuthorityLifetime is how long an authority lasts by default.
	AuthorityLifetime = 10 * 365 * 24 * time.Hour
	// LeafLifetime is how long other certificates last by default.
	LeafLifetime = 365 * 24 * time.Hour
	// MaxLifetime bounds lifetimes; a longer one is a mistake.
	MaxLifetime = 100 * 365 * 24 * time.Hour

	// backdate is how long before its making a certificate begins.
	backdate = time.Hour

	authorityBase = "ca" // of its files' names
	certEnding    = ".crt"
	keyEnding     = ".key"
)

// Pair is a certificate, and the files of the certificate and its key.
type Pair struct {
	Subject  Subject // zero for an authority
	CertFile string
	KeyFile  string
	NotAfter time.Time // the certificate is valid until then
}

// Authority issues certificates.
type Authority struct {
	dir  string
	cert *x509.Certificate
	key  crypto.Signer
	now  func() time.Time
}

// Init makes an authority: the files ca.crt and ca.key in dir, which is made, for this
// user only, if there is none. It does not overwrite: the error then wraps [ErrExists],
// and nothing is written. Other errors wrap [ErrFile], with [ErrPermissions] if
// others may write to dir, or [ErrLifetime].
func Init(dir string, lifetime time.Duration) (*Authority, Pair, error) {
	return initAt(time.Now, dir, lifetime)
}

func initAt(now func() time.Time, dir string, lifetime time.Duration) (*Authority, Pair, error) {
	if err := checkLifetime(lifetime); err != nil {
		return nil, Pair{}, err
	}
	if err := makeDir(dir); err != nil {
		return nil, Pair{}, err
	}
	pair := pairIn(dir, authorityBase)
	if err := refuseExisting("an authority is there already, whose certificates a new one would make worthless", pair); err != nil {
		return nil, Pair{}, err
	}
	template, key, err := newTemplate(now(), lifetime)
	if err != nil {
		return nil, Pair{}, err
	}
	// Two authorities have different names, so that errors tell them apart.
	template.Subject = pkix.Name{CommonName: fmt.Sprintf("conch authority %.8s", fmt.Sprintf("%032x", template.SerialNumber))}
	template.IsCA = true
	template.BasicConstraintsValid = true
	template.MaxPathLenZero = true // it issues no authorities
	template.KeyUsage = x509.KeyUsageCertSign | x509.KeyUsageCRLSign
	cert, err := writePair(pair, template, template, key, key)
	if err != nil {
		return nil, Pair{}, err
	}
	pair.NotAfter = cert.NotAfter
	return &Authority{dir: dir, cert: cert, key: key, now: now}, pair, nil
}

// Open opens the authority in dir. The errors wrap [ErrFile], with [ErrPermissions] where
// others may read its key or write to dir, or [ErrExpired].
func Open(dir string) (*Authority, error) { return openAt(time.Now, dir) }

func openAt(now func() time.Time, dir string) (*Authority, error) {
	pair := pairIn(dir, authorityBase)
	if err := checkDir(dir); err != nil {
		if errors.Is(err, fs.ErrNotExist) {
			return nil, fmt.Errorf("%w; make an authority with: conch cert init --dir %s", err, dir)
		}
		return nil, err
	}
	loaded, err := loadPair(pair.CertFile, pair.KeyFile)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, fmt.Errorf("%w; make an authority with: conch cert init --dir %s", err, dir)
	}
	if err != nil {
		return nil, err
	}
	key, ok := loaded.PrivateKey.(crypto.Signer)
	if !ok || !loaded.Leaf.IsCA || loaded.Leaf.KeyUsage&x509.KeyUsageCertSign == 0 {
		return nil, fmt.Errorf("%w %s: it is not the certificate of an authority", ErrFile, pair.CertFile)
	}
	if err := checkTime(loaded.Leaf, now()); err != nil {
		return nil, fmt.Errorf("%s: %w", pair.CertFile, err)
	}
	return &Authority{dir: dir, cert: loaded.Leaf, key: key, now: now}, nil
}

// CertFile is the file of the authority's certificate, for all who trust the authority.
func (a *Authority) CertFile() string { return pairIn(a.dir, authorityBase).CertFile }

// Issue makes a certificate and a key for each subject, in files of dir that are named
// after it. If any of the files exists, the error wraps [ErrExists], and nothing is
// written. Other errors wrap [ErrFile], with [ErrPermissions] if others may write to dir,
// or [ErrLifetime].
func (a *Authority) Issue(dir string, lifetime time.Duration, subjects ...Subject) ([]Pair, error) {
	if err := checkLifetime(lifetime); err != nil {
		return nil, err
	}
	now := a.now()
	// Within a day, the certificate ends with its authority: both may have been made for
	// the same number of days, one after the other.
	if end := now.Add(lifetime); end.After(a.cert.NotAfter.Add(24 * time.Hour)) {
		return nil, fmt.Errorf("%w: it would end on %s, and its authority ends on %s: want at most %d days, or a new authority",
			ErrLifetime, day(end), day(a.cert.NotAfter), int(a.cert.NotAfter.Sub(now).Hours()/24))
	}
	if err := makeDir(dir); err != nil {
		return nil, err
	}
	var pairs []Pair
	for _, s := range subjects {
		pair := pairIn(dir, s.fileBase())
		pair.Subject = s
		if err := refuseExisting("to replace it, write the new one to another folder (--out) and move its files here", pair); err != nil {
			return nil, err
		}
		pairs = append(pairs, pair)
	}
	for i, pair := range pairs {
		template, key, err := newTemplate(now, lifetime)
		if err != nil {
			return pairs[:i], err
		}
		if template.NotAfter.After(a.cert.NotAfter) {
			template.NotAfter = a.cert.NotAfter
		}
		pair.Subject.fill(template)
		cert, err := writePair(pair, template, a.cert, key, a.key)
		if err != nil {
			return pairs[:i], err
		}
		pairs[i].NotAfter = cert.NotAfter
	}
	return pairs, nil
}

func pairIn(dir, base string) Pair {
	return Pair{CertFile: filepath.Join(dir, base+certEnding), KeyFile: filepath.Join(dir, base+keyEnding)}
}

// newTemplate returns a certificate without its subject, and a new key.
func newTemplate(now time.Time, lifetime time.Duration) (*x509.Certificate, *ecdsa.PrivateKey, error) {
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return nil, nil, err
	}
	var serial [16]byte
	_, _ = rand.Read(serial[:]) // never fails
	return &x509.Certificate{
		SerialNumber: new(big.Int).SetBytes(serial[:]),
		NotBefore:    now.Add(-backdate),
		NotAfter:     now.Add(lifetime),
	}, key, nil
}

// writePair issues a certificate and writes it and its key, or neither.
func writePair(pair Pair, template, parent *x509.Certificate, key *ecdsa.PrivateKey, signer crypto.Signer) (*x509.Certificate, error) {
	der, err := x509.CreateCertificate(rand.Reader, template, parent, key.Public(), signer)
	if err != nil {
		return nil, fmt.Errorf("issue a certificate: %w", err)
	}
	cert, err := x509.ParseCertificate(der)
	if err != nil {
		return nil, fmt.Errorf("issue a certificate: %w", err)
	}
	pkcs8, err := x509.MarshalPKCS8PrivateKey(key)
	if err != nil {
		return nil, fmt.Errorf("issue a certificate: %w", err)
	}
	err = writeNew(newFile{pair.KeyFile, pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: pkcs8}), keyMode},
		newFile{pair.CertFile, pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der}), certMode})
	return cert, err
}

// checkLifetime refuses a lifetime that can only be a mistake.
func checkLifetime(lifetime time.Duration) error {
	if lifetime <= 0 || lifetime > MaxLifetime {
		return fmt.Errorf("%w: got %d days, want 1 to %d", ErrLifetime, int(lifetime.Hours()/24), int(MaxLifetime.Hours()/24))
	}
	return nil
}

// checkTime reports an error unless the certificate is valid at this time.
func checkTime(cert *x509.Certificate, now time.Time) error {
	switch {
	case now.Before(cert.NotBefore):
		return fmt.Errorf("%w: that of %s is valid from %s on, and here it is %s: is a clock wrong?",
			ErrExpired, subjectText(cert), moment(cert.NotBefore), moment(now))
	case now.After(cert.NotAfter):
		return fmt.Errorf("%w: that of %s was valid until %s, and here it is %s: it has to be made anew",
			ErrExpired, subjectText(cert), moment(cert.NotAfter), moment(now))
	}
	return nil
}

func day(t time.Time) string    { return t.UTC().Format(time.DateOnly) }
func moment(t time.Time) string { return t.UTC().Format(time.RFC3339) }
