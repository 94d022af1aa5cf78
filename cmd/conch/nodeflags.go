package main

import (
	"fmt"
	"net"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/rs/zerolog"
	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"conch"
	"conch/hosts"
	"conch/internal/datadir"
	"conch/internal/node"
	"conch/internal/pki"
	"conch/internal/socket"
	"conch/internal/workload"
)

const (
	// defaultDrain is the default of --drain.
	defaultDrain = 30 * time.Second
	// maxPause bounds --auto-think and --auto-hold; more is a typing error.
	maxPause = 24 * time.Hour
	// maxSessionTTL bounds --session-ttl, since that is how long a dead node's lock is lost
	// to all.
	maxSessionTTL = time.Hour
	// maxLockNameBytes bounds the name of a lock; see package conch.
	maxLockNameBytes = 255
)

// nodeFlags are the flags of conch node as given.
type nodeFlags struct {
	listen, advertise string
	peers             []string
	hostsFile         string
	single            bool
	discover          discoverFlags
	sessionTTL        time.Duration
	socket            string
	socketAccess      socketAccess
	localBatch        int
	maxClients        int
	drain             drainTime
	tls               tlsFlags
	allow             string
	insecure          bool
	dataDir           string

	autoRequest bool
	auto        workload.Config
	csFile      string

	page pageFlags

	log logFlags

	used variables // that set flags
}

// addTo adds the flags to the command.
func (f *nodeFlags) addTo(cmd *cobra.Command) {
	members := pflag.NewFlagSet("", pflag.ContinueOnError)
	members.StringVar(&f.listen, "listen", hosts.DefaultListen, "listen on `HOST:PORT`; an empty HOST is every interface")
	members.StringVar(&f.advertise, "advertise", "", "the `HOST:PORT` by which the others know this node (default: --listen)")
	members.StringArrayVar(&f.peers, "peers", nil, "the members' addresses, `HOST:PORT,...`; may be given several times")
	members.StringVar(&f.hostsFile, "hosts-file", "", "a `FILE` of members, one HOST:PORT a line, # begins a comment")
	members.BoolVar(&f.single, "single", false, "this node has no other members, and grants every lock by itself")
	f.discover.addTo(members)
	members.DurationVar(&f.sessionTTL, "session-ttl", node.DefaultSessionTTL, "a node that is not heard of for this `TIME` loses its locks; the same at all members")
	addGroup(cmd, "Members", members)

	clients := pflag.NewFlagSet("", pflag.ContinueOnError)
	clients.StringVar(&f.socket, "socket", "", "the `PATH` of the unix socket for this user's clients; \"none\" for no socket (default: conch-PORT.sock in $CONCH_SOCKET_DIR, or else the user's runtime directory, where commands find it without --node)")
	f.socketAccess.addTo(clients)
	clients.IntVar(&f.localBatch, "local-batch", 1, "let in up to `N` waiters of this node before the lock goes to another node where somebody waits: faster where many wait at each node, but less fair, since the next in line at a node waits for up to N entries at each other node; 1 takes turns")
	clients.IntVar(&f.maxClients, "max-clients", 0, "let in up to `N` clients at the socket, and as many at the port, a quarter of them from one host: 16 to 10000 (default: 1024, or fewer where the process may not open enough files)")
	f.drain = drainTime{time: defaultDrain}
	clients.Var(&f.drain, "drain", "let holders here finish for up to `TIME` before the node stops; 0 stops it at once, \"forever\" waits until all are done")
	addGroup(cmd, "Clients", clients)

	security := pflag.NewFlagSet("", pflag.ContinueOnError)
	f.tls.addTo(security)
	security.StringVar(&f.allow, "allow", "", "a `FILE` that says which clients may lock, break or look at which locks; read again when it changes (default: the page and users of the socket may do everything, other clients lock and look)")
	security.BoolVar(&f.insecure, "insecure", false, "listen beyond this machine without TLS (--listen, --http): whoever reaches the node can pass for a member, whoever reaches the page may do all")
	addGroup(cmd, "Security", security)

	state := pflag.NewFlagSet("", pflag.ContinueOnError)
	state.StringVar(&f.dataDir, "data-dir", "", "keep in `DIR` what must outlast this process; \"none\" keeps nothing (default: a folder for this node in the user's state directory)")
	addGroup(cmd, "State", state)

	requests := pflag.NewFlagSet("", pflag.ContinueOnError)
	requests.BoolVar(&f.autoRequest, "auto-request", false, "ask for the critical section in a loop")
	requests.StringVar(&f.auto.Lock, "auto-lock", "cs", "the `NAME` of the lock to ask for")
	requests.DurationVar(&f.auto.Think, "auto-think", 400*time.Millisecond, "`TIME` between two requests, ±50 % at random")
	requests.DurationVar(&f.auto.Hold, "auto-hold", 300*time.Millisecond, "`TIME` in the critical section, ±50 % at random")
	requests.IntVar(&f.auto.Count, "auto-count", 0, "enter `N` times; 0 is for ever. After the last one the node stays and serves the others")
	requests.StringVar(&f.csFile, "cs-file", "", "a `FILE` that all nodes share: the critical section appends \"enter NODE FENCE\", and \"leave NODE FENCE\" (or \"lost NODE FENCE\")")
	addGroup(cmd, "Requests of its own", requests)

	page := pflag.NewFlagSet("", pflag.ContinueOnError)
	f.page.addTo(page)
	addGroup(cmd, "Page and metrics", page)

	log := pflag.NewFlagSet("", pflag.ContinueOnError)
	f.log.addTo(log)
	addGroup(cmd, "Log", log)
	complete := cobra.FixedCompletions(logLevels, cobra.ShellCompDirectiveNoFileComp)
	if err := cmd.RegisterFlagCompletionFunc("log-level", complete); err != nil {
		panic(err) // there is no such flag
	}
	sources := cobra.FixedCompletions([]string{"dns:", "srv:_conch._tcp.", "serf:"}, cobra.ShellCompDirectiveNoFileComp|cobra.ShellCompDirectiveNoSpace)
	if err := cmd.RegisterFlagCompletionFunc("discover", sources); err != nil {
		panic(err) // there is no such flag
	}
	nameVariables(cmd)
}

