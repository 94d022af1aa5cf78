package procgroup

import (
	"bufio"
	"fmt"
	"os"
	"os/exec"
	"os/signal"
	"syscall"

	"golang.org/x/sys/unix"
)

// beShell is a shell with one job, a supervisor, which it starts in the terminal's
// foreground or background. It reports the job's state on descriptor 5, and continues the
// job in the foreground at each line from descriptor 6.
func beShell(args []string) {
	control, tell := os.NewFile(3, "control"), os.NewFile(4, "news")
	told, orders := os.NewFile(5, "told"), bufio.NewScanner(os.NewFile(6, "orders"))
	job := exec.Command(self())
	job.Env = append(os.Environ(), as("supervise"))
	job.Stdin, job.Stdout, job.Stderr = os.Stdin, os.Stdout, os.Stderr
	job.ExtraFiles = []*os.File{control, tell}
	job.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	must(job.Start())
	must(control.Close())
	must(tell.Close())
	signal.Ignore(unix.SIGTTOU) // after the start: the job would inherit it
	group := job.Process.Pid
	if args[0] == "foreground" {
		must(unix.IoctlSetPointerInt(0, unix.TIOCSPGRP, group))
	}
	fmt.Fprintln(told, "started")
	for {
		var status unix.WaitStatus
		_, err := unix.Wait4(group, &status, unix.WUNTRACED, nil)
		if err == unix.EINTR {
			continue
		}
		must(err)
		foreground, err := unix.IoctlGetInt(0, unix.TIOCGPGRP)
		must(err)
		if !status.Stopped() {
			fmt.Fprintf(told, "ended, foreground %v\n", foreground == group)
			return
		}
		must(unix.IoctlSetPointerInt(0, unix.TIOCSPGRP, unix.Getpgrp()))
		fmt.Fprintf(told, "stopped\n")
		if !orders.Scan() {
			return
		}
		must(unix.IoctlSetPointerInt(0, unix.TIOCSPGRP, group))
		must(unix.Kill(-group, unix.SIGCONT))
	}
}
