// Package lint holds the rules of this project that no common linter knows: who
// may import whom, what the pure core may use, how long a file may be. They are
// tests, so `go test ./...` checks them, and each failure says what to do.
//
// A rule reads the source files and nothing else; it does not build them. Files
// for every platform are read, whichever platform the tests run on.
//
// What is not promised: that code which passes is good. The rules catch what
// would otherwise have to be said in every review.
package lint
