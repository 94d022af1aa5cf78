package pki

import (
	"bytes"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/x509"
	"encoding/pem"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"conch/hosts"
)

func TestCertificates(t *testing.T) {
	now := at(0)
	a := newAuthority(t, now)
	longest := strings.Repeat(strings.Repeat("a", 63)+".", 3) + strings.Repeat("b", 48) + ":7400"
	out := filepath.Join(t.TempDir(), "new")
	pairs, err := a.Issue(out, LeafLifetime, member(node1), member("192.0.2.1:7400"), member("[::1]:7400"), member(longest),
		member("conch_node:1"), client("alice"))
	if err != nil {
		t.Fatal(err)
	}
	roots := x509.NewCertPool()
	roots.AddCert(a.cert)
	serials := map[string]bool{}
	for i, want := range []struct {
		base, commonName, dns, ip, uri string
	}{
		{"node1.example_7400", node1, "node1.example", "", "conch://member/node1.example:7400"},
		{"192.0.2.1_7400", "192.0.2.1:7400", "", "192.0.2.1", "conch://member/192.0.2.1:7400"},
		{"__1_7400", "[::1]:7400", "", "::1", "conch://member/%5B::1%5D:7400"},
		{strings.TrimSuffix(longest, ":7400") + "_7400", "", strings.TrimSuffix(longest, ":7400"), "", "conch://member/" + longest},
		{"conch_node_1", "conch_node:1", "conch_node", "", "conch://member/conch_node:1"},
		{"alice", "alice", "", "", "conch://client/alice"},
	} {
		pair := pairs[i]
		if base := filepath.Join(out, want.base); pair.CertFile != base+".crt" || pair.KeyFile != base+".key" {
			t.Errorf("%v: files %s, %s; want %s and .key", pair.Subject, pair.CertFile, pair.KeyFile, base+".crt")
		}
		checkMode(t, pair.KeyFile, 0o600)
		checkMode(t, pair.CertFile, 0o644)
		loaded, err := loadPair(pair.CertFile, pair.KeyFile)
		if err != nil {
			t.Fatal(err)
		}
		cert := loaded.Leaf
		hosts := strings.Join(cert.DNSNames, " ")
		var ips []string
		for _, ip := range cert.IPAddresses {
			ips = append(ips, ip.String())
		}
		if cert.Subject.CommonName != want.commonName || hosts != want.dns || strings.Join(ips, " ") != want.ip ||
			len(cert.URIs) != 1 || cert.URIs[0].String() != want.uri {
			t.Errorf("%v: common name %q, DNS %q, IP %q, URI %q; want %+v", pair.Subject, cert.Subject.CommonName, hosts, ips, cert.URIs, want)
		}
		if got := now().Sub(cert.NotBefore); got < backdate || got > backdate+time.Second {
			t.Errorf("%v: begins %v before now; want %v", pair.Subject, got, backdate)
		}
		if got := cert.NotAfter.Sub(now()); got > LeafLifetime || got < LeafLifetime-time.Second || !cert.NotAfter.Equal(pair.NotAfter) {
			t.Errorf("%v: lasts %v, until %v; want %v", pair.Subject, got, pair.NotAfter, LeafLifetime)
		}
		if key, ok := cert.PublicKey.(*ecdsa.PublicKey); !ok || key.Curve != elliptic.P256() {
			t.Errorf("%v: key of %T", pair.Subject, cert.PublicKey)
		}
		if serials[cert.SerialNumber.String()] {
			t.Errorf("%v: a serial number twice", pair.Subject)
		}
		serials[cert.SerialNumber.String()] = true
		uses := []x509.ExtKeyUsage{x509.ExtKeyUsageClientAuth}
		if pair.Subject.Member {
			uses = append(uses, x509.ExtKeyUsageServerAuth)
		}
		for _, use := range uses {
			if _, err := cert.Verify(x509.VerifyOptions{Roots: roots, KeyUsages: []x509.ExtKeyUsage{use}}); err != nil {
				t.Errorf("%v: %v", pair.Subject, err)
			}
		}
		if pair.Subject.Member {
			if err := cert.VerifyHostname(hostOf(pair.Subject.Name)); err != nil {
				t.Errorf("%v: %v", pair.Subject, err)
			}
			if err := checkMemberCertificate(cert, pair.Subject.Name); err != nil {
				t.Errorf("%v: %v", pair.Subject, err)
			}
		}
	}
	checkMode(t, filepath.Join(a.dir, "ca.key"), 0o600)
	checkMode(t, filepath.Join(a.dir, "ca.crt"), 0o644)
	checkMode(t, a.dir, fs.ModeDir|0o700)
}

