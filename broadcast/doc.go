// Package broadcast is the driver: it runs the algorithm of package token over
// gRPC streams between the members of a cluster.
package broadcast
