//go:build unix && !linux

package processes

import "syscall"

// attributes of every node's process: a process group of its own.
func attributes() *syscall.SysProcAttr {
	return &syscall.SysProcAttr{Setpgid: true}
}
