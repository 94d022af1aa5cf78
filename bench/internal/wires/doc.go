// Package wires is what the locks stand on, bare: messages between processes over
// gRPC streams, unary calls and TCP, with nothing behind them. No lock that passes a
// message from one holder to the next can be faster than these.
//
// The gRPC connections have the settings of the product's own, and the messages its
// sizes; the payload is bytes, so that no time goes into a schema.
//
// # What is not promised
//
// The fastest way to move a byte. A ring over shared memory would be faster, and
// would say nothing of a lock between machines.
package wires
