package wire

import (
	"cmp"
	"errors"
	"fmt"

	peerv1 "conch/proto/conch/peer/v1"
	"conch/token"
)

// What members say about the list of members: in HELLO, in MEMBERSHIP, and in the messages
// that change it. A cluster whose list never changes sends none of it.

// MaxAddressBytes is the length of the longest address of a member: a host name of 253 bytes
// and a port.
const MaxAddressBytes = 259

// notesPerAnswer is how many locks a SYNC-ANSWER may tell about at most. MaxFrameBytes has room
// for their notes.
const notesPerAnswer = 256

// EncodeMembership converts a membership to one of the wire; nil if there is none.
func EncodeMembership(m *token.Membership) *peerv1.Membership {
	if m == nil {
		return nil
	}
	w := &peerv1.Membership{
		Version: m.Version, Members: encodeListed(m.Members), Next: encodeListed(m.Next),
		Ids: uint32(m.IDs), Floor: m.Floor,
	}
	if m.Born() {
		w.Cluster = m.Cluster[:]
	}
	return w
}

func encodeListed(list []token.Listed) []*peerv1.Listed {
	if len(list) == 0 {
		return nil
	}
	encoded := make([]*peerv1.Listed, len(list))
	for i := range list {
		encoded[i] = &peerv1.Listed{Id: uint32(list[i].ID), Address: list[i].Address, Disk: EncodeDisk(list[i].Disk)}
	}
	return encoded
}

// EncodeDisk converts a disk to the wire's form, which is empty if there is none.
func EncodeDisk(d token.Disk) []byte {
	if d == (token.Disk{}) {
		return nil
	}
	return d[:]
}

// DecodeDisk converts a disk of the wire; none is the zero Disk.
func DecodeDisk(wire []byte) (d token.Disk, err error) {
	if len(wire) != 0 && len(wire) != len(d) {
		return d, fmt.Errorf("disk of %d bytes; want %d, or none", len(wire), len(d))
	}
	copy(d[:], wire)
	return d, nil
}

// DecodeMembership checks a membership of the wire and converts it; nil if there is none.
// maxBallot returns the highest ballot number that is plausible now.
func DecodeMembership(w *peerv1.Membership, maxBallot func() uint64) (*token.Membership, error) {
	if w == nil {
		return nil, nil
	}
	m := &token.Membership{Version: w.GetVersion(), IDs: token.Member(w.GetIds()), Floor: w.GetFloor()}
	if len(w.GetCluster()) != 0 && len(w.GetCluster()) != len(m.Cluster) {
		return nil, fmt.Errorf("cluster of %d bytes; want %d, or none", len(w.GetCluster()), len(m.Cluster))
	}
	copy(m.Cluster[:], w.GetCluster())
	var err, errNext error
	m.Members, err = decodeListed(w.GetMembers())
	m.Next, errNext = decodeListed(w.GetNext())
	if err := cmp.Or(err, errNext, checkVersion(m.Version), checkBallotBelow(m.Floor, maxBallot())); err != nil {
		return nil, err
	}
	return m, m.Check()
}

// decodeListed decodes a list; nil if it is empty.
func decodeListed(wire []*peerv1.Listed) ([]token.Listed, error) {
	switch {
	case len(wire) == 0:
		return nil, nil
	case len(wire) > token.MaxListed:
		return nil, fmt.Errorf("a list of %d members; want at most %d", len(wire), token.MaxListed)
	}
	list := make([]token.Listed, len(wire))
	for i, w := range wire {
		l := token.Listed{ID: token.Member(w.GetId()), Address: w.GetAddress()}
		var err error
		if l.Disk, err = DecodeDisk(w.GetDisk()); err != nil {
			return nil, err
		}
		if err := CheckAddress(l.Address); err != nil {
			return nil, err
		}
		list[i] = l
	}
	return list, nil
}

// CheckAddress refuses an address that no member can have.
func CheckAddress(address string) error {
	if address == "" {
		return errors.New("address of a member: it is empty")
	}
	return checkText("address of a member", address, MaxAddressBytes)
}

// checkVersion checks the version of a membership. It leaves room for more changes.
func checkVersion(version uint64) error {
	if version > MaxSession {
		return fmt.Errorf("version %d of the members; want at most %d", version, uint64(MaxSession))
	}
	return nil
}

