// Command runlab runs a lab sheet, whose file is its one argument, in the checkout's folder:
// see docs/TEACHING.md.
//
// It is for the Makefile. What is not promised: flags, or that it stays as it is.
package main
