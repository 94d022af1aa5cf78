// Package logfile writes a node's log: lines to a file, which may be rotated, or to
// standard output.
//
// Lines are collected until Flush, so that those of one moment take one system call. A
// node flushes before anybody can see what the lines tell of, so a process that is
// killed leaves no line out whose message has left.
//
// Where the log is not evidence, [Behind] spares the node even the wait for that call: on
// a busy disk it may take longer than a lease has left.
//
// When lines cannot be written, as on a full disk, the node has better things to do than
// to end. The Writer counts the lines that are missing, tries again once a second, and
// when it can write again, first writes a line that says how many are missing. So no line
// is missing from a log that does not say so. With Config.Complete nothing is written
// after a missing line, and whoever runs the node is told to end it.
//
// # What is not promised
//
// Lines on disk before Close: what a machine that loses its power has written last may be
// gone. A line that says how many are missing, where the process ends before it can
// write again.
package logfile