// encodeChange converts a message about the members to one of the wire.
func encodeChange(m *token.Message) *peerv1.Message {
	c := m.Change
	switch m.Kind {
	case token.MembershipMessage:
		return &peerv1.Message{Kind: &peerv1.Message_Membership{Membership: EncodeMembership(c.Membership)}}
	case token.Choose:
		return &peerv1.Message{Kind: &peerv1.Message_Choose{Choose: &peerv1.Choose{Version: c.Version, Round: encodeEpoch(c.Round)}}}
	case token.ChooseAnswer:
		return &peerv1.Message{Kind: &peerv1.Message_ChooseAnswer{ChooseAnswer: &peerv1.ChooseAnswer{
			Version:  c.Version,
			Round:    encodeEpoch(c.Round),
			Promised: encodeEpoch(c.Promised),
			Accepted: encodeAnyEpoch(c.Accepted),
			Next:     encodeListed(c.Next),
			Ids:      uint32(c.IDs),
		}}}
	case token.Accept:
		return &peerv1.Message{Kind: &peerv1.Message_Accept{Accept: &peerv1.Accept{
			Version: c.Version, Round: encodeEpoch(c.Round), Next: encodeListed(c.Next), Ids: uint32(c.IDs),
		}}}
	case token.AcceptAnswer:
		return &peerv1.Message{Kind: &peerv1.Message_AcceptAnswer{AcceptAnswer: &peerv1.AcceptAnswer{
			Version: c.Version, Round: encodeEpoch(c.Round), Promised: encodeEpoch(c.Promised),
		}}}
	case token.Joined:
		return &peerv1.Message{Kind: &peerv1.Message_Joined{Joined: &peerv1.Joined{
			Version: c.Version, Ask: c.Ask, Distant: encodeMembers(m.Members),
		}}}
	case token.JoinedAnswer:
		return &peerv1.Message{Kind: &peerv1.Message_JoinedAnswer{JoinedAnswer: &peerv1.JoinedAnswer{
			Version: c.Version, Ask: c.Ask, Joined: c.Joined, Highest: c.Highest, Buried: encodeMembers(m.Members),
		}}}
	case token.Sync:
		return &peerv1.Message{Kind: &peerv1.Message_Sync{Sync: &peerv1.Sync{Version: c.Version, After: c.After}}}
	case token.SyncAnswer:
		return &peerv1.Message{Kind: &peerv1.Message_SyncAnswer{SyncAnswer: &peerv1.SyncAnswer{
			Version: c.Version, After: c.After, Notes: encodeLockNotes(c.Notes), More: c.More,
		}}}
	default:
		panic(fmt.Sprintf("wire: message of kind %v has no form on the wire", m.Kind))
	}
}

func encodeLockNotes(notes []token.LockNotes) []*peerv1.LockNotes {
	var encoded []*peerv1.LockNotes
	for i := range notes {
		n := &notes[i]
		w := &peerv1.LockNotes{Lock: n.Lock}
		if n.Run.Tick != 0 {
			w.Run = encodeRun(&n.Run)
		}
		if n.Kept.Fence != 0 {
			w.Kept = encodeKept(&n.Kept)
		}
		encoded = append(encoded, w)
	}
	return encoded
}

// changeBytes returns a size that what a message says about the members does not exceed.
func changeBytes(m *token.Message) int {
	c := m.Change
	if c == nil {
		return 0
	}
	n := len(c.After) + listedBytes(c.Next)
	if c.Membership != nil {
		n += listedBytes(c.Membership.Members) + listedBytes(c.Membership.Next)
	}
	for i := range c.Notes {
		of := &c.Notes[i]
		n += 160 + len(of.Lock) + len(of.Run.About) + len(of.Kept.Owner) + len(of.Kept.About)
	}
	return n
}

func listedBytes(list []token.Listed) (n int) {
	for i := range list {
		n += 48 + len(list[i].Address)
	}
	return n
}