func checkMode(t *testing.T, path string, want fs.FileMode) {
	t.Helper()
	info, err := os.Stat(path)
	if err != nil {
		t.Fatal(err)
	}
	if info.Mode() != want {
		t.Errorf("%s: mode %v, want %v", path, info.Mode(), want)
	}
}

func TestNothingIsOverwritten(t *testing.T) {
	a := newAuthority(t, time.Now)
	before, err := os.ReadFile(a.CertFile())
	if err != nil {
		t.Fatal(err)
	}
	if _, _, err := Init(a.dir, AuthorityLifetime); !errors.Is(err, ErrExists) || !strings.Contains(err.Error(), "ca.crt: nothing is overwritten; an authority is there already") {
		t.Errorf("Init again: %v", err)
	}
	if after, err := os.ReadFile(a.CertFile()); err != nil || !bytes.Equal(before, after) {
		t.Errorf("the authority's certificate has changed: %v", err)
	}
	// An existing key also prevents a certificate, and then none of the others is written.
	if err := os.WriteFile(filepath.Join(a.dir, "bob.key"), nil, 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := a.Issue(a.dir, LeafLifetime, client("alice"), client("bob")); !errors.Is(err, ErrExists) || !strings.Contains(err.Error(), "bob.key") {
		t.Errorf("Issue over a file: %v", err)
	}
	if _, err := os.Stat(filepath.Join(a.dir, "alice.crt")); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("alice.crt was written all the same: %v", err)
	}
	// A client's name cannot overwrite the authority's own files.
	if _, err := a.Issue(a.dir, LeafLifetime, client("ca")); !errors.Is(err, ErrExists) {
		t.Errorf("Issue to the client ca: %v", err)
	}
	// One name twice in one call: the second is refused, since the first is written.
	if _, err := a.Issue(a.dir, LeafLifetime, client("carol"), client("carol")); !errors.Is(err, ErrExists) {
		t.Errorf("Issue twice at once: %v", err)
	}
}

// TestWriteNewLeavesNothingBehind: certificate and key are both written, or neither.
func TestWriteNewLeavesNothingBehind(t *testing.T) {
	dir := t.TempDir()
	first := filepath.Join(dir, "a")
	err := writeNew(newFile{first, []byte("x"), keyMode}, newFile{filepath.Join(dir, "none", "b"), nil, certMode})
	if !errors.Is(err, ErrFile) {
		t.Errorf("got %v, want ErrFile", err)
	}
	if _, err := os.Stat(first); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("the first file was left: %v", err)
	}
}

// TestLongestName: the system refuses a host that is too long for the name of a file.
func TestLongestName(t *testing.T) {
	a := newAuthority(t, time.Now)
	longest := strings.Repeat(strings.Repeat("a", 63)+".", 3) + strings.Repeat("b", 61) + ":65535"
	if _, err := a.Issue(a.dir, LeafLifetime, member(longest)); !errors.Is(err, ErrFile) || !errors.Is(err, syscall.ENAMETOOLONG) {
		t.Errorf("got %v, want ErrFile and ENAMETOOLONG", err)
	}
}