// check refuses nonsensical values with a usage error.
func (f *nodeFlags) check(cmd *cobra.Command) error {
	for _, name := range []string{"advertise", "hosts-file", "socket", "socket-group", "tls-cert", "tls-key", "tls-ca", "allow", "data-dir", "cs-file", "log-file", "serf-listen", "serf-key"} {
		if flag := cmd.Flags().Lookup(name); flag.Changed && flag.Value.String() == "" {
			return misuse(cmd, "--%s: the value is empty; give one, or leave the flag out", name)
		}
	}
	if err := f.page.check(cmd); err != nil {
		return err
	}
	if err := f.discover.check(cmd, f.listen); err != nil {
		return err
	}
	if err := f.tls.check(cmd); err != nil {
		return err
	}
	if err := checkReadable(cmd, "--allow", f.allow); err != nil {
		return err
	}
	if err := f.socketAccess.check(cmd, f.socket); err != nil {
		return err
	}
	if !f.autoRequest {
		for _, name := range []string{"auto-lock", "auto-think", "auto-hold", "auto-count", "cs-file"} {
			if cmd.Flags().Changed(name) {
				return misuse(cmd, "--%s does nothing without --auto-request; add that, or leave this out", name)
			}
		}
	}
	for name, value := range map[string]time.Duration{"auto-think": f.auto.Think, "auto-hold": f.auto.Hold} {
		if value < 0 || value > maxPause {
			return misuse(cmd, "--%s: got %v, want 0s to %v", name, value, maxPause)
		}
	}
	if f.sessionTTL < node.MinSessionTTL || f.sessionTTL > maxSessionTTL {
		return misuse(cmd, "--session-ttl: got %v, want %v to %v", f.sessionTTL, node.MinSessionTTL, maxSessionTTL)
	}
	if f.localBatch < 1 || f.localBatch > node.MaxLocalBatch {
		return misuse(cmd, "--local-batch: got %d, want 1 to %d; 1 lets the nodes take turns", f.localBatch, node.MaxLocalBatch)
	}
	if f.maxClients != 0 && (f.maxClients < node.MinMaxClients || f.maxClients > node.MaxMaxClients) {
		return misuse(cmd, "--max-clients: got %d, want %d to %d", f.maxClients, node.MinMaxClients, node.MaxMaxClients)
	}
	if f.auto.Count < 0 {
		return misuse(cmd, "--auto-count: got %d, want 1 or more, or 0 for ever", f.auto.Count)
	}
	if name := f.auto.Lock; name == "" || len(name) > maxLockNameBytes || !utf8.ValidString(name) {
		return misuse(cmd, "--auto-lock: got %d bytes, %.40q, want 1 to %d bytes of UTF-8", len(name), name, maxLockNameBytes)
	}
	return f.log.check(cmd, f.autoRequest)
}

