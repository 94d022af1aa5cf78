package socket

import (
	"errors"
	"fmt"
	"io/fs"
	"net"
	"os"
	"path/filepath"
	"sync"
	"time"
)

// Told is told when a socket's file was removed while the socket was in use. The functions
// must return soon.
type Told struct {
	// Remade: the file was made again.
	Remade func(reason string)
	// Lost: it cannot be made again for now. Each reason is told once.
	Lost func(reason string)
}

// Kept is a listener on a unix socket that makes its file again when somebody removes it,
// as cleaners of temporary files do, and as a system does with a user's runtime directory
// at the last logout.
type Kept struct {
	again func() (net.Listener, error)
	told  Told
	addr  net.Addr
	path  string // of addr

	mu      sync.Mutex
	current net.Listener
	file    os.FileInfo // of current; nil if it was not found
	lost    string      // the reason that was told last; empty while the file is there
	closed  bool

	stop     chan struct{}
	watching sync.WaitGroup
}

// Keep checks the file of a listener that [Listen] returned, at these intervals, until
// Close. again opens the socket anew. The error is the system's, for a file that cannot be
// examined.
func Keep(listener net.Listener, every time.Duration, again func() (net.Listener, error), told Told) (*Kept, error) {
	k := &Kept{again: again, told: told, addr: listener.Addr(), path: listener.Addr().String(), current: listener, stop: make(chan struct{})}
	var err error
	if k.file, err = os.Lstat(k.path); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return nil, fmt.Errorf("socket: %w", err)
	}
	k.watching.Go(func() { k.watch(every) })
	return k, nil
}

func (k *Kept) watch(every time.Duration) {
	ticker := time.NewTicker(every)
	defer ticker.Stop()
	for {
		select {
		case <-ticker.C:
			k.check()
		case <-k.stop:
			return
		}
	}
}

// check makes the socket's file again if it is gone.
func (k *Kept) check() {
	there, err := os.Lstat(k.path)
	switch {
	case err == nil && k.file != nil && os.SameFile(there, k.file):
		k.lost = ""
	case err == nil:
		k.tellLost(fmt.Errorf("%s was removed, and another file is there now; remove that", k.path))
	case errors.Is(err, fs.ErrNotExist):
		k.remake()
	default:
		k.tellLost(err)
	}
}

// remake opens the socket anew, instead of the one whose file is gone.
func (k *Kept) remake() {
	if first := firstDirectory(); first.isOurs && filepath.Dir(k.path) == first.path {
		if _, err := Dir(); err != nil {
			k.tellLost(err)
			return
		}
	}
	listener, err := k.again()
	if err != nil {
		k.tellLost(fmt.Errorf("%s was removed, and cannot be made again: %w", k.path, err))
		return
	}
	file, err := os.Lstat(k.path)
	if err != nil {
		file = nil // it was removed again, which the next check finds
	}
	k.mu.Lock()
	old := k.current
	k.current, k.file = listener, file
	k.mu.Unlock()
	leaveFile(old)
	_ = old.Close() // nobody can reach it any more
	k.lost = ""
	k.told.Remade(k.path + " was removed")
}

func (k *Kept) tellLost(reason error) {
	if text := reason.Error(); k.lost != text {
		k.lost = text
		k.told.Lost(text)
	}
}

// leaveFile keeps a listener's Close from removing the file at its path.
func leaveFile(listener net.Listener) {
	if l, ok := listener.(*net.UnixListener); ok {
		l.SetUnlinkOnClose(false)
	}
}

// Accept is [net.Listener]'s.
func (k *Kept) Accept() (net.Conn, error) {
	for {
		k.mu.Lock()
		listener := k.current
		k.mu.Unlock()
		conn, err := listener.Accept()
		if err == nil {
			return conn, nil
		}
		k.mu.Lock()
		replaced := k.current != listener
		k.mu.Unlock()
		if !replaced {
			return nil, err
		}
	}
}

// Close is [net.Listener]'s. It removes the socket's file, and no other.
func (k *Kept) Close() error {
	k.mu.Lock()
	first := !k.closed
	k.closed = true
	k.mu.Unlock()
	if first {
		close(k.stop)
	}
	k.watching.Wait()
	if there, err := os.Lstat(k.path); err != nil || k.file == nil || !os.SameFile(there, k.file) {
		leaveFile(k.current)
	}
	return k.current.Close()
}

// Addr is [net.Listener]'s.
func (k *Kept) Addr() net.Addr { return k.addr }
