package servers

import (
	"context"
	"fmt"
	"net"
	"os"
	"path/filepath"
)

// RedisProgram is Redis's server.
const RedisProgram = "redis-server"

// StartRedis starts n servers of Redis that know nothing of each other and keep
// nothing on disk.
func StartRedis(ctx context.Context, dir string, n int) (*Fleet, error) {
	addresses, err := FreeAddresses(n)
	if err != nil {
		return nil, err
	}
	fleet := &Fleet{Endpoints: addresses}
	for i, address := range addresses {
		name := fmt.Sprintf("redis%d", i+1)
		own := filepath.Join(dir, name)
		if err := os.MkdirAll(own, 0o700); err != nil {
			return nil, fmt.Errorf("servers: redis: %w", err)
		}
		_, port, err := net.SplitHostPort(address)
		if err != nil {
			return nil, fmt.Errorf("servers: redis: %w", err)
		}
		err = fleet.start(name, RedisProgram, "--bind", "127.0.0.1", "--port", port, "--dir", own, "--save", "", "--appendonly", "no", "--daemonize", "no")
		if err != nil {
			return nil, err
		}
	}
	return fleet, fleet.await(ctx)
}
