// Package logfile writes a node's log: lines to a file, which may be rotated, or to
// standard output.
//
// Lines are collected until Flush, so that those of one moment take one system call. A node
// flushes before anybody can see the events that the lines record, so a killed process
// leaves out no line whose message has left.
//
// If the log is not evidence, [Behind] spares the node even the wait for that call: on a
// busy disk it may take longer than a lease has left.
//
// If lines cannot be written, as on a full disk, the node goes on. The Writer counts the
// missing lines, tries again once a second, and when it can write again, first writes a
// line with their number. So a log from which lines are missing says so. With
// Config.Complete nothing is written after a missing line, and the Writer calls Failed.
//
// # What is not promised
//
// Lines on disk before Close: the last lines before a loss of power may be gone. The line
// that counts the missing ones, if the process ends before it can write again.
package logfile
