package pki

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"
)

// clock is a clock that a test sets.
type clock struct{ offset atomic.Int64 }

func (c *clock) now() time.Time       { return time.Now().Add(time.Duration(c.offset.Load())) }
func (c *clock) turn(d time.Duration) { c.offset.Add(int64(d)) }

// rotating is a member whose files a test replaces.
type rotating struct {
	*TLS
	clock clock

	mu   sync.Mutex
	told []error
}

func newRotating(t *testing.T, files Files, address string) *rotating {
	t.Helper()
	r := &rotating{}
	side, err := load(r.clock.now, files, address, func(err error) {
		r.mu.Lock()
		defer r.mu.Unlock()
		r.told = append(r.told, err)
	})
	if err != nil {
		t.Fatal(err)
	}
	r.TLS = side
	return r
}

// tell returns the errors reported since the last call.
func (r *rotating) tell() []error {
	r.mu.Lock()
	defer r.mu.Unlock()
	told := r.told
	r.told = nil
	return told
}

func TestRotation(t *testing.T) {
	a := newAuthority(t, time.Now)
	files := a.issue(t, member(node1))
	r := newRotating(t, files, node1)
	peer := mustMember(t, a.issue(t, member(node2)), node2)
	inUse := func() string {
		t.Helper()
		_, serverErr, clientErr := connect(t, r.Server(), peer.ToMember(node1))
		if err := errors.Join(serverErr, clientErr); err != nil {
			t.Fatal(err)
		}
		return r.Certificate().SerialNumber.String()
	}
	first := inUse()
	expect := func(when, serial string, told ...string) {
		t.Helper()
		if got := inUse(); got != serial {
			t.Errorf("%s: certificate %s is in use, want %s", when, got, serial)
		}
		got := r.tell()
		if len(got) != len(told) {
			t.Fatalf("%s: told %q, want %q", when, got, told)
		}
		for i, err := range got {
			if want := told[i]; want == "" && err != nil || want != "" && (err == nil || !strings.Contains(err.Error(), want)) {
				t.Errorf("%s: told %v, want %q", when, err, want)
			}
		}
	}
	r.clock.turn(2 * checkInterval)
	expect("nothing has changed", first)

	next := a.issue(t, member(node1))
	copyFile(t, next.Cert, files.Cert)
	expect("within a second of the last look", first)
	r.clock.turn(2 * checkInterval)
	expect("half of a rotation", first, "changed certificates are not taken up, the old ones stay in use: cannot use the key")
	r.clock.turn(2 * checkInterval)
	expect("half of a rotation, again", first)
	copyFile(t, next.Key, files.Key)
	r.clock.turn(2 * checkInterval)
	second := mustMember(t, next, node1).Certificate().SerialNumber.String()
	expect("the other half", second, "")
	r.clock.turn(2 * checkInterval)
	expect("nothing more has changed", second)

	// Files that others would refuse are not used.
	untrusted := newAuthority(t, time.Now).issue(t, member(node1))
	for _, wrong := range []struct {
		when  string
		files Files
		told  string
	}{
		{"another's certificate", a.issue(t, member(node2)), "it is for \"member node2.example:7400\""},
		{"a client's certificate", a.issue(t, client("eve")), "lacks the extended key usage serverAuth"},
		{"another authority's certificate", untrusted, "is none of those that are trusted here"},
	} {
		copyFile(t, wrong.files.Cert, files.Cert)
		copyFile(t, wrong.files.Key, files.Key)
		r.clock.turn(2 * checkInterval)
		expect(wrong.when, second, wrong.told)
	}
	if err := os.Remove(files.Key); err != nil {
		t.Fatal(err)
	}
	r.clock.turn(2 * checkInterval)
	expect("no key", second, "no such file")
	copyFile(t, next.Cert, files.Cert)
	copyFile(t, next.Key, files.Key)
	if err := os.Chmod(files.Key, 0o644); err != nil {
		t.Fatal(err)
	}
	r.clock.turn(2 * checkInterval)
	expect("a key that others may read", second, "run: chmod 600")
	if err := os.Chmod(files.Key, 0o600); err != nil {
		t.Fatal(err)
	}
	r.clock.turn(2 * checkInterval)
	expect("as it was", second, "")
}

