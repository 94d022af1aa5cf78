// Package reason makes what other processes say fit for people: without what gRPC puts around
// it, and without what a terminal might obey.
//
// # What is not promised
//
// That a text is true, or that two texts for one cause are the same.
package reason
