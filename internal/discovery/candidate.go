package discovery

import (
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"

	"conch/token"
)

// Shown is what a node shows to one that wants to be a member.
type Shown struct {
	// Member is the node's own address.
	Member string
	Stage  Stage
	// TTL is a session's time to live there; 0 if the node does not say.
	TTL Time
	// Membership is nil if the node has none.
	Membership *token.Membership
}

// Candidate is the state of a node with a data directory that wants to know what the cluster
// has come to, and whether it is a member.
type Candidate struct {
	self  string
	disk  token.Disk
	ttl   Time
	at    []string          // whom to ask first
	own   *token.Membership // on disk; nil if there is none
	shown map[string]*token.Membership
	// trouble says why a node has shown no membership.
	trouble map[string]string
}

// NewCandidate begins with the addresses of nodes that may be members, and the membership on
// the node's disk, nil if there is none.
func NewCandidate(self string, disk token.Disk, ttl Time, at []string, own *token.Membership) *Candidate {
	return &Candidate{
		self: self, disk: disk, ttl: ttl, at: slices.Clone(at), own: own,
		shown: make(map[string]*token.Membership), trouble: make(map[string]string),
	}
}

// MixedError is the error for nodes of different clusters.
type MixedError struct {
	// A and B are two nodes; A is empty if that is this one, by its data directory.
	A, B string
	// MembersA and MembersB are the members of their clusters.
	MembersA, MembersB []string
}

// Error names both clusters' members, and says what to do.
func (e *MixedError) Error() string {
	a := e.A
	if a == "" {
		a = "this node's data directory"
	}
	return fmt.Sprintf("nodes of different clusters: %s belongs to the cluster of %s, and %s to that of %s; name members of one cluster, and give the node that one's data directory, or an empty one",
		a, strings.Join(e.MembersA, ", "), e.B, strings.Join(e.MembersB, ", "))
}

// Ask returns whom to ask: the nodes that were named, and the members of the newest
// membership.
func (c *Candidate) Ask() []string {
	ask := slices.Clone(c.at)
	if m := c.newest(); m != nil {
		ask = append(ask, Addresses(m)...)
	}
	slices.Sort(ask)
	return slices.DeleteFunc(slices.Compact(ask), func(a string) bool { return a == c.self })
}

// Addresses are those of all members, by ID. While one disk takes the place of another, an
// address may come twice.
func Addresses(m *token.Membership) []string {
	var list []string
	for _, l := range m.All() {
		list = append(list, l.Address)
	}
	return list
}

// Shown takes what the node at an address shows.
func (c *Candidate) Shown(address string, what Shown) {
	delete(c.trouble, address)
	m := what.Membership
	switch {
	case what.Member == c.self:
		c.trouble[address] = "its address leads to this node, " + c.self
	case what.Member != address:
		c.trouble[address] = "the node there calls itself " + what.Member
	case what.Stage == Joining:
		c.trouble[address] = "it waits to be added itself"
	case what.Stage < Running:
		c.trouble[address] = "it is still looking for the other members"
	case m == nil:
		c.trouble[address] = "its cluster has a member without a data directory, and can have no others"
	case !m.Born():
		c.trouble[address] = "not all members of its cluster have shown their data directories yet"
	default:
		c.shown[address] = m
		if what.TTL != 0 && what.TTL != c.ttl {
			c.trouble[address] = fmt.Sprintf("its --session-ttl is %s, and here it is %s: give all the same", seconds(what.TTL), seconds(c.ttl))
		}
	}
}

// Silent takes the reason for which the node at an address showed nothing. What it has shown
// before stays true.
func (c *Candidate) Silent(address, reason string) { c.trouble[address] = reason }

// newest is the newest membership that is known, nil if there is none.
func (c *Candidate) newest() *token.Membership {
	newest := c.own
	for _, address := range slices.Sorted(maps.Keys(c.shown)) {
		if m := c.shown[address]; newest == nil || m.Version > newest.Version {
			newest = m
		}
	}
	return newest
}

// Mixed returns a [*MixedError] if the nodes that were asked, and this one, are not all of one
// cluster.
func (c *Candidate) Mixed() error {
	first, at := c.own, ""
	for _, address := range slices.Sorted(maps.Keys(c.shown)) {
		m := c.shown[address]
		if first == nil {
			first, at = m, address
		}
		if m.Cluster != first.Cluster {
			return &MixedError{A: at, B: address, MembersA: Addresses(first), MembersB: Addresses(m)}
		}
	}
	return nil
}

// Membership returns the newest membership that was shown, if it lists this node and is newer
// than the one on disk; else nil.
func (c *Candidate) Membership() *token.Membership {
	if m := c.newest(); m != nil && m != c.own && m.Find(c.self, c.disk) != token.NoMember {
		return m
	}
	return nil
}

// Removed returns the newest membership if this node was a member and is none any more, and
// a quorum of the members has shown so; else nil. With fewer, this node may be the one that has
// to tell the others.
func (c *Candidate) Removed() *token.Membership {
	m := c.newest()
	if c.own == nil || m == c.own || m.Joint() || m.Find(c.self, c.disk) != token.NoMember {
		return nil
	}
	know := 0
	for _, l := range m.Members {
		if shown := c.shown[l.Address]; shown != nil && shown.Version >= m.Version {
			know++
		}
	}
	if know <= len(m.Members)/2 {
		return nil
	}
	return m
}

// Stranger reports whether a cluster was shown that does not list this node.
func (c *Candidate) Stranger() bool {
	m := c.newest()
	return m != nil && m.Find(c.self, c.disk) == token.NoMember
}

// Report tells what the node waits for, and what to do.
func (c *Candidate) Report() Report {
	r := Report{Found: []string{c.self}}
	m := c.newest()
	var parts []string
	if m != nil {
		members := Addresses(m)
		r.Found = append(r.Found, members...)
		slices.Sort(r.Found)
		r.Found = slices.Compact(r.Found)
		run := fmt.Sprintf("run 'conch members add %s' on the machine of a member: %s", c.self, strings.Join(members, ", "))
		if slices.Contains(members, c.self) {
			others := slices.DeleteFunc(members, func(a string) bool { return a == c.self })
			run = fmt.Sprintf("the cluster lists %s with another data directory, which the node here does not have; if that is lost, run 'conch members replace %[1]s %[1]s' on the machine of another member: %s",
				c.self, strings.Join(others, ", "))
		}
		parts = append(parts, run)
		if m.Joint() {
			parts = append(parts, "another change of the members is under way")
		}
	} else {
		parts = append(parts, "no member has answered yet")
	}
	for _, address := range c.Ask() {
		if why := c.trouble[address]; why != "" {
			parts = append(parts, address+" ("+why+")")
		}
	}
	r.Text = strings.Join(parts, "; ")
	return r
}

// seconds writes a difference of times, as in 2s or 0.5s.
func seconds(t Time) string { return strconv.FormatFloat(float64(t)/1e9, 'g', -1, 64) + "s" }
