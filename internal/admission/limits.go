package admission

import (
	"syscall"
	"time"
)

// Limits are how much there is room for.
type Limits struct {
	// Unauthenticated peers are connections on which nothing was asked yet, UnauthenticatedPatience is for
	// how long one may be that, and UnauthenticatedBytes how much it may say until then.
	Unauthenticated         int
	UnauthenticatedPatience time.Duration
	UnauthenticatedBytes    int
	// Clients is how many connections of clients may be open, and as many calls;
	// ClientsPerHost, how many of each one host may have.
	Clients, ClientsPerHost int
	// PerMember is how many connections a member may have, and MemberCalls how many
	// calls, beside its streams.
	PerMember, MemberCalls int
	// Local is how many connections there may be to the unix socket.
	Local int
	// WritePatience is for how long at least a write may go on.
	WritePatience time.Duration
}

const (
	maxUnauthenticated = 512
	// leastRoom is what each has where there are hardly any files to open.
	leastRoom = 16

	// kept files are for logs, the disk and the page; and of each member, filesPerMember
	// for the streams to it and from it, and for what it is asked.
	keptFiles      = 128
	filesPerMember = 6
)

// UsualClients is how many clients there is room for at the port, and as many at the
// socket, if nothing else is said.
const UsualClients = 1024

// Usual are the limits of a node among some members, with room for so many clients at the
// port, and as many at the socket. They stand in the way of each other if the process may
// not open enough files for all; then there is less room.
func Usual(members, clients int) Limits { return fitting(openFiles(), members, clients) }

// fitting are the limits where so many files may be open.
func fitting(files, members, clients int) Limits {
	room := files - keptFiles - filesPerMember*members
	share := func(most, eighths int) int { return max(leastRoom, min(most, room/8*eighths)) }
	l := Limits{
		Unauthenticated:         share(maxUnauthenticated, 1),
		UnauthenticatedPatience: 10 * time.Second,
		// Room for the longest HELLO, which lists the members, and for certificates.
		UnauthenticatedBytes: 64<<10 + 272*members,
		Clients:              share(clients, 3),
		PerMember:            16,
		MemberCalls:          512,
		Local:                share(clients, 3),
		WritePatience:        30 * time.Second,
	}
	l.ClientsPerHost = max(leastRoom, l.Clients/4)
	return l
}

// openFiles is how many files this process may have open. Where that cannot be found
// out it is as good as unbounded.
func openFiles() int {
	var limit syscall.Rlimit
	if err := syscall.Getrlimit(syscall.RLIMIT_NOFILE, &limit); err != nil {
		return 1 << 20
	}
	return int(min(limit.Cur, 1<<20))
}
