package pki

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"errors"
	"math/big"
	"net"
	"net/url"
	"strings"
	"testing"
	"time"

	"conch/internal/rules"
)

var (
	forBoth    = []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth, x509.ExtKeyUsageClientAuth}
	forClients = []x509.ExtKeyUsage{x509.ExtKeyUsageClientAuth}
)

func uris(t testing.TB, texts ...string) []*url.URL {
	t.Helper()
	var all []*url.URL
	for _, text := range texts {
		u, err := url.Parse(text)
		if err != nil {
			t.Fatal(err)
		}
		all = append(all, u)
	}
	return all
}

// foreign makes a certificate by a template, as a company's own authority may. An authority
// between it and the root is limited to some uses.
func foreign(t testing.TB, template *x509.Certificate, between []x509.ExtKeyUsage) tls.ConnectionState {
	t.Helper()
	sign := func(template, parent *x509.Certificate, signer *ecdsa.PrivateKey) (*x509.Certificate, *ecdsa.PrivateKey) {
		key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
		if err != nil {
			t.Fatal(err)
		}
		if signer == nil {
			parent, signer = template, key
		}
		template.SerialNumber = big.NewInt(1)
		template.NotBefore, template.NotAfter = time.Now().Add(-time.Hour), time.Now().Add(time.Hour)
		der, err := x509.CreateCertificate(rand.Reader, template, parent, key.Public(), signer)
		if err != nil {
			t.Fatal(err)
		}
		cert, err := x509.ParseCertificate(der)
		if err != nil {
			t.Fatal(err)
		}
		return cert, key
	}
	authority := func(name string, uses []x509.ExtKeyUsage) *x509.Certificate {
		return &x509.Certificate{Subject: pkix.Name{CommonName: name}, IsCA: true, BasicConstraintsValid: true, KeyUsage: x509.KeyUsageCertSign, ExtKeyUsage: uses}
	}
	root, rootKey := sign(authority("company", nil), nil, nil)
	issuer, issuerKey := sign(authority("department", between), root, rootKey)
	leaf, _ := sign(template, issuer, issuerKey)
	roots, issuers := x509.NewCertPool(), x509.NewCertPool()
	roots.AddCert(root)
	issuers.AddCert(issuer)
	chains, err := leaf.Verify(x509.VerifyOptions{Roots: roots, Intermediates: issuers, KeyUsages: forClients})
	if err != nil {
		t.Fatal(err)
	}
	return tls.ConnectionState{PeerCertificates: []*x509.Certificate{leaf}, VerifiedChains: chains}
}

