package broadcast

import (
	"slices"
	"strconv"

	"github.com/rs/zerolog"

	"conch/token"
)

// What the log says of members that change. A cluster whose members never change has none of
// these lines.

// memberStep writes a line about a step of a change, and reports whether it is one.
func (l *eventLog) memberStep(e *token.Effect) bool {
	switch e.Kind {
	case token.Adopted:
		l.adopted(e.Membership)
	case token.Choosing: // see owner.choosing
	case token.Asking:
		l.asking(&e.Message)
	case token.Departed:
		line := l.session("member_departed", e.Session)
		l.decimal(line, "membership", l.membership.Version)
		line.Msg("this member leaves: its session has ended, and it goes on giving votes")
	default:
		return false
	}
	return true
}

// follow takes the names of members in the lines from now on.
func (l *eventLog) follow(r *roster) {
	l.addresses, l.membership, l.awaited = r.addresses, r.membership, nil
}

// adopted writes a line about the membership that counts from now on.
func (l *eventLog) adopted(m *token.Membership) {
	line := l.info("membership_adopted")
	if line == nil {
		return
	}
	l.decimal(line, "membership", m.Version)
	line.Hex("cluster", m.Cluster[:])
	l.listed(line, "members", "member_ids", m.Members)
	if m.Joint() {
		l.listed(line, "next", "next_ids", m.Next)
	}
	l.decimal(line, "ids", uint64(m.IDs))
	l.decimal(line, "floor", m.Floor)
	line.Msg("members from now on")
}

// choosing logs the list that this node proposes, once it is known which, and who asked for it.
func (o *owner) choosing(e *token.Effect) {
	if e.Message.Kind == token.Accept && !o.log.quiet {
		o.log.proposed(e.Message.Change, o.changes[e.Waiter].by)
	}
}

// proposed writes a line about a list that this node proposes. The zero Caller is nobody.
func (l *eventLog) proposed(c *token.Change, by Caller) {
	line := l.info("change_proposed")
	l.choice(line, c)
	if by != (Caller{}) {
		line.Stringer("caller", by)
	}
	line.Msg("another list of members proposed")
}

// asking writes a line about a joint membership that is to be completed. Without evidence,
// repeated questions have one only if other members are awaited.
func (l *eventLog) asking(m *token.Message) {
	awaited := l.awaits()
	if !l.evidence && slices.Equal(awaited, l.awaited) {
		return
	}
	l.awaited = awaited
	line := l.info("members_joining")
	l.decimal(line, "membership", m.Change.Version)
	l.list(line, "awaited", awaited)
	l.decimal(line, "ask", m.Change.Ask)
	line.Msg("members asked whether they go by the joint membership")
}

// removed writes a line about this node's end as a member.
func (l *eventLog) removed() {
	line := l.info("node_removed")
	l.decimal(line, "membership", l.membership.Version)
	line.Msg("this node is no member any more, and ends")
}

// listed adds the addresses and the IDs of a list.
func (l *eventLog) listed(line *zerolog.Event, key, idsKey string, list []token.Listed) {
	if line == nil {
		return
	}
	addresses := line.CreateArray()
	ids := line.CreateArray()
	for i := range list {
		addresses.Str(list[i].Address)
		ids.Str(strconv.Itoa(int(list[i].ID)))
	}
	line.Array(key, addresses)
	if idsKey == "" {
		return
	}
	line.Array(idsKey, ids)
}

// choice adds what a message of a choice says.
func (l *eventLog) choice(line *zerolog.Event, c *token.Change) {
	l.decimal(line, "membership", c.Version)
	l.epoch(line, "round", c.Round)
	if c.Next != nil && c.Accepted == (token.Epoch{}) { // an answer tells another's proposal
		l.listed(line, "members", "", c.Next)
		l.decimal(line, "ids", uint64(c.IDs))
	}
}

// change adds what a message about the members says.
func (l *eventLog) change(line *zerolog.Event, m *token.Message) {
	c := m.Change
	switch m.Kind {
	case token.MembershipMessage:
		l.decimal(line, "membership", c.Membership.Version)
	case token.Choose, token.Accept:
		l.choice(line, c)
	case token.ChooseAnswer, token.AcceptAnswer:
		l.choice(line, c)
		switch {
		case c.Promised != c.Round:
			line.Str("answer", "nack")
		case m.Kind == token.ChooseAnswer:
			line.Str("answer", "promise")
		default:
			line.Str("answer", "accepted")
		}
	case token.Joined:
		l.decimal(line, "membership", c.Version)
		l.decimal(line, "ask", c.Ask)
		l.some(line, "distant", m.Members)
	case token.JoinedAnswer:
		l.decimal(line, "membership", c.Version)
		l.decimal(line, "ask", c.Ask)
		if c.Joined {
			line.Str("answer", "joined")
		} else {
			line.Str("answer", "not joined")
		}
		l.some(line, "buried", m.Members)
	default:
		l.decimal(line, "membership", c.Version)
	}
}

// some adds the addresses of members, if there are any.
func (l *eventLog) some(line *zerolog.Event, key string, members []token.Member) {
	if len(members) > 0 {
		l.list(line, key, members)
	}
}
