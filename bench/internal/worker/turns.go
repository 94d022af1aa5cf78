package worker

import (
	"context"
	"errors"
	"fmt"
	"net"
	"os"
	"time"
)

// turns locks and unlocks whenever it is this worker's turn, and then lets another
// worker have its turn: so the lock is always wanted where it was not used last, and
// nobody competes for it.
func (w *user) turns(ctx context.Context, own, next string) error {
	in, err := net.ListenUnixgram("unixgram", &net.UnixAddr{Name: own, Net: "unixgram"})
	if err != nil {
		return fmt.Errorf("turns: %w", err)
	}
	defer in.Close()
	stop := context.AfterFunc(ctx, func() { _ = in.SetReadDeadline(time.Unix(1, 0)) })
	defer stop()
	out, err := dialTurn(ctx, next)
	if err != nil {
		return err
	}
	defer out.Close()
	for first := w.client == 0; ; first = false {
		if !first {
			if _, err := in.Read(make([]byte, 1)); err != nil {
				return fmt.Errorf("turns: %w", errors.Join(context.Cause(ctx), err))
			}
		}
		if err := w.once(ctx); err != nil {
			return err
		}
		if _, err := out.Write([]byte{1}); err != nil {
			return fmt.Errorf("turns: %w", err)
		}
	}
}

// dialTurn connects to the next worker, once it is there.
func dialTurn(ctx context.Context, path string) (*net.UnixConn, error) {
	for {
		conn, err := net.DialUnix("unixgram", nil, &net.UnixAddr{Name: path, Net: "unixgram"})
		if err == nil {
			return conn, nil
		}
		if !errors.Is(err, os.ErrNotExist) {
			return nil, fmt.Errorf("turns: %w", err)
		}
		select {
		case <-ctx.Done():
			return nil, context.Cause(ctx)
		case <-time.After(time.Millisecond):
		}
	}
}