// TestCheckMember has one row for each condition on a member's certificate, with
// certificates that another authority could have issued.
func TestCheckMember(t *testing.T) {
	node := func(change func(*x509.Certificate)) *x509.Certificate {
		c := &x509.Certificate{DNSNames: []string{"node1.example"}, ExtKeyUsage: forBoth}
		change(c)
		return c
	}
	for _, test := range []struct {
		name    string
		cert    *x509.Certificate
		between []x509.ExtKeyUsage
		address string
		want    error
		says    string
	}{
		{"by its host alone", node(func(*x509.Certificate) {}), nil, node1, nil, ""},
		{"on another port", node(func(*x509.Certificate) {}), nil, "node1.example:9999", nil, ""},
		{"in other letters", node(func(c *x509.Certificate) { c.DNSNames[0] = "Node1.EXAMPLE" }), nil, node1, nil, ""},
		{"among other hosts", node(func(c *x509.Certificate) { c.DNSNames = []string{"a", "node1.example"} }), nil, node1, nil, ""},
		{"another host", node(func(*x509.Certificate) {}), nil, node2, ErrWrongName, `is for "node1.example"; want one for "node2.example", spelled out`},
		{"a wildcard", node(func(c *x509.Certificate) { c.DNSNames[0] = "*.example" }), nil, node1, ErrWrongName, `is for "*.example"`},
		{"the common name alone", node(func(c *x509.Certificate) { c.DNSNames = nil; c.Subject.CommonName = "node1.example" }), nil, node1, ErrWrongName, "is for no host"},
		{"IPv4", node(func(c *x509.Certificate) { c.IPAddresses = []net.IP{net.IPv4(192, 0, 2, 1)} }), nil, "192.0.2.1:7400", nil, ""},
		{"another IPv4", node(func(c *x509.Certificate) { c.IPAddresses = []net.IP{net.IPv4(192, 0, 2, 1)} }), nil, "192.0.2.2:7400", ErrWrongName, `"192.0.2.1"`},
		{"IPv4 as a name", node(func(c *x509.Certificate) { c.DNSNames[0] = "192.0.2.1" }), nil, "192.0.2.1:7400", ErrWrongName, ""},
		{"IPv6", node(func(c *x509.Certificate) { c.IPAddresses = []net.IP{net.ParseIP("2001:db8::1")} }), nil, "[2001:db8::1]:7400", nil, ""},
		{"its URI", node(func(c *x509.Certificate) { c.URIs = uris(t, "conch://member/node1.example:7400") }), nil, node1, nil, ""},
		{"one of its URIs", node(func(c *x509.Certificate) {
			c.URIs = uris(t, "conch://member/node1.example:7401", "conch://member/node1.example:7400")
		}), nil, node1, nil, ""},
		{"a URI of something else", node(func(c *x509.Certificate) { c.URIs = uris(t, "spiffe://example/x") }), nil, node1, nil, ""},
		{"the URI of another port", node(func(c *x509.Certificate) { c.URIs = uris(t, "conch://member/node1.example:7401") }), nil, node1,
			ErrWrongName, `it is for "member node1.example:7401"; want one for member node1.example:7400`},
		{"its URI without its host", node(func(c *x509.Certificate) { c.DNSNames = nil; c.URIs = uris(t, "conch://member/node1.example:7400") }), nil, node1,
			ErrWrongName, "is for no host"},
		{"a client's URI", node(func(c *x509.Certificate) { c.URIs = uris(t, "conch://client/eve") }), nil, node1, ErrWrongUse, `"client eve" is a client's`},
		{"a client's URI beside its own", node(func(c *x509.Certificate) {
			c.URIs = uris(t, "conch://member/node1.example:7400", "conch://client/eve")
		}), nil, node1, ErrWrongUse, "is a client's"},
		{"a URI that makes no sense", node(func(c *x509.Certificate) { c.URIs = uris(t, "conch://boss/node1.example:7400") }), nil, node1, ErrWrongName, "want conch://member/HOST:PORT"},
		{"a URI with more to it", node(func(c *x509.Certificate) { c.URIs = uris(t, "conch://member/node1.example:7400?x") }), nil, node1, ErrWrongName, "its URI is"},
		{"for clients only", node(func(c *x509.Certificate) { c.ExtKeyUsage = forClients }), nil, node1, ErrWrongUse, "lacks the extended key usage serverAuth"},
		{"for anything", node(func(c *x509.Certificate) { c.ExtKeyUsage = []x509.ExtKeyUsage{x509.ExtKeyUsageAny} }), nil, node1, nil, ""},
		{"says nothing of uses", node(func(c *x509.Certificate) { c.ExtKeyUsage = nil }), nil, node1, ErrWrongUse, ""},
		{"by an authority for both", node(func(*x509.Certificate) {}), forBoth, node1, nil, ""},
		{"by an authority for clients", node(func(*x509.Certificate) {}), forClients, node1, ErrWrongUse, `its authority "CN=department" may not`},
	} {
		t.Run(test.name, func(t *testing.T) {
			checkError(t, test.name, CheckMember(foreign(t, test.cert, test.between), test.address), test.want, test.says)
		})
	}
}

