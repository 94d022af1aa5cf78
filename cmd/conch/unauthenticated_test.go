package main

import (
	"bytes"
	"context"
	"crypto/tls"
	"crypto/x509"
	"fmt"
	"io"
	"net"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"

	"conch"
	"conch/internal/pki"
)

// TestWrongPeersAreRefused has one row for each thing that can be wrong with a peer of a
// node with TLS: what the peer is told, and what the node logs. The cluster goes on.
func TestWrongPeersAreRefused(t *testing.T) {
	ctx, cancel := context.WithTimeout(t.Context(), 5*patience)
	defer cancel()
	const nodes = 5 // since a node does not log every refusal of one host
	c := startCertified(ctx, t, nodes)
	alice := c.client("alice")
	theirs := &certified{t: t, dir: t.TempDir(), bundle: c.bundle, authority: c.newAuthority()}
	memberFiles := func(address string) conch.TLSFiles {
		return conch.TLSFiles{Cert: certFile(c, address), Key: strings.TrimSuffix(certFile(c, address), ".crt") + ".key", CA: c.bundle}
	}
	named := func(name string, from, to time.Duration) *x509.Certificate {
		return &x509.Certificate{
			URIs:      []*url.URL{{Scheme: "conch", Host: "client", Path: "/" + name}},
			NotBefore: time.Now().Add(from), NotAfter: time.Now().Add(to),
		}
	}
	expired := forge(t, c.authority, named("late", -2*time.Hour, -time.Hour))
	early := forge(t, c.authority, named("early", time.Hour, 2*time.Hour))
	showing := func(pair tls.Certificate) func(*tls.Config) {
		return func(config *tls.Config) {
			config.GetClientCertificate = func(*tls.CertificateRequestInfo) (*tls.Certificate, error) { return &pair, nil }
		}
	}
	good, err := tls.LoadX509KeyPair(alice.Cert, alice.Key)
	check(t, err)
	far := forge(t, c.authority, &x509.Certificate{
		URIs:      []*url.URL{{Scheme: "conch", Host: "member", Path: "/far.example:7400"}},
		NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(time.Hour),
	})
	trustingBoth := theirs.client("mallory")
	trustingBoth.CA = filepath.Join(t.TempDir(), "both.crt")
	var both []byte
	for _, authority := range []*pki.Authority{c.authority, theirs.authority} {
		data, err := os.ReadFile(authority.CertFile())
		check(t, err)
		both = append(both, data...)
	}
	check(t, os.WriteFile(trustingBoth.CA, both, 0o644))

	type attempt struct {
		name   string
		said   func() string
		says   string // what they are told, as a regular expression
		logged string // in the log of the node a; empty: nothing
	}
	// Attempts at node a; b and third are other members.
	table := func(a, b, third string) []attempt {
		return []attempt{
			{"another authority's client", func() string {
				return conchEnds(t, append([]string{"status", "--node", a}, tlsFlagsOf(trustingBoth)...)...)
			}, `^69: .*unknown authority: the other side does not trust the one that issued the certificate from here`,
				`unknown authority: .* issued the certificate of \\"client mallory\\", and is none of those that are trusted here \(--tls-ca\)`},
			{"a client that trusts another authority", func() string {
				files := theirs.client("mallory")
				files.CA = theirs.authority.CertFile()
				return conchEnds(t, append([]string{"status", "--node", a}, tlsFlagsOf(files)...)...)
			}, `^69: .*unknown authority: .*, and is none of those that are trusted here \(--tls-ca\)`,
				`certificate refused: the other side does not accept the one from here`},
			{"an expired certificate of one's own", func() string {
				return conchEnds(t, append([]string{"status", "--node", a}, tlsFlagsOf(c.save(expired))...)...)
			}, `^1: .*x.crt: certificate not valid now: that of "client late" was valid until .*: it has to be made anew`, ``},
			{"an expired certificate", func() string { return c.handshake(a, showing(expired)) },
				`^certificate not valid now: the other side says so of the one from here, or the clocks differ$`,
				`certificate not valid now: that of \\"client late\\" was valid until .*: it has to be made anew`},
			{"one that is not valid yet, of one's own", func() string {
				return conchEnds(t, append([]string{"lock", "x", "--node", a}, tlsFlagsOf(c.save(early))...)...)
			}, `^1: .*certificate not valid now: that of "client early" is valid from .*: is a clock wrong\?`, ``},
			{"one that is not valid yet", func() string { return c.handshake(a, showing(early)) },
				`^certificate not valid now: .* or the clocks differ$`,
				`that of \\"client early\\" is valid from .*, and here it is .*: is a clock wrong\?`},
			{"no certificate", func() string { return c.handshake(a, func(*tls.Config) {}) },
				`^no certificate: the other side wants one from here$`, `no certificate: the other side showed none`},
			{"TLS 1.2", func() string {
				return c.handshake(a, func(config *tls.Config) { showing(good)(config); config.MaxVersion = tls.VersionTLS12 })
			}, `^older than TLS 1.3: `, `older than TLS 1.3: the other side speaks only older versions`},
			{"no HTTP/2", func() string {
				return c.handshake(a, func(config *tls.Config) { showing(good)(config); config.NextProtos = nil })
			}, `.`, `the other side does not offer to speak HTTP/2 \(ALPN \\"h2\\"\)`},
			{"plain text", func() string { return conchEnds(t, "status", "--node", a) },
				`^69: conch: the node at ` + a + `: this node wants TLS: give --tls-cert, --tls-key and --tls-ca\n$`, `not TLS: the other side began with \\"PRI \*\\"; does it run without TLS \(--insecure\)\?`},
			{"plain text, for a lock", func() string { return conchEnds(t, "lock", "x", "--node", a) },
				`^69: conch: no node can be reached: ` + a + `: this node wants TLS: give --tls-cert, --tls-key and --tls-ca\n$`, ``},
			{"bytes of something else", func() string {
				conn, err := net.Dial("tcp", a)
				check(t, err)
				defer conn.Close()
				check(t, conn.SetDeadline(time.Now().Add(patience)))
				_, err = conn.Write([]byte("GET / HTTP/1.1\r\nHost: a\r\n\r\n"))
				check(t, err)
				answer, _ := io.ReadAll(conn)
				return fmt.Sprintf("%q", answer)
			}, `^""$`, `not TLS: the other side began with \\"GET /\\"`},
			{"a certificate of another member, for a node", func() string {
				return conchEnds(t, append([]string{"node", "--listen", "127.0.0.1:1", "--advertise", b, "--peers", a, "--data-dir", none, "--socket", none}, tlsFlagsOf(memberFiles(a))...)...)
			}, `(?s)^1: .*certificate of another: it is for "member ` + a + `"; want one for member ` + b, ``},
			{"a client's certificate, for a node", func() string {
				return conchEnds(t, append([]string{"node", "--listen", "127.0.0.1:1", "--advertise", b, "--peers", a, "--data-dir", none, "--socket", none}, tlsFlagsOf(alice)...)...)
			}, `(?s)^1: .*certificate for another use: that of "client alice" lacks the extended key usage serverAuth: a member needs`, ``},
			{"a member that claims to be another", func() string { return c.impersonate(a, b, memberFiles(third)) },
				`^PermissionDenied: ` + b + ` is claimed, but: certificate of another: it is for "member ` + third,
				b + ` is claimed, but: certificate of another: it is for \\"member ` + third},
			{"a client that claims to be a member", func() string { return c.impersonate(a, b, alice) },
				`^PermissionDenied: ` + b + ` is claimed, but: certificate for another use`, `is claimed, but: certificate for another use: that of \\"client alice\\"`},
			{"a member of another cluster", func() string {
				return conchEnds(t, append([]string{"lock", "x", "--node", a}, tlsFlagsOf(c.save(far))...)...)
			}, `^80: .*certificate of another: it is for "member far.example:7400"`, ``},
			{"a member of another cluster that asks", func() string {
				return conchEnds(t, append([]string{"status", "--node", a}, tlsFlagsOf(c.save(far))...)...)
			}, `^80: .*certificate of another: it is for "member far.example:7400", which is none of this cluster's`,
				`"caller":"anonymous caller 127.0.0.1","reason":"certificate of another: it is for \\"member far.example:7400\\"`},
		}
	}
	for i := range table("", "", "") {
		at := func(n int) string { return c.Nodes()[(i+n)%nodes].Address() }
		test := table(at(0), at(1), at(2))[i]
		t.Run(test.name, func(t *testing.T) {
			if got := test.said(); !regexp.MustCompile(test.says).MatchString(got) {
				t.Errorf("told %q; want %q", got, test.says)
			}
			if test.logged == "" {
				return
			}
			logged := regexp.MustCompile(`"event":"(peer|client)_refused".*` + test.logged)
			var log []byte
			if !until(func() bool {
				log, _ = os.ReadFile(c.LogFiles()[i%nodes])
				return logged.Match(log)
			}) {
				t.Errorf("the log has no line of %q", test.logged)
			}
		})
	}
	// A refusal of the same host is logged once a minute.
	const again, attempts = `the other side began with \"PRI *\"`, 10
	for range attempts {
		_ = conchEnds(t, "status", "--node", c.Nodes()[0].Address())
	}
	log, err := os.ReadFile(c.LogFiles()[0])
	check(t, err)
	if n := strings.Count(string(log), again); n < 1 || n >= attempts {
		t.Errorf("the log tells %d times of %d attempts without TLS from one host; want once a minute", n, attempts)
	}
	// A member may also ask as a client.
	if got := conchEnds(t, append([]string{"status", "--node", c.Nodes()[0].Address()}, tlsFlagsOf(memberFiles(c.Nodes()[1].Address()))...)...); got != "0: " {
		t.Errorf("a member that asks: %s", got)
	}
	c.goesOn(ctx, alice)
}

