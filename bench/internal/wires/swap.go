package wires

import (
	"context"
	"fmt"
	"sync"
)

// Swap is the least that a lock between processes can be when nobody competes: who
// wants the token sends a request to all, and who has it sends it to whoever asked.
// It forgets a request that comes while the token is in use or on its way, so it is
// right only for processes that take turns.
type Swap struct {
	mesh           *mesh
	token, request []byte
	got            chan struct{} // has an entry when the token has come

	mu    sync.Mutex
	here  bool
	inUse bool
}

// JoinSwap joins processes that take turns. The first of them has the token.
func JoinSwap(ctx context.Context, addresses []string, self int) (*Swap, error) {
	s := &Swap{got: make(chan struct{}, 1), here: self == 0}
	s.token, s.request = newMessages(self)
	m, err := joinMesh(ctx, addresses, self, func(int) bool { return true }, s.receive)
	if err != nil {
		return nil, err
	}
	s.mesh = m
	m.begin()
	return s, nil
}

func (s *Swap) receive(message []byte) error {
	kind, sender, err := parse(message, len(s.mesh.links))
	if err != nil {
		return err
	}
	s.mu.Lock()
	if kind == kindToken {
		s.here = true
		s.mu.Unlock()
		s.got <- struct{}{}
		return nil
	}
	gives := s.here && !s.inUse
	if gives {
		s.here = false
	}
	s.mu.Unlock()
	if gives {
		return s.mesh.send(sender, s.token)
	}
	return nil
}

// Lock waits for the token.
func (s *Swap) Lock(ctx context.Context) error {
	s.mu.Lock()
	here := s.here
	s.inUse = true
	s.mu.Unlock()
	if here {
		return nil
	}
	if err := s.mesh.sendAll(s.request); err != nil {
		return err
	}
	select {
	case <-s.got:
		return nil
	case <-ctx.Done():
		return fmt.Errorf("wires: wait for the token: %w", context.Cause(ctx))
	}
}

// Unlock keeps the token until somebody asks for it.
func (s *Swap) Unlock(context.Context) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.inUse = false
	return nil
}

// Close ends the links.
func (s *Swap) Close() error {
	_ = s.mesh.close() // the others may have gone first, which is no failure
	return nil
}