func TestAuthorityRefuses(t *testing.T) {
	a := newAuthority(t, time.Now)
	none := t.TempDir()
	if _, err := Open(none); !errors.Is(err, fs.ErrNotExist) || !strings.Contains(err.Error(), "make an authority with: conch cert init --dir "+none) {
		t.Errorf("Open of an empty folder: %v", err)
	}
	if _, err := Open(filepath.Join(none, "x")); !errors.Is(err, fs.ErrNotExist) || !strings.Contains(err.Error(), "conch cert init") {
		t.Errorf("Open of no folder: %v", err)
	}
	if _, err := openAt(at(2*AuthorityLifetime), a.dir); !errors.Is(err, ErrExpired) {
		t.Errorf("Open of an authority that has ended: %v", err)
	}
	late := &Authority{dir: a.dir, cert: a.cert, key: a.key, now: at(AuthorityLifetime - 48*time.Hour)}
	if _, err := late.Issue(none, LeafLifetime, client("alice")); !errors.Is(err, ErrLifetime) || !strings.Contains(err.Error(), "want at most 1 days") {
		t.Errorf("a certificate that would outlive its authority: %v", err)
	}
	same, pair, err := initAt(time.Now, filepath.Join(t.TempDir(), "certs"), 24*time.Hour)
	if err != nil {
		t.Fatal(err)
	}
	if pairs, err := same.Issue(none, 24*time.Hour, client("short")); err != nil || pairs[0].NotAfter.After(pair.NotAfter) {
		t.Errorf("a certificate for the same number of days as its authority: %v, %v; want until %v", pairs, err, pair.NotAfter)
	}
	for _, lifetime := range []time.Duration{0, -time.Hour, MaxLifetime + time.Hour} {
		if _, err := a.Issue(none, lifetime, client("alice")); !errors.Is(err, ErrLifetime) {
			t.Errorf("a lifetime of %v: %v", lifetime, err)
		}
	}

	chmod := func(path string, mode fs.FileMode) {
		t.Helper()
		if err := os.Chmod(path, mode); err != nil {
			t.Fatal(err)
		}
	}
	chmod(a.dir, 0o770)
	if _, err := Open(a.dir); !errors.Is(err, ErrPermissions) || !strings.Contains(err.Error(), "run: chmod go-w "+a.dir) {
		t.Errorf("Open of a folder that the group may write to: %v", err)
	}
	if _, err := a.Issue(a.dir, LeafLifetime, client("alice")); !errors.Is(err, ErrPermissions) {
		t.Errorf("Issue into a folder that the group may write to: %v", err)
	}
	chmod(a.dir, 0o755)
	key := filepath.Join(a.dir, "ca.key")
	chmod(key, 0o644)
	if _, err := Open(a.dir); !errors.Is(err, ErrPermissions) || !strings.Contains(err.Error(), "run: chmod 600 "+key) {
		t.Errorf("Open with a key that the group may read: %v", err)
	}
	chmod(key, 0o600)

	if _, err := Open(a.dir); err != nil {
		t.Errorf("Open: %v", err)
	}
	pairs, err := a.Issue(none, LeafLifetime, client("alice"))
	if err != nil {
		t.Fatal(err)
	}
	copyFile(t, pairs[0].CertFile, filepath.Join(a.dir, "ca.crt"))
	if _, err := Open(a.dir); !errors.Is(err, ErrFile) || !strings.Contains(err.Error(), "ca.key with the certificate") {
		t.Errorf("Open with a key and a certificate that do not belong together: %v", err)
	}
	copyFile(t, pairs[0].KeyFile, key)
	if _, err := Open(a.dir); !errors.Is(err, ErrFile) || !strings.Contains(err.Error(), "it is not the certificate of an authority") {
		t.Errorf("Open of a client's certificate: %v", err)
	}
	if _, _, err := Init(key, AuthorityLifetime); !errors.Is(err, ErrFile) {
		t.Errorf("Init in a file: %v", err)
	}
}

func TestNewMember(t *testing.T) {
	if s, err := NewMember("Node1.example:7400"); err != nil || s != member(node1) {
		t.Errorf("got %v, %v", s, err)
	}
	if _, err := NewMember(":7400"); !errors.Is(err, hosts.ErrWildcard) {
		t.Errorf("got %v, want ErrWildcard", err)
	}
}

func TestReadCertificates(t *testing.T) {
	a := newAuthority(t, time.Now)
	path := filepath.Join(t.TempDir(), "x")
	for _, test := range []struct{ text, says string }{
		{"", "no certificate in it; want PEM"},
		{"\x30\x82", "no certificate in it"},
		{string(pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: []byte("x")})), "certificate 1 in it"},
	} {
		writeFile(t, path, []byte(test.text))
		if _, err := ReadCertificates(path); !errors.Is(err, ErrFile) || !strings.Contains(err.Error(), path+": "+test.says) {
			t.Errorf("%q: %v; want ErrFile and %q", test.text, err, test.says)
		}
	}
	// Text around the blocks, and blocks of other types, are ignored.
	text := "bundle\n" + string(pem.EncodeToMemory(&pem.Block{Type: "X509 CRL"})) + string(pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: a.cert.Raw}))
	writeFile(t, path, []byte(text+text))
	if certs, err := ReadCertificates(path); err != nil || len(certs) != 2 {
		t.Errorf("a bundle: %d certificates, %v", len(certs), err)
	}
}
