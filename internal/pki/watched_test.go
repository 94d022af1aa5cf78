package pki

import (
	"io"
	"net"
	"os"
	"path/filepath"
	"testing"
	"time"

	"google.golang.org/grpc/credentials"
)

// pairOfConns is a long-lived connection between two sides.
type pairOfConns struct {
	t              *testing.T
	server, client net.Conn
	ended          chan error // what the server was told of its end
}

func connectForLong(t *testing.T, server *TLS, client credentials.TransportCredentials) *pairOfConns {
	t.Helper()
	p := &pairOfConns{t: t, ended: make(chan error, 10)}
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer listener.Close()
	served := make(chan error, 1)
	go func() {
		raw, err := listener.Accept()
		if err == nil {
			_ = raw.SetDeadline(time.Now().Add(patience))
			p.server, _, err = server.ServerCredentials(func(_ net.Addr, err error) { p.ended <- err }).ServerHandshake(raw)
		}
		served <- err
	}()
	raw, err := net.Dial("tcp", listener.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	_ = raw.SetDeadline(time.Now().Add(patience))
	if p.client, _, err = client.ClientHandshake(t.Context(), node1, raw); err != nil {
		t.Fatal(err)
	}
	if err := <-served; err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _, _ = p.client.Close(), p.server.Close() })
	return p
}

// say sends a byte one way and returns the errors of sender and receiver.
func say(from, to net.Conn) (sent, received error) {
	_, sent = from.Write([]byte("x"))
	_, received = io.ReadFull(to, make([]byte, 1))
	return sent, received
}

// goesOn checks that bytes arrive in both directions.
func (p *pairOfConns) goesOn(when string) {
	p.t.Helper()
	for range 2 { // the second finds what the first has noticed
		for _, way := range [][2]net.Conn{{p.client, p.server}, {p.server, p.client}} {
			if sent, received := say(way[0], way[1]); sent != nil || received != nil {
				p.t.Errorf("%s: sent %v, received %v", when, sent, received)
			}
		}
	}
	if len(p.ended) > 0 {
		p.t.Errorf("%s: the server was told: %v", when, <-p.ended)
	}
}

// told returns the reason that the server was given for the end; nil if none.
func (p *pairOfConns) told() error {
	select {
	case err := <-p.ended:
		return err
	default:
		return nil
	}
}

// TestConnectionEndsWithItsCertificate: a connection ends when a certificate that it began
// with does.
func TestConnectionEndsWithItsCertificate(t *testing.T) {
	const long, short = LeafLifetime, LeafLifetime / 2
	issue := func(a *Authority, lifetime time.Duration, s Subject) Files {
		t.Helper()
		pairs, err := a.Issue(t.TempDir(), lifetime, s)
		if err != nil {
			t.Fatal(err)
		}
		return Files{Cert: pairs[0].CertFile, Key: pairs[0].KeyFile, CA: a.CertFile()}
	}
	between := short + time.Hour // the first has ended, the second has not
	t.Run("the client's ends", func(t *testing.T) {
		a := newAuthority(t, time.Now)
		server := newRotating(t, issue(a, long, member(node1)), node1)
		alice := newRotating(t, issue(a, short, client("alice")), "")
		p := connectForLong(t, server.TLS, alice.ToNodeCredentials(node1))
		server.clock.turn(short - time.Hour)
		p.goesOn("an hour before its end")
		server.clock.turn(2 * time.Hour)
		sent, received := say(p.client, p.server)
		if sent != nil {
			t.Errorf("the client cannot send: %v", sent)
		}
		checkError(t, "the server receives", received, ErrExpired, `the connection ends with the certificate that it began with: certificate not valid now: that of "client alice" was valid until`)
		checkError(t, "the server was told", p.told(), ErrExpired, "client alice")
		if _, err := p.client.Read(make([]byte, 1)); err == nil {
			t.Error("the client still hears something")
		}
	})
	t.Run("the server's ends", func(t *testing.T) {
		a := newAuthority(t, time.Now)
		server := newRotating(t, issue(a, short, member(node1)), node1)
		alice := newRotating(t, issue(a, long, client("alice")), "")
		p := connectForLong(t, server.TLS, alice.ToNodeCredentials(node1))
		alice.clock.turn(between)
		_, err := p.client.Write([]byte("x"))
		checkError(t, "the client sends", err, ErrExpired, `that of "member node1.example:7400" was valid until`)
		_, err = p.client.Read(make([]byte, 1))
		checkError(t, "the client receives", err, ErrExpired, "")
	})
	t.Run("one that has not ended", func(t *testing.T) {
		a := newAuthority(t, time.Now)
		server := newRotating(t, issue(a, long, member(node1)), node1)
		peer := newRotating(t, issue(a, long, member(node2)), node2)
		p := connectForLong(t, server.TLS, peer.ToMemberCredentials(node1))
		for _, r := range []*rotating{server, peer} {
			next := issue(a, long, member(r.Member()))
			copyFile(t, next.Cert, r.files.Cert)
			copyFile(t, next.Key, r.files.Key)
			r.clock.turn(between)
		}
		p.goesOn("after both have another certificate")
		if told := server.tell(); len(told) != 1 || told[0] != nil {
			t.Errorf("told %v; want that the files were taken up, by what came on the connection", told)
		}
	})
}

// TestConnectionEndsWithItsAuthority: a connection ends when the authority that let it in
// is no longer trusted.
func TestConnectionEndsWithItsAuthority(t *testing.T) {
	old, young := newAuthority(t, time.Now), newAuthority(t, time.Now)
	bundle := filepath.Join(t.TempDir(), "ca.crt")
	trust := func(authorities ...*Authority) {
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
	trust(old, young)
	trusting := func(files Files) Files { files.CA = bundle; return files }
	server := newRotating(t, trusting(young.issue(t, member(node1))), node1)
	both := func(s Subject, a *Authority) *pairOfConns {
		t.Helper()
		return connectForLong(t, server.TLS, mustClient(t, trusting(a.issue(t, s))).ToNodeCredentials(node1))
	}
	late, early := both(client("late"), old), both(client("early"), young)
	server.clock.turn(2 * checkInterval)
	late.goesOn("while both authorities are trusted")
	trust(young)
	server.clock.turn(2 * checkInterval)
	_, received := say(late.client, late.server)
	checkError(t, "from the one whose authority is gone", received, ErrUnknownAuthority, "is none of those that are trusted here")
	checkError(t, "the server was told", late.told(), ErrUnknownAuthority, "client late")
	_, err := late.server.Write([]byte("x"))
	checkError(t, "to the one whose authority is gone", err, ErrUnknownAuthority, "")
	early.goesOn("from the other")
	if len(late.ended) > 0 {
		t.Errorf("the server was told twice: %v", <-late.ended)
	}
}
