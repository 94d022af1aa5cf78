// Package discovery decides when nodes that look for each other have found each other: what
// conch node --discover does with the addresses that DNS or Serf answer. It is pure; package
// lookup asks DNS and Serf, and internal/node asks the members.
//
// A [Search] goes through three stages. While it is [Looking], its list is whoever it knows,
// if those are exactly as many as are expected; it may change. It settles when every other
// member of the list shows the same list. A list that is [Settled] is on disk before it is
// shown, and never changes. The search is over, and the node may begin ([Running]), when
// every other member has shown that it has settled on the same list, or one of them that it
// runs with it.
//
// # Why two lists with a common member never both run
//
// A node runs with a list only after each member of it has settled on it: it saw that
// itself, or it heard it from a member that runs with the list. A member settles on one list
// only, as long as it keeps its disk. So of two different lists that have a member in common,
// at least one has a member that never settles on it, and no node ever runs with that one.
//
// A different number of expected members is a different list. The stage Looking adds nothing
// to safety: without it, a node that saw a wrong answer once would be bound to it.
//
// # What is not promised
//
// Two lists without a common member can both run, as two clusters that were written down
// can: nobody is there to notice. A member that loses its disk, or that keeps none
// (--data-dir none), may settle on another list after a restart.
//
// A node may settle just as another member sees an answer change, and then waits for a list
// that never comes. [Search.Report] tells; the operator stops the nodes and removes the
// file list.json from their data directories. (Once a node has run with it, other rules
// hold: the members change by conch members.)
//
// # Nodes that join
//
// A [Candidate] is a node that may not be a member, or not know yet what the members have
// become. It believes the newest membership that it is shown, of one cluster.
package discovery
