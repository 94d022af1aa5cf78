package pki

import (
	"crypto/tls"
	"crypto/x509"
	"fmt"
	"net/netip"
	"slices"
	"strconv"
	"strings"
	"unicode/utf8"

	"conch/internal/rules"
)

// maxForeignNameBytes bounds a client's name in a certificate of another authority.
const maxForeignNameBytes = 255

// CheckMember reports an error unless the other side of a connection, whose certificate has
// been verified, may speak as the member with this canonical address; the package's comment
// says when. The errors wrap [ErrNoCertificate], [ErrWrongName] or [ErrWrongUse].
func CheckMember(state tls.ConnectionState, address string) error {
	if len(state.VerifiedChains) == 0 {
		return fmt.Errorf("%w that was verified; want that of member %s", ErrNoCertificate, address)
	}
	cert := state.VerifiedChains[0][0]
	if err := checkMemberCertificate(cert, address); err != nil {
		return err
	}
	// The handshake asked the authorities for one of the two uses only.
	for _, chain := range state.VerifiedChains {
		if !slices.ContainsFunc(chain[1:], func(authority *x509.Certificate) bool { return !isForMembers(authority) }) {
			return nil
		}
	}
	return fmt.Errorf("%w: its authority %s may not issue certificates for both server and client authentication",
		ErrWrongUse, quote(cert.Issuer.String()))
}

// checkMemberCertificate reports an error unless a certificate is that of a member, whoever
// issued it.
func checkMemberCertificate(cert *x509.Certificate, address string) error {
	if len(cert.ExtKeyUsage) == 0 || !isForMembers(cert) {
		return fmt.Errorf("%w: that of %s %s", ErrWrongUse, subjectText(cert), missingUses(cert))
	}
	subjects, err := subjectsOf(cert)
	if err != nil {
		return err
	}
	if slices.ContainsFunc(subjects, func(s Subject) bool { return !s.Member }) {
		return fmt.Errorf("%w: that of %s is a client's; want that of member %s", ErrWrongUse, subjectText(cert), address)
	}
	if len(subjects) > 0 && !slices.Contains(subjects, Subject{Member: true, Name: address}) {
		return fmt.Errorf("%w: it is for %s; want one for member %s", ErrWrongName, listed(subjects), address)
	}
	if !namesHost(cert, hostOf(address)) {
		return fmt.Errorf("%w: that of %s is for %s; want one for %s, spelled out", ErrWrongName, subjectText(cert), hostsText(cert), quote(hostOf(address)))
	}
	return nil
}

// NamesMember reports whether the certificate at the other side of a connection, which has
// been verified, is that of a member of some cluster, and says so by its URI.
func NamesMember(state tls.ConnectionState) bool {
	if len(state.VerifiedChains) == 0 {
		return false
	}
	subjects, err := subjectsOf(state.VerifiedChains[0][0])
	return err == nil && len(subjects) == 1 && subjects[0].Member && CheckMember(state, subjects[0].Name) == nil
}

// isForMembers reports whether a certificate, or those that an authority issued, may be
// used for both server and client authentication.
func isForMembers(cert *x509.Certificate) bool {
	return allows(cert, x509.ExtKeyUsageServerAuth) && allows(cert, x509.ExtKeyUsageClientAuth)
}

// allows reports whether a certificate may be used so. One without usages may be used for
// all.
func allows(cert *x509.Certificate, use x509.ExtKeyUsage) bool {
	return len(cert.ExtKeyUsage)+len(cert.UnknownExtKeyUsage) == 0 ||
		slices.Contains(cert.ExtKeyUsage, x509.ExtKeyUsageAny) || slices.Contains(cert.ExtKeyUsage, use)
}

// namesHost reports whether a certificate names a host, without wildcards.
func namesHost(cert *x509.Certificate, host string) bool {
	if ip, err := netip.ParseAddr(host); err == nil {
		for _, named := range cert.IPAddresses {
			if addr, ok := netip.AddrFromSlice(named); ok && addr.Unmap() == ip {
				return true
			}
		}
		return false
	}
	return slices.ContainsFunc(cert.DNSNames, func(name string) bool { return strings.EqualFold(name, host) })
}

// Identify tells who is at the other side of a connection, whose certificate has been
// verified: one of the members, which are in their one form, or a client. Where a
// certificate without a URI of conch is for several members of one host, the identity
// is the first of them.
//
// The errors wrap [ErrNoCertificate], [ErrWrongName] or [ErrName].
func Identify(state tls.ConnectionState, members []string) (rules.Identity, error) {
	if len(state.VerifiedChains) == 0 {
		return rules.Identity{}, fmt.Errorf("%w that was verified", ErrNoCertificate)
	}
	cert := state.VerifiedChains[0][0]
	for _, address := range members {
		if CheckMember(state, address) == nil {
			return rules.Identity{Kind: rules.Member, Name: address}, nil
		}
	}
	subjects, err := subjectsOf(cert)
	if err != nil {
		return rules.Identity{}, err
	}
	name := cert.Subject.CommonName
	switch {
	case len(subjects) > 1:
		return rules.Identity{}, fmt.Errorf("%w: it is for %s; want one name only", ErrWrongName, listed(subjects))
	case len(subjects) == 1 && subjects[0].Member:
		return rules.Identity{}, fmt.Errorf("%w: it is for %s, which is none of this cluster's, or it does not name that one's host",
			ErrWrongName, listed(subjects))
	case len(subjects) == 1:
		name = subjects[0].Name
	}
	if err := checkForeignName(name); err != nil {
		return rules.Identity{}, err
	}
	return rules.Identity{Kind: rules.Client, Name: name}, nil
}

// checkForeignName refuses a client's name that no rule could have, or that would mislead
// in a log.
func checkForeignName(name string) error {
	switch {
	case name == "":
		return fmt.Errorf("%w: the certificate has neither a URI conch://client/NAME nor a common name", ErrName)
	case len(name) > maxForeignNameBytes || !utf8.ValidString(name):
		return fmt.Errorf("%w %s in a certificate: it has %d bytes; want 1 to %d of UTF-8", ErrName, quote(name), len(name), maxForeignNameBytes)
	case strings.TrimSpace(name) != name || strings.ContainsFunc(name, func(r rune) bool { return !strconv.IsPrint(r) }):
		return fmt.Errorf("%w %s in a certificate: want printable characters, and no blanks around them", ErrName, quote(name))
	}
	return nil
}

// subjectText names a certificate to people.
func subjectText(cert *x509.Certificate) string {
	if subjects, err := subjectsOf(cert); err == nil && len(subjects) > 0 {
		return listed(subjects)
	}
	return quote(cert.Subject.String())
}

// hostsText lists the hosts that a certificate names.
func hostsText(cert *x509.Certificate) string {
	names := slices.Clone(cert.DNSNames)
	for _, ip := range cert.IPAddresses {
		names = append(names, ip.String())
	}
	if len(names) == 0 {
		return "no host"
	}
	return quoteAll(names)
}

func listed(subjects []Subject) string {
	var names []string
	for _, s := range subjects {
		names = append(names, s.String())
	}
	return quoteAll(names)
}

// quoteAll quotes the first few texts.
func quoteAll(texts []string) string {
	const most = 4
	var quoted []string
	for _, text := range texts[:min(len(texts), most)] {
		quoted = append(quoted, quote(text))
	}
	if len(texts) > most {
		quoted = append(quoted, fmt.Sprintf("%d more", len(texts)-most))
	}
	return strings.Join(quoted, ", ")
}
