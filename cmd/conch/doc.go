// Command conch runs, shows and judges a distributed lock without a server: "conch
// node" is one member of a cluster, "conch demo" shows a few of them take turns on
// one machine, and "conch logs" merges, checks and explains what nodes logged.
//
// This package is flags, wiring and exit codes, and nothing else. A command that was
// given wrongly ends with exit code 64 and one line that says what to do; whatever
// else fails, with 1.
//
// # What is not promised
//
// Text for people, the progress of a demonstration among it, may change with each
// version. Logs keep to their schema, and --json to its keys.
package main
