package messages

import (
	"math"
	"slices"
	"strings"

	"pgregory.net/rapid"

	"conch/token"
)

// Bounds of what a message may contain; broadcast/wire refuses more.
const (
	maxNameBytes = 255
	maxSession   = 1 << 62
	maxKnown     = maxSession - 1<<40
	maxBallot    = math.MaxInt64 >> token.FenceBits
)

// Any draws messages as a member of a cluster may send them to another.
func Any(members int, from, to token.Member) *rapid.Generator[token.Message] {
	lock := rapid.StringN(1, -1, maxNameBytes)
	member := rapid.Map(rapid.IntRange(0, members-1), func(i int) token.Member { return token.Member(i) })
	list := rapid.Custom(func(t *rapid.T) []token.Member {
		list := rapid.SliceOfNDistinct(member, 0, members, rapid.ID[token.Member]).Draw(t, "list")
		if len(list) == 0 {
			return nil
		}
		return list
	})
	session := rapid.Map(rapid.Uint64Range(1, maxSession), func(s uint64) token.Session { return token.Session(s) })
	number := rapid.Custom(func(t *rapid.T) token.Number {
		return token.Number{Session: session.Draw(t, "session"), Count: rapid.Uint64Range(1, maxSession).Draw(t, "count")}
	})
	epochBy := func(t *rapid.T, by token.Member) token.Epoch {
		return token.Epoch{Number: rapid.Uint64Range(1, maxBallot).Draw(t, "epoch"), Proposer: by}
	}
	incarnation := rapid.Custom(func(t *rapid.T) (i token.Incarnation) {
		copy(i[:], rapid.SliceOfN(rapid.Byte(), len(i), len(i)).Draw(t, "incarnation"))
		return i
	})
	share := func(t *rapid.T, of token.Member, most uint64) token.Share {
		return token.Share{
			Member: of, Session: session.Draw(t, "session"), ID: token.Fence(rapid.Uint64Range(1, most).Draw(t, "id")),
			Permits: rapid.Uint32Range(1, uint32(token.MaxPermits)).Draw(t, "permits"),
		}
	}
	permits := rapid.Map(rapid.Uint32Range(1, uint32(token.MaxPermits)), func(l uint32) token.Limit { return token.Limit(l) })
	limit := rapid.OneOf(rapid.Just(token.Unlimited), permits)
	age := rapid.Map(rapid.Uint64Range(1, math.MaxInt64), func(at uint64) token.Fence { return token.Fence(at) })
	fence := age
	mark := rapid.Custom(func(t *rapid.T) token.RunMark {
		return token.RunMark{
			Tick: token.Tick(rapid.Int64Min(1).Draw(t, "tick")), Fence: fence.Draw(t, "fence"),
			State: token.RunState(rapid.IntRange(int(token.RunBegun), int(token.RunDone)).Draw(t, "state")),
		}
	})
	run := rapid.Custom(func(t *rapid.T) *token.Run {
		return &token.Run{
			RunMark: mark.Draw(t, "mark"), Until: rapid.Int64().Draw(t, "until"), About: rapid.StringN(-1, -1, token.MaxAboutBytes).Draw(t, "about"),
		}
	})
	kept := rapid.Custom(func(t *rapid.T) *token.KeptHold {
		return &token.KeptHold{
			Fence: fence.Draw(t, "fence"), Over: rapid.Bool().Draw(t, "over"), Owner: rapid.StringN(-1, -1, token.MaxOwnerBytes).Draw(t, "owner"),
			Until: rapid.Int64().Draw(t, "until"), About: rapid.StringN(-1, -1, token.MaxAboutBytes).Draw(t, "about"),
		}
	})
	note := rapid.Custom(func(t *rapid.T) *token.Note {
		n := &token.Note{Run: run.Draw(t, "run"), Kept: kept.Draw(t, "kept")}
		switch rapid.IntRange(0, 2).Draw(t, "which") {
		case 0:
			n.Run = nil
		case 1:
			n.Kept = nil
		}
		return n
	})
	stamp := rapid.Map(rapid.Int64(), func(s int64) token.Time { return token.Time(s) })
	return rapid.Custom(func(t *rapid.T) token.Message {
		m := token.Message{Kind: token.MessageKind(rapid.IntRange(int(token.Request), int(token.SyncAnswer)).Draw(t, "kind"))}
		if m.Kind == token.Request || m.Kind == token.TokenMessage || m.Kind >= token.Probe && m.Kind <= token.WitnessAnswer {
			m.Lock = lock.Draw(t, "lock")
		}
		switch m.Kind {
		case token.Request:
			m.Number = number.Draw(t, "number")
		case token.TokenMessage:
			m.Session = session.Draw(t, "session")
			m.Token = &token.Token{
				Epoch:       epochBy(t, member.Draw(t, "proposer")),
				Hop:         rapid.Uint64Min(1).Draw(t, "hop"),
				LastGranted: rapid.SliceOfN(number, members, members).Draw(t, "LN"),
				Queue:       list.Draw(t, "Q"),
			}
			m.Token.Fence = token.Fence(m.Token.Epoch.Number<<token.FenceBits + uint64(rapid.Uint32Max(token.MaxFencesPerEpoch-1).Draw(t, "fence")))
			if rapid.Bool().Draw(t, "shared") {
				m.Token.Limit, m.Token.LimitBy = limit.Draw(t, "limit"), member.Draw(t, "limit by")
				m.Token.LimitAt = age.Draw(t, "age")
				for _, of := range list.Draw(t, "shares") {
					m.Token.Shares = append(m.Token.Shares, share(t, of, uint64(m.Token.Fence)))
				}
			}
			if rapid.Bool().Draw(t, "has a run") {
				r := mark.Draw(t, "run")
				m.Token.Run = &r
			}
			if rapid.Bool().Draw(t, "is kept") {
				m.Token.Kept = kept.Draw(t, "kept")
				m.Token.Kept.Over = false
			}
		case token.Ping:
			m.Incarnation, m.Session = incarnation.Draw(t, "i"), session.Draw(t, "s")
			m.Begun, m.Stamp = rapid.Bool().Draw(t, "begun"), stamp.Draw(t, "stamp")
		case token.Pong:
			m.Incarnation, m.Stamp = incarnation.Draw(t, "i"), stamp.Draw(t, "stamp")
		case token.Busy:
			m.Locks = rapid.SliceOfN(lock, 1, 5).Draw(t, "locks")
		case token.Clear:
			m.Incarnation = incarnation.Draw(t, "i")
		case token.Bye:
			m.Session = session.Draw(t, "s")
		case token.Known:
			m.Session = min(session.Draw(t, "s"), maxKnown)
			m.Incarnation = incarnation.Draw(t, "i")
		case token.Probe:
			m.Number, m.Probe = number.Draw(t, "number"), rapid.Uint64Min(1).Draw(t, "probe")
			m.Helper = rapid.OneOf(member, rapid.Just(token.NoMember)).Draw(t, "helper")
			if rapid.Bool().Draw(t, "sets a limit") {
				m.Limit, m.LimitAt = permits.Draw(t, "limit"), token.Fence(rapid.Uint64Max(math.MaxInt64).Draw(t, "age"))
			}
		case token.ProbeAnswer:
			m.Probe, m.Members = rapid.Uint64Min(1).Draw(t, "probe"), list.Draw(t, "buriable")
			m.Answer = rapid.SampledFrom([]token.Answer{token.Hold, token.Recent, token.None}).Draw(t, "answer")
			m.InUse = rapid.Bool().Draw(t, "busy")
			if m.Answer == token.Hold && rapid.Bool().Draw(t, "limit asked") {
				m.Limit, m.LimitAt = limit.Draw(t, "limit"), age.Draw(t, "age")
			}
		case token.Ballot:
			m.Number, m.Ballot, m.Members = number.Draw(t, "number"), epochBy(t, from), list.Draw(t, "distant")
		case token.BallotAnswer:
			m.Answer = rapid.SampledFrom([]token.Answer{token.Hold, token.Outbid, token.TooLow, token.Promise}).Draw(t, "answer")
			m.Ballot, m.Highest = epochBy(t, to), epochBy(t, member.Draw(t, "by"))
			if m.Answer == token.Outbid || m.Answer == token.TooLow {
				m.Highest.Number = max(m.Highest.Number, m.Ballot.Number)
			}
			m.Number, m.Waiting, m.Members = number.Draw(t, "number"), rapid.Bool().Draw(t, "waiting"), list.Draw(t, "buried")
			if m.Answer == token.Promise && rapid.Bool().Draw(t, "shared") {
				m.Limit, m.LimitBy, m.LimitAt = limit.Draw(t, "limit"), member.Draw(t, "limit by"), age.Draw(t, "age")
				if rapid.Bool().Draw(t, "has a share") {
					m.Share = share(t, from, math.MaxInt64)
				}
			}
			if m.Answer == token.Promise && rapid.Bool().Draw(t, "notes") {
				m.Note = note.Draw(t, "note")
			}
		case token.Abort:
			m.Ballot = epochBy(t, from)
		case token.Recall, token.Done:
			m.Recaller = member.Draw(t, "recaller")
			m.Share = share(t, (m.Recaller+1)%token.Member(members), math.MaxInt64)
			if m.Kind == token.Recall {
				m.Anyhow = rapid.Bool().Draw(t, "anyhow")
			} else {
				m.Kept = rapid.Uint32Max(m.Share.Permits).Draw(t, "kept")
			}
		case token.Say:
			m.Saying = &token.Saying{
				Session: session.Draw(t, "s"), Fence: token.Fence(rapid.Uint64Range(1, math.MaxInt64).Draw(t, "fence")),
				Count: rapid.Uint64Range(1, maxSession).Draw(t, "count"), None: rapid.Bool().Draw(t, "over"),
			}
			if !m.Saying.None {
				m.Saying.Value = rapid.StringN(-1, -1, token.MaxValueBytes).Draw(t, "value")
			}
		case token.Witness:
			m.Note = note.Filter(func(n *token.Note) bool { return n.Run == nil || n.Kept == nil }).Draw(t, "note")
			if rapid.Bool().Draw(t, "of a token") {
				m.Note.Epoch = epochBy(t, member.Draw(t, "proposer"))
			}
		case token.WitnessAnswer:
			m.Answer = rapid.SampledFrom([]token.Answer{token.Noted, token.Outbid, token.Full, token.NoDisk}).Draw(t, "answer")
			m.Note = new(token.Note)
			if rapid.Bool().Draw(t, "tells") {
				m.Note = note.Draw(t, "note")
			}
			if rapid.Bool().Draw(t, "of a token") {
				m.Note.Epoch = epochBy(t, member.Draw(t, "proposer"))
			}
			if m.Answer == token.Outbid {
				m.Highest = epochBy(t, member.Draw(t, "by"))
				m.Highest.Number = max(m.Highest.Number, m.Note.Epoch.Number)
			}
			if rapid.Bool().Draw(t, "about a run") {
				m.Note.About.Run = mark.Draw(t, "about")
			} else {
				m.Note.About.KeptFence, m.Note.About.Over = fence.Draw(t, "about"), rapid.Bool().Draw(t, "over")
			}
		case token.Joined, token.JoinedAnswer:
			m.Members = list.Draw(t, "list")
			m.Change = change(t, m.Kind, members, from, to)
		case token.SyncAnswer:
			m.Change = change(t, m.Kind, members, from, to)
			for _, name := range rapid.SliceOfNDistinct(lock.Filter(func(name string) bool { return name > m.Change.After }), 0, 3, rapid.ID[string]).Draw(t, "notes of") {
				n := token.LockNotes{Lock: name}
				if of := note.Draw(t, "notes"); of.Run != nil {
					n.Run = *of.Run
				} else {
					n.Kept = *of.Kept
				}
				m.Change.Notes = append(m.Change.Notes, n)
			}
			slices.SortFunc(m.Change.Notes, func(a, b token.LockNotes) int { return strings.Compare(a.Lock, b.Lock) })
			m.Change.More = len(m.Change.Notes) > 0 && rapid.Bool().Draw(t, "more")
		default:
			if m.Kind >= token.MembershipMessage {
				m.Change = change(t, m.Kind, members, from, to)
			}
		}
		return m
	})
}