// TestNodeTellsThatItsCertificateEnds: the node warns in time.
func TestNodeTellsThatItsCertificateEnds(t *testing.T) {
	ctx, cancel := context.WithTimeout(t.Context(), 2*patience)
	defer cancel()
	c := &certified{t: t, dir: t.TempDir()}
	c.bundle = filepath.Join(c.dir, "trusted.crt")
	c.authority = c.newAuthority()
	c.trust(c.authority)
	address, log := freeAddresses(t, 1)[0], filepath.Join(c.dir, "node.log")
	files := c.save(forge(t, c.authority, &x509.Certificate{
		IPAddresses: []net.IP{net.IPv4(127, 0, 0, 1)}, ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth, x509.ExtKeyUsageClientAuth},
		NotBefore: time.Now().Add(-30 * time.Hour), NotAfter: time.Now().Add(time.Hour),
	}))
	node := exec.CommandContext(ctx, program(t), append([]string{"node", "--single", "--listen", address, "--data-dir", none, "--socket", none, "--log-file", log}, tlsFlagsOf(files)...)...)
	check(t, node.Start())
	alice := c.client("alice")
	var text []byte
	if !until(func() bool {
		_ = conchEnds(t, append([]string{"status", "--node", address}, tlsFlagsOf(alice)...)...)
		text, _ = os.ReadFile(log)
		return bytes.Contains(text, []byte(`"level":"warn"`)) && bytes.Contains(text, []byte(`"event":"certificate_ending","reason":"certificate ends soon: `+files.Cert))
	}) {
		t.Errorf("the log has no such line: %s", text)
	}
	check(t, node.Process.Signal(syscall.SIGTERM))
	check(t, node.Wait())
	check(t, validateLines(log, text[:bytes.LastIndexByte(text, '\n')+1]))
}

