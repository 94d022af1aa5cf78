// Command job is what the tests of package containers run under a lock. It tells the
// witness, a file that all jobs append to, when it begins and when it ends.
package main