// change decodes a message about the members. It returns false if it is none.
func (d *Decoder) change(wire *peerv1.Message) (m token.Message, ok bool, err error) {
	switch kind := wire.GetKind().(type) {
	case *peerv1.Message_Membership:
		m, err = d.membership(kind.Membership)
	case *peerv1.Message_Choose:
		m, err = d.choose(kind.Choose)
	case *peerv1.Message_ChooseAnswer:
		m, err = d.chooseAnswer(kind.ChooseAnswer)
	case *peerv1.Message_Accept:
		m, err = d.accept(kind.Accept)
	case *peerv1.Message_AcceptAnswer:
		m, err = d.acceptAnswer(kind.AcceptAnswer)
	case *peerv1.Message_Joined:
		m, err = d.joined(kind.Joined)
	case *peerv1.Message_JoinedAnswer:
		m, err = d.joinedAnswer(kind.JoinedAnswer)
	case *peerv1.Message_Sync:
		m, err = d.sync(kind.Sync)
	case *peerv1.Message_SyncAnswer:
		m, err = d.syncAnswer(kind.SyncAnswer)
	default:
		return m, false, nil
	}
	if !d.Changes {
		err = errors.New("the members of this cluster never change")
	}
	return m, true, err
}

// membership decodes the sender's membership. From then on the sender may name all members
// that it tells of.
func (d *Decoder) membership(w *peerv1.Membership) (token.Message, error) {
	m := token.Message{Kind: token.MembershipMessage}
	if w == nil {
		return m, errors.New("it is empty")
	}
	membership, err := DecodeMembership(w, d.MaxBallot)
	if err != nil {
		return m, err
	}
	m.Change = &token.Change{Membership: membership}
	if d.Changes {
		d.Members = max(d.Members, int(membership.IDs))
	}
	return m, nil
}

func (d *Decoder) choose(w *peerv1.Choose) (token.Message, error) {
	c := &token.Change{Version: w.GetVersion(), Round: decodeEpoch(w.GetRound())}
	return token.Message{Kind: token.Choose, Change: c}, cmp.Or(checkStable(c.Version), checkRound(c.Round, d.From))
}

func (d *Decoder) chooseAnswer(w *peerv1.ChooseAnswer) (token.Message, error) {
	c := &token.Change{
		Version: w.GetVersion(), Round: decodeEpoch(w.GetRound()), Promised: decodeEpoch(w.GetPromised()), Accepted: decodeEpoch(w.GetAccepted()),
	}
	m := token.Message{Kind: token.ChooseAnswer, Change: c}
	if err := cmp.Or(checkStable(c.Version), checkRound(c.Round, d.Self), d.checkPromised(c)); err != nil {
		return m, err
	}
	if c.Accepted == (token.Epoch{}) {
		if len(w.GetNext()) != 0 || w.GetIds() != 0 {
			return m, errors.New("a proposal that was not accepted")
		}
		return m, nil
	}
	if c.Accepted.Above(c.Promised) {
		return m, fmt.Errorf("accepted in round %v, and promised only %v", c.Accepted, c.Promised)
	}
	return m, cmp.Or(d.checkRoundOfAny(c.Accepted), d.proposal(c, w.GetNext(), w.GetIds()))
}

func (d *Decoder) accept(w *peerv1.Accept) (token.Message, error) {
	c := &token.Change{Version: w.GetVersion(), Round: decodeEpoch(w.GetRound())}
	m := token.Message{Kind: token.Accept, Change: c}
	return m, cmp.Or(checkStable(c.Version), checkRound(c.Round, d.From), d.proposal(c, w.GetNext(), w.GetIds()))
}

func (d *Decoder) acceptAnswer(w *peerv1.AcceptAnswer) (token.Message, error) {
	c := &token.Change{Version: w.GetVersion(), Round: decodeEpoch(w.GetRound()), Promised: decodeEpoch(w.GetPromised())}
	return token.Message{Kind: token.AcceptAnswer, Change: c},
		cmp.Or(checkStable(c.Version), checkRound(c.Round, d.Self), d.checkPromised(c))
}

func (d *Decoder) joined(w *peerv1.Joined) (token.Message, error) {
	c := &token.Change{Version: w.GetVersion(), Ask: w.GetAsk()}
	distant, err := d.list("distant", w.GetDistant())
	return token.Message{Kind: token.Joined, Change: c, Members: distant}, cmp.Or(checkJoint(c.Version), checkAsk(c.Ask), err)
}

func (d *Decoder) joinedAnswer(w *peerv1.JoinedAnswer) (token.Message, error) {
	c := &token.Change{Version: w.GetVersion(), Ask: w.GetAsk(), Joined: w.GetJoined(), Highest: w.GetHighest()}
	buried, err := d.list("buried", w.GetBuried())
	return token.Message{Kind: token.JoinedAnswer, Change: c, Members: buried},
		cmp.Or(checkJoint(c.Version), checkAsk(c.Ask), err, d.checkBallot(c.Highest))
}

