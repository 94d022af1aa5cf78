package messages

import (
	"fmt"
	"math"
	"slices"

	"pgregory.net/rapid"

	"conch/token"
)

// change draws what a message of a kind says about the members, except notes.
func change(t *rapid.T, kind token.MessageKind, members int, from, to token.Member) *token.Change {
	round := func(what string, by token.Member) token.Epoch {
		return token.Epoch{Number: rapid.Uint64Range(1, 1<<20).Draw(t, what), Proposer: by}
	}
	anyone := func(what string) token.Member { return token.Member(rapid.IntRange(0, members-1).Draw(t, what)) }
	version := rapid.Uint64Max(1<<40).Draw(t, "version") * 2
	c := &token.Change{Version: version}
	switch kind {
	case token.MembershipMessage:
		return &token.Change{Membership: Membership(members).Draw(t, "membership")}
	case token.Choose:
		c.Round = round("round", from)
	case token.Accept:
		c.Round = round("round", from)
		c.Next, c.IDs = listed(t, members, true), token.Member(members)
	case token.ChooseAnswer, token.AcceptAnswer:
		c.Round = round("round", to)
		if c.Promised = round("promised", anyone("by")); c.Round.Above(c.Promised) {
			c.Promised = c.Round
		}
		if kind == token.ChooseAnswer && rapid.Bool().Draw(t, "accepted") {
			if c.Accepted = round("accepted", anyone("by")); c.Accepted.Above(c.Promised) {
				c.Accepted = c.Promised
			}
			c.Next, c.IDs = listed(t, members, true), token.Member(members)
		}
	case token.Joined, token.JoinedAnswer:
		c.Version, c.Ask = version+1, rapid.Uint64Min(1).Draw(t, "ask")
		if kind == token.JoinedAnswer {
			c.Joined, c.Highest = rapid.Bool().Draw(t, "joined"), rapid.Uint64Max(maxBallot).Draw(t, "highest")
		}
	case token.Sync, token.SyncAnswer:
		c.Version, c.After = version+1, rapid.StringN(-1, -1, maxNameBytes-1).Draw(t, "after")
	}
	return c
}

// Membership draws a membership whose IDs are below a number.
func Membership(ids int) *rapid.Generator[*token.Membership] {
	return rapid.Custom(func(t *rapid.T) *token.Membership {
		m := &token.Membership{IDs: token.Member(ids), Floor: rapid.Uint64Max(math.MaxInt64>>token.FenceBits).Draw(t, "floor")}
		if rapid.Bool().Draw(t, "born") {
			m.Cluster = token.Cluster{1, rapid.Byte().Draw(t, "cluster")}
			m.Version = rapid.Uint64Max(1<<40).Draw(t, "version")
		}
		if m.Members = listed(t, ids, m.Born()); m.Joint() {
			m.Next = listed(t, ids, true)
		}
		return m
	})
}

// listed draws a list of members whose IDs are below a number.
func listed(t *rapid.T, ids int, disks bool) []token.Listed {
	var list []token.Listed
	all := rapid.SliceOfNDistinct(rapid.IntRange(0, ids-1), 1, min(ids, token.MaxListed), rapid.ID[int]).Draw(t, "listed")
	slices.Sort(all)
	for _, id := range all {
		l := token.Listed{ID: token.Member(id), Address: fmt.Sprintf("node%d.example:7400", id)}
		if disks {
			l.Disk = token.Disk{byte(id), byte(id >> 8), 15: 1}
		}
		list = append(list, l)
	}
	return list
}
