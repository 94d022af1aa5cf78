package wire

import (
	"errors"
	"math"
	"slices"
	"strings"
	"testing"

	peerv1 "conch/proto/conch/peer/v1"
	"conch/token"
)

func rightMembership() *peerv1.Membership {
	return &peerv1.Membership{
		Version: 3, Cluster: make16(1), Ids: 4, Floor: 7,
		Members: []*peerv1.Listed{rightListed(0), rightListed(1), rightListed(2)},
		Next:    []*peerv1.Listed{rightListed(0), rightListed(3)},
	}
}

func rightListed(id uint32) *peerv1.Listed {
	return &peerv1.Listed{Id: id, Address: "node" + string(rune('0'+id)) + ":7400", Disk: make16(byte(id + 1))}
}

func make16(first byte) []byte { return append([]byte{first}, make([]byte, 15)...) }

func TestDecodeRefusesNonsenseAboutMembers(t *testing.T) {
	membership := func(change func(*peerv1.Membership)) *peerv1.Message {
		return &peerv1.Message{Kind: &peerv1.Message_Membership{Membership: wrong(rightMembership, change)}}
	}
	choose := func(change func(*peerv1.Choose)) *peerv1.Message {
		right := func() *peerv1.Choose { return &peerv1.Choose{Version: 2, Round: &peerv1.BallotNumber{Number: 1}} }
		return &peerv1.Message{Kind: &peerv1.Message_Choose{Choose: wrong(right, change)}}
	}
	chosen := func(change func(*peerv1.ChooseAnswer)) *peerv1.Message {
		right := func() *peerv1.ChooseAnswer {
			return &peerv1.ChooseAnswer{
				Version: 2, Round: &peerv1.BallotNumber{Number: 2, Proposer: 1}, Promised: &peerv1.BallotNumber{Number: 2, Proposer: 1},
				Accepted: &peerv1.BallotNumber{Number: 1, Proposer: 2}, Next: rightMembership().Next, Ids: 4,
			}
		}
		return &peerv1.Message{Kind: &peerv1.Message_ChooseAnswer{ChooseAnswer: wrong(right, change)}}
	}
	accept := func(change func(*peerv1.Accept)) *peerv1.Message {
		right := func() *peerv1.Accept {
			return &peerv1.Accept{Version: 2, Round: &peerv1.BallotNumber{Number: 1}, Next: rightMembership().Next, Ids: 4}
		}
		return &peerv1.Message{Kind: &peerv1.Message_Accept{Accept: wrong(right, change)}}
	}
	accepted := func(change func(*peerv1.AcceptAnswer)) *peerv1.Message {
		right := func() *peerv1.AcceptAnswer {
			return &peerv1.AcceptAnswer{Version: 2, Round: &peerv1.BallotNumber{Number: 2, Proposer: 1}, Promised: &peerv1.BallotNumber{Number: 3}}
		}
		return &peerv1.Message{Kind: &peerv1.Message_AcceptAnswer{AcceptAnswer: wrong(right, change)}}
	}
	joined := func(change func(*peerv1.Joined)) *peerv1.Message {
		right := func() *peerv1.Joined { return &peerv1.Joined{Version: 3, Ask: 1, Distant: []uint32{2}} }
		return &peerv1.Message{Kind: &peerv1.Message_Joined{Joined: wrong(right, change)}}
	}
	answer := func(change func(*peerv1.JoinedAnswer)) *peerv1.Message {
		right := func() *peerv1.JoinedAnswer {
			return &peerv1.JoinedAnswer{Version: 3, Ask: 1, Joined: true, Highest: 7, Buried: []uint32{2}}
		}
		return &peerv1.Message{Kind: &peerv1.Message_JoinedAnswer{JoinedAnswer: wrong(right, change)}}
	}
	sync := func(change func(*peerv1.Sync)) *peerv1.Message {
		right := func() *peerv1.Sync { return &peerv1.Sync{Version: 3, After: "cs"} }
		return &peerv1.Message{Kind: &peerv1.Message_Sync{Sync: wrong(right, change)}}
	}
	notes := func(change func(*peerv1.SyncAnswer)) *peerv1.Message {
		right := func() *peerv1.SyncAnswer {
			return &peerv1.SyncAnswer{Version: 3, After: "a", More: true, Notes: []*peerv1.LockNotes{
				{Lock: "b", Run: rightRun()}, {Lock: "c", Kept: rightKept()}, {Lock: "d"},
			}}
		}
		return &peerv1.Message{Kind: &peerv1.Message_SyncAnswer{SyncAnswer: wrong(right, change)}}
	}
	for _, test := range []struct {
		says string
		wire *peerv1.Message
	}{
		{"MEMBERSHIP: it is empty", &peerv1.Message{Kind: &peerv1.Message_Membership{}}},
		{"MEMBERSHIP: token: membership: version 3 has a second list: false", membership(func(m *peerv1.Membership) { m.Next = nil })},
		{"version 2 has a second list: true", membership(func(m *peerv1.Membership) { m.Version = 2 })},
		{"version 3 of a cluster that is not settled", membership(func(m *peerv1.Membership) { m.Cluster = nil })},
		{"version 3 of a cluster that is not settled", membership(func(m *peerv1.Membership) { m.Cluster = make([]byte, 16) })},
		{"version 18446744073709551615 of the members; want at most", membership(func(m *peerv1.Membership) { m.Version = math.MaxUint64 })},
		{"cluster of 15 bytes; want 16, or none", membership(func(m *peerv1.Membership) { m.Cluster = m.Cluster[1:] })},
		{"disk of 17 bytes; want 16, or none", membership(func(m *peerv1.Membership) { m.Members[1].Disk = append(m.Members[1].Disk, 0) })},
		{"member 1 without a disk", membership(func(m *peerv1.Membership) { m.Members[1].Disk = nil })},
		{"ID 3; want 0 to 2", membership(func(m *peerv1.Membership) { m.Ids = 3 })},
		{"0 IDs; want 1 to 1000", membership(func(m *peerv1.Membership) { m.Ids = 0 })},
		{"4294967295 IDs; want 1 to 1000", membership(func(m *peerv1.Membership) { m.Ids = math.MaxUint32 })},
		{"ID 0 after 1", membership(func(m *peerv1.Membership) { slices.Reverse(m.Members[:2]) })},
		{"the same address or disk", membership(func(m *peerv1.Membership) { m.Members[1].Address = m.Members[0].Address })},
		{"the same address or disk", membership(func(m *peerv1.Membership) { m.Members[1].Disk = m.Members[0].Disk })},
		{"no members", membership(func(m *peerv1.Membership) { m.Members = nil })},
		{"a list of 100 members; want at most 99", membership(func(m *peerv1.Membership) { m.Members = slices.Repeat(m.Members[:1], 100) })},
		{"address of a member: it is empty", membership(func(m *peerv1.Membership) { m.Members[0].Address = "" })},
		{"address of a member: 260 bytes; want at most 259", membership(func(m *peerv1.Membership) { m.Members[0].Address = strings.Repeat("x", 260) })},
		{"ballot 549755813888; want at most", membership(func(m *peerv1.Membership) { m.Floor = 1 << 39 })},
		{"CHOOSE: version 3 of the members is to change; want an even one", choose(func(c *peerv1.Choose) { c.Version = 3 })},
		{"round by member 1; want by 0", choose(func(c *peerv1.Choose) { c.Round.Proposer = 1 })},
		{"round 0.0; want a number from 1", choose(func(c *peerv1.Choose) { c.Round = nil })},
		{"round 18446744073709551615.0; want", choose(func(c *peerv1.Choose) { c.Round.Number = math.MaxUint64 })},
		{"round by member 0; want by 1", chosen(func(c *peerv1.ChooseAnswer) { c.Round.Proposer = 0 })},
		{"promised 1.1, in answer to round 2.1; want one that is not lower", chosen(func(c *peerv1.ChooseAnswer) { c.Promised.Number = 1 })},
		{"proposer of the round: member 4", chosen(func(c *peerv1.ChooseAnswer) { c.Promised.Proposer = 4 })},
		{"accepted in round 3.2, and promised only 2.1", chosen(func(c *peerv1.ChooseAnswer) { c.Accepted.Number = 3 })},
		{"a proposal that was not accepted", chosen(func(c *peerv1.ChooseAnswer) { c.Accepted = nil })},
		{"an empty list is proposed", chosen(func(c *peerv1.ChooseAnswer) { c.Next = nil })},
		{"an empty list is proposed", accept(func(a *peerv1.Accept) { a.Next = nil })},
		{"ID 3; want 0 to 2", accept(func(a *peerv1.Accept) { a.Ids = 3 })},
		{"the same address or disk", accept(func(a *peerv1.Accept) { a.Next[1].Address = a.Next[0].Address })},
		{"member 3 without a disk", accept(func(a *peerv1.Accept) { a.Next[1].Disk = nil })},
		{"ACCEPT: round by member 2; want by 0", accept(func(a *peerv1.Accept) { a.Round.Proposer = 2 })},
		{"want an even one", accept(func(a *peerv1.Accept) { a.Version = 1 })},
		{"promised 1.0, in answer to round 2.1", accepted(func(a *peerv1.AcceptAnswer) { a.Promised.Number = 1 })},
		{"JOINED: version 2 of the members is to be completed; want an odd one", joined(func(j *peerv1.Joined) { j.Version = 2 })},
		{"question 0; want from 1", joined(func(j *peerv1.Joined) { j.Ask = 0 })},
		{"distant: member 4; want 0 to 3", joined(func(j *peerv1.Joined) { j.Distant = []uint32{4} })},
		{"buried: member 2 twice", answer(func(j *peerv1.JoinedAnswer) { j.Buried = []uint32{2, 2} })},
		{"ballot 549755813888; want at most", answer(func(j *peerv1.JoinedAnswer) { j.Highest = 1 << 39 })},
		{"SYNC: bad lock name", sync(func(s *peerv1.Sync) { s.After = strings.Repeat("x", 256) })},
		{"want an odd one", sync(func(s *peerv1.Sync) { s.Version = 0 })},
		{`notes of "a" after those of "a"`, notes(func(s *peerv1.SyncAnswer) { s.Notes[0].Lock = "a" })},
		{`notes of "b" after those of "c"`, notes(func(s *peerv1.SyncAnswer) { s.Notes[0].Lock, s.Notes[1].Lock = "c", "b" })},
		{"SYNC-ANSWER: bad lock name", notes(func(s *peerv1.SyncAnswer) { s.Notes[0].Lock = "" })},
		{"a run without a fence", notes(func(s *peerv1.SyncAnswer) { s.Notes[0].Run.Fence = 0 })},
		{"a kept hold without a fence", notes(func(s *peerv1.SyncAnswer) { s.Notes[1].Kept.Fence = 0 })},
		{"no notes, and others after these", notes(func(s *peerv1.SyncAnswer) { s.Notes = nil })},
		{"notes of 257 locks; want at most 256", notes(func(s *peerv1.SyncAnswer) { s.Notes = slices.Repeat(s.Notes[:1], 257) })},
	} {
		d := testDecoder(4, 0, 1)
		m, err := d.message(test.wire)
		if err == nil || !strings.Contains(err.Error(), test.says) || strings.Contains(err.Error(), "\n") {
			t.Errorf("decode %v = %+v, %v; want an error of one line with %q", test.wire, m, err, test.says)
		}
	}
	for _, right := range []*peerv1.Message{
		membership(func(*peerv1.Membership) {}), choose(func(*peerv1.Choose) {}), chosen(func(*peerv1.ChooseAnswer) {}),
		chosen(func(c *peerv1.ChooseAnswer) { c.Accepted, c.Next, c.Ids = nil, nil, 0 }), accept(func(*peerv1.Accept) {}),
		accepted(func(*peerv1.AcceptAnswer) {}), joined(func(*peerv1.Joined) {}), answer(func(*peerv1.JoinedAnswer) {}),
		sync(func(s *peerv1.Sync) { s.After = "" }), notes(func(*peerv1.SyncAnswer) {}),
		notes(func(s *peerv1.SyncAnswer) { s.After, s.Notes, s.More = "", nil, false }),
	} {
		d := testDecoder(4, 0, 1)
		if _, err := d.message(right); err != nil {
			t.Errorf("decode %v: %v; want no error", right, err)
		}
		d.Changes = false
		if m, err := d.message(right); err == nil || !strings.Contains(err.Error(), "the members of this cluster never change") || d.Members != 4 {
			t.Errorf("decode %v = %+v, %v; want it refused where the members never change", right, m, err)
		}
	}
}