func TestIdentifyForeign(t *testing.T) {
	members := []string{node1, "node1.example:7401"}
	person := func(name string, texts ...string) *x509.Certificate {
		return &x509.Certificate{Subject: pkix.Name{CommonName: name}, URIs: uris(t, texts...), ExtKeyUsage: forClients}
	}
	for _, test := range []struct {
		name string
		cert *x509.Certificate
		want rules.Identity
		err  error
		says string
	}{
		{"a person", person("Ann Example"), rules.Identity{Kind: rules.Client, Name: "Ann Example"}, nil, ""},
		{"a URI goes before the common name", person("Ann Example", "conch://client/ann"), rules.Identity{Kind: rules.Client, Name: "ann"}, nil, ""},
		{"a name like a kind's", person("@local"), rules.Identity{Kind: rules.Client, Name: "@local"}, nil, ""},
		{"a member without a URI", &x509.Certificate{DNSNames: []string{"node1.example"}, ExtKeyUsage: forBoth}, rules.Identity{Kind: rules.Member, Name: node1}, nil, ""},
		{"another server", &x509.Certificate{DNSNames: []string{"web.example"}, Subject: pkix.Name{CommonName: "web"}, ExtKeyUsage: forBoth},
			rules.Identity{Kind: rules.Client, Name: "web"}, nil, ""},
		{"no name", person(""), rules.Identity{}, ErrName, "has neither a URI conch://client/NAME nor a common name"},
		{"two names", person("x", "conch://client/a", "conch://client/b"), rules.Identity{}, ErrWrongName, `it is for "client a", "client b"; want one name only`},
		{"a member of another cluster", person("x", "conch://member/far:1"), rules.Identity{}, ErrWrongName, "which is none of this cluster's"},
		{"a name that would not be seen", person("a\nb"), rules.Identity{}, ErrName, `"a\nb"`},
		{"a name in blanks", person(" alice"), rules.Identity{}, ErrName, "no blanks around"},
		{"a name too long", person(strings.Repeat("x", 256)), rules.Identity{}, ErrName, "256 bytes"},
		{"a hidden name in a URI", person("x", "conch://client/a%0Ab"), rules.Identity{}, ErrName, `"a\nb"`},
		{"no name in a URI", person("x", "conch://client/"), rules.Identity{}, ErrWrongName, ""},
	} {
		t.Run(test.name, func(t *testing.T) {
			got, err := Identify(foreign(t, test.cert, nil), members)
			checkError(t, test.name, err, test.err, test.says)
			if err == nil && got != test.want {
				t.Errorf("got %v, want %v", got, test.want)
			}
		})
	}
}

func TestNewClient(t *testing.T) {
	for _, name := range []string{"alice", "A", "0", "ci@example.com", "a.b_c-d+e", strings.Repeat("x", 64)} {
		if s, err := NewClient(name); err != nil || s != client(name) {
			t.Errorf("NewClient(%q) = %v, %v", name, s, err)
		}
	}
	for _, test := range []struct{ name, says string }{
		{"", "it has 0 bytes; want 1 to 64"},
		{strings.Repeat("x", 65), "it has 65 bytes"},
		{"-x", `'-' at position 1`},
		{"@x", `'@' at position 1`},
		{".", `'.'`},
		{"../x", `'.'`},
		{"a/b", `'/' at position 2`},
		{"a b", `' ' at position 2`},
		{"a\n", `'\n'`},
		{"é", "position 1"},
	} {
		if _, err := NewClient(test.name); !errors.Is(err, ErrName) || !strings.Contains(err.Error(), test.says) {
			t.Errorf("NewClient(%q): %v; want ErrName and %q", test.name, err, test.says)
		}
	}
}

// FuzzSubjects: a URI in a certificate names no subject, or one, and then it is the URI
// that our authority writes for that subject.
func FuzzSubjects(f *testing.F) {
	for _, seed := range []string{
		"conch://member/node1.example:7400", "conch://member/[::1]:7400", "conch://client/alice", "conch://client/a%20b", "CONCH://client/x",
		"conch://client/a/b", "conch://client//", "conch:client/x", "conch://client/x?", "conch://client/x#", "conch://u@client/x",
		"conch://boss/x", "spiffe://x/y", "conch://client/%00", "conch://client/%2F",
	} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, text string) {
		u, err := url.Parse(text)
		if err != nil {
			return
		}
		subjects, err := subjectsOf(&x509.Certificate{URIs: []*url.URL{u}})
		if err != nil {
			if !errors.Is(err, ErrWrongName) {
				t.Errorf("%q: %v; want ErrWrongName", text, err)
			}
			return
		}
		for _, s := range subjects {
			again, err := url.Parse(s.uri().String())
			if err != nil {
				t.Fatalf("%q is %v, whose URI %q is none: %v", text, s, s.uri(), err)
			}
			if got, err := subjectsOf(&x509.Certificate{URIs: []*url.URL{again}}); err != nil || len(got) != 1 || got[0] != s {
				t.Errorf("%q is %v, whose URI is %v, %v", text, s, got, err)
			}
		}
	})
}
