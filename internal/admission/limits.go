package admission

import (
	"syscall"
	"time"
)

// Limits bound connections and calls.
type Limits struct {
	// Unauthenticated bounds the connections on which nothing was asked yet,
	// UnauthenticatedPatience how long one may stay so, and UnauthenticatedBytes how much
	// it may send until then.
	Unauthenticated         int
	UnauthenticatedPatience time.Duration
	UnauthenticatedBytes    int
	// Clients is how many connections of clients may be open, and how many calls of theirs;
	// ClientsPerHost, how many of each one host may have.
	Clients, ClientsPerHost int
	// PerMember is how many connections a member may have, and MemberCalls how many calls,
	// beside its streams.
	PerMember, MemberCalls int
	// Local is how many connections the unix socket may have.
	Local int
	// WritePatience is the least time that a write may take before it fails.
	WritePatience time.Duration
}

const (
	maxUnauthenticated = 512
	// leastRoom is the room for each kind if hardly any files can be opened.
	leastRoom = 16

	// kept files are for logs, the disk and the page. Each member has filesPerMember, for
	// the streams to it and from it, and for its calls.
	keptFiles      = 128
	filesPerMember = 6
)

// UsualClients is the default number of clients at the port, and at the socket.
const UsualClients = 1024

// Usual returns the limits of a node with this many members, with room for so many clients
// at the port, and as many at the socket. They are lower if the process may not open enough
// files.
func Usual(members, clients int) Limits { return fitting(openFiles(), members, clients) }

// fitting returns the limits for a process that may open this many files.
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

// openFiles is how many files this process may have open; practically unbounded if that is
// unknown.
func openFiles() int {
	var limit syscall.Rlimit
	if err := syscall.Getrlimit(syscall.RLIMIT_NOFILE, &limit); err != nil {
		return 1 << 20
	}
	return int(min(limit.Cur, 1<<20))
}