// TestEndOfACertificateIsTold: in the last tenth of a certificate's life, connections
// report its end once a day.
func TestEndOfACertificateIsTold(t *testing.T) {
	a := newAuthority(t, time.Now)
	r := newRotating(t, a.issue(t, member(node1)), node1)
	expect := func(when string, turn time.Duration, want int) {
		t.Helper()
		r.clock.turn(turn)
		if _, err := r.Server().GetConfigForClient(nil); err != nil {
			t.Fatal(err)
		}
		told := r.tell()
		if len(told) != want {
			t.Fatalf("%s: told %v; want %d times", when, told, want)
		}
		for _, err := range told {
			checkError(t, when, err, ErrEnding, r.files.Cert+", or an authority's behind it, on ")
		}
	}
	expect("in the ninth tenth of its life", LeafLifetime*89/100, 0)
	expect("in the last", LeafLifetime*2/100, 1)
	expect("an hour later", time.Hour, 0)
	expect("a day later", 24*time.Hour, 1)
	expect("when it has ended", LeafLifetime/10, 1)
}

// TestRotationOfTheAuthority: first all trust both authorities, then the certificates
// change, then nobody trusts the old one.
func TestRotationOfTheAuthority(t *testing.T) {
	old, young := newAuthority(t, time.Now), newAuthority(t, time.Now)
	bundle := filepath.Join(t.TempDir(), "ca.crt")
	both := func(authorities ...*Authority) {
		t.Helper()
		var text []byte
		for _, a := range authorities {
			data, err := os.ReadFile(a.CertFile())
			if err != nil {
				t.Fatal(err)
			}
			text = append(text, data...)
		}
		writeFile(t, bundle, text)
	}
	both(old)
	load := func(address string) *rotating {
		files := old.issue(t, member(address))
		files.CA = bundle
		return newRotating(t, files, address)
	}
	server, peer := load(node1), load(node2)
	turn := func() {
		server.clock.turn(2 * checkInterval)
		peer.clock.turn(2 * checkInterval)
	}
	expect := func(when string) {
		t.Helper()
		_, serverErr, clientErr := connect(t, server.Server(), peer.ToMember(node1))
		if err := errors.Join(serverErr, clientErr); err != nil {
			t.Errorf("%s: %v", when, err)
		}
	}
	change := func(r *rotating) {
		next := young.issue(t, member(r.Member()))
		copyFile(t, next.Cert, r.files.Cert)
		copyFile(t, next.Key, r.files.Key)
	}
	expect("at first")
	both(old, young)
	turn()
	expect("both are trusted")
	change(server)
	turn()
	expect("the server has changed")
	change(peer)
	both(young)
	turn()
	expect("the old authority is gone")
	files := old.issue(t, client("late"))
	files.CA = young.CertFile()
	late := unchecked(t, files)
	_, serverErr, _ := connect(t, server.Server(), late.ToNode(node1))
	checkError(t, "one that came too late", serverErr, ErrUnknownAuthority, "")
}

// TestRotationUnderLoad: while files are overwritten in place, in two steps and in any
// order, every handshake succeeds.
func TestRotationUnderLoad(t *testing.T) {
	a := newAuthority(t, time.Now)
	files := a.issue(t, member(node1))
	r := newRotating(t, files, node1)
	peer := newRotating(t, a.issue(t, member(node2)), node2)

	const rotations, dialers = 8, 2
	stop := make(chan struct{})
	var group sync.WaitGroup
	var served atomic.Int64
	for range dialers {
		group.Go(func() {
			for {
				select {
				case <-stop:
					return
				default:
				}
				_, serverErr, clientErr := connect(t, r.Server(), peer.ToMember(node1))
				if err := errors.Join(serverErr, clientErr); err != nil {
					t.Errorf("after %d handshakes: %v", served.Load(), err)
					return
				}
				served.Add(1)
				r.clock.turn(2 * checkInterval) // every handshake looks at the files
			}
		})
	}
	var last Files
	for range rotations {
		last = a.issue(t, member(node1))
		rotateInPlace(t, last.Cert, files.Cert)
		rotateInPlace(t, last.Key, files.Key)
		for before := served.Load(); served.Load() < before+dialers && !t.Failed(); {
			if _, serverErr, clientErr := connect(t, r.Server(), peer.ToMember(node1)); serverErr != nil || clientErr != nil {
				t.Fatal(serverErr, clientErr)
			}
		}
	}
	close(stop)
	group.Wait()
	r.clock.turn(2 * checkInterval)
	if _, serverErr, clientErr := connect(t, r.Server(), peer.ToMember(node1)); serverErr != nil || clientErr != nil {
		t.Error(serverErr, clientErr)
	}
	if want := mustMember(t, last, node1).Certificate(); !r.Certificate().Equal(want) {
		t.Errorf("certificate %v is in use, want the last one, %v", r.Certificate().SerialNumber, want.SerialNumber)
	}
}

