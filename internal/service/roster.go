package service

import (
	"fmt"
	"slices"

	"google.golang.org/grpc/credentials"

	"conch/token"
)

// roster is who the members are, as this node knows it. It does not change: another takes its
// place.
type roster struct {
	// version is that of the membership; 0 for a list that never changes.
	version uint64
	// members are the addresses of all members, those included that are to leave, by ID. ids
	// are their IDs. Of two members with one address, which only a change of the disk there
	// makes, only the new one is among them.
	members []string
	ids     []token.Member
	self    int     // the position of this node
	quorum  int     // of the members; of the new list while there are two
	peers   []*peer // nil for this node itself
	// names are the addresses of all members that this process has known.
	names map[token.Member]string
	// replaced is closed when another roster takes the place of this one.
	replaced chan struct{}
}

// newRoster returns the roster of a membership; nil if that does not list this node. names
// has the addresses of earlier members.
func newRoster(m *token.Membership, self token.Member, names map[token.Member]string) *roster {
	if !m.Lists(self) {
		return nil
	}
	r := &roster{version: m.Version, self: -1, quorum: len(m.Members)/2 + 1, names: names, replaced: make(chan struct{})}
	if m.Joint() {
		r.quorum = len(m.Next)/2 + 1
	}
	for _, l := range m.All() {
		r.names[l.ID] = l.Address
		if i := slices.Index(r.members, l.Address); i >= 0 { // the IDs rise
			r.ids[i] = l.ID
			continue
		}
		r.members, r.ids = append(r.members, l.Address), append(r.ids, l.ID)
	}
	r.self = slices.Index(r.members, r.names[self])
	return r
}

// fixedRoster is the roster of members that never change.
func fixedRoster(members []string, self int) *roster {
	return newRoster(token.NewMembership(members), token.Member(self), make(map[token.Member]string))
}

// own is the address of this node.
func (r *roster) own() string { return r.members[r.self] }

// name is the address of a member, also of one that was removed.
func (r *roster) name(m token.Member) string {
	if address := r.names[m]; address != "" {
		return address
	}
	return fmt.Sprintf("member %d, which was removed", m)
}

// connect prepares to ask the members. It takes over the connections of the roster before,
// and returns those that are not needed any more.
func (r *roster) connect(before *roster, secure func(string) credentials.TransportCredentials) (unused []*peer, err error) {
	known := make(map[string]*peer)
	if before != nil {
		for _, p := range before.peers {
			if p != nil {
				known[p.address] = p
			}
		}
	}
	r.peers = make([]*peer, len(r.members))
	for i, address := range r.members {
		switch {
		case i == r.self:
		case known[address] != nil:
			r.peers[i] = known[address]
			delete(known, address)
		default:
			if r.peers[i], err = newPeer(address, secure(address)); err != nil {
				return nil, err
			}
		}
	}
	for _, p := range known {
		unused = append(unused, p)
	}
	return unused, nil
}

// members returns who the members are now.
func (s *Service) members() *roster { return s.roster.Load() }

// firstRoster sets the roster at the start.
func (s *Service) firstRoster(cfg Config) error {
	r := fixedRoster(cfg.Members, cfg.Self)
	if st, err := s.membership.Membership(s.life); err == nil && listOf(&st.View) != nil {
		if known := newRoster(listOf(&st.View), st.View.Self, make(map[token.Member]string)); known != nil {
			r = known
		}
	}
	s.roster.Store(r)
	_, err := r.connect(nil, s.credentials)
	return err
}

// followMembers has the roster follow the membership. Only one goroutine calls it.
func (s *Service) followMembers() {
	st, err := s.membership.Membership(s.life)
	m, now := listOf(&st.View), s.members()
	if err != nil || m == nil || m.Version <= now.version {
		return
	}
	names := make(map[token.Member]string, len(now.names))
	for id, address := range now.names {
		names[id] = address
	}
	next := newRoster(m, st.View.Self, names)
	if next == nil {
		return // this node is about to end
	}
	unused, err := next.connect(now, s.credentials)
	if err != nil {
		s.driver.Fail(fmt.Errorf("prepare to ask a new member: %w", err))
		return
	}
	s.roster.Store(next)
	close(now.replaced)
	for _, p := range unused {
		_ = p.close()
	}
	if !slices.Equal(now.members, next.members) {
		s.tellClients(next.members)
	}
}

// tellClients tells all clients who the members are.
func (s *Service) tellClients(members []string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for st := range s.streams {
		st.tellMembers(members)
	}
}
