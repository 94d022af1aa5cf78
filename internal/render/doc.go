// Package render writes a node's answers about its cluster and its locks: as sentences and
// tables for people ([Text]), and as JSON for scripts ([JSON]). It turns messages into text
// and does nothing else: it asks no node, and chooses no exit code.
//
// Text from elsewhere (names of locks, hosts, users, commands, reasons) may contain
// anything. Nothing in it reaches a terminal that the terminal would obey: text that is not
// all printable is shown as a quoted Go string, and JSON escapes it.
//
// # What is not promised
//
// Text for people may change with each version. The keys of the JSON, which
// JSON.md lists, keep their names and meanings; new ones may be added. Columns
// line up by characters, so text of double width pushes what follows it.
package render
