package node

import (
	"context"
	"encoding/binary"
	"errors"
	"io"
	"net"
	"strings"
	"testing"
)

// TestWhereANodeListensWithoutTLS: under whatever name, a node without TLS listens only on
// its own machine, unless configured otherwise.
func TestWhereANodeListensWithoutTLS(t *testing.T) {
	resolve(t, map[string]net.IP{
		"far.example.": net.IPv4(192, 0, 2, 1), "near.example.": net.IPv4(127, 0, 0, 9),
	})
	for _, test := range []struct {
		listen  string
		refused bool
	}{
		{"127.0.0.1:7400", false},
		{"127.0.0.9:7400", false},
		{"[::1]:7400", false},
		{"[::ffff:127.0.0.1]:7400", false},
		{"localhost:7400", false},
		{"near.example:7400", false},
		{":7400", true},
		{"0.0.0.0:7400", true},
		{"[::]:7400", true},
		{"192.0.2.1:7400", true},
		{"[2001:db8::1]:7400", true},
		{"far.example:7400", true},
	} {
		cfg := Config{Listen: test.listen, Advertise: "node1.example:7400"}
		members, err := cfg.list()
		if err != nil {
			t.Fatal(err)
		}
		address, err := net.ResolveTCPAddr("tcp", cfg.Listen)
		if err != nil {
			t.Fatal(err)
		}
		_, err = cfg.access(members, address)
		if refused := err != nil; refused != test.refused || refused && !strings.Contains(err.Error(), "the Listen address "+test.listen+" is reached from other machines") {
			t.Errorf("%s: %v; want it refused: %t", test.listen, err, test.refused)
		}
		cfg.Insecure = true
		if _, err := cfg.access(members, address); err != nil {
			t.Errorf("%s with Insecure: %v", test.listen, err)
		}
	}
	if _, err := Start(t.Context(), Config{Listen: "far.example:7400"}); !errors.Is(err, ErrConfig) || !strings.Contains(err.Error(), "Insecure") {
		t.Errorf("Start: %v; want ErrConfig", err)
	}
	if _, err := Start(t.Context(), Config{Listen: "nowhere.example:7400"}); err == nil || !strings.Contains(err.Error(), "listen on nowhere.example:7400: ") {
		t.Errorf("Start where no such host is: %v", err)
	}
}

// resolve looks up names of hosts in a table until the test ends.
func resolve(t *testing.T, hosts map[string]net.IP) {
	t.Helper()
	usual := net.DefaultResolver
	t.Cleanup(func() { net.DefaultResolver = usual })
	net.DefaultResolver = &net.Resolver{PreferGo: true, Dial: func(context.Context, string, string) (net.Conn, error) {
		ours, theirs := net.Pipe()
		go answer(theirs, hosts)
		return ours, nil
	}}
}

// answer answers one question in the form that DNS has over TCP (RFC 1035, section 4).
func answer(conn net.Conn, hosts map[string]net.IP) {
	defer conn.Close()
	const header, question = 12, 4 // bytes of a message's header, and after the name of a question
	var length [2]byte
	if _, err := io.ReadFull(conn, length[:]); err != nil {
		return
	}
	query := make([]byte, binary.BigEndian.Uint16(length[:]))
	if _, err := io.ReadFull(conn, query); err != nil {
		return
	}
	name, at := "", header
	for query[at] != 0 {
		label := int(query[at])
		name += string(query[at+1:at+1+label]) + "."
		at += 1 + label
	}
	reply := append([]byte(nil), query[:at+1+question]...)
	const isA = 1
	ip, known := hosts[strings.ToLower(name)]
	copy(reply[2:], []byte{0x84, 0x00, 0, 1, 0, 0, 0, 0, 0, 0}) // an answer with authority, to one question
	switch {
	case !known:
		reply[3] = 3 // no such name
	case binary.BigEndian.Uint16(query[at+1:]) == isA:
		reply[7] = 1                                                                   // one record:
		reply = append(reply, 0xc0, header, 0, isA, 0, 1, 0, 0, 0, 60, 0, net.IPv4len) // the name of the question, for a minute
		reply = append(reply, ip.To4()...)
	}
	_, _ = conn.Write(append(binary.BigEndian.AppendUint16(nil, uint16(len(reply))), reply...))
}
