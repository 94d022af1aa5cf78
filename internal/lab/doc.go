// Package lab runs the lab sheets of docs/TEACHING.md. A lab is a file: which pieces of
// package token it changes, how the demonstration is started, and with which exit code
// `conch logs check` must end. Run builds a changed copy of the program (go build -overlay;
// no file of the checkout changes), runs the demonstration with it, and has the logs judged
// by the program as it is.
//
// What is not promised: that a change of one's own is caught. A rule may be redundant, or
// may matter only when a node or a connection fails.
package lab
