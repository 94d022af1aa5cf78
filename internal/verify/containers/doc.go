// Package containers tests the image and compose.yaml of folder packaging on a Docker
// engine: three nodes, each in a container of its own, on a network of their own, while one
// of them is killed, one is cut off, and all are restarted one after the other. Then a node
// is added to the members, another takes the place of a killed one whose disk is gone, and
// one is removed. A file to which all jobs append is the witness.
//
// What is not promised: that anything is tested without an engine. The test then says so.
package containers
