package sim

import (
	"encoding/hex"
	"fmt"
	"slices"
	"strconv"
	"strings"

	"conch/token"
)

// What the logs say of members that change. Lines name members by their addresses.

// addressOf is a member's address as a node knows it.
func (w *World) addressOf(id token.Member) string {
	switch {
	case int(id) >= len(w.listed):
		return address(id)
	case w.listed[id].ID == token.NoMember:
		return fmt.Sprintf("removed-%d", id)
	}
	return w.listed[id].Address
}

// named puts members' addresses in the place of their IDs.
func (w *World) named(f fields) {
	name := func(text string) string {
		if id, is := strings.CutPrefix(text, "member "); is {
			if n, err := strconv.Atoi(id); err == nil {
				return w.addressOf(token.Member(n))
			}
		}
		return text
	}
	for key, value := range f {
		switch v := value.(type) {
		case string:
			f[key] = name(v)
		case []string:
			for k := range v {
				v[k] = name(v[k])
			}
		}
	}
}

// began adds to the first line of a process what it knows of the members.
func (f fields) began(m *member) {
	if m.membership == nil {
		return
	}
	f["disk"] = hex.EncodeToString(m.disk.id[:])
	if m.disk.membership != nil {
		f["membership"], f["cluster"] = decimal(m.membership.Version), hex.EncodeToString(m.membership.Cluster[:])
	}
}

// listed adds the members and the IDs of a list.
func (f fields) listed(key, ids string, list []token.Listed) {
	var names, numbers []string
	for _, l := range list {
		names, numbers = append(names, l.Address), append(numbers, decimal(uint64(l.ID)))
	}
	f[key], f[ids] = names, numbers
}

// goesBy writes the line of a membership that a member goes by.
func (b *logbook) goesBy(w *World, i int, m *token.Membership) {
	if b == nil {
		return
	}
	f := fields{"membership": decimal(m.Version), "cluster": hex.EncodeToString(m.Cluster[:]), "ids": decimal(uint64(m.IDs)), "floor": decimal(m.Floor)}
	f.listed("members", "member_ids", m.Members)
	if m.Joint() {
		f.listed("next", "next_ids", m.Next)
	}
	b.line(w, i, "membership_adopted", f)
}

// memberStep fills in the line of a step of a change, and returns its event; "" if there is
// none.
func (b *logbook) memberStep(w *World, i int, e *token.Effect, f fields) string {
	m := &w.members[i]
	switch e.Kind {
	case token.Choosing:
		if e.Message.Kind != token.Accept {
			return ""
		}
		c := e.Message.Change
		f.listed("members", "", c.Next)
		delete(f, "")
		f["membership"], f["round"], f["ids"] = decimal(c.Version), c.Round.String(), decimal(uint64(c.IDs))
		return "change_proposed"
	case token.Asking:
		view := m.node.InspectMembership()
		f["membership"], f["ask"], f["awaited"] = decimal(e.Message.Change.Version), decimal(e.Message.Change.Ask), addresses(view.Awaited)
		return "members_joining"
	case token.Departed:
		f["membership"], f["session"] = decimal(version(m.membership)), decimal(uint64(e.Session))
		return "member_departed"
	}
	return ""
}

// all are the IDs that were ever given, as a node knows them.
func (m *member) all(first int) (ids []token.Member) {
	count := token.Member(first)
	if m.membership != nil {
		count = m.membership.IDs
	}
	for id := range count {
		ids = append(ids, id)
	}
	return slices.Clip(ids)
}
