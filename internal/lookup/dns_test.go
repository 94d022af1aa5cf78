package lookup_test

import (
	"context"
	"net"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/miekg/dns"

	"conch/internal/lookup"
)

// zone is a DNS server on loopback with records that a test sets.
type zone struct {
	mu      sync.Mutex
	records map[string][]string // by name and type, as "conch.test. A"
}

// set gives a name records of a type, as text behind "IN TYPE"; none removes it.
func (z *zone) set(name, kind string, records ...string) {
	z.mu.Lock()
	defer z.mu.Unlock()
	z.records[name+" "+kind] = records
}

// ServeDNS is [dns.Handler]'s.
func (z *zone) ServeDNS(w dns.ResponseWriter, query *dns.Msg) {
	z.mu.Lock()
	defer z.mu.Unlock()
	answer := new(dns.Msg)
	answer.SetReply(query)
	known := false
	for key, records := range z.records {
		name, kind, _ := strings.Cut(key, " ")
		if len(records) == 0 || name != query.Question[0].Name {
			continue
		}
		known = true
		if kind != dns.TypeToString[query.Question[0].Qtype] {
			continue
		}
		for _, text := range records {
			record, err := dns.NewRR(name + " 1 IN " + kind + " " + text)
			if err != nil {
				panic(err) // the test's records are wrong
			}
			answer.Answer = append(answer.Answer, record)
		}
	}
	if !known {
		answer.Rcode = dns.RcodeNameError
	}
	_ = w.WriteMsg(answer) // who asked is gone
}

// serveZone runs a server, and returns it with a resolver that asks nobody else.
func serveZone(t *testing.T) (*zone, *net.Resolver) {
	t.Helper()
	conn, err := net.ListenPacket("udp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	z := &zone{records: make(map[string][]string)}
	started := make(chan struct{})
	server := &dns.Server{PacketConn: conn, Handler: z, NotifyStartedFunc: func() { close(started) }}
	done := make(chan error, 1)
	go func() { done <- server.ActivateAndServe() }()
	<-started
	t.Cleanup(func() {
		if err := server.Shutdown(); err != nil {
			t.Error(err)
		}
		if err := <-done; err != nil {
			t.Error(err)
		}
	})
	address := conn.LocalAddr().String()
	return z, &net.Resolver{PreferGo: true, Dial: func(ctx context.Context, _, _ string) (net.Conn, error) {
		return new(net.Dialer).DialContext(ctx, "udp", address)
	}}
}

// find opens a source and asks it.
func find(t *testing.T, source string, resolver *net.Resolver) ([]string, error) {
	t.Helper()
	spec, err := lookup.Parse(source)
	if err != nil {
		t.Fatal(err)
	}
	return lookup.OpenDNS(spec, resolver).Find(t.Context())
}

func TestDNSAnswersWithAddresses(t *testing.T) {
	z, resolver := serveZone(t)
	const source = "dns:conch.test.:7400"
	if found, err := find(t, source, resolver); err == nil || found != nil || !strings.Contains(err.Error(), "look up conch.test: no such host") {
		t.Errorf("no name: got %v, %v", found, err)
	}
	for _, step := range []struct{ a, aaaa, want []string }{
		{[]string{"192.0.2.1"}, nil, []string{"192.0.2.1:7400"}},
		{[]string{"192.0.2.2", "192.0.2.1"}, nil, []string{"192.0.2.1:7400", "192.0.2.2:7400"}},
		{[]string{"192.0.2.2"}, []string{"2001:db8::1"}, []string{"192.0.2.2:7400", "[2001:db8::1]:7400"}},
		{nil, []string{"2001:db8::2", "2001:db8::1"}, []string{"[2001:db8::1]:7400", "[2001:db8::2]:7400"}},
	} {
		z.set("conch.test.", "A", step.a...)
		z.set("conch.test.", "AAAA", step.aaaa...)
		if found, err := find(t, source, resolver); err != nil || !slices.Equal(found, step.want) {
			t.Errorf("A %v, AAAA %v: got %v, %v; want %v", step.a, step.aaaa, found, err, step.want)
		}
	}
}

func TestSRVAnswersWithNames(t *testing.T) {
	z, resolver := serveZone(t)
	const source, name = "srv:_conch._tcp.conch.test", "_conch._tcp.conch.test."
	if found, err := find(t, source, resolver); err == nil || found != nil {
		t.Errorf("no name: got %v, %v", found, err)
	}
	z.set(name, "SRV", "0 50 7400 Conch-1.conch.test.", "0 50 7401 conch-0.conch.test.")
	want := []string{"conch-0.conch.test:7401", "conch-1.conch.test:7400"}
	if found, err := find(t, source, resolver); err != nil || !slices.Equal(found, want) {
		t.Errorf("got %v, %v; want %v", found, err, want)
	}
	z.set(name, "SRV", "0 50 0 conch-1.conch.test.", "0 50 7401 conch-0.conch.test.")
	found, err := find(t, source, resolver)
	if !slices.Equal(found, want[:1]) || err == nil || !strings.Contains(err.Error(), "port 0") {
		t.Errorf("a target that makes no sense: got %v, %v; want %v and an error", found, err, want[:1])
	}
}

func TestParse(t *testing.T) {
	for _, test := range []struct {
		text string
		want lookup.Spec
	}{
		{"dns:Conch.Example:7400", lookup.Spec{Kind: lookup.DNS, Name: "conch.example", Port: "7400"}},
		{"dns:conch.example.:7400", lookup.Spec{Kind: lookup.DNS, Name: "conch.example", Port: "7400"}},
		{"srv:_conch._tcp.conch-members.locks.svc.cluster.local.", lookup.Spec{Kind: lookup.SRV, Name: "_conch._tcp.conch-members.locks.svc.cluster.local"}},
		{"serf:127.0.0.1:7946", lookup.Spec{Kind: lookup.Serf, Seeds: []string{"127.0.0.1:7946"}}},
		{"serf:[::1]:7946,a.example:7946", lookup.Spec{Kind: lookup.Serf, Seeds: []string{"[::1]:7946", "a.example:7946"}}},
	} {
		got, err := lookup.Parse(test.text)
		if err != nil || got.Kind != test.want.Kind || got.Name != test.want.Name || got.Port != test.want.Port || !slices.Equal(got.Seeds, test.want.Seeds) {
			t.Errorf("Parse(%q) = %+v, %v; want %+v", test.text, got, err, test.want)
		}
	}
}
