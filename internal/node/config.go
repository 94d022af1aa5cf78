package node

import (
	"errors"
	"fmt"
	"io/fs"
	"slices"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/rs/zerolog"

	"conch/hosts"
	"conch/internal/admission"
	"conch/internal/datadir"
	"conch/internal/discovery"
	"conch/internal/pki"
	"conch/token"
)

// ErrConfig is wrapped by the error of [Start] for a Config that no node can run with; the
// error names the field, or the line of the hosts file.
var ErrConfig = errors.New("configuration")

const (
	// DefaultSessionTTL is what an unset Config.SessionTTL stands for.
	DefaultSessionTTL = 2 * time.Second
	// MinSessionTTL is the least that Config.SessionTTL may be.
	MinSessionTTL = time.Duration(token.MinTTL)
	// MaxLocalBatch is the most that Config.LocalBatch may be.
	MaxLocalBatch = token.MaxLocalBatch
	// DefaultMaxClients is what an unset Config.MaxClients stands for.
	DefaultMaxClients = admission.UsualClients
	// MinMaxClients is the least that Config.MaxClients may be.
	MinMaxClients = 16
	// MaxMaxClients is the most.
	MaxMaxClients = 10_000
)

// Config is what a node needs at its start. conch.Config says what each field means.
type Config struct {
	Listen    string
	Advertise string
	Peers     []string
	HostsFile string
	// FoundBy says for the log how the members are known: the flags that tell. Empty says
	// nothing.
	FoundBy string

	SessionTTL time.Duration
	LocalBatch int
	MaxClients int
	DataDir    string

	Socket      string
	SocketMode  fs.FileMode
	SocketGroup string

	TLS       pki.Files
	Insecure  bool
	AllowFile string

	Log      zerolog.Logger
	Evidence bool
	FlushLog func()
	LogLoss  func() (lines uint64, now error)
	Version  string

	Metrics prometheus.Registerer
}

// withDefaults fills in unset fields, and refuses numbers that no node can run with.
func (cfg Config) withDefaults() (Config, error) {
	if cfg.Listen == "" {
		cfg.Listen = hosts.DefaultListen
	}
	if cfg.SessionTTL == 0 {
		cfg.SessionTTL = DefaultSessionTTL
	}
	if cfg.SessionTTL < MinSessionTTL {
		return cfg, fmt.Errorf("%w: SessionTTL: got %v, want at least %v", ErrConfig, cfg.SessionTTL, MinSessionTTL)
	}
	if cfg.LocalBatch < 0 || cfg.LocalBatch > MaxLocalBatch {
		return cfg, fmt.Errorf("%w: LocalBatch: got %d, want 1 to %d, or 0 for 1", ErrConfig, cfg.LocalBatch, MaxLocalBatch)
	}
	if cfg.MaxClients != 0 && (cfg.MaxClients < MinMaxClients || cfg.MaxClients > MaxMaxClients) {
		return cfg, fmt.Errorf("%w: MaxClients: got %d, want %d to %d, or 0 for %d", ErrConfig, cfg.MaxClients, MinMaxClients, MaxMaxClients, DefaultMaxClients)
	}
	return cfg, nil
}

// members returns the members by the node's data directory, or else those that the
// configuration names.
func (cfg Config) members() (hosts.Members, error) {
	named, err := cfg.list()
	if err != nil {
		return named, fmt.Errorf("%w: %w", ErrConfig, err)
	}
	if cfg.DataDir == "" {
		return named, nil
	}
	self := named.Addresses[named.Self]
	m, err := datadir.ReadMembership(cfg.DataDir, self)
	if err != nil || m == nil {
		return named, err
	}
	return presentMembers(m, self), nil
}

// presentMembers are the members of a membership, as one of them sees it. While one disk takes the
// place of another, their address comes once.
func presentMembers(m *token.Membership, self string) hosts.Members {
	var addresses []string
	for _, a := range discovery.Addresses(m) {
		if !slices.Contains(addresses, a) {
			addresses = append(addresses, a)
		}
	}
	return hosts.Members{Addresses: addresses, Self: slices.Index(addresses, self)}
}

// list returns the members that the configuration names.
func (cfg Config) list() (hosts.Members, error) {
	self, err := cfg.advertised()
	if err != nil {
		return hosts.Members{}, err
	}
	sources := []hosts.Source{hosts.Flag("Peers", cfg.Peers...)}
	if cfg.HostsFile != "" {
		file, err := hosts.ReadFile(cfg.HostsFile)
		if err != nil {
			return hosts.Members{}, err
		}
		sources = append(sources, file)
	}
	return hosts.List(self, sources...)
}

// advertised returns the address by which the others know the node.
func (cfg Config) advertised() (hosts.Entry, error) {
	return hosts.Advertise(
		hosts.Entry{Address: cfg.Listen, Where: "Listen"},
		hosts.Entry{Address: cfg.Advertise, Where: "Advertise"},
	)
}
