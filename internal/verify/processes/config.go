package processes

// Use is what the nodes of a cluster are for.
type Use int

const (
	// TakeTurns: every node asks for the lock in a loop (--auto-request), as flags such as
	// --auto-count say, and records its critical sections in the shared file.
	TakeTurns Use = iota
	// ServeClients: the nodes ask for nothing themselves. Each has a unix socket for
	// clients, and a page with its metrics.
	ServeClients
)

// Config describes a cluster.
type Config struct {
	// Program is the conch program's path.
	Program string
	// Nodes is how many nodes there are, at least 1.
	Nodes int
	// Use is what the nodes are for.
	Use Use
	// Dir is an existing folder, in which every node writes its log and all share a witness
	// file of the critical sections.
	Dir string
	// Advertise, if not empty, has an address for each node by which the others know it,
	// such as that of a proxy that passes connections on to the node. Further ones are for
	// nodes that join.
	Advertise []string
	// Port, if not 0, is the port of the first node, and the others' ports follow, if all
	// of these are free. Otherwise any free ports are used.
	Port int
	// Serf: the nodes find each other by Serf, with the first node's agent as the seed, and are
	// not told their peers.
	Serf bool
	// Flags are given to every "conch node", in addition to those for its address, its
	// peers, its files and its use.
	Flags []string
	// FirstFlags are given to the first node alone, in addition.
	FirstFlags []string
	// FlagsOf, if not nil, returns more flags for the node with an address, such as those
	// for its certificate. It is called again if Start has to look for other ports.
	FlagsOf func(address string) ([]string, error)
}
