package socket

import (
	"syscall"

	"golang.org/x/sys/unix"
)

// peerUID returns the user that opened the other end of a connection.
func peerUID(conn syscall.Conn) (uid uint32, err error) {
	raw, err := conn.SyscallConn()
	if err != nil {
		return 0, err
	}
	var cred *unix.Ucred
	if ctlErr := raw.Control(func(fd uintptr) {
		cred, err = unix.GetsockoptUcred(int(fd), unix.SOL_SOCKET, unix.SO_PEERCRED)
	}); ctlErr != nil {
		return 0, ctlErr
	}
	if err != nil {
		return 0, err
	}
	return cred.Uid, nil
}
