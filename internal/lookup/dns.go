package lookup

import (
	"context"
	"errors"
	"fmt"
	"net"
	"slices"
	"strconv"
	"strings"

	"conch/hosts"
)

// dnsSource asks DNS.
type dnsSource struct {
	spec     Spec
	resolver *net.Resolver
}

// OpenDNS returns the source of a [DNS] or [SRV] spec. Each Find looks the name up anew.
func OpenDNS(spec Spec, resolver *net.Resolver) Source { return dnsSource{spec, resolver} }

func (s dnsSource) Find(ctx context.Context) ([]string, error) {
	if s.spec.Kind == SRV {
		return s.services(ctx)
	}
	ips, err := s.resolver.LookupNetIP(ctx, "ip", s.spec.Name)
	if err != nil {
		return nil, plain(err)
	}
	var texts []string
	for _, ip := range ips {
		texts = append(texts, net.JoinHostPort(ip.Unmap().String(), s.spec.Port))
	}
	return addresses(texts)
}

// services are the targets of SRV records. Where some of these make no sense, the error
// comes beside the others.
func (s dnsSource) services(ctx context.Context) ([]string, error) {
	_, records, err := s.resolver.LookupSRV(ctx, "", "", s.spec.Name)
	var texts []string
	for _, r := range records {
		texts = append(texts, net.JoinHostPort(strings.TrimSuffix(r.Target, "."), strconv.Itoa(int(r.Port))))
	}
	found, wrong := addresses(texts)
	if err != nil {
		err = plain(err)
	}
	return found, errors.Join(err, wrong)
}

func (s dnsSource) Close() error { return nil }

// addresses brings addresses to their one form. Those that no member can have are left
// out, and told of.
func addresses(texts []string) ([]string, error) {
	var found []string
	var wrong []error
	for _, text := range texts {
		address, err := hosts.ParseAddress(text)
		if err != nil {
			wrong = append(wrong, fmt.Errorf("answer with a %w", err))
			continue
		}
		found = append(found, address)
	}
	slices.Sort(found)
	return slices.Compact(found), errors.Join(wrong...)
}

// plain tells of a failed lookup without the resolver's own address.
func plain(err error) error {
	var failed *net.DNSError
	if errors.As(err, &failed) {
		return fmt.Errorf("look up %s: %s", failed.Name, failed.Err)
	}
	return err
}
