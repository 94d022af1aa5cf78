package main

import (
	"fmt"
	"net"
	"slices"

	"github.com/rs/zerolog"
	"github.com/spf13/cobra"

	"conch"
	"conch/internal/datadir"
	"conch/internal/node"
	"conch/internal/pki"
	"conch/internal/socket"
	"conch/token"
)

// config is the node's configuration by the flags, except for its log.
func (f *nodeFlags) config(cmd *cobra.Command) (node.Config, error) {
	members, err := f.listMembers(cmd)
	if err != nil {
		return node.Config{}, err
	}
	self := members.Addresses[members.Self]
	f.named = slices.DeleteFunc(slices.Clone(members.Addresses), func(a string) bool { return a == self })
	dataDir, err := f.dataDirectory(self)
	if err != nil {
		return node.Config{}, err
	}
	membership, err := membershipIn(dataDir, self)
	if err != nil {
		return node.Config{}, err
	}
	if err := f.checkMembers(cmd, members, membership); err != nil {
		return node.Config{}, err
	}
	if membership != nil {
		members.Addresses = node.Standing{Membership: membership}.Members()
	}
	socket, err := f.socketPath()
	if err != nil {
		return node.Config{}, err
	}
	level, err := zerolog.ParseLevel(f.log.level)
	if err != nil {
		return node.Config{}, err
	}
	return node.Config{
		Listen:     f.listen,
		Advertise:  self,
		Peers:      members.Addresses,
		FoundBy:    f.foundBy(),
		SessionTTL: f.sessionTTL,
		LocalBatch: f.localBatch,
		MaxClients: f.maxClients,
		Socket:     socket,
		SocketMode: f.socketAccess.mode, SocketGroup: f.socketAccess.group,
		DataDir:   dataDir,
		TLS:       pki.Files(f.tls.TLSFiles),
		Insecure:  f.insecure,
		AllowFile: f.allow,
		Log:       zerolog.New(nil).Level(level),
		Evidence:  f.log.evidence,
		Version:   readBuild().Version,
	}, nil
}

// membershipIn is the membership in a data directory, nil if there is none.
func membershipIn(dataDir, self string) (*token.Membership, error) {
	if dataDir == "" {
		return nil, nil
	}
	return datadir.ReadMembership(dataDir, self)
}

// none is the value of --data-dir that keeps nothing, and of --socket that opens none.
const none = "none"

// socketPath returns where the socket for clients is; empty for none.
func (f *nodeFlags) socketPath() (string, error) {
	switch f.socket {
	case none:
		return "", nil
	case "":
		_, port, err := net.SplitHostPort(f.listen)
		if err != nil {
			return "", err
		}
		path, err := socket.Path(port)
		if err != nil {
			return "", fmt.Errorf("--socket: %w; name a path, or \"none\"", err)
		}
		return path, nil
	}
	return f.socket, nil
}

// dataDirectory returns the data directory of a member; empty for none.
func (f *nodeFlags) dataDirectory(member string) (string, error) {
	switch f.dataDir {
	case none:
		return "", nil
	case "":
		dir, err := datadir.DefaultDir(member)
		if err != nil {
			return "", fmt.Errorf("--data-dir: %w", err)
		}
		return dir, nil
	}
	return f.dataDir, nil
}

// cautions lists what a node with these flags gives up.
func (f *nodeFlags) cautions(cfg node.Config) []string {
	var cautions []string
	if f.dataDir == none {
		cautions = append(cautions, "--data-dir none: two nodes may hold a lock at once if this machine's clock is ever set back between two starts of this node")
	}
	if f.insecure && f.tls.TLSFiles == (conch.TLSFiles{}) {
		cautions = append(cautions, "--insecure: nothing is encrypted, and whoever reaches "+f.listen+" can pass for a member, and take and break every lock")
	}
	if f.allow == "" && f.socketAccess.isShared() {
		cautions = append(cautions, "the socket is open to other users, who may take and break every lock; rules (--allow) say what they may")
	}
	cautions = append(cautions, f.discover.cautions(cfg.Advertise, cfg.DataDir)...)
	if len(f.join) == 0 && len(cfg.Peers) == 2 || f.discover.expect == 2 {
		cautions = append(cautions, "two members: neither can hold a lock while the other is away; with three, one may be away")
	}
	return cautions
}

// listenPage opens the page's port, if there is to be a page. The page has no login, so if
// other machines reach it, a flag must say that this is intended.
func (f *nodeFlags) listenPage(cmd *cobra.Command) (*page, error) {
	if f.page.address == "" {
		return nil, nil
	}
	address, err := net.ResolveTCPAddr("tcp", f.page.address)
	if err != nil {
		return nil, fmt.Errorf("--http: %w", err)
	}
	open := !address.IP.IsLoopback()
	if open && !f.insecure && f.allow == "" {
		return nil, fmt.Errorf("--http: %s is reached from other machines, and the page has no login: say in a file of rules what @page may (--allow), "+
			"or that the network is trusted (--insecure), or serve it on %s and reach it by a tunnel", f.page.address, loopback)
	}
	p, err := f.page.listen(cmd.Context(), address, cmd.ErrOrStderr())
	if err == nil && open {
		p.cautions = []string{"--http " + f.page.address + ": the page has no login: whoever reaches it can take locks, and break those of others, as far as rules (--allow) grant that to @page"}
	}
	return p, err
}
