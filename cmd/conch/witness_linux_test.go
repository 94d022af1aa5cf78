package main

import "golang.org/x/sys/unix"

// leaveDeathToOthers makes a process live on when its parent ends.
func leaveDeathToOthers() { must(unix.Prctl(unix.PR_SET_PDEATHSIG, 0, 0, 0, 0)) }
