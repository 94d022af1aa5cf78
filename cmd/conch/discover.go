package main

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"os"
	"strings"
	"time"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"conch/hosts"
	"conch/internal/discovery"
	"conch/internal/lookup"
	"conch/internal/node"
)

// discoverFlags are the flags of conch node by which it finds the other members.
type discoverFlags struct {
	source     string
	expect     int
	serfListen string
	serfKey    string

	spec lookup.Spec // what source says
}

func (f *discoverFlags) addTo(flags *pflag.FlagSet) {
	flags.StringVar(&f.source, "discover", "", "find the members by `SOURCE`: dns:NAME:PORT (A and AAAA records), srv:_SERVICE._tcp.NAME, or serf:HOST:PORT,... (Serf agents); needs --expect")
	flags.IntVar(&f.expect, "expect", 0, "with --discover: wait until exactly `N` members are found, this one included, and all have found the same; the same at all members")
	flags.StringVar(&f.serfListen, "serf-listen", "", "with --discover serf: the `HOST:PORT` of this node's own Serf agent (default: the host of --listen, port "+lookup.DefaultSerfPort+")")
	flags.StringVar(&f.serfKey, "serf-key", "", "with --discover serf: a `FILE` with the key that encrypts what the agents say, as serf keygen writes it; the same at all members")
}

// used reports whether the node finds its members itself.
func (f *discoverFlags) used() bool { return f.source != "" }

// check refuses values that make no sense, with a usage error.
func (f *discoverFlags) check(cmd *cobra.Command, listen string) error {
	changed := cmd.Flags().Changed
	if !f.used() {
		for _, name := range []string{"discover", "expect", "serf-listen", "serf-key"} {
			if changed(name) && name == "discover" {
				return misuse(cmd, "--discover: the value is empty; give one, or leave the flag out")
			} else if changed(name) {
				return misuse(cmd, "--%s does nothing without --discover; add that, or leave this out", name)
			}
		}
		return nil
	}
	for _, name := range []string{"peers", "hosts-file", "single"} {
		if changed(name) {
			return misuse(cmd, "--discover finds the members, and --%s says who they are; leave one of them out", name)
		}
	}
	var err error
	if f.spec, err = lookup.Parse(f.source); err != nil {
		return misuse(cmd, "--discover: %w", err)
	}
	switch {
	case !changed("expect"):
		return misuse(cmd, "--discover needs --expect N, the number of members, this node included: a node that took those whom it finds first might leave others out")
	case f.expect == 1:
		return misuse(cmd, "--expect: got 1, want %d to %d; a node that has no others is started with --single", discovery.MinExpect, hosts.MaxMembers)
	case f.expect < discovery.MinExpect || f.expect > hosts.MaxMembers:
		return misuse(cmd, "--expect: got %d, want %d to %d", f.expect, discovery.MinExpect, hosts.MaxMembers)
	}
	if f.spec.Kind == lookup.Serf {
		return f.checkSerf(cmd, listen)
	}
	for _, name := range []string{"serf-listen", "serf-key"} {
		if changed(name) {
			return misuse(cmd, "--%s does nothing without --discover serf:...; leave it out", name)
		}
	}
	return nil
}

// checkSerf is check for what only Serf needs.
func (f *discoverFlags) checkSerf(cmd *cobra.Command, listen string) error {
	if f.serfListen == "" {
		host, _, err := net.SplitHostPort(listen)
		if err != nil {
			return misuse(cmd, "--listen: %w", err)
		}
		f.serfListen = net.JoinHostPort(host, lookup.DefaultSerfPort)
	}
	// An agent may listen on every interface; it has an address of its own to advertise.
	if _, err := hosts.Advertise(hosts.Entry{Where: "--serf-listen", Address: f.serfListen}, hosts.Entry{Address: hosts.DefaultListen}); err != nil {
		return misuse(cmd, "%w", err)
	}
	return nil
}

