package hosts

import (
	"errors"
	"fmt"
	"net"
	"net/netip"
	"strconv"
	"strings"
)

// DefaultListen is the address a node listens on unless told otherwise.
const DefaultListen = "127.0.0.1:7400"

var (
	// ErrAddress is wrapped by the error for a text that is not the address
	// of a member.
	ErrAddress = errors.New("bad address")
	// ErrWildcard is wrapped by the error for an address that stands for all
	// interfaces of a machine where the address of one node is wanted.
	ErrWildcard = errors.New("wildcard address")
)

const (
	maxNameBytes  = 253 // of a host name, from RFC 1035 as text
	maxLabelBytes = 63  // of each part between dots, from RFC 1035
	maxQuoted     = 100 // bytes of a refused text that an error repeats

	wantAddress = "want HOST:PORT, as in node1.example:7400, 192.0.2.1:7400 or [2001:db8::1]:7400"
	wantPort    = "want a port from 1 to 65535, in digits without a leading zero"
)

// address is a HOST:PORT that can be listened on, or dialled, or both.
type address struct {
	ip   netip.Addr // the zero Addr where the host is a name or empty
	name string     // in lower case; empty where the host is an IP or empty
	port uint16     // never 0
}

// ParseAddress checks text, the address of a member, and returns it in the one
// form described at the package. That form parses to itself. The errors wrap
// [ErrAddress] or [ErrWildcard].
func ParseAddress(text string) (string, error) {
	a, err := parse(text)
	if err != nil {
		return "", err
	}
	if a.isWildcard() {
		return "", fmt.Errorf("%w %s: no node can dial it; want the address at which the others reach the member",
			ErrWildcard, quote(text))
	}
	if a.ip.Zone() != "" {
		return "", refuse(text, "a zone names an interface of one machine only",
			"want an address that is the same on every node")
	}
	return a.String(), nil
}

// parse reads an address that a node may listen on: unlike a member's, it may
// be a wildcard or have a zone.
func parse(text string) (address, error) {
	for i := 0; i < len(text); i++ {
		switch c := text[i]; {
		case c == ' ' || c == '\t':
			return address{}, refuse(text, "it has a space in it", wantAddress)
		case c < ' ' || c == 0x7f:
			return address{}, refuse(text, fmt.Sprintf("it has the control character %q in it", c), wantAddress)
		case c > 0x7f:
			return address{}, refuse(text, "it is not ASCII", "want an international name in its xn-- form")
		}
	}
	if text == "" {
		return address{}, refuse(text, "it is empty", wantAddress)
	}
	host, port, err := net.SplitHostPort(text)
	if err != nil {
		return address{}, refuse(text, reasonOf(err), wantAddress)
	}
	var a address
	switch {
	case text[0] == '[':
		a.ip, err = parseIPv6(text, host)
	case host == "":
		// Every interface of the machine.
	default:
		a.ip, a.name, err = parseHost(text, host)
	}
	if err != nil {
		return address{}, err
	}
	if a.ip.IsMulticast() {
		return address{}, refuse(text, "it is a multicast group", "want the address of one node")
	}
	a.port, err = parsePort(text, port)
	return a, err
}

// parseIPv6 reads host, which stood in brackets in text.
func parseIPv6(text, host string) (netip.Addr, error) {
	ip, err := netip.ParseAddr(host)
	if err != nil || !ip.Is6() {
		return netip.Addr{}, refuse(text, "what stands in brackets is not an IPv6 address",
			"want brackets around an IPv6 address only, as in [::1]:7400")
	}
	if ip.Zone() != "" {
		return ip, nil // Unmap would drop the zone of a mapped address unseen.
	}
	return ip.Unmap(), nil
}

