package broadcast

import (
	"fmt"
	"os"
	"os/user"
)

// Caller describes to people who claims a lock. Nothing depends on it.
type Caller struct {
	Host string
	PID  int64
	User string
	// Command is what runs under the lock.
	Command string
	// Identity is what the node knows of it, and has not only been told: the user of this
	// machine, or the name in a certificate. Empty is nothing.
	Identity string
}

// ThisProcess describes the process that calls it. What cannot be found out is left
// empty.
func ThisProcess(command string) Caller {
	c := Caller{PID: int64(os.Getpid()), Command: command}
	c.Host, _ = os.Hostname()
	if u, err := user.Current(); err == nil {
		c.User = u.Username
	}
	return c
}

// String describes a caller in one phrase: who, where, and which process.
func (c Caller) String() string {
	who := fmt.Sprintf("%s@%s", c.User, c.Host)
	if c.PID != 0 {
		who += fmt.Sprintf(", process %d", c.PID)
	}
	if c.Identity != "" {
		who += ", known as " + c.Identity
	}
	return who
}