// config is the node's configuration by the flags, except for its log.
func (f *nodeFlags) config(cmd *cobra.Command) (node.Config, error) {
	members, err := f.members(cmd)
	if err != nil {
		return node.Config{}, err
	}
	self := members.Addresses[members.Self]
	dataDir, err := f.dataDirectory(self)
	if err != nil {
		return node.Config{}, err
	}
	socket, err := f.socketPath()
	if err != nil {
		return node.Config{}, err
	}
	level, err := zerolog.ParseLevel(f.log.level)
	if err != nil {
		return node.Config{}, err
	}
	return node.Config{
		Listen:     f.listen,
		Advertise:  self,
		Peers:      members.Addresses,
		FoundBy:    f.foundBy(),
		SessionTTL: f.sessionTTL,
		LocalBatch: f.localBatch,
		MaxClients: f.maxClients,
		Socket:     socket,
		SocketMode: f.socketAccess.mode, SocketGroup: f.socketAccess.group,
		DataDir:   dataDir,
		TLS:       pki.Files(f.tls.TLSFiles),
		Insecure:  f.insecure,
		AllowFile: f.allow,
		Log:       zerolog.New(nil).Level(level),
		Evidence:  f.log.evidence,
		Version:   readBuild().Version,
	}, nil
}

// none is the value of --data-dir that keeps nothing, and of --socket that opens none.
const none = "none"

// socketPath returns where the socket for clients is; empty for none.
func (f *nodeFlags) socketPath() (string, error) {
	switch f.socket {
	case none:
		return "", nil
	case "":
		_, port, err := net.SplitHostPort(f.listen)
		if err != nil {
			return "", err
		}
		path, err := socket.Path(port)
		if err != nil {
			return "", fmt.Errorf("--socket: %w; name a path, or \"none\"", err)
		}
		return path, nil
	}
	return f.socket, nil
}

// dataDirectory returns the data directory of a member; empty for none.
func (f *nodeFlags) dataDirectory(member string) (string, error) {
	switch f.dataDir {
	case none:
		return "", nil
	case "":
		dir, err := datadir.DefaultDir(member)
		if err != nil {
			return "", fmt.Errorf("--data-dir: %w", err)
		}
		return dir, nil
	}
	return f.dataDir, nil
}