// parseHost reads host, which stood without brackets in text, as an IPv4
// address or else as a name. Exactly one of the two results is set.
func parseHost(text, host string) (netip.Addr, string, error) {
	if ip, err := netip.ParseAddr(host); err == nil {
		return ip, "", nil
	}
	if len(host) > maxNameBytes {
		return netip.Addr{}, "", refuse(text, fmt.Sprintf("its host name is %d bytes long", len(host)),
			fmt.Sprintf("want at most %d", maxNameBytes))
	}
	labels := strings.Split(host, ".")
	for _, label := range labels {
		if reason := reasonAgainstLabel(label); reason != "" {
			return netip.Addr{}, "", refuse(text, reason,
				"want a host name of parts joined by dots, each of 1 to 63 letters, digits, hyphens and underscores")
		}
	}
	// Some resolvers read such names as IPv4 addresses in the old manner, with
	// parts left out, in octal or in hexadecimal, and 0 is then a wildcard.
	if isNumber(labels[len(labels)-1]) {
		return netip.Addr{}, "", refuse(text, "its host ends in a number but is not an IPv4 address",
			"want four decimal numbers from 0 to 255 without leading zeros, or a host name")
	}
	return netip.Addr{}, strings.ToLower(host), nil
}

// reasonAgainstLabel says what is wrong with one part of a host name, or
// nothing.
func reasonAgainstLabel(label string) string {
	if label == "" {
		return "its host name has an empty part or a final dot"
	}
	if len(label) > maxLabelBytes {
		return fmt.Sprintf("a part of its host name is %d bytes long", len(label))
	}
	if label[0] == '-' || label[len(label)-1] == '-' {
		return "a part of its host name begins or ends with a hyphen"
	}
	for i := 0; i < len(label); i++ {
		c := label[i]
		if !isDigit(c) && !('a' <= c|0x20 && c|0x20 <= 'z') && c != '-' && c != '_' {
			return fmt.Sprintf("its host name has the character %q in it", c)
		}
	}
	return ""
}

// isNumber tells whether a resolver may take the last part of a host name for
// a decimal, octal or hexadecimal number.
func isNumber(label string) bool {
	if digits, ok := strings.CutPrefix(strings.ToLower(label), "0x"); ok {
		return strings.Trim(digits, "0123456789abcdef") == ""
	}
	return strings.Trim(label, "0123456789") == ""
}

func isDigit(c byte) bool { return '0' <= c && c <= '9' }

// parsePort reads port, which stood at the end of text. One spelling per port:
// addresses are compared as text.
func parsePort(text, port string) (uint16, error) {
	if port == "" {
		return 0, refuse(text, "missing port", wantPort)
	}
	number, err := strconv.ParseUint(port, 10, 16)
	if err != nil || (port[0] == '0' && len(port) > 1) {
		return 0, refuse(text, "bad port "+quote(port), wantPort)
	}
	if number == 0 {
		return 0, refuse(text, "port 0 lets the system choose, and the other members could not know", wantPort)
	}
	return uint16(number), nil
}

// String returns the address in its one form.
func (a address) String() string {
	host := a.name
	if a.ip.IsValid() {
		host = a.ip.String()
	}
	return net.JoinHostPort(host, strconv.Itoa(int(a.port)))
}

// isWildcard tells whether the address stands for all interfaces of a machine.
func (a address) isWildcard() bool {
	if a.ip.IsValid() {
		return a.ip.WithZone("").IsUnspecified()
	}
	return a.name == ""
}

// refuse makes the error for text that is no address.
func refuse(text, reason, want string) error {
	return fmt.Errorf("%w %s: %s; %s", ErrAddress, quote(text), reason, want)
}

// reasonOf takes the bare reason out of an error of net.SplitHostPort, which
// otherwise repeats the address, however long.
func reasonOf(err error) string {
	var addrError *net.AddrError
	if errors.As(err, &addrError) {
		return addrError.Err
	}
	return err.Error()
}

// quote repeats a refused text in an error: on one line, with nothing in it
// that a terminal would obey, and not at any length.
func quote(text string) string {
	if len(text) > maxQuoted {
		return fmt.Sprintf("%q (and %d bytes more)", text[:maxQuoted], len(text)-maxQuoted)
	}
	return strconv.Quote(text)
}
