package main

import (
	"context"
	"fmt"
	"net"
	"time"
)

const (
	// demoPage is the page's default address.
	demoPage = loopback + ":8001"
	// pageThink and pageHold are long enough for people to follow on the page.
	pageThink = 2 * time.Second
	pageHold  = time.Second
	// pageStall is demoStall for a page on which people may take the lock and forget it.
	pageStall = time.Hour
)

// checkFree checks, before any node starts, that the page's address can be listened on;
// empty is none.
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

// onLoopback reports whether only this machine reaches the page's address, so that its node
// needs no permission to serve it.
func onLoopback(address string) bool {
	host, _, err := net.SplitHostPort(address)
	if err != nil {
		return false
	}
	resolved, err := net.ResolveTCPAddr("tcp", address)
	return host == "" || err == nil && resolved.IP.IsLoopback()
}
