package broadcast

import (
	"context"
	"errors"
	"net"

	"github.com/rs/zerolog"
	"google.golang.org/grpc"

	"conch/token"
)

var (
	ErrName     = errors.New("bad lock name")
	ErrStopped  = errors.New("node is stopped")
	ErrLost     = errors.New("lock was lost")
	ErrReleased = errors.New("lock was released before")
)

type Config struct {
	Members []string
	Self    token.Member
	Session token.Session
	Log     zerolog.Logger
	Version string
}

type Driver struct{}

func Start(cfg Config) (*Driver, error)                { return nil, errors.ErrUnsupported }
func ServerOptions() []grpc.ServerOption               { return nil }
func (d *Driver) Register(r grpc.ServiceRegistrar)     {}
func (d *Driver) Listener(l net.Listener) net.Listener { return l }
func (d *Driver) Acquire(ctx context.Context, lock string) (Hold, error) {
	return Hold{}, errors.ErrUnsupported
}
func (d *Driver) Done() <-chan struct{}          { return nil }
func (d *Driver) Err() error                     { return nil }
func (d *Driver) Fail(err error)                 {}
func (d *Driver) Stop(ctx context.Context) error { return nil }

type Hold struct{}

func (h Hold) Fence() token.Fence    { return 0 }
func (h Hold) Done() <-chan struct{} { return nil }
func (h Hold) Err() error            { return nil }
func (h Hold) Release() error        { return nil }
