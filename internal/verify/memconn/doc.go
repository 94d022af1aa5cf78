// Package memconn has connections in memory for tests inside testing/synctest, which like
// those of a socket hold only so many bytes, end in one direction alone, and heed
// deadlines.
package memconn