// cautions tell what discovery gives up.
func (f *discoverFlags) cautions(self, dataDir string) []string {
	if !f.used() {
		return nil
	}
	var cautions []string
	if host, _, err := net.SplitHostPort(self); err == nil {
		if ip, err := netip.ParseAddr(host); err == nil && !ip.IsLoopback() {
			cautions = append(cautions, "--discover: "+self+" is a bare IP address: if it moves, this node is another member, and the list never changes; names stay (--discover srv:..., or --advertise NAME:PORT)")
		}
	}
	if dataDir == "" {
		cautions = append(cautions, "--discover with --data-dir none: after a restart this node does not know its members any more, and may settle on others")
	}
	if f.spec.Kind == lookup.Serf && f.serfKey == "" && !isLoopback(f.serfListen) {
		cautions = append(cautions, "--serf-listen "+f.serfListen+" without --serf-key: whoever reaches it can add members, so that no list ever has as many as are expected")
	}
	return cautions
}

// isLoopback reports whether only this machine reaches an address.
func isLoopback(address string) bool {
	resolved, err := net.ResolveTCPAddr("tcp", address)
	return err == nil && resolved.IP.IsLoopback()
}

// open opens the source.
func (f *discoverFlags) open(self string) (lookup.Source, error) {
	if f.spec.Kind != lookup.Serf {
		return lookup.OpenDNS(f.spec, net.DefaultResolver), nil
	}
	cfg := lookup.SerfConfig{Listen: f.serfListen, Self: self}
	if f.serfKey != "" {
		var err error
		if cfg.Key, err = lookup.ReadKey(f.serfKey); err != nil {
			return nil, fmt.Errorf("--serf-key: %w", err)
		}
	}
	source, err := lookup.OpenSerf(f.spec, cfg)
	if err != nil {
		return nil, fmt.Errorf("--discover: %w", err)
	}
	return source, nil
}

// find waits until the node has found its members, and completes cfg by them. Meanwhile it
// tells people, the service manager and the page how far it is. What it returns must be
// closed when the node ends: others may still look for members by way of it.
func (f *discoverFlags) find(ctx context.Context, cmd *cobra.Command, cfg *node.Config, page *page) (lookup.Source, error) {
	source, err := f.open(cfg.Advertise)
	if err != nil {
		return nil, err
	}
	waiting := newWaiting(ctx, cmd.ErrOrStderr(), "waiting for members", !isTerminal(os.Stdout) && isTerminal(cmd.ErrOrStderr()))
	stopPage := page.wait(waiting.text)
	found, err := node.Find(ctx, *cfg, node.Finding{Source: source, Expect: f.expect, Tell: waiting.tell})
	stopPage()
	waiting.stop()
	if err != nil {
		return nil, errors.Join(f.explain(err), source.Close())
	}
	if cfg.Peers = found.Members; found.Path != "" && !found.Settled {
		fmt.Fprintf(cmd.ErrOrStderr(), "conch: the members are those found before, in %s: %s\n", found.Path, strings.Join(found.Members, ", "))
	}
	return source, nil
}

// look asks the source once, for nodes that may be members.
func look(ctx context.Context, source lookup.Source) []string {
	ctx, cancel := context.WithTimeout(ctx, lookPatience)
	defer cancel()
	found, err := source.Find(ctx)
	if err != nil {
		return nil // the members are in the data directory
	}
	return found
}

// lookPatience is how long look may take.
const lookPatience = 2 * time.Second

// explain adds to an error what to do about it.
func (f *discoverFlags) explain(err error) error {
	if tooMany := (*discovery.TooManyError)(nil); errors.As(err, &tooMany) {
		remedy := "stop those that do not belong, or give all the right --expect"
		if tooMany.Self != "" {
			remedy = "give this node the name by which the others find it (--advertise), or give all the right --expect"
		}
		return fmt.Errorf("--discover %s: %w; %s", f.source, err, remedy)
	}
	if errors.Is(err, node.ErrExpect) {
		return fmt.Errorf("--expect: %w", err)
	}
	return err
}
