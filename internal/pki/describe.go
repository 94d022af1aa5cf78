package pki

import (
	"crypto/sha256"
	"crypto/x509"
	"encoding/hex"
	"fmt"
	"time"
)

// Description is the content of a certificate, for people and for scripts.
type Description struct {
	// Kind is "authority", "member", "client", or "other" for a certificate that names
	// neither, as another authority may issue them for members and clients alike.
	Kind string `json:"kind"`
	// Names are the addresses or names of members or clients, or else the common name.
	Names       []string  `json:"names"`
	Issuer      string    `json:"issuer"`
	Hosts       []string  `json:"hosts"` // DNS names and IP addresses
	ForServers  bool      `json:"for_servers"`
	ForClients  bool      `json:"for_clients"`
	NotBefore   time.Time `json:"not_before"`
	NotAfter    time.Time `json:"not_after"`
	Serial      string    `json:"serial"`      // in hexadecimal
	Fingerprint string    `json:"fingerprint"` // SHA-256 of the certificate, in hexadecimal
}

// Describe returns a certificate's content. It does not verify it.
func Describe(cert *x509.Certificate) Description {
	sum := sha256.Sum256(cert.Raw)
	d := Description{
		Kind:        "other",
		Names:       []string{},
		Issuer:      cert.Issuer.CommonName,
		Hosts:       []string{},
		ForServers:  allows(cert, x509.ExtKeyUsageServerAuth),
		ForClients:  allows(cert, x509.ExtKeyUsageClientAuth),
		NotBefore:   cert.NotBefore,
		NotAfter:    cert.NotAfter,
		Serial:      fmt.Sprintf("%x", cert.SerialNumber),
		Fingerprint: hex.EncodeToString(sum[:]),
	}
	d.Hosts = append(d.Hosts, cert.DNSNames...)
	for _, ip := range cert.IPAddresses {
		d.Hosts = append(d.Hosts, ip.String())
	}
	subjects, err := subjectsOf(cert)
	switch {
	case cert.IsCA:
		d.Kind = "authority"
	case err == nil && len(subjects) > 0:
		d.Kind = "client"
		if subjects[0].Member {
			d.Kind = "member"
		}
		for _, s := range subjects {
			d.Names = append(d.Names, s.Name)
		}
		return d
	}
	if name := cert.Subject.CommonName; name != "" {
		d.Names = append(d.Names, name)
	}
	return d
}
