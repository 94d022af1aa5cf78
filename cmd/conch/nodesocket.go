package main

import (
	"context"
	"fmt"
	"io/fs"
	"os"
	"slices"
	"strconv"
	"time"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"conch/internal/node"
	"conch/internal/socket"
)

// socketAccess are the flags that let other users connect to the socket.
type socketAccess struct {
	modeText string
	mode     fs.FileMode
	group    string
}

// The permissions that a socket's file must have, and may have: connecting needs write
// permission.
const (
	leastSocketMode fs.FileMode = 0o600
	mostSocketMode  fs.FileMode = 0o666
)

// addTo adds the flags to a set.
func (a *socketAccess) addTo(set *pflag.FlagSet) {
	set.StringVar(&a.modeText, "socket-mode", "", "the `MODE` of the socket's file, 0600, 0660 or 0666: whoever may write it may connect (default: 0600, and 0660 with --socket-group)")
	set.StringVar(&a.group, "socket-group", "", "the `GROUP` of the socket's file, whose users may connect; a name or a number")
}

// isShared reports whether other users may connect.
func (a *socketAccess) isShared() bool {
	return a.group != "" && a.mode == 0 || a.mode&^leastSocketMode != 0
}

// check refuses nonsensical values with a usage error. The path is --socket.
func (a *socketAccess) check(cmd *cobra.Command, path string) error {
	if a.modeText == "" && a.group == "" && !cmd.Flags().Changed("socket-mode") {
		return nil
	}
	if path == none {
		return misuse(cmd, "--socket-mode and --socket-group do nothing with --socket none")
	}
	if path == "" && os.Getenv(socket.EnvDir) == "" {
		return misuse(cmd, "--socket-mode and --socket-group need --socket PATH: nobody else can get into the folder where the socket is by default")
	}
	if err := (socket.Access{Group: a.group}).Check(); err != nil {
		return misuse(cmd, "--socket-group: %w", err)
	}
	if !cmd.Flags().Changed("socket-mode") {
		return nil
	}
	mode, err := strconv.ParseUint(a.modeText, 8, 32)
	a.mode = fs.FileMode(mode)
	if err != nil || a.mode&^mostSocketMode != 0 || a.mode&leastSocketMode != leastSocketMode {
		return misuse(cmd, "--socket-mode: got %q, want a mode in octal digits with 0600 in it and at most 0666, such as 0660", a.modeText)
	}
	return nil
}

// How often the announcement is compared with the members, and how often it is renewed:
// cleaners remove files from the directory for temporary files.
const (
	comparePause  = time.Second
	announcePause = 10 * time.Second
)

// announcing returns a loop by which commands find the socket of a node, in every
// environment of its user, and know its cluster, whose members may change. It is nil for a
// socket path that the user has chosen: commands are given that path.
func (f *nodeFlags) announcing(cmd *cobra.Command, path string, n *node.Node) func(context.Context) {
	if f.socket != "" || path == "" {
		return nil
	}
	told := ""
	var cluster string
	var members []string
	announce := func() {
		cluster, members = n.Cluster(), n.Members()
		if err := socket.Announce(path, cluster, members); err != nil && err.Error() != told {
			told = err.Error()
			fmt.Fprintf(cmd.ErrOrStderr(), "conch: caution: commands may not find this node without --node: %v\n", err)
		}
	}
	announce()
	return func(ctx context.Context) {
		compare, renew := time.NewTicker(comparePause), time.NewTicker(announcePause)
		defer compare.Stop()
		defer renew.Stop()
		for {
			select {
			case <-ctx.Done():
				return
			case <-compare.C:
				if n.Cluster() != cluster || !slices.Equal(n.Members(), members) {
					announce()
				}
			case <-renew.C:
				announce()
			}
		}
	}
}
