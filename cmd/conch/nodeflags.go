package main

import (
	"time"
	"unicode/utf8"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"conch/hosts"
	"conch/internal/node"
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
	join              []string
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

	named []string // the other members by the flags, as addresses
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
	members.StringArrayVar(&f.join, "join", nil, "wait until this node, whose data directory is empty, is added to the cluster of these members, `HOST:PORT,...` (conch members add)")
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
	security.StringVar(&f.allow, "allow", "", "a `FILE` that says which clients may lock, break or look at which locks, and who may change the members; read again when it changes (default: users of the socket may do everything, the page all but change the members, other clients lock and look)")
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
	if err := f.checkJoin(cmd); err != nil {
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
