package hosts_test

import (
	"errors"
	"net"
	"net/netip"
	"strconv"
	"strings"
	"testing"

	"pgregory.net/rapid"

	"conch/hosts"
)

func TestParseAddressHasOneFormForEachAddress(t *testing.T) {
	longest := strings.Repeat(strings.Repeat("a", 63)+".", 3) + strings.Repeat("b", 61)
	for _, test := range []struct{ text, want string }{
		{"127.0.0.1:7400", "127.0.0.1:7400"},
		{"192.0.2.1:1", "192.0.2.1:1"},
		{"192.0.2.1:65535", "192.0.2.1:65535"},
		{"localhost:7400", "localhost:7400"},
		{"Node1.Example.COM:7400", "node1.example.com:7400"},
		{"conch_node-1:7400", "conch_node-1:7400"},
		{"1.node:7400", "1.node:7400"},
		{"0xcafe.example:7400", "0xcafe.example:7400"},
		{"a.0xg:7400", "a.0xg:7400"},
		{"xn--bcher-kva.example:7400", "xn--bcher-kva.example:7400"},
		{longest + ":7400", longest + ":7400"},
		{"[::1]:7400", "[::1]:7400"},
		{"[0:0:0:0:0:0:0:1]:7400", "[::1]:7400"},
		{"[2001:DB8::00A]:7400", "[2001:db8::a]:7400"},
		{"[::ffff:192.0.2.1]:7400", "192.0.2.1:7400"},
	} {
		got, err := hosts.ParseAddress(test.text)
		if err != nil || got != test.want {
			t.Errorf("ParseAddress(%q) = %q, %v; want %q", test.text, got, err, test.want)
		}
	}
}

func TestParseAddressRefuses(t *testing.T) {
	for _, test := range []struct {
		text string
		want error
		says string // what the error must tell
	}{
		{"", hosts.ErrAddress, "it is empty; want HOST:PORT"},
		{"node1", hosts.ErrAddress, "missing port"},
		{"node1:", hosts.ErrAddress, "missing port; want a port from 1 to 65535"},
		{"[::1]", hosts.ErrAddress, "missing port"},
		{"node1:0", hosts.ErrAddress, "port 0"},
		{"node1:65536", hosts.ErrAddress, `bad port "65536"; want a port from 1 to 65535`},
		{"node1:99999999999999999999", hosts.ErrAddress, "bad port"},
		{"node1:-1", hosts.ErrAddress, "bad port"},
		{"node1:+7400", hosts.ErrAddress, "bad port"},
		{"node1:07400", hosts.ErrAddress, "leading zero"},
		{"node1:00", hosts.ErrAddress, "bad port"},
		{"node1:7_400", hosts.ErrAddress, "bad port"},
		{"node1:http", hosts.ErrAddress, "bad port"},
		{"node1:7400:7400", hosts.ErrAddress, "too many colons"},
		{"::1:7400", hosts.ErrAddress, "[2001:db8::1]:7400"},
		{"http://node1:7400", hosts.ErrAddress, "too many colons"},
		{"node1/x:7400", hosts.ErrAddress, `'/'`},
		{"*:7400", hosts.ErrAddress, `'*'`},
		{"user@node1:7400", hosts.ErrAddress, `'@'`},
		{"node%31:7400", hosts.ErrAddress, `'%'`},

		{":7400", hosts.ErrWildcard, "reach"},
		{"0.0.0.0:7400", hosts.ErrWildcard, "reach"},
		{"[::]:7400", hosts.ErrWildcard, "reach"},
		{"[0:0::0]:7400", hosts.ErrWildcard, "reach"},
		{"[::ffff:0.0.0.0]:7400", hosts.ErrWildcard, "reach"},
		{"[::%eth0]:7400", hosts.ErrWildcard, "reach"},

		{"[]:7400", hosts.ErrAddress, "brackets"},
		{"[localhost]:7400", hosts.ErrAddress, "brackets"},
		{"[127.0.0.1]:7400", hosts.ErrAddress, "brackets"},
		{"[::1:7400", hosts.ErrAddress, "missing ']'"},
		{"[::1]7400", hosts.ErrAddress, "missing port"},
		{"[:::1]:7400", hosts.ErrAddress, "brackets"},
		{"[fe80::1%eth0]:7400", hosts.ErrAddress, "zone"},
		{"[::ffff:192.0.2.1%eth0]:7400", hosts.ErrAddress, ""},
		{"[ff02::1]:7400", hosts.ErrAddress, "multicast"},
		{"224.0.0.1:7400", hosts.ErrAddress, "multicast"},

		{"0:7400", hosts.ErrAddress, "ends in a number"},
		{"127.1:7400", hosts.ErrAddress, "ends in a number"},
		{"010.0.0.1:7400", hosts.ErrAddress, "ends in a number"},
		{"256.0.0.1:7400", hosts.ErrAddress, "ends in a number"},
		{"0x7f000001:7400", hosts.ErrAddress, "ends in a number"},
		{"0X7F.1.0xA:7400", hosts.ErrAddress, "ends in a number"},

		{" node1:7400", hosts.ErrAddress, "space"},
		{"node1:7400 ", hosts.ErrAddress, "space"},
		{"node1: 7400", hosts.ErrAddress, "space"},
		{"node1:7400 node2:7400", hosts.ErrAddress, "space"},
		{"node1\t:7400", hosts.ErrAddress, "space"},
		{"node1\n:7400", hosts.ErrAddress, `'\n'`},
		{"\x1b[2Jnode1:7400", hosts.ErrAddress, `'\x1b'`},
		{"node1\x7f:7400", hosts.ErrAddress, `'\x7f'`},
		{"node1\x00:7400", hosts.ErrAddress, `'\x00'`},
		{"node\xff:7400", hosts.ErrAddress, "not ASCII"},
		{"bücher.example:7400", hosts.ErrAddress, "xn--"},
		{"node１:7400", hosts.ErrAddress, "not ASCII"},

		{"node1.:7400", hosts.ErrAddress, "final dot"},
		{".node1:7400", hosts.ErrAddress, "empty part"},
		{"a..b:7400", hosts.ErrAddress, "empty part"},
		{"-node:7400", hosts.ErrAddress, "hyphen"},
		{"node-.example:7400", hosts.ErrAddress, "hyphen"},
		{strings.Repeat("a", 64) + ":7400", hosts.ErrAddress, "64 bytes long"},
		{strings.Repeat("a.", 126) + "bc:7400", hosts.ErrAddress, "254 bytes long; want at most 253"},
	} {
		got, err := hosts.ParseAddress(test.text)
		if !errors.Is(err, test.want) || got != "" {
			t.Errorf("ParseAddress(%q) = %q, %v; want the error %q", test.text, got, err, test.want)
			continue
		}
		if !strings.Contains(err.Error(), test.says) {
			t.Errorf("ParseAddress(%q): %v; want it to say %q", test.text, err, test.says)
		}
		checkOneLine(t, err)
	}
}

