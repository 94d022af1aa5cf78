// Command mksite writes the lessons and the documents into a folder for a web server, which is
// its one argument. It runs in the checkout's folder: see `make site`.
//
// It is for the Makefile. What is not promised: flags, or that it stays as it is.
package main
