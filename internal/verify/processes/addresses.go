package processes

import (
	"fmt"
	"net"
)

// freeAddresses returns n addresses on loopback with different ports that nobody
// listens on. All ports are held until the last has been found, so none is found
// twice.
func freeAddresses(n int) ([]string, error) {
	var addresses []string
	var listeners []net.Listener
	defer func() {
		for _, listener := range listeners {
			_ = listener.Close() // nobody has come
		}
	}()
	for i := range n {
		listener, err := net.Listen("tcp", "127.0.0.1:0")
		if err != nil {
			return nil, fmt.Errorf("find free port %d of %d: %w", i+1, n, err)
		}
		listeners = append(listeners, listener)
		addresses = append(addresses, listener.Addr().String())
	}
	return addresses, nil
}