func TestParseAddressErrorDoesNotRepeatALongText(t *testing.T) {
	for _, text := range []string{
		strings.Repeat("a", 1<<20),
		strings.Repeat("a:", 1<<20),
		"node1:" + strings.Repeat("7", 1<<20),
	} {
		_, err := hosts.ParseAddress(text)
		if err == nil || len(err.Error()) > 500 {
			t.Errorf("ParseAddress(%q...): %.600v; want an error of at most 500 bytes", text[:10], err)
		}
	}
}

// checkOneLine checks that an error is one line that a terminal shows as it is.
func checkOneLine(t *testing.T, err error) {
	t.Helper()
	for _, r := range err.Error() {
		if !strconv.IsPrint(r) {
			t.Errorf("error %q: it has the unprintable %q in it", err, r)
		}
	}
}

// canonicalAddresses draws addresses in their one form.
func canonicalAddresses() *rapid.Generator[string] {
	label := rapid.StringMatching(`[a-z_]([a-z0-9_-]{0,10}[a-z0-9_])?`)
	name := rapid.Custom(func(t *rapid.T) string {
		return strings.Join(rapid.SliceOfN(label, 1, 4).Draw(t, "labels"), ".")
	})
	ip := rapid.Custom(func(t *rapid.T) string {
		size := rapid.SampledFrom([]int{4, 16}).Draw(t, "size")
		bytes := rapid.SliceOfN(rapid.Byte(), size, size).Draw(t, "bytes")
		addr, _ := netip.AddrFromSlice(bytes)
		if addr.IsMulticast() || addr.IsUnspecified() || addr.Is4In6() {
			return "192.0.2.1"
		}
		return addr.String()
	})
	return rapid.Custom(func(t *rapid.T) string {
		host := rapid.OneOf(name, ip).Draw(t, "host")
		port := rapid.IntRange(1, 65535).Draw(t, "port")
		return net.JoinHostPort(host, strconv.Itoa(port))
	})
}

func TestParseAddressKeepsTheOneForm(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		want := canonicalAddresses().Draw(t, "address")
		for _, text := range []string{want, strings.ToUpper(want)} {
			if got, err := hosts.ParseAddress(text); err != nil || got != want {
				t.Fatalf("ParseAddress(%q) = %q, %v; want %q", text, got, err, want)
			}
		}
	})
}

func FuzzParseAddress(f *testing.F) {
	for _, seed := range []string{
		"", "node1:7400", "NODE1:7400", "127.0.0.1:1", "[::1]:7400", "[::ffff:127.0.0.1]:7400", ":7400", "[::]:7400",
		"[fe80::1%eth0]:7400", "[::ffff:1.2.3.4%e]:1", "010.0.0.1:7400", "0x1:7400", "a b:1", "\xff:1", "a:1:2", "[a]:1",
	} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, text string) {
		got, err := hosts.ParseAddress(text)
		if err != nil {
			if !errors.Is(err, hosts.ErrAddress) && !errors.Is(err, hosts.ErrWildcard) {
				t.Errorf("ParseAddress(%q): %v; want ErrAddress or ErrWildcard", text, err)
			}
			checkOneLine(t, err)
			return
		}
		if again, err := hosts.ParseAddress(got); err != nil || again != got {
			t.Errorf("ParseAddress(%q) = %q, and of that %q, %v; want the same", text, got, again, err)
		}
		if got != strings.ToLower(got) {
			t.Errorf("ParseAddress(%q) = %q; want lower case", text, got)
		}
		host, port, err := net.SplitHostPort(got)
		number, portErr := strconv.Atoi(port)
		if err != nil || portErr != nil || number < 1 || number > 65535 {
			t.Errorf("ParseAddress(%q) = %q; want a host and a port from 1 to 65535", text, got)
		}
		if ip, err := netip.ParseAddr(host); host == "" || err == nil && (ip.IsUnspecified() || ip.IsMulticast() || ip.Zone() != "") {
			t.Errorf("ParseAddress(%q) = %q; want one node's address", text, got)
		}
	})
}
