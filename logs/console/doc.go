// Package console shows lines of a node's log to people, as a terminal does: the time
// of day, what happened, and RN, LN and Q by their symbols.
//
// What it writes is for reading. Only the JSON lines are evidence: they have the date,
// the node, and request numbers with their sessions, which this leaves out.
package console
