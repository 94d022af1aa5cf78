package lookup

import (
	"context"
	"errors"
	"fmt"
	"net"
	"strconv"
	"strings"

	"conch/hosts"
)

// ErrSource is wrapped by the error for a text that names no source.
var ErrSource = errors.New("bad source")

// Kind is what a source asks.
type Kind string

// The kinds of sources, as they are written.
const (
	DNS  Kind = "dns"
	SRV  Kind = "srv"
	Serf Kind = "serf"
)

const wantSource = "want dns:NAME:PORT, srv:_SERVICE._tcp.NAME or serf:HOST:PORT,..."

// Spec is where to ask.
type Spec struct {
	Kind Kind
	// Name is the DNS name, and Port, for DNS only, the port of all members.
	Name string
	Port string
	// Seeds are the addresses of Serf agents, each HOST:PORT.
	Seeds []string
}

// Source answers who the members are.
type Source interface {
	// Find returns the addresses that are known now, sorted, each in its one form.
	Find(ctx context.Context) ([]string, error)
	// Close ends what the source runs.
	Close() error
}

// Parse reads a source as it is written, such as "dns:conch.example:7400". The error wraps
// [ErrSource].
func Parse(text string) (Spec, error) {
	kind, rest, _ := strings.Cut(text, ":")
	spec := Spec{Kind: Kind(kind)}
	switch spec.Kind {
	case DNS:
		address, err := hosts.ParseAddress(strings.Replace(rest, ".:", ":", 1))
		if err != nil {
			return Spec{}, refuse(text, err.Error())
		}
		spec.Name, spec.Port, _ = net.SplitHostPort(address)
		if net.ParseIP(spec.Name) != nil {
			return Spec{}, refuse(text, spec.Name+" is an address and not a name; --peers lists addresses")
		}
		return spec, nil
	case SRV:
		spec.Name = strings.TrimSuffix(rest, ".")
		service, protocol, _ := strings.Cut(spec.Name, ".")
		if _, err := hosts.ParseAddress(net.JoinHostPort(spec.Name, "1")); err != nil ||
			!strings.HasPrefix(service, "_") || !strings.HasPrefix(protocol, "_tcp.") {
			return Spec{}, refuse(text, "that is not the name of SRV records, as in srv:_conch._tcp.example.com")
		}
		return spec, nil
	case Serf:
		for seed := range strings.SplitSeq(rest, ",") {
			address, err := hosts.ParseAddress(seed)
			if err != nil {
				return Spec{}, refuse(text, err.Error())
			}
			spec.Seeds = append(spec.Seeds, address)
		}
		return spec, nil
	}
	return Spec{}, refuse(text, "it begins with none of dns:, srv: and serf:")
}

func refuse(text, reason string) error {
	return fmt.Errorf("%w %s: %s; %s", ErrSource, strconv.Quote(text[:min(len(text), 100)]), reason, wantSource)
}
