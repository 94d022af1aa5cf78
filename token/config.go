package token

import (
	"errors"
	"fmt"
)

// Config is what a node needs at its start.
type Config struct {
	Self    Member // this node
	Members int    // how many members there are, this node included; 0 if Membership is set

	// Membership is the one on the member's disk, or the first list; nil for Members members
	// without data directories, which never change. Disk is the member's, and Choice its part in
	// a choice, nil if it has none. With the first list of a cluster that is not born, Self is
	// the member's position there; else it is the ID of the member with that disk.
	Membership *Membership
	Disk       Disk
	Choice     *Choice

	// Incarnation is drawn at random by each process at its start.
	Incarnation Incarnation
	// Session numbers the first session. It is above every session number that this member
	// is known to have used, and already on stable storage.
	Session Session
	// Floor is at least the highest ballot number that this member promised before this
	// start. The node promises no ballot at or below it. If the wall clock is right, Floor
	// is also not below the clock, counted in BallotsPerSecond.
	Floor uint64
	// Encumbered: clients of an earlier process of this member may still hold locks, in
	// processes of their own, under leases of its session. The node then stays silent until
	// T has passed since its start.
	Encumbered bool
	// Fresh: nothing is known of earlier processes, and there may have been none. An
	// encumbered node is so no longer once all other members say that they are fresh, too:
	// then the cluster starts for the first time.
	Fresh bool

	// Remembers: the member has stable storage for notes. Notes are those that are on it.
	// The node keeps those of at most MaxNotes locks, and takes no others.
	Remembers bool
	Notes     []LockNotes
	MaxNotes  int

	// TTL is T, a session's time to live. It is the same in the whole cluster.
	TTL Time
	// A token that lies idle for IdleToken is dropped. A lock that nothing is heard of for
	// IdleLock is forgotten. IdleLock is the longer.
	IdleToken, IdleLock Time
	// FencesPerEpoch is how many grants one token can make, usually MaxFencesPerEpoch,
	// which is also the most.
	FencesPerEpoch uint64

	// LocalBatch is how many local waiters may enter in a row while other members wait, at
	// most MaxLocalBatch. With 1 or 0, each leave passes the token on to the next member.
	// Nodes of one cluster may differ. A waiting member is served after at most LocalBatch
	// entries of each other member.
	LocalBatch int
}

// MaxLocalBatch is the highest Config.LocalBatch. A longer batch gains nothing measurable
// and only makes the others wait.
const MaxLocalBatch = 1000

// MaxFencesPerEpoch leaves the low FenceBits bits of a fence to the grants of one
// token; the bits above are its ballot's number.
const MaxFencesPerEpoch = 1<<FenceBits - 1

// FenceBits is how many bits of a fence count the grants of one token.
const FenceBits = 24

// BallotsPerSecond is the unit of ballot numbers: a number taken from a clock counts this
// many per second. A lock has fewer ballots than that, so its numbers stay behind the
// clock, and a node that starts without its memory, at the clock, is above them. In fences
// one second is 2^32, whatever the unit.
const BallotsPerSecond = 256

// MinTTL is the shortest time to live that a session may have.
const MinTTL = 200 * millisecond

const (
	millisecond Time = 1e6
	second           = 1000 * millisecond
	hour             = 3600 * second
)

// DefaultIdleToken and DefaultIdleLock are the usual Config.IdleToken and Config.IdleLock.
const (
	DefaultIdleToken = hour
	DefaultIdleLock  = 2 * hour
)

// ErrConfig is wrapped by the errors of New; the text names the field.
var ErrConfig = errors.New("token: bad configuration")

func (cfg Config) check() error {
	bad := func(field string, got any, want string) error {
		return fmt.Errorf("%w: Config.%s: got %v, want %s", ErrConfig, field, got, want)
	}
	ids := cfg.Members
	if m := cfg.Membership; m != nil {
		if err := m.Check(); err != nil {
			return fmt.Errorf("%w: Config.Membership: %w", ErrConfig, err)
		}
		ids = int(m.IDs)
		if cfg.Members != 0 {
			return bad("Members", cfg.Members, "0 beside Membership")
		}
	}
	switch {
	case ids < 1:
		return bad("Members", cfg.Members, "at least 1")
	case cfg.Self < 0 || int(cfg.Self) >= ids:
		return bad("Self", cfg.Self, fmt.Sprintf("0 to %d", ids-1))
	case cfg.Session == 0:
		return bad("Session", cfg.Session, "at least 1")
	case cfg.TTL < MinTTL:
		return bad("TTL", cfg.TTL, fmt.Sprintf("at least %d ns", MinTTL))
	case cfg.IdleToken <= 0:
		return bad("IdleToken", cfg.IdleToken, "more than 0")
	case cfg.IdleLock <= cfg.IdleToken:
		return bad("IdleLock", cfg.IdleLock, "more than IdleToken")
	case cfg.FencesPerEpoch < 1 || cfg.FencesPerEpoch > MaxFencesPerEpoch:
		return bad("FencesPerEpoch", cfg.FencesPerEpoch, "1 to MaxFencesPerEpoch")
	case cfg.Remembers && cfg.MaxNotes < 1:
		return bad("MaxNotes", cfg.MaxNotes, "at least 1")
	case cfg.LocalBatch < 0 || cfg.LocalBatch > MaxLocalBatch:
		return bad("LocalBatch", cfg.LocalBatch, fmt.Sprintf("0 to %d", MaxLocalBatch))
	}
	return nil
}