// What comes after a MEMBERSHIP may name the members that it tells of, in the same frame too;
// what comes before may not.
func TestMembershipRaisesTheIDsThatMayBeNamed(t *testing.T) {
	told := token.Message{Kind: token.MembershipMessage, Change: &token.Change{Membership: &token.Membership{
		Version: 2, Cluster: token.Cluster{1}, Members: []token.Listed{{ID: 4, Address: "e:1", Disk: token.Disk{5}}}, IDs: 5,
	}}}
	about := token.Message{Kind: token.ProbeAnswer, Lock: "cs", Probe: 1, Answer: token.None, Members: []token.Member{4}}
	read := func(frame *ReceivedFrame, messages ...token.Message) error {
		return errors.Join(frame.Decode(generated(t, messages)), frame.Err)
	}
	frame := &ReceivedFrame{Decoder: testDecoder(3, 0, 1)}
	if err := read(frame, about, told); err == nil || !strings.Contains(err.Error(), "member 4; want 0 to 2") {
		t.Errorf("before MEMBERSHIP: %v; want it refused", err)
	}
	frame = &ReceivedFrame{Decoder: testDecoder(3, 0, 1)}
	if err := errors.Join(read(frame, told, about), read(frame, about)); err != nil {
		t.Errorf("after MEMBERSHIP: %v; want no error", err)
	}
}

// A token that was made before the latest members came has no numbers for them.
func TestNumbersOfMembersThatAreNewAreZero(t *testing.T) {
	sent := plainToken()
	for _, members := range []int{3, 5} {
		frame := &ReceivedFrame{Decoder: testDecoder(members, 0, 1)}
		if err := errors.Join(frame.Decode(generated(t, sent)), frame.Err); err != nil {
			t.Fatal(err)
		}
		want := append(slices.Clone(sent[0].Token.LastGranted), make([]token.Number, members-3)...)
		if got := frame.Messages[0].Token.LastGranted; !slices.Equal(got, want) {
			t.Errorf("LN of %d members: %v; want %v", members, got, want)
		}
	}
}
