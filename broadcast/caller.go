package broadcast

import (
	"os"
	"os/user"

	"conch/internal/claims"
)

// Caller describes to people who claims a lock. Nothing depends on it.
type Caller = claims.Caller

// ThisProcess describes the process that calls it. What it cannot find out is left empty.
func ThisProcess(command string) Caller {
	c := Caller{PID: int64(os.Getpid()), Command: command}
	c.Host, _ = os.Hostname()
	if u, err := user.Current(); err == nil {
		c.User = u.Username
	}
	return c
}
