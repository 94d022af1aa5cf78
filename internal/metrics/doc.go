// Package metrics counts what happens at a node, for Prometheus.
//
// Names of locks become labels only up to a limit; what happens to further locks is
// counted under the name "other". So the number of series is bounded, whatever
// clients ask for.
//
// # Not promised
//
// Counters begin at zero with each process. How many messages a grant costs is the
// quotient of two rates, of conch_messages_total (kinds REQUEST and TOKEN) and of
// conch_grants_total over all nodes: no node knows it alone.
package metrics
