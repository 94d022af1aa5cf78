package socket

import (
	"context"
	"errors"
	"fmt"
	"net"
	"os/user"
	"strconv"
	"syscall"

	"google.golang.org/grpc/credentials"
)

// User is the user at the other end of a unix socket, as the system says.
type User struct {
	UID uint32
	// Name is empty if the system has none for the id.
	Name string
}

// AuthType is [credentials.AuthInfo]'s.
func (User) AuthType() string { return "unix" }

// Credentials returns a gRPC server's credentials for a unix socket: each call has a [User]
// for its AuthInfo.
func Credentials() credentials.TransportCredentials { return peerCredentials{} }

type peerCredentials struct{}

func (peerCredentials) ServerHandshake(conn net.Conn) (net.Conn, credentials.AuthInfo, error) {
	u, err := Peer(conn)
	if err != nil {
		return nil, nil, err
	}
	return conn, u, nil
}

// Peer returns the user at the other end of a unix socket's connection.
func Peer(conn net.Conn) (User, error) {
	system, ok := conn.(syscall.Conn)
	if !ok || conn.LocalAddr().Network() != "unix" {
		return User{}, fmt.Errorf("a connection of kind %T, want one of a unix socket", conn)
	}
	uid, err := peerUID(system)
	if err != nil {
		return User{}, fmt.Errorf("who is at the other end: %w", err)
	}
	u := User{UID: uid}
	if known, err := user.LookupId(strconv.FormatUint(uint64(uid), 10)); err == nil {
		u.Name = known.Username
	}
	return u, nil
}

// errServerOnly says that the credentials are used where connections are dialled.
var errServerOnly = errors.New("credentials of a unix socket are for servers")

func (peerCredentials) ClientHandshake(context.Context, string, net.Conn) (net.Conn, credentials.AuthInfo, error) {
	return nil, nil, errServerOnly
}

func (peerCredentials) Info() credentials.ProtocolInfo {
	return credentials.ProtocolInfo{SecurityProtocol: "unix"}
}

func (peerCredentials) Clone() credentials.TransportCredentials { return peerCredentials{} }

func (peerCredentials) OverrideServerName(string) error { return errServerOnly }
