//go:build linux

package netns

import (
	"context"
	"fmt"
	"math/rand/v2"
	"net"
	"sync"
	"time"
)

// proxyAddress is where the proxy on a client's host listens for a node.
func proxyAddress(node int) string { return fmt.Sprintf("127.0.0.1:%d", 7400+node) }

// proxy passes connections on to the nodes. Until the faults are over it sometimes stops
// for up to T in the middle of the bytes, and resets connections.
func (r *role) proxy() error {
	for i, node := range r.nodes {
		listener, err := net.Listen("tcp", proxyAddress(i))
		if err != nil {
			return err
		}
		random := rand.New(rand.NewPCG(r.random.Uint64(), uint64(i)))
		go r.serve(listener, node, random)
	}
	r.recorder.write(ready, "-", 0, now())
	select {} // it is killed at the end
}

// serve accepts connections for a node.
func (r *role) serve(listener net.Listener, node string, random *rand.Rand) {
	for {
		conn, err := listener.Accept()
		if err != nil {
			return
		}
		near, ok := conn.(*net.TCPConn)
		if !ok {
			panic(fmt.Sprintf("netns: a TCP listener accepted a %T", conn))
		}
		seed := random.Uint64()
		go func() {
			ctx, cancel := context.WithTimeout(context.Background(), 2*r.ttl)
			defer cancel()
			conn, err := new(net.Dialer).DialContext(ctx, "tcp", node)
			if err != nil {
				_ = near.Close() // the node is not there
				return
			}
			far := conn.(*net.TCPConn) //nolint:forcetypeassert // it was dialled as one
			var once sync.Once
			reset := func() {
				once.Do(func() {
					for _, c := range []*net.TCPConn{near, far} {
						_ = c.SetLinger(0) // a reset instead of an orderly end
						_ = c.Close()
					}
				})
			}
			go r.pass(near, far, rand.New(rand.NewPCG(seed, 1)), reset)
			r.pass(far, near, rand.New(rand.NewPCG(seed, 2)), reset)
		}()
	}
}

// pass passes bytes on in parts.
func (r *role) pass(from, to net.Conn, random *rand.Rand, reset func()) {
	defer reset()
	buffer := make([]byte, 16<<10)
	for {
		n, err := from.Read(buffer)
		if err != nil {
			return
		}
		data := buffer[:n]
		if r.done.Err() == nil && random.IntN(60) == 0 {
			part := random.IntN(n)
			if _, err := to.Write(data[:part]); err != nil {
				return
			}
			data = data[part:]
			wait(r.done, time.Duration(random.Int64N(int64(r.ttl))))
			if random.IntN(4) == 0 {
				return
			}
		}
		if _, err := to.Write(data); err != nil {
			return
		}
	}
}
