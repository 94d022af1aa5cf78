package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/netip"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/collectors"
	"github.com/spf13/cobra"
	"github.com/spf13/pflag"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"

	"conch/internal/admission"
	"conch/internal/client"
	"conch/internal/node"
	"conch/internal/web"
	clientv1 "conch/proto/conch/client/v1"
)

// pageFlags are the flags of conch node for its page.
type pageFlags struct {
	address  string
	hosts    []string
	profiles bool
}

// loopback is the page's default host.
const loopback = "127.0.0.1"

func (f *pageFlags) addTo(flags *pflag.FlagSet) {
	flags.StringVar(&f.address, "http", "", "serve the page, and /metrics, on `HOST:PORT`; an empty HOST is "+loopback+". There is no login (default: no page)")
	flags.StringSliceVar(&f.hosts, "http-host", nil, "further `NAME`s by which browsers know the page; others are refused")
	flags.BoolVar(&f.profiles, "http-pprof", false, "serve profiles of this process too, below /debug/pprof/")
}

// check refuses nonsensical values with a usage error.
func (f *pageFlags) check(cmd *cobra.Command) error {
	if !cmd.Flags().Changed("http") {
		for _, name := range []string{"http-host", "http-pprof"} {
			if cmd.Flags().Changed(name) {
				return misuse(cmd, "--%s does nothing without --http; add that, or leave this out", name)
			}
		}
		return nil
	}
	host, port, err := net.SplitHostPort(f.address)
	if err != nil || port == "" {
		return misuse(cmd, "--http: got %.80q, want HOST:PORT, such as %s:8001", f.address, loopback)
	}
	if host == "" {
		f.address = net.JoinHostPort(loopback, port)
	}
	return nil
}

// page is the page of a node and its port. A nil page is none.
type page struct {
	flags    *pageFlags
	listener net.Listener
	port     *net.TCPListener // below listener
	registry *prometheus.Registry
	// cautions are what the node gives up; the page shows them.
	cautions []string
}

// maxPageConnections bounds the connections to the page: a browser has a few for each tab,
// and the tabs are bounded, too.
const maxPageConnections = 256

// listen opens the page's port. Refused connections are reported to told.
func (f *pageFlags) listen(ctx context.Context, address *net.TCPAddr, told io.Writer) (*page, error) {
	opened, err := new(net.ListenConfig).Listen(ctx, "tcp", address.String())
	if err != nil {
		return nil, fmt.Errorf("--http: %w", err)
	}
	port := opened.(*net.TCPListener) // since that is what "tcp" stands for
	listener := admission.Bound(port, maxPageConnections, func(remote net.Addr, reason error) {
		fmt.Fprintf(told, "conch: caution: one from %s to the page is closed: %v\n", remote, reason)
	})
	p := &page{flags: f, listener: listener, port: port, registry: prometheus.NewRegistry()}
	p.registry.MustRegister(collectors.NewGoCollector(), collectors.NewProcessCollector(collectors.ProcessCollectorOpts{}))
	return p, nil
}

// close closes the port. A page that was served has already closed it.
func (p *page) close() {
	if p != nil {
		_ = p.listener.Close()
	}
}

// url is the page's address for a browser on this machine.
func (p *page) url() string {
	address := p.listener.Addr().String()
	if host, port, err := net.SplitHostPort(address); err == nil {
		if ip, err := netip.ParseAddr(host); err == nil && ip.IsUnspecified() {
			address = net.JoinHostPort(loopback, port)
		}
	}
	return "http://" + address + "/"
}

// registerer is where the node registers its metrics.
func (p *page) registerer() prometheus.Registerer {
	if p == nil {
		return nil
	}
	return p.registry
}

// mayLook says why the page will show nothing, if the node's rules are the reason.
func (p *page) mayLook(ctx context.Context, node *node.Node) error {
	_, err := node.Page().Status(ctx, &clientv1.StatusRequest{Scope: clientv1.Scope_SCOPE_NODE})
	if status.Code(err) != codes.PermissionDenied {
		return nil
	}
	return errors.New(status.Convert(err).Message())
}

// run serves the page of a node until ctx ends.
func (p *page) run(ctx context.Context, node *node.Node, ttl time.Duration) error {
	host, _, err := net.SplitHostPort(p.flags.address)
	if err != nil {
		return err
	}
	access := node.Page()
	cfg := web.Config{
		Node:    access,
		Lock:    func(ctx context.Context, name string) (web.Hold, error) { return access.Lock(ctx, name) },
		Health:  node.LockService().Status,
		Members: node.Members(),
		Member:  node.Address(),
		TTL:     ttl,
		Caller:  client.Describe("the page of " + node.Address()),
		Version: readBuild().Version,
		Metrics: p.registry,
		Listen:  host,
		Hosts:   p.flags.hosts,

		Cautions: p.cautions,
	}
	if p.flags.profiles {
		cfg.Profiles = web.Profiles()
	}
	if err := web.New(cfg).Run(ctx, p.listener); err != nil {
		return fmt.Errorf("--http: %w", err)
	}
	return nil
}
