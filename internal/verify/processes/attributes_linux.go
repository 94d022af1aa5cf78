package processes

import "syscall"

// attributes of every node's process: a process group of its own, and killed when
// the thread that started it dies.
func attributes() *syscall.SysProcAttr {
	return &syscall.SysProcAttr{Setpgid: true, Pdeathsig: syscall.SIGKILL}
}