// cautions lists what a node with these flags gives up.
func (f *nodeFlags) cautions(cfg node.Config) []string {
	var cautions []string
	if f.dataDir == none {
		cautions = append(cautions, "--data-dir none: two nodes may hold a lock at once if this machine's clock is ever set back between two starts of this node")
	}
	if f.insecure && f.tls.TLSFiles == (conch.TLSFiles{}) {
		cautions = append(cautions, "--insecure: nothing is encrypted, and whoever reaches "+f.listen+" can pass for a member, and take and break every lock")
	}
	if f.allow == "" && f.socketAccess.isShared() {
		cautions = append(cautions, "the socket is open to other users, who may take and break every lock; rules (--allow) say what they may")
	}
	cautions = append(cautions, f.discover.cautions(cfg.Advertise, cfg.DataDir)...)
	if len(cfg.Peers) == 2 || f.discover.expect == 2 {
		cautions = append(cautions, "two members: neither can hold a lock while the other is away; with three, one may be away")
	}
	return cautions
}

// listenPage opens the page's port, if there is to be a page. The page has no login, so if
// other machines reach it, a flag must say that this is intended.
func (f *nodeFlags) listenPage(cmd *cobra.Command) (*page, error) {
	if f.page.address == "" {
		return nil, nil
	}
	address, err := net.ResolveTCPAddr("tcp", f.page.address)
	if err != nil {
		return nil, fmt.Errorf("--http: %w", err)
	}
	open := !address.IP.IsLoopback()
	if open && !f.insecure && f.allow == "" {
		return nil, fmt.Errorf("--http: %s is reached from other machines, and the page has no login: say in a file of rules what @page may (--allow), "+
			"or that the network is trusted (--insecure), or serve it on %s and reach it by a tunnel", f.page.address, loopback)
	}
	p, err := f.page.listen(cmd.Context(), address, cmd.ErrOrStderr())
	if err == nil && open {
		p.cautions = []string{"--http " + f.page.address + ": the page has no login: whoever reaches it can take locks, and break those of others, as far as rules (--allow) grant that to @page"}
	}
	return p, err
}

// foundBy says for the log how the node knows its members.
func (f *nodeFlags) foundBy() string {
	var by []string
	if f.discover.used() {
		by = append(by, "discover "+string(f.discover.spec.Kind))
	}
	if len(f.peers) > 0 {
		by = append(by, "peers")
	}
	if f.hostsFile != "" {
		by = append(by, "hosts-file")
	}
	return strings.Join(by, ", ")
}

// members returns the members. A node that knows no others must be meant to be single: it
// would grant every lock by itself, beside a cluster that it was left out of.
func (f *nodeFlags) members(cmd *cobra.Command) (hosts.Members, error) {
	members, err := f.listMembers(cmd)
	if err != nil {
		return hosts.Members{}, err
	}
	switch n := len(members.Addresses); {
	case f.discover.used(): // the others are found later
	case f.single && n > 1:
		return hosts.Members{}, misuse(cmd, "--single: got %d members, %s, want none but this node; leave one of these out", n, strings.Join(members.Addresses, ", "))
	case !f.single && n == 1:
		return hosts.Members{}, misuse(cmd, "%s knows no other member; name them by --peers or --hosts-file, find them by --discover, or say by --single that there are none: such a node grants every lock by itself", members.Addresses[0])
	}
	return members, nil
}

// listMembers returns the named members. What is wrong is a usage error, in the hosts file
// too.
func (f *nodeFlags) listMembers(cmd *cobra.Command) (hosts.Members, error) {
	self, err := hosts.Advertise(
		hosts.Entry{Where: "--listen", Address: f.listen},
		hosts.Entry{Where: "--advertise", Address: f.advertise},
	)
	if err != nil {
		return hosts.Members{}, misuse(cmd, "%w", err)
	}
	peers := hosts.Flag("--peers", f.peers...)
	members, err := hosts.List(self, peers)
	if err != nil {
		return hosts.Members{}, misuse(cmd, "%w", err)
	}
	if f.hostsFile == "" {
		return members, nil
	}
	file, err := hosts.ReadFile(f.hostsFile)
	if err != nil {
		return hosts.Members{}, misuse(cmd, "--hosts-file: %w", err)
	}
	members, err = hosts.List(self, peers, file)
	if err != nil {
		return hosts.Members{}, misuse(cmd, "%w", err)
	}
	return members, nil
}
