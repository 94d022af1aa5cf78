package rules

import "fmt"

// Kind is how a caller was identified.
type Kind int

const (
	// Anonymous is a caller of unknown identity: one over TCP without TLS.
	Anonymous Kind = iota
	// Client is a client that showed a certificate.
	Client
	// Local is a user of this machine, over the unix socket.
	Local
	// Page is anybody who uses a node's page, which has no login.
	Page
	// Member is a member of the cluster.
	Member
)

// Identity is the identity of a caller. The zero Identity is an anonymous caller.
type Identity struct {
	Kind Kind
	// Name is a client's name, a member's address, a local user's name (empty if the system
	// has none for the number), or the remote address of an anonymous caller.
	Name string
	// UID is the number of a local user.
	UID uint32
}

// String names the caller for people, on one line and without anything that a terminal
// would obey.
func (i Identity) String() string {
	switch i.Kind {
	case Client:
		return "client " + show(i.Name)
	case Local:
		if i.Name == "" {
			return fmt.Sprintf("local user %d", i.UID)
		}
		return fmt.Sprintf("local user %s (%d)", show(i.Name), i.UID)
	case Page:
		return "the page"
	case Member:
		return "member " + show(i.Name)
	}
	if i.Name == "" {
		return "anonymous caller"
	}
	return "anonymous caller " + show(i.Name)
}

// Action is what a caller wants to do.
type Action int

const (
	// Look is to see a lock, its holders and its waiters.
	Look Action = iota
	// Lock is to ask for a lock in any mode, hold it and give it back.
	Lock
	// Break is to take a lock from its holder.
	Break
	// Operate is to make the node take no more requests, or take them again.
	Operate
	// Share is to hold a lock as one of several readers. Whoever may Lock may Share.
	Share
	// Members is to change which members the cluster has.
	Members
	actions // how many there are
)

// String returns the word for the action in a file.
func (a Action) String() string {
	switch a {
	case Look:
		return "look"
	case Lock:
		return "lock"
	case Break:
		return "break"
	case Operate:
		return "operate"
	case Share:
		return "share"
	case Members:
		return "members"
	}
	return fmt.Sprintf("Action(%d)", int(a))
}
