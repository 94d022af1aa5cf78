package hosts

import (
	"errors"
	"fmt"
	"maps"
	"slices"
)

// MaxMembers is the largest number of members of a cluster. A node keeps two
// streams to each other member and asks all of them for a token that carries
// an entry for each, so clusters are meant to be small; a longer list is a
// mistake, such as a wrong file. At this bound the list of the longest
// addresses (some 260 KB) is still far from the 4 MiB that a gRPC message may
// have by default.
const MaxMembers = 1024

var (
	// ErrDuplicate is wrapped by the error for an address that stands twice
	// in one source.
	ErrDuplicate = errors.New("duplicate address")
	// ErrTooMany is wrapped by the error for more than [MaxMembers] members.
	ErrTooMany = errors.New("too many members")
)

// Members is the members of a cluster as one of them sees it.
type Members struct {
	// Addresses are those of all members, this node included: each in its one
	// form, none twice, in the order that all nodes share.
	Addresses []string
	// Self is this node's position in Addresses, from 0.
	Self int
}

// Advertise chooses a node's own address, by which the other members know it:
// advertise, or listen where advertise.Address is empty. The Where of both is
// that of the settings, as "--listen" and "--advertise", also when empty.
//
// Both are checked. The errors wrap [ErrAddress], or [ErrWildcard] where
// advertise is a wildcard, or is empty while listen is one.
func Advertise(listen, advertise Entry) (Entry, error) {
	listening, err := parse(listen.Address)
	if err != nil {
		return Entry{}, fmt.Errorf("%s: %w", listen.Where, err)
	}
	if advertise.Address != "" {
		return checked(advertise)
	}
	if listening.isWildcard() {
		return Entry{}, fmt.Errorf("%s: %w %s: the other members cannot dial it; want also %s HOST:PORT, the address at which they reach this node",
			listen.Where, ErrWildcard, quote(listen.Address), advertise.Where)
	}
	return checked(listen)
}

// List returns the union of self, a node's own address, and of all sources,
// checked and in order. The errors begin with the Where of the entry that is
// wrong, the first in the order of the arguments, and wrap [ErrAddress],
// [ErrWildcard], [ErrDuplicate] or [ErrTooMany].
func List(self Entry, sources ...Source) (Members, error) {
	self, err := checked(self)
	if err != nil {
		return Members{}, err
	}
	members := map[string]bool{self.Address: true}
	for _, source := range sources {
		seen := make(map[string]Entry, len(source)) // as written
		for _, written := range source {
			entry, err := checked(written)
			if err != nil {
				return Members{}, err
			}
			if first, ok := seen[entry.Address]; ok {
				return Members{}, fmt.Errorf("%s: %w %s: it already stands at %s, as %s; want each address once",
					written.Where, ErrDuplicate, quote(written.Address), first.Where, quote(first.Address))
			}
			seen[entry.Address] = written
			members[entry.Address] = true
			if len(members) > MaxMembers {
				return Members{}, fmt.Errorf("%s: %w: %s is the %dth, this node included; want at most %d",
					written.Where, ErrTooMany, quote(written.Address), len(members), MaxMembers)
			}
		}
	}
	addresses := slices.Sorted(maps.Keys(members))
	return Members{Addresses: addresses, Self: slices.Index(addresses, self.Address)}, nil
}

// checked returns the entry with its address in its one form.
func checked(entry Entry) (Entry, error) {
	text, err := ParseAddress(entry.Address)
	if err != nil {
		return Entry{}, fmt.Errorf("%s: %w", entry.Where, err)
	}
	return Entry{Address: text, Where: entry.Where}, nil
}
