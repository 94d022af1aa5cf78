// Package logfile writes a node's log. A log is evidence: it has each line whole, and
// where one is missing there is none after it.
//
// Lines are collected until Flush, so that those of one moment take one system call. A
// node flushes before anybody can see what the lines tell of, so a process that is
// killed leaves no line out whose message has left.
//
// # What is not promised
//
// Lines on disk before Close: what a machine that loses its power has written last may be
// gone.
package logfile
