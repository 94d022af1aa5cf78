package main

import (
	"context"
	"fmt"
	"net"
	"time"
)

const (
	// demoPage is where the page is served if no address is given.
	demoPage = loopback + ":8001"
	// pageThink and pageHold are long enough for people to follow on the page.
	pageThink = 2 * time.Second
	pageHold  = time.Second
	// pageStall is demoStall where people may take the lock on the page, and forget it.
	pageStall = time.Hour
)

// checkFree finds out whether the page's address can be listened on, before there are
// nodes; empty is none.
func checkFree(ctx context.Context, address string) error {
	if address == "" {
		return nil
	}
	listener, err := new(net.ListenConfig).Listen(ctx, "tcp", address)
	if err != nil {
		return fmt.Errorf("--http: %w; give another as --http=HOST:PORT", err)
	}
	return listener.Close()
}

// onLoopback reports whether the page's address is reached from this machine alone, so that
// its node needs no leave to serve it.
func onLoopback(address string) bool {
	host, _, err := net.SplitHostPort(address)
	if err != nil {
		return false
	}
	resolved, err := net.ResolveTCPAddr("tcp", address)
	return host == "" || err == nil && resolved.IP.IsLoopback()
}
