// Package frames has the messages between a client and its node as plain values, for
// the two state machines that exchange them: the node's table of claims
// (internal/claims) and the client's attachment (internal/client/attachment). What each
// message means is written in proto/conch/client/v1; package clientwire turns these
// values into that and back.
//
// A message is one flat struct whose Kind says which fields count. So a message costs
// no allocation, and a simulator can copy, keep, delay and print it.
package frames
