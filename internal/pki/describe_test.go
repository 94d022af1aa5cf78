package pki

import (
	"crypto/x509"
	"crypto/x509/pkix"
	"net"
	"reflect"
	"testing"
	"time"
)

func TestDescribe(t *testing.T) {
	a := newAuthority(t, time.Now)
	issued := func(s Subject) *x509.Certificate {
		certs, err := ReadCertificates(a.issue(t, s).Cert)
		if err != nil {
			t.Fatal(err)
		}
		return certs[0]
	}
	issuer := a.cert.Subject.CommonName
	for _, test := range []struct {
		cert *x509.Certificate
		want Description
	}{
		{a.cert, Description{Kind: "authority", Names: []string{issuer}, Hosts: []string{}, Issuer: issuer, ForServers: true, ForClients: true}},
		{issued(member(node1)), Description{Kind: "member", Names: []string{node1}, Hosts: []string{"node1.example"}, Issuer: issuer, ForServers: true, ForClients: true}},
		{issued(member("[::1]:7400")), Description{Kind: "member", Names: []string{"[::1]:7400"}, Hosts: []string{"::1"}, Issuer: issuer, ForServers: true, ForClients: true}},
		{issued(client("alice")), Description{Kind: "client", Names: []string{"alice"}, Hosts: []string{}, Issuer: issuer, ForClients: true}},
		{
			foreign(t, &x509.Certificate{Subject: pkix.Name{CommonName: "web"}, DNSNames: []string{"web"}, IPAddresses: []net.IP{net.IPv4(10, 0, 0, 1)}, ExtKeyUsage: forBoth}, nil).PeerCertificates[0],
			Description{Kind: "other", Names: []string{"web"}, Hosts: []string{"web", "10.0.0.1"}, Issuer: "department", ForServers: true, ForClients: true},
		},
		{
			foreign(t, &x509.Certificate{URIs: uris(t, "conch://boss/x"), ExtKeyUsage: forClients}, nil).PeerCertificates[0],
			Description{Kind: "other", Names: []string{}, Hosts: []string{}, Issuer: "department", ForClients: true},
		},
	} {
		got := Describe(test.cert)
		if !got.NotBefore.Equal(test.cert.NotBefore) || !got.NotAfter.Equal(test.cert.NotAfter) || got.Serial == "" || len(got.Fingerprint) != 64 {
			t.Errorf("got %+v of %v", got, test.want)
		}
		got.NotBefore, got.NotAfter, got.Serial, got.Fingerprint = time.Time{}, time.Time{}, "", ""
		if !reflect.DeepEqual(got, test.want) {
			t.Errorf("got  %+v\nwant %+v", got, test.want)
		}
	}
}
