package datadir

import (
	"bytes"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"slices"

	"conch/token"
)

const (
	// listVersion is raised when an older program would misread what a newer one writes.
	// Version 1 had the member and the list that it had found, and nothing else.
	listVersion = 2
	// listBlock is what the file's length is a multiple of. A list with twice as many
	// members, and a choice beside it, then mostly fits into the space that the file has had
	// since it was made, also on a full disk.
	listBlock = 8 << 10
	// maxListBytes is above the longest file: 3 lists of [token.MaxListed] members with the
	// longest addresses, beside [hosts.MaxMembers] of them.
	maxListBytes = 1 << 20
)

// listRecord is the file without its checksum.
type listRecord struct {
	Version int    `json:"version"`
	Member  string `json:"member"` // whose list it is
	// Disk is zero in version 1 only.
	Disk bits `json:"disk"`
	// Members and Over are the list that the node has found; see List.
	Members []string `json:"members"`
	Over    bool     `json:"over"`
	// Membership is the newest settled one, nil if there is none. Removed: it does not list
	// the member any more.
	Membership *membershipRecord `json:"membership,omitempty"`
	Removed    bool              `json:"removed,omitempty"`
	// Choice is the member's part in the choice of the next one, nil if it has none.
	Choice *choiceRecord `json:"choice,omitempty"`
}

type membershipRecord struct {
	Version uint64         `json:"version"`
	Cluster bits           `json:"cluster"`
	Members []listedRecord `json:"members"`
	Next    []listedRecord `json:"next,omitempty"`
	IDs     token.Member   `json:"ids"`
	Floor   uint64         `json:"floor"`
}

type listedRecord struct {
	ID      token.Member `json:"id"`
	Address string       `json:"address"`
	Disk    bits         `json:"disk"`
}

type choiceRecord struct {
	Version  uint64         `json:"version"`
	Promised epochRecord    `json:"promised"`
	Accepted epochRecord    `json:"accepted"`
	Next     []listedRecord `json:"next,omitempty"`
	IDs      token.Member   `json:"ids"`
}

type epochRecord struct {
	Number   uint64       `json:"number"`
	Proposer token.Member `json:"proposer"`
}

// bits are a disk or a cluster, written in hexadecimal; zero is an empty text.
type bits [16]byte

// MarshalText implements [encoding.TextMarshaler].
func (b bits) MarshalText() ([]byte, error) {
	if b == (bits{}) {
		return nil, nil
	}
	return hex.AppendEncode(nil, b[:]), nil
}

// UnmarshalText implements [encoding.TextUnmarshaler].
func (b *bits) UnmarshalText(text []byte) error {
	*b = bits{}
	if len(text) == 0 {
		return nil
	}
	if len(text) != hex.EncodedLen(len(b)) {
		return fmt.Errorf("%d digits, want %d", len(text), hex.EncodedLen(len(b)))
	}
	_, err := hex.Decode(b[:], text)
	return err
}

// newMembershipRecord is nil for a membership that is not settled: the members may still be
// named anew then.
func newMembershipRecord(m *token.Membership) *membershipRecord {
	if m == nil || !m.Born() {
		return nil
	}
	return &membershipRecord{
		Version: m.Version, Cluster: bits(m.Cluster), Members: newListed(m.Members), Next: newListed(m.Next), IDs: m.IDs, Floor: m.Floor,
	}
}

func (r *membershipRecord) membership() *token.Membership {
	if r == nil {
		return nil
	}
	return &token.Membership{
		Version: r.Version, Cluster: token.Cluster(r.Cluster), Members: listed(r.Members), Next: listed(r.Next), IDs: r.IDs, Floor: r.Floor,
	}
}

func newChoiceRecord(c *token.Choice) *choiceRecord {
	if c == nil {
		return nil
	}
	return &choiceRecord{
		Version: c.Version, Promised: epochRecord(c.Promised), Accepted: epochRecord(c.Accepted), Next: newListed(c.Next), IDs: c.IDs,
	}
}

func (r *choiceRecord) choice() *token.Choice {
	if r == nil {
		return nil
	}
	return &token.Choice{
		Version: r.Version, Promised: token.Epoch(r.Promised), Accepted: token.Epoch(r.Accepted), Next: listed(r.Next), IDs: r.IDs,
	}
}

