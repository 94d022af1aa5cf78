package processes

import (
	"fmt"
	"net"
)

// freeAddresses returns n addresses on loopback with different ports that nobody listens
// on. It holds all ports until it has found the last, so that it finds none twice.
func freeAddresses(n int) ([]string, error) {
	var addresses []string
	var listeners []net.Listener
	defer func() {
		for _, listener := range listeners {
			_ = listener.Close() // nobody has connected
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

// inARow returns n addresses on loopback with ports in a row.
func inARow(first, n int) []string {
	var addresses []string
	for i := range n {
		addresses = append(addresses, fmt.Sprintf("127.0.0.1:%d", first+i))
	}
	return addresses
}

// areFree reports whether nobody listens on any of the addresses.
func areFree(addresses []string) bool {
	for _, address := range addresses {
		listener, err := net.Listen("tcp", address)
		if err != nil {
			return false
		}
		_ = listener.Close() // nobody has connected
	}
	return true
}