// TestTLSToPlainText: a client with certificates, and a member, connect to a node without
// TLS.
func TestTLSToPlainText(t *testing.T) {
	ctx, cancel := context.WithTimeout(t.Context(), 3*patience)
	defer cancel()
	plain := startMembers(ctx, t, 2)
	node := plain.Nodes()[0].Address()
	c := &certified{t: t, dir: t.TempDir()}
	c.bundle = filepath.Join(c.dir, "trusted.crt")
	c.authority = c.newAuthority()
	c.trust(c.authority)
	files := c.client("alice")
	for _, command := range []string{"status", "lock"} {
		args := []string{command, "--node", node}
		if command == "lock" {
			args = append(args, "x")
		}
		const want = `not TLS: the other side began with "\\x00\\x00.*"; does it run without TLS \(--insecure\)\?\n$`
		if got := conchEnds(t, append(args, tlsFlagsOf(files)...)...); !regexp.MustCompile(`^69: .*` + want).MatchString(got) {
			t.Errorf("%s: told %q; want %q", command, got, want)
		}
	}
	const logged = "not an HTTP/2 connection: it speaks TLS, and this node does not (--tls-cert, --tls-key and --tls-ca)"
	if !until(func() bool {
		log, _ := os.ReadFile(plain.LogFiles()[0])
		return bytes.Contains(log, []byte(logged))
	}) {
		t.Errorf("the log has no line of %q", logged)
	}
	if got := conchEnds(t, "lock", "x", "--node", node, "--", "true"); got != "0: " {
		t.Errorf("afterwards: %s", got)
	}
}

// goesOn checks that each node still grants locks to a client, and that no member's session
// has ended.
func (c *certified) goesOn(ctx context.Context, files conch.TLSFiles) {
	c.t.Helper()
	for _, address := range c.addresses() {
		client, err := conch.Dial(ctx, conch.DialConfig{Nodes: []string{address}, TLS: files})
		check(c.t, err)
		hold, err := client.Lock(ctx, "afterwards")
		check(c.t, err)
		check(c.t, hold.Unlock())
		check(c.t, client.Close())
	}
	if lapsed := c.counts("session_lapsed"); slices.Max(lapsed) > 0 {
		c.t.Errorf("sessions lapsed %v times; want none", lapsed)
	}
}
