package pki

import (
	"errors"
	"strconv"
)

var (
	// ErrName is wrapped by the error for a name that no client can have.
	ErrName = errors.New("bad name")
	// ErrExists is wrapped by the error for a file that would have to be overwritten.
	ErrExists = errors.New("file exists")
	// ErrFile is wrapped by the error for a file or folder of certificates or keys that
	// cannot be used; the error names it.
	ErrFile = errors.New("cannot use")
	// ErrPermissions is wrapped, beside [ErrFile], by the error for a key that others
	// may read, for a folder that others may write to, and for a file of authorities that
	// every user may write to.
	ErrPermissions = errors.New("open to others")
	// ErrLifetime is wrapped by the error for a certificate that would outlive its
	// authority, or the calendar.
	ErrLifetime = errors.New("bad lifetime")

	// ErrNoCertificate is wrapped by the error for a side that showed no certificate.
	ErrNoCertificate = errors.New("no certificate")
	// ErrExpired is wrapped by the error for a certificate that is not valid any more,
	// or not yet.
	ErrExpired = errors.New("certificate not valid now")
	// ErrEnding is wrapped by the report that an own certificate ends soon.
	ErrEnding = errors.New("certificate ends soon")
	// ErrUnknownAuthority is wrapped by the error for a certificate of an authority that
	// is not trusted.
	ErrUnknownAuthority = errors.New("unknown authority")
	// ErrWrongName is wrapped by the error for a certificate of somebody else.
	ErrWrongName = errors.New("certificate of another")
	// ErrWrongUse is wrapped by the error for a certificate that does not allow this use,
	// such as a client's in place of a member's.
	ErrWrongUse = errors.New("certificate for another use")
	// ErrRefused is wrapped by the error for an own certificate that the other side
	// refuses without saying why.
	ErrRefused = errors.New("certificate refused")
	// ErrNotTLS is wrapped by the error for a side that does not speak TLS.
	ErrNotTLS = errors.New("not TLS")
	// ErrVersion is wrapped by the error for a side that speaks no TLS 1.3.
	ErrVersion = errors.New("older than TLS 1.3")
)

const maxQuoted = 100 // bytes of a text that an error repeats

// quote returns a text for an error: on one line, without control characters, and of
// bounded length.
func quote(text string) string {
	if len(text) > maxQuoted {
		return strconv.Quote(text[:maxQuoted]) + "…"
	}
	return strconv.Quote(text)
}
