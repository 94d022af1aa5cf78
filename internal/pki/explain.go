package pki

import (
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"io"
	"net"
	"strings"
	"syscall"
	"time"
)

// explained is an error in plain words that wraps the original.
type explained struct {
	kind  error // one of the package's
	text  string
	cause error
}

func (e *explained) Error() string   { return e.kind.Error() + ": " + e.text }
func (e *explained) Unwrap() []error { return []error{e.kind, e.cause} }

// Explain says in plain words why a handshake failed, or why a connection ended right
// behind one: with TLS 1.3 a client learns only then that its own certificate was
// refused. The result wraps err, and one of the package's errors if it is known what
// was wrong; other errors it returns as they are.
func Explain(err error) error { return explainAt(err, time.Now()) }

func explainAt(err error, now time.Time) error {
	if err == nil || errors.As(err, new(*explained)) {
		return err
	}
	if e := new(tls.CertificateVerificationError); errors.As(err, &e) {
		return explainCertificate(err, now)
	}
	if e := (tls.RecordHeaderError{}); errors.As(err, &e) {
		return &explained{ErrNotTLS, fmt.Sprintf("the other side began with %q; does it run without TLS (--insecure)?", e.RecordHeader[:]), err}
	}
	if e := (*net.OpError)(nil); errors.As(err, &e) && e.Op == "remote error" {
		return explainAlert(err, e.Err.Error())
	}
	switch text := err.Error(); {
	case strings.Contains(text, "client didn't provide a certificate"):
		return &explained{ErrNoCertificate, "the other side showed none", err}
	case strings.Contains(text, "unsupported versions"), strings.Contains(text, "unsupported protocol version"):
		return &explained{ErrVersion, "the other side speaks only older versions", err}
	case errors.Is(err, io.EOF), errors.Is(err, io.ErrUnexpectedEOF), errors.Is(err, syscall.ECONNRESET), errors.Is(err, syscall.EPIPE):
		return fmt.Errorf("the other side hung up during the TLS handshake (it may not speak TLS): %w", err)
	}
	return err
}

// alerts explains the alerts by which the other side refuses this one, by their texts in
// crypto/tls.
var alerts = map[string]struct {
	kind error
	text string
}{
	"tls: certificate required":           {ErrNoCertificate, "the other side wants one from here"},
	"tls: expired certificate":            {ErrExpired, "the other side says so of the one from here, or the clocks differ"},
	"tls: unknown certificate authority":  {ErrUnknownAuthority, "the other side does not trust the one that issued the certificate from here"},
	"tls: bad certificate":                {ErrRefused, "the other side does not accept the one from here, for its authority, name, use or time; its log says more"},
	"tls: unsupported certificate":        {ErrRefused, "the other side cannot use the one from here; its log says more"},
	"tls: protocol version not supported": {ErrVersion, "the other side speaks no version that this one does"},
}

// explainAlert explains that the other side refused this one.
func explainAlert(err error, text string) error {
	alert, ok := alerts[text]
	if !ok {
		return fmt.Errorf("the other side refused the connection: %w", err)
	}
	return &explained{alert.kind, alert.text, err}
}

// explainCertificate explains why a certificate was refused here.
func explainCertificate(err error, now time.Time) error {
	if e := (x509.UnknownAuthorityError{}); errors.As(err, &e) && e.Cert != nil {
		return &explained{ErrUnknownAuthority, fmt.Sprintf("%s issued the certificate of %s, and is none of those that are trusted here (--tls-ca)",
			quote(e.Cert.Issuer.String()), subjectText(e.Cert)), err}
	}
	if e := (x509.HostnameError{}); errors.As(err, &e) {
		return &explained{ErrWrongName, fmt.Sprintf("that of %s is for %s; want one for %s", subjectText(e.Certificate), hostsText(e.Certificate), quote(e.Host)), err}
	}
	e := x509.CertificateInvalidError{}
	if !errors.As(err, &e) || e.Cert == nil {
		return err
	}
	switch e.Reason {
	case x509.Expired:
		if late := checkTime(e.Cert, now); late != nil {
			return &explained{ErrExpired, strings.TrimPrefix(late.Error(), ErrExpired.Error()+": "), err}
		}
		return &explained{ErrExpired, fmt.Sprintf("that of %s", subjectText(e.Cert)), err}
	case x509.IncompatibleUsage:
		return &explained{ErrWrongUse, fmt.Sprintf("that of %s %s", subjectText(e.Cert), missingUses(e.Cert)), err}
	}
	return err
}

// uses are the extended key usages that connections need, with their names in certificates.
var uses = []struct {
	use  x509.ExtKeyUsage
	name string
}{
	{x509.ExtKeyUsageClientAuth, "clientAuth"},
	{x509.ExtKeyUsageServerAuth, "serverAuth"},
}

// missingUses says which extended key usage a certificate lacks.
func missingUses(cert *x509.Certificate) string {
	if len(cert.ExtKeyUsage)+len(cert.UnknownExtKeyUsage) == 0 {
		return "names no extended key usage: a member needs serverAuth and clientAuth"
	}
	for _, u := range uses {
		if !allows(cert, u.use) {
			return fmt.Sprintf("lacks the extended key usage %s: a member needs serverAuth and clientAuth, a client clientAuth", u.name)
		}
	}
	return "may not be used for this end of a connection: an authority's behind it forbids it"
}
