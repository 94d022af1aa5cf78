// Package messages draws messages as one member may send them to another, for tests of
// what encodes, decodes and receives them.
//
// # What is not promised
//
// That the messages follow from each other, or from anything that happened.
package messages