// rotateInPlace overwrites a file in two halves, as a careless tool would.
func rotateInPlace(t *testing.T, from, to string) {
	t.Helper()
	data, err := os.ReadFile(from)
	if err != nil {
		t.Fatal(err)
	}
	file, err := os.OpenFile(to, os.O_WRONLY|os.O_TRUNC, 0)
	if err != nil {
		t.Fatal(err)
	}
	defer file.Close()
	for _, half := range [][]byte{data[:len(data)/2], data[len(data)/2:]} {
		if _, err := file.Write(half); err != nil {
			t.Fatal(err)
		}
	}
}

func TestLoadRefuses(t *testing.T) {
	a := newAuthority(t, time.Now)
	good := a.issue(t, member(node1))
	with := func(change func(*Files)) Files {
		f := good
		change(&f)
		return f
	}
	loose := filepath.Join(t.TempDir(), "loose.key")
	copyFile(t, good.Key, loose)
	if err := os.Chmod(loose, 0o644); err != nil {
		t.Fatal(err)
	}
	open := filepath.Join(t.TempDir(), "open.crt")
	copyFile(t, good.CA, open)
	if err := os.Chmod(open, 0o646); err != nil {
		t.Fatal(err)
	}
	old := newAuthority(t, at(-2*LeafLifetime))
	for _, test := range []struct {
		name  string
		files Files
		as    string
		want  error
		says  string
	}{
		{"right", good, node1, nil, ""},
		{"a key that others may read", with(func(f *Files) { f.Key = loose }), node1, ErrPermissions, "other users may use it (mode 0644); run: chmod 600 " + loose},
		{"authorities that others may write to", with(func(f *Files) { f.CA = open }), node1, ErrPermissions, "every user of this machine may write to it (mode 0646); run: chmod o-w " + open},
		{"no certificate", with(func(f *Files) { f.Cert = "none" }), node1, fs.ErrNotExist, "none"},
		{"no key", with(func(f *Files) { f.Key = "none" }), node1, fs.ErrNotExist, ""},
		{"no authorities", with(func(f *Files) { f.CA = "none" }), node1, fs.ErrNotExist, ""},
		{"a key for a certificate", with(func(f *Files) { f.Cert = f.Key }), node1, ErrFile, "no certificate in it"},
		{"a certificate for a key", with(func(f *Files) { f.Key = f.Cert }), node1, ErrPermissions, ""},
		{"a key of another", with(func(f *Files) { f.Key = a.issue(t, member(node1)).Key }), node1, ErrFile, "private key does not match public key"},
		{"another authority", with(func(f *Files) { f.CA = old.CertFile() }), node1, ErrUnknownAuthority, "is none of those that are trusted here"},
		{"the own certificate as the authority's", with(func(f *Files) { f.CA = f.Cert }), node1, ErrFile, "is not the certificate of an authority"},
		{"expired", old.issue(t, member(node1)), node1, ErrExpired, `that of "member node1.example:7400" was valid until`},
		{"another member's", good, node2, ErrWrongName, `it is for "member node1.example:7400"; want one for member node2.example:7400`},
		{"a client's for a member", a.issue(t, client("alice")), node1, ErrWrongUse, ""},
		{"a client's for a client", a.issue(t, client("alice")), "", nil, ""},
		{"a member's for a client", good, "", nil, ""},
	} {
		t.Run(test.name, func(t *testing.T) {
			_, err := load(time.Now, test.files, test.as, nil)
			checkError(t, test.name, err, test.want, test.says)
		})
	}
	if _, err := LoadMember(good, "Node1.example:7400", nil); err == nil || !strings.Contains(err.Error(), `want its one form, "node1.example:7400"`) {
		t.Errorf("an address in another form: %v", err)
	}
}
