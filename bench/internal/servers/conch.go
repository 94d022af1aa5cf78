package servers

import (
	"context"
	"fmt"
	"path/filepath"
	"slices"
	"strings"
	"time"
)

// Settings are what nodes of conch are started with beyond what StartConch says.
type Settings struct {
	Variables []string // of the environment, NAME=VALUE
	Flags     []string
}

// StartConch starts n nodes of conch by its program, each with a unix socket for
// clients and with what it has to remember on disk. Of their logs only errors are
// written.
func StartConch(ctx context.Context, program, dir string, n int, ttl time.Duration, set Settings) (*Fleet, error) {
	addresses, err := FreeAddresses(n)
	if err != nil {
		return nil, err
	}
	fleet := &Fleet{}
	for i, address := range addresses {
		name := fmt.Sprintf("conch%d", i+1)
		socket := filepath.Join(dir, name+".sock")
		command := append(slices.Clone(set.Variables), program, "node")
		if n == 1 {
			command = append(command, "--single")
		}
		command = append(command, set.Flags...)
		err := fleet.start(name, "env", append(command,
			"--listen", address,
			"--peers", strings.Join(addresses, ","),
			"--socket", socket,
			"--session-ttl", ttl.String(),
			"--data-dir", filepath.Join(dir, name),
			"--log-file", filepath.Join(dir, name+".log"),
			"--log-level", "error",
		)...)
		if err != nil {
			return nil, err
		}
		fleet.Endpoints = append(fleet.Endpoints, "unix:"+socket)
	}
	return fleet, fleet.await(ctx)
}
