// Package runs has what a lock's runs and kept holds are described by: which tick is run,
// where, when, and how it ended. It checks ticks against a clock that it is given, and turns
// a description into the short text that members remember, and back. It is pure.
//
// # What is not promised
//
// That a description is true: a client says of itself who it is, and clocks may be off. What
// is long is shortened.
package runs
