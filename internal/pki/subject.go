package pki

import (
	"crypto/x509"
	"crypto/x509/pkix"
	"fmt"
	"net"
	"net/netip"
	"net/url"
	"strings"

	"conch/hosts"
)

// Subject is whom a certificate is for.
type Subject struct {
	// Member says that it is a member; otherwise it is a client.
	Member bool
	// Name is a member's address in its one form, or a client's name.
	Name string
}

const (
	// maxNameBytes bounds the name of a client. More does not fit a common name (RFC
	// 5280, appendix A.1: ub-common-name).
	maxNameBytes = 64

	uriScheme = "conch"
	uriMember = "member"
	uriClient = "client"
)

// NewMember returns the subject of the member with an address. The error wraps
// [hosts.ErrAddress] or [hosts.ErrWildcard].
func NewMember(address string) (Subject, error) {
	address, err := hosts.ParseAddress(address)
	return Subject{Member: true, Name: address}, err
}

// NewClient returns the subject of the client with a name: 1 to 64 letters, digits and
// . _ - @ +, the first of them a letter or digit. That is less than other authorities
// may write, and goes into a file's name, a rule, a URI and a log as it is. The error
// wraps [ErrName].
func NewClient(name string) (Subject, error) {
	const want = "want 1 to 64 letters, digits and . _ - @ +, the first a letter or digit"
	if name == "" || len(name) > maxNameBytes {
		return Subject{}, fmt.Errorf("%w of a client %s: it has %d bytes; %s", ErrName, quote(name), len(name), want)
	}
	for i := range len(name) {
		if c := name[i]; !isAlphanumeric(c) && (i == 0 || !strings.ContainsRune("._-@+", rune(c))) {
			return Subject{}, fmt.Errorf("%w of a client %s: it has the character %q at position %d; %s", ErrName, quote(name), c, i+1, want)
		}
	}
	return Subject{Name: name}, nil
}

func isAlphanumeric(c byte) bool {
	return '0' <= c && c <= '9' || 'a' <= c|0x20 && c|0x20 <= 'z'
}

// String names the subject to people.
func (s Subject) String() string {
	if s.Member {
		return "member " + s.Name
	}
	return "client " + s.Name
}

// fileBase is the name of the subject's files without their endings: that of a client, or
// a member's address without brackets and with _ for each colon. A colon would make
// scp take what stands before it for a machine.
func (s Subject) fileBase() string {
	return strings.NewReplacer("[", "", "]", "", ":", "_").Replace(s.Name)
}

// uri is how a certificate of our own authority says whose it is.
func (s Subject) uri() *url.URL {
	if s.Member {
		return &url.URL{Scheme: uriScheme, Host: uriMember, Path: "/" + s.Name}
	}
	return &url.URL{Scheme: uriScheme, Host: uriClient, Path: "/" + s.Name}
}

// fill writes into a template whom the certificate is for, and what.
func (s Subject) fill(template *x509.Certificate) {
	if len(s.Name) <= maxNameBytes {
		template.Subject = pkix.Name{CommonName: s.Name}
	}
	template.URIs = []*url.URL{s.uri()}
	template.KeyUsage = x509.KeyUsageDigitalSignature
	template.ExtKeyUsage = []x509.ExtKeyUsage{x509.ExtKeyUsageClientAuth}
	if !s.Member {
		return
	}
	template.ExtKeyUsage = append(template.ExtKeyUsage, x509.ExtKeyUsageServerAuth)
	host := hostOf(s.Name)
	if ip, err := netip.ParseAddr(host); err == nil {
		template.IPAddresses = []net.IP{ip.AsSlice()}
	} else {
		template.DNSNames = []string{host}
	}
}

// hostOf returns the HOST of an address in its one form, without brackets.
func hostOf(address string) string {
	host, _, err := net.SplitHostPort(address)
	if err != nil {
		panic(fmt.Sprintf("pki: %q is not an address: %v", address, err))
	}
	return host
}

// subjectsOf returns whom the URIs of a certificate name: none if it has no URI that
// begins with conch:, which is how other authorities' mostly are.
func subjectsOf(cert *x509.Certificate) ([]Subject, error) {
	var subjects []Subject
	for _, uri := range cert.URIs {
		if !strings.EqualFold(uri.Scheme, uriScheme) {
			continue
		}
		name, slash := strings.CutPrefix(uri.Path, "/")
		bare := slash && uri.User == nil && uri.RawQuery == "" && !uri.ForceQuery && uri.Fragment == "" && name != ""
		switch {
		case bare && uri.Host == uriMember:
			subjects = append(subjects, Subject{Member: true, Name: name})
		case bare && uri.Host == uriClient:
			subjects = append(subjects, Subject{Name: name})
		default:
			return nil, fmt.Errorf("%w: its URI is %s; want conch://member/HOST:PORT or conch://client/NAME", ErrWrongName, quote(uri.String()))
		}
	}
	return subjects, nil
}
