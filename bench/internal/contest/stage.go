package contest

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"time"

	"conch/bench/internal/servers"
)

// Stage is where subjects are played.
type Stage struct {
	// Program is this program, which can be a worker and an etcd server.
	Program string
	// Conch is the conch program.
	Conch string
	// Dir is a folder for the run, on a disk of the kind that servers would use.
	Dir string
	// Window is how long each subject is measured in each round.
	Window time.Duration
	// Patience is how long each turn waits at most for others to be calm.
	Patience time.Duration

	fleets map[string]*servers.Fleet
}

// warmUp is how long workers work before they are measured.
func (s *Stage) warmUp() time.Duration { return s.Window/4 + 300*time.Millisecond }

// starter starts servers, whose files go to a folder.
type starter func(ctx context.Context, s *Stage, dir string) (*servers.Fleet, error)

// fleet starts the servers of a name, or thaws them if they have been started before.
// They are to be frozen when they have had their turn.
func (s *Stage) fleet(ctx context.Context, name string, start starter) (*servers.Fleet, error) {
	if known := s.fleets[name]; known != nil {
		return known, known.Thaw()
	}
	fleet, err := s.freshFleet(ctx, name, start)
	if err != nil {
		return nil, err
	}
	if s.fleets == nil {
		s.fleets = map[string]*servers.Fleet{}
	}
	s.fleets[name] = fleet
	return fleet, nil
}

// freshFleet starts servers that nobody has used.
func (s *Stage) freshFleet(ctx context.Context, name string, start starter) (*servers.Fleet, error) {
	dir, err := os.MkdirTemp(s.Dir, filepath.Base(name))
	if err != nil {
		return nil, fmt.Errorf("contest: %w", err)
	}
	ctx, cancel := context.WithTimeoutCause(ctx, startPatience, fmt.Errorf("the servers of %s did not start within %v", name, startPatience))
	defer cancel()
	return start(ctx, s, dir)
}

// Close ends all servers.
func (s *Stage) Close() error {
	var failures []error
	for _, fleet := range s.fleets {
		failures = append(failures, fleet.Close())
	}
	s.fleets = nil
	return errors.Join(failures...)
}
