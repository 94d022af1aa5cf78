package pki

import (
	"crypto/tls"
	"errors"
	"io"
	"testing"
	"time"

	"conch/internal/rules"
)

// TestHandshake has one row for each thing that can be wrong with either side of a
// connection.
func TestHandshake(t *testing.T) {
	ours, theirs := newAuthority(t, time.Now), newAuthority(t, time.Now)
	old, young := newAuthority(t, at(-2*LeafLifetime)), newAuthority(t, at(3*backdate))
	trust := func(files Files, a *Authority) Files { files.CA = a.CertFile(); return files }

	server := mustMember(t, ours.issue(t, member(node1)), node1)
	peer := mustMember(t, ours.issue(t, member(node2)), node2)
	alice := mustClient(t, ours.issue(t, client("alice")))

	older := alice.ToNode(node1)
	older.MinVersion, older.MaxVersion = tls.VersionTLS12, tls.VersionTLS12
	olderServer := server.current.Load().server.Clone()
	olderServer.MinVersion, olderServer.MaxVersion = tls.VersionTLS12, tls.VersionTLS12
	bare := alice.ToNode(node1)
	bare.GetClientCertificate = nil

	for _, test := range []struct {
		name           string
		server, client *tls.Config
		serverErr      error
		serverSays     string
		clientErr      error
		clientSays     string
	}{
		{"a member", server.Server(), peer.ToMember(node1), nil, "", nil, ""},
		{"a client", server.Server(), alice.ToNode(node1), nil, "", nil, ""},
		{"a client's certificate of another authority", server.Server(), unchecked(t, trust(theirs.issue(t, client("eve")), ours)).ToNode(node1),
			ErrUnknownAuthority, `issued the certificate of "client eve", and is none of those that are trusted here (--tls-ca)`,
			ErrUnknownAuthority, "the other side does not trust the one that issued the certificate from here"},
		{"a server's certificate of another authority", unchecked(t, trust(theirs.issue(t, member(node1)), ours)).Server(), alice.ToNode(node1),
			ErrRefused, "the other side does not accept the one from here",
			ErrUnknownAuthority, `"CN=conch authority `},
		{"an expired client", unchecked(t, trust(server.files, old)).Server(), unchecked(t, trust(old.issue(t, client("eve")), ours)).ToNode(node1),
			ErrExpired, `that of "client eve" was valid until `,
			ErrExpired, "the other side says so of the one from here"},
		{"an expired server", unchecked(t, old.issue(t, member(node1))).Server(), unchecked(t, trust(alice.files, old)).ToNode(node1),
			ErrRefused, "its log says more",
			ErrExpired, `that of "member node1.example:7400" was valid until `},
		{"a client that is not valid yet", unchecked(t, trust(server.files, young)).Server(), unchecked(t, trust(young.issue(t, client("eve")), ours)).ToNode(node1),
			ErrExpired, `that of "client eve" is valid from `,
			ErrExpired, "or the clocks differ"},
		{"a server that is not valid yet", unchecked(t, young.issue(t, member(node1))).Server(), unchecked(t, trust(alice.files, young)).ToNode(node1),
			ErrRefused, "its log says more", ErrExpired, "is a clock wrong?"},
		{"another host", server.Server(), alice.ToNode(node2),
			ErrRefused, "for its authority, name, use or time",
			ErrWrongName, `that of "member node1.example:7400" is for "node1.example"; want one for "node2.example"`},
		{"another port of the host, asked by a client", server.Server(), alice.ToNode("node1.example:7401"), nil, "", nil, ""},
		{"another port of the host, asked by a member", server.Server(), peer.ToMember("node1.example:7401"),
			ErrRefused, "",
			ErrWrongName, `it is for "member node1.example:7400"; want one for member node1.example:7401`},
		{"a client's certificate that answers", unchecked(t, alice.files).Server(), peer.ToNode(node1),
			ErrRefused, "", ErrWrongName, `that of "client alice" is for no host; want one for "node1.example"`},
		{"no certificate", server.Server(), bare, ErrNoCertificate, "showed none", ErrNoCertificate, "wants one from here"},
		{"TLS 1.2 asks", server.Server(), older, ErrVersion, "only older versions", ErrVersion, "speaks no version"},
		{"TLS 1.2 answers", olderServer, alice.ToNode(node1), ErrVersion, "", ErrVersion, ""},
		{"plain text to TLS", server.Server(), nil, ErrNotTLS, `began with "PRI *"; does it run without TLS (--insecure)?`, io.EOF, ""},
		{"TLS to plain text", nil, alice.ToNode(node1), nil, "", ErrNotTLS, `began with "\x00\x00\x00\x04\x00"`},
	} {
		t.Run(test.name, func(t *testing.T) {
			_, serverErr, clientErr := connect(t, test.server, test.client)
			checkError(t, "server", serverErr, test.serverErr, test.serverSays)
			checkError(t, "client", clientErr, test.clientErr, test.clientSays)
		})
	}
}

// TestWhoCalls: how a server identifies a client after the handshake.
func TestWhoCalls(t *testing.T) {
	ours := newAuthority(t, time.Now)
	server := mustMember(t, ours.issue(t, member(node1)), node1)
	members := []string{node1, node2}
	for _, test := range []struct {
		subject  Subject
		want     rules.Identity
		err      error
		asNode2  error
		asNode2b error // the same host with another port
	}{
		{member(node2), rules.Identity{Kind: rules.Member, Name: node2}, nil, nil, ErrWrongName},
		{member("node2.example:1"), rules.Identity{}, ErrWrongName, ErrWrongName, ErrWrongName},
		{member(node1), rules.Identity{Kind: rules.Member, Name: node1}, nil, ErrWrongName, ErrWrongName},
		{client("alice"), rules.Identity{Kind: rules.Client, Name: "alice"}, nil, ErrWrongUse, ErrWrongUse},
		// The name is right, the kind is not.
		{client("node2.example"), rules.Identity{Kind: rules.Client, Name: "node2.example"}, nil, ErrWrongUse, ErrWrongUse},
	} {
		t.Run(test.subject.String(), func(t *testing.T) {
			side := mustClient(t, ours.issue(t, test.subject))
			state, serverErr, clientErr := connect(t, server.Server(), side.ToNode(node1))
			if err := errors.Join(serverErr, clientErr); err != nil {
				t.Fatal(err)
			}
			got, err := Identify(state, members)
			checkError(t, "Identify", err, test.err, "")
			if err == nil && got != test.want {
				t.Errorf("Identify: got %v, want %v", got, test.want)
			}
			checkError(t, "as node2:7400", CheckMember(state, node2), test.asNode2, "")
			checkError(t, "as node2:7401", CheckMember(state, "node2.example:7401"), test.asNode2b, "")
		})
	}
	var nobody tls.ConnectionState
	if _, err := Identify(nobody, members); !errors.Is(err, ErrNoCertificate) {
		t.Errorf("Identify of a connection that was not verified: %v", err)
	}
	if err := CheckMember(nobody, node1); !errors.Is(err, ErrNoCertificate) {
		t.Errorf("CheckMember of a connection that was not verified: %v", err)
	}
}