func newListed(list []token.Listed) []listedRecord {
	var records []listedRecord
	for _, l := range list {
		records = append(records, listedRecord{l.ID, l.Address, bits(l.Disk)})
	}
	return records
}

func listed(records []listedRecord) []token.Listed {
	var list []token.Listed
	for _, r := range records {
		list = append(list, token.Listed{ID: r.ID, Address: r.Address, Disk: token.Disk(r.Disk)})
	}
	return list
}

// encodeList writes a record as one line, and spaces behind it.
func encodeList(r listRecord) []byte {
	object, err := json.Marshal(r)
	if err != nil {
		panic(err) // numbers and texts always become JSON
	}
	line := seal(object[:len(object)-1])
	blocks := (len(line) + listBlock - 1) / listBlock
	return append(line, bytes.Repeat([]byte(" "), blocks*listBlock-len(line))...)
}

// decodeList reads what encodeList wrote, in this version or an earlier one. Its errors are
// the bare reason.
func decodeList(line []byte) (listRecord, error) {
	var r listRecord
	if len(line) > maxListBytes {
		return r, fmt.Errorf("it is longer than %d bytes", maxListBytes)
	}
	if line = bytes.TrimRight(line, " "); len(line) < trailerBytes {
		return r, fmt.Errorf("it is torn: it has %d bytes only", len(line))
	}
	object := line[:len(line)-trailerBytes]
	if !bytes.Equal(line, seal(object)) {
		return r, errors.New("it is torn or was changed: its end is not the checksum of the rest")
	}
	object = append(bytes.Clone(object), '}')
	// The version comes first: nothing else is known of other versions.
	var head struct {
		Version int `json:"version"`
	}
	if err := json.Unmarshal(object, &head); err != nil {
		return r, fmt.Errorf("it is not a list: %w", err)
	}
	if head.Version != 1 && head.Version != listVersion {
		return r, fmt.Errorf("got version %d of the format, want %d: run the version of conch that wrote it", head.Version, listVersion)
	}
	if err := json.Unmarshal(object, &r); err != nil {
		return r, fmt.Errorf("it is not a list: %w", err)
	}
	return r, r.check()
}

// check refuses what no node can run with.
func (r listRecord) check() error {
	if m := r.Members; m != nil && (!slices.IsSorted(m) || len(slices.Compact(slices.Clone(m))) != len(m) || !slices.Contains(m, r.Member)) {
		return errors.New("it is not a sorted list with the member itself")
	}
	if err := checkAddresses(append([]string{r.Member}, r.Members...)); err != nil {
		return err
	}
	if (r.Disk == bits{}) != (r.Version == 1) {
		return errors.New("the member's disk is missing")
	}
	if r.Version == 1 && (r.Membership != nil || r.Choice != nil || r.Removed) {
		return errors.New("version 1 of the format has no membership")
	}
	m := r.Membership.membership()
	if err := checkMembership(m); err != nil {
		return err
	}
	if removed := m != nil && m.Find(r.Member, token.Disk(r.Disk)) == token.NoMember; removed != r.Removed {
		return fmt.Errorf("it says that the member is removed: %t, and lists the member: %t", r.Removed, !removed)
	}
	return r.checkChoice()
}

// checkChoice refuses a part in a choice that the member cannot have.
func (r listRecord) checkChoice() error {
	c := r.Choice
	if c == nil {
		return nil
	}
	if r.Membership == nil || c.Version > r.Membership.Version || c.Version%2 == 1 {
		return fmt.Errorf("it has a part in the choice after version %d, which its membership does not allow", c.Version)
	}
	if c.Next == nil {
		return nil
	}
	return checkMembership(&token.Membership{Version: c.Version + 1, Cluster: token.Cluster(r.Membership.Cluster), Members: listed(r.Membership.Members), Next: listed(c.Next), IDs: c.IDs})
}

func checkMembership(m *token.Membership) error {
	switch {
	case m == nil:
		return nil
	case !m.Born():
		return errors.New("its membership is not settled")
	}
	if err := m.Check(); err != nil {
		return err
	}
	for _, l := range m.All() {
		if err := checkAddresses([]string{l.Address}); err != nil {
			return err
		}
	}
	return nil
}
