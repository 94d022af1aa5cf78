package wires

import (
	"context"
	"errors"
	"net"
	"path/filepath"
	"runtime"
	"testing"
	"time"

	"conch/bench/internal/board"
)

// patience is far longer than anything here takes.
const patience = 20 * time.Second

func check(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

// addresses are three that nobody listens on.
func addresses(t *testing.T) []string {
	t.Helper()
	var all []string
	for range 3 {
		listener, err := new(net.ListenConfig).Listen(t.Context(), "tcp", "127.0.0.1:0")
		check(t, err)
		defer listener.Close() //nolint:gocritic // not before all are found
		all = append(all, listener.Addr().String())
	}
	return all
}

func newBoard(t *testing.T) *board.Board {
	t.Helper()
	b, err := board.Create(filepath.Join(t.TempDir(), "board"))
	check(t, err)
	t.Cleanup(func() { check(t, b.Close()) })
	return b
}

func TestRelayGoesRound(t *testing.T) {
	for _, kind := range []RelayKind{GRPCRing, GRPCMesh, TCPRing} {
		t.Run(string(kind), func(t *testing.T) {
			ctx, cancel := context.WithTimeout(t.Context(), patience)
			defer cancel()
			b, all := newBoard(t), addresses(t)
			ended := make(chan error, len(all))
			for i := range all {
				go func() { ended <- Relay{Kind: kind, Addresses: all, Self: i}.Run(ctx, b) }()
			}
			for b.Counts().Hops < 100 && ctx.Err() == nil && len(ended) == 0 {
				runtime.Gosched()
			}
			b.SetPhase(board.End)
			for range all {
				check(t, <-ended)
			}
			if hops := b.Counts().Hops; hops < 100 {
				t.Errorf("the message was passed on %d times, want at least 100", hops)
			}
		})
	}
}

func TestTripComesBack(t *testing.T) {
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	defer cancel()
	b := newBoard(t)
	at := []string{addresses(t)[0], "unix:" + filepath.Join(t.TempDir(), "echo")}
	ended := make(chan error, 1)
	go func() { ended <- Echo(ctx, at, b) }()
	for _, address := range at {
		call, err := DialCall(address)
		check(t, err)
		check(t, call.Lock(ctx))
		stream, err := DialStream(ctx, address)
		check(t, err)
		check(t, stream.Lock(ctx))
		check(t, stream.Lock(ctx))
		check(t, errors.Join(call.Close(), stream.Close()))
	}
	b.SetPhase(board.End)
	check(t, <-ended)
}

func TestPlainTripComesBack(t *testing.T) {
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	defer cancel()
	b := newBoard(t)
	at := "unix:" + filepath.Join(t.TempDir(), "echo")
	ended := make(chan error, 1)
	go func() { ended <- EchoPlain(ctx, at, b) }()
	trip, err := DialPlain(ctx, at)
	check(t, err)
	check(t, trip.Lock(ctx))
	check(t, trip.Lock(ctx))
	check(t, trip.Close())
	b.SetPhase(board.End)
	check(t, <-ended)
}

func TestSwapGivesTheTokenToWhoAsks(t *testing.T) {
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	defer cancel()
	all := addresses(t)
	swaps, joined := make([]*Swap, len(all)), make(chan error, len(all))
	for i := range all {
		go func() {
			var err error
			swaps[i], err = JoinSwap(ctx, all, i)
			joined <- err
		}()
	}
	for range all {
		check(t, <-joined)
	}
	for round := range 30 {
		s := swaps[round%len(swaps)]
		check(t, s.Lock(ctx))
		for _, other := range swaps {
			other.mu.Lock()
			if other.here != (other == s) {
				t.Errorf("round %d: here is %t at a process that has the lock: %t", round, other.here, other == s)
			}
			other.mu.Unlock()
		}
		check(t, s.Unlock(ctx))
	}
	for _, s := range swaps {
		check(t, s.Close())
	}
}

func TestParseRefusesWhatIsNoMessage(t *testing.T) {
	token, request := newMessages(2)
	for _, message := range [][]byte{token, request} {
		if _, sender, err := parse(message, 3); err != nil || sender != 2 {
			t.Errorf("%x: got sender %d, %v, want 2", message[:2], sender, err)
		}
		if _, _, err := parse(message, 2); err == nil {
			t.Errorf("%x from one of 2: no error", message[:2])
		}
	}
	for _, message := range [][]byte{nil, {kindToken}, {9, 0}} {
		if _, _, err := parse(message, 3); err == nil {
			t.Errorf("%x: no error", message)
		}
	}
}