func (d *Decoder) sync(w *peerv1.Sync) (token.Message, error) {
	c := &token.Change{Version: w.GetVersion(), After: w.GetAfter()}
	return token.Message{Kind: token.Sync, Change: c}, cmp.Or(checkJoint(c.Version), checkAfter(c.After))
}

func (d *Decoder) syncAnswer(w *peerv1.SyncAnswer) (token.Message, error) {
	c := &token.Change{Version: w.GetVersion(), After: w.GetAfter(), More: w.GetMore()}
	m := token.Message{Kind: token.SyncAnswer, Change: c}
	switch {
	case len(w.GetNotes()) > notesPerAnswer:
		return m, fmt.Errorf("notes of %d locks; want at most %d", len(w.GetNotes()), notesPerAnswer)
	case c.More && len(w.GetNotes()) == 0:
		return m, errors.New("no notes, and others after these")
	}
	last := c.After
	for _, n := range w.GetNotes() {
		of, err := d.lockNotes(n)
		if err == nil && of.Lock <= last {
			err = fmt.Errorf("notes of %q after those of %q", of.Lock, last)
		}
		if err != nil {
			return m, err
		}
		c.Notes, last = append(c.Notes, of), of.Lock
	}
	return m, cmp.Or(checkJoint(c.Version), checkAfter(c.After))
}

// lockNotes decodes what the sender remembers of a lock: nothing if it has just forgotten it.
func (d *Decoder) lockNotes(w *peerv1.LockNotes) (token.LockNotes, error) {
	n := token.LockNotes{Lock: w.GetLock()}
	note, err := d.note(w.GetRun(), w.GetKept())
	if note.Run != nil {
		n.Run = *note.Run
	}
	if note.Kept != nil {
		n.Kept = *note.Kept
	}
	return n, cmp.Or(CheckName(n.Lock), err)
}

// proposal decodes the list that is, or was, proposed.
func (d *Decoder) proposal(c *token.Change, next []*peerv1.Listed, ids uint32) error {
	list, err := decodeListed(next)
	if err != nil {
		return err
	}
	if list == nil {
		return errors.New("an empty list is proposed")
	}
	c.Next, c.IDs = list, token.Member(ids)
	// The other list is not told. Any will do: its members are not at issue.
	joint := token.Membership{Version: c.Version + 1, Cluster: token.Cluster{1}, Members: list, Next: list, IDs: c.IDs}
	return joint.Check()
}

// checkStable checks the version of a membership that is to change.
func checkStable(version uint64) error {
	if version%2 != 0 {
		return fmt.Errorf("version %d of the members is to change; want an even one", version)
	}
	return checkVersion(version)
}

// checkJoint checks the version of a membership that is to be completed.
func checkJoint(version uint64) error {
	if version%2 != 1 {
		return fmt.Errorf("version %d of the members is to be completed; want an odd one", version)
	}
	return checkVersion(version)
}

// checkRound checks a round that only one member can have begun.
func checkRound(round token.Epoch, by token.Member) error {
	switch {
	case round.Proposer != by:
		return fmt.Errorf("round by member %d; want by %d", round.Proposer, by)
	case round.Number == 0 || round.Number > MaxSession:
		return fmt.Errorf("round %v; want a number from 1 to %d", round, uint64(MaxSession))
	}
	return nil
}

// checkRoundOfAny checks a round that any member can have begun.
func (d *Decoder) checkRoundOfAny(round token.Epoch) error {
	return cmp.Or(d.checkMember("proposer of the round", round.Proposer), checkRound(round, round.Proposer))
}

// checkPromised checks the highest round that a member has promised, which answers a round.
func (d *Decoder) checkPromised(c *token.Change) error {
	if c.Round.Above(c.Promised) {
		return fmt.Errorf("promised %v, in answer to round %v; want one that is not lower", c.Promised, c.Round)
	}
	return d.checkRoundOfAny(c.Promised)
}

// checkAsk checks the number of a question.
func checkAsk(ask uint64) error {
	if ask == 0 {
		return errors.New("question 0; want from 1")
	}
	return nil
}

// checkAfter checks the name after which notes begin, which is empty at first.
func checkAfter(after string) error {
	if after == "" {
		return nil
	}
	return CheckName(after)
}
