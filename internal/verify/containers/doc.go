// Package containers tests the image and compose.yaml of folder packaging on a Docker
// engine: three nodes, each in a container of its own, on a network of their own, while one
// of them is killed, one is cut off, and all are restarted one after the other. A file to
// which all jobs append is the witness.
//
// What is not promised: that anything is tested without an engine. The test then says so.
package containers
