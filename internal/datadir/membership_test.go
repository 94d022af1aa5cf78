package datadir

import (
	"bytes"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"testing"

	"conch/token"
)

// diskOf is a made-up disk, and clusterOf a cluster.
func diskOf(b byte) bits { return bits{15: b} }

// goldenLists are what testdata/list-NAME.json hold.
var goldenLists = map[string]listRecord{
	"new":   {Version: 2, Member: "a:1", Disk: diskOf(1)},
	"found": {Version: 2, Member: "a:1", Disk: diskOf(1), Members: []string{"a:1", "b:1"}, Over: true},
	"joint": {
		Version: 2, Member: "a:1", Disk: diskOf(1),
		Membership: &membershipRecord{
			Version: 3, Cluster: diskOf(9), IDs: 3, Floor: 77,
			Members: []listedRecord{{0, "a:1", diskOf(1)}, {1, "b:1", diskOf(2)}},
			Next:    []listedRecord{{0, "a:1", diskOf(1)}, {2, "c:1", diskOf(3)}},
		},
	},
	"choice": {
		Version: 2, Member: "b:1", Disk: diskOf(2),
		Membership: &membershipRecord{
			Version: 2, Cluster: diskOf(9), IDs: 2, Floor: 77,
			Members: []listedRecord{{0, "a:1", diskOf(1)}, {1, "b:1", diskOf(2)}},
		},
		Choice: &choiceRecord{
			Version: 2, Promised: epochRecord{5, 1}, Accepted: epochRecord{4, 0}, IDs: 3,
			Next: []listedRecord{{0, "a:1", diskOf(1)}, {2, "c:1", diskOf(3)}},
		},
	},
	"removed": {
		Version: 2, Member: "b:1", Disk: diskOf(2), Removed: true,
		Membership: &membershipRecord{Version: 4, Cluster: diskOf(9), IDs: 3, Members: []listedRecord{{0, "a:1", diskOf(1)}, {2, "c:1", diskOf(3)}}},
	},
}

// A change of the format needs a new version, and a program must read what its predecessors
// wrote.
func TestListsAreTheGoldenFiles(t *testing.T) {
	for name, golden := range goldenLists {
		path := filepath.Join("testdata", "list-"+name+".json")
		want, err := os.ReadFile(path)
		if err != nil {
			t.Error(err)
			continue
		}
		line := encodeList(golden)
		if got := bytes.TrimRight(line, " "); !bytes.Equal(got, want) {
			t.Errorf("encodeList wrote\n%swant, as in %s,\n%s", got, path, want)
		}
		if len(line)%listBlock != 0 {
			t.Errorf("%s: %d bytes, want whole blocks", name, len(line))
		}
		for _, line := range [][]byte{line, want} {
			if got, err := decodeList(line); err != nil || !reflect.DeepEqual(got, golden) {
				t.Errorf("decodeList of %s = %+v, %v; want %+v", path, got, err, golden)
			}
		}
	}
}

// single is the membership of a cluster of one.
func single(s *Store) *token.Membership {
	m := token.NewMembership([]string{member})
	m.Cluster, m.Members[0].Disk = token.Cluster{1}, s.Disk()
	return m
}

// grown is a joint membership of the store's member and others.
func grown(s *Store, others uint64) *token.Membership {
	m := single(s)
	m.Version, m.Next = 1, m.Members
	for i := range others {
		m.Next = append(m.Next, token.Listed{ID: m.IDs, Address: fmt.Sprintf("node%d.example:7400", i), Disk: token.Disk{7, byte(i)}})
		m.IDs++
	}
	return m
}

// A directory has one disk for good, another one than any other's.
func TestTheDiskStays(t *testing.T) {
	s := mustOpen(t, t.TempDir())
	disk := s.Disk()
	if disk == (token.Disk{}) {
		t.Error("a new directory has no disk")
	}
	if got := reopened(t, s).Disk(); got != disk {
		t.Errorf("the disk was %v and is %v", disk, got)
	}
	if other := mustOpen(t, t.TempDir()); other.Disk() == disk {
		t.Error("two directories have the same disk")
	}
}

func TestTheMembershipIsKept(t *testing.T) {
	s := mustOpen(t, t.TempDir())
	if m, c := s.Membership(); m != nil || c != nil {
		t.Errorf("a new directory has %+v, %+v", m, c)
	}
	one := single(s)
	choice := &token.Choice{Promised: token.Epoch{Number: 3}, Accepted: token.Epoch{Number: 2}, Next: grown(s, 2).Next, IDs: 3}
	for _, step := range []struct {
		m *token.Membership
		c *token.Choice
	}{{one, nil}, {one, choice}, {grown(s, 98), nil}, {one, nil}} {
		if err := s.SaveMembership(step.m, step.c); err != nil {
			t.Fatal(err)
		}
		for range 2 {
			if m, c := s.Membership(); !reflect.DeepEqual(m, step.m) || !reflect.DeepEqual(c, step.c) {
				t.Errorf("got %+v, %+v; want %+v, %+v", m, c, step.m, step.c)
			}
			s = reopened(t, s)
		}
		if m, err := ReadMembership(s.dir, member); err != nil || !reflect.DeepEqual(m, step.m) {
			t.Errorf("ReadMembership = %+v, %v; want %+v", m, err, step.m)
		}
	}
}

// While the first list is not settled, the members may be named anew.
func TestAListThatIsNotSettledIsNotKept(t *testing.T) {
	s := mustOpen(t, t.TempDir())
	if err := s.SaveMembership(token.NewMembership([]string{member}), nil); err != nil {
		t.Fatal(err)
	}
	if m, _ := reopened(t, s).Membership(); m != nil {
		t.Errorf("got %+v", m)
	}
}

// What discovery has found stays beside it.
func TestTheMembershipAndTheFoundListDoNotDisturbEachOther(t *testing.T) {
	dir := t.TempDir()
	l := openList(t, dir, member)
	found := List{Members: []string{member, "b:1"}, Over: true}
	if err := l.Save(found); err != nil {
		t.Fatal(err)
	}
	closeList(t, l)
	s := mustOpen(t, dir)
	disk := s.Disk()
	if err := s.SaveMembership(single(s), nil); err != nil {
		t.Fatal(err)
	}
	mustClose(t, s)
	l = openList(t, dir, member)
	if got := l.List(); !reflect.DeepEqual(got, found) || !reflect.DeepEqual(l.Membership(), single(s)) {
		t.Errorf("got %+v, %+v; want %+v and the membership", got, l.Membership(), found)
	}
	closeList(t, l)
	if got := mustOpen(t, dir).Disk(); got != disk {
		t.Errorf("the disk was %v and is %v", disk, got)
	}
}

// A directory of an earlier version has numbers, and perhaps a list that was found.
func TestADirectoryOfAnEarlierVersionGetsADisk(t *testing.T) {
	dir := t.TempDir()
	for name, line := range map[string][]byte{
		stateName: encode(record{Version: 2, Member: member, Session: 7, Promised: 9}),
		listName:  seal([]byte(`{"version":1,"member":"` + member + `","members":["` + member + `","b:1"],"over":true`)),
	} {
		if err := os.WriteFile(filepath.Join(dir, name), line, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	s := mustOpenAt(t, dir, noClock)
	checkState(t, s, State{Session: 8, Promised: 9})
	if s.State().Fresh || s.Disk() == (token.Disk{}) {
		t.Errorf("State() = %+v, Disk() = %v; want a disk, and not fresh", s.State(), s.Disk())
	}
	disk := s.Disk()
	mustClose(t, s)
	l := openList(t, dir, member)
	defer closeList(t, l)
	if got, want := l.List(), (List{Members: []string{member, "b:1"}, Over: true}); !reflect.DeepEqual(got, want) || token.Disk(l.file.record.Disk) != disk {
		t.Errorf("got %+v and the disk %v; want %+v and %v", got, l.file.record.Disk, want, disk)
	}
}

// A new directory stays fresh while its member waits for the others, however often it is
// started.
func TestFreshUntilTheFirstListIsSettled(t *testing.T) {
	for name, end := range map[string]func(*Store) error{
		"settled":  func(s *Store) error { return s.SaveMembership(single(s), nil) },
		"promised": func(s *Store) error { return s.Save(0, s.State().Promised+1) },
	} {
		s := mustOpen(t, t.TempDir())
		for range 3 {
			if !s.State().Fresh {
				t.Fatalf("%s: State() = %+v, want fresh", name, s.State())
			}
			if err := errors.Join(s.SetClients(true), s.SetClients(false), s.Save(s.State().Session+1, s.State().Promised)); err != nil {
				t.Fatal(err)
			}
			s = reopened(t, s)
		}
		if err := end(s); err != nil {
			t.Fatal(err)
		}
		for range 2 {
			if s.State().Fresh {
				t.Errorf("%s: State() = %+v, want not fresh", name, s.State())
			}
			s = reopened(t, s)
		}
	}
}

func TestARemovedMemberDoesNotStartAgain(t *testing.T) {
	s := mustOpen(t, t.TempDir())
	m := grown(s, 1)
	m.Version, m.Members, m.Next = 2, m.Next[1:], nil
	if err := s.SaveMembership(m, nil); err != nil {
		t.Fatal(err)
	}
	session := s.State().Session
	mustClose(t, s)
	for range 2 {
		_, err := Open(s.dir, member, testClock)
		_, errList := OpenList(s.dir, member)
		_, errRead := ReadMembership(s.dir, member)
		for _, err := range []error{err, errList, errRead} {
			if !errors.Is(err, ErrRemoved) || !strings.Contains(err.Error(), "--join node0.example:7400") || !strings.Contains(err.Error(), "conch members add "+member) {
				t.Errorf("got %v; want ErrRemoved, and what to do", err)
			}
		}
	}
	line, err := os.ReadFile(filepath.Join(s.dir, stateName))
	if err != nil {
		t.Fatal(err)
	}
	if r, err := decode(line); err != nil || r.Session != session {
		t.Errorf("on disk is %+v, %v; want the session %d as it was", r, err, session)
	}
	// Another disk is another member.
	if err := os.RemoveAll(s.dir); err != nil {
		t.Fatal(err)
	}
	if other := mustOpen(t, s.dir); other.Disk() == s.Disk() {
		t.Error("the disk is the removed one")
	}
}

// The same address with another disk is another member.
func TestAReplacedDiskIsRemoved(t *testing.T) {
	s := mustOpen(t, t.TempDir())
	m := single(s)
	m.Version, m.IDs, m.Members[0].ID, m.Members[0].Disk = 2, 2, 1, token.Disk{8}
	if err := s.SaveMembership(m, nil); err != nil {
		t.Fatal(err)
	}
	mustClose(t, s)
	if _, err := Open(s.dir, member, testClock); !errors.Is(err, ErrRemoved) {
		t.Errorf("got %v, want ErrRemoved", err)
	}
}

func TestAMembershipThatIsNotToBeBelieved(t *testing.T) {
	for _, test := range []struct {
		name   string
		of     string
		change func(*listRecord)
		says   string
	}{
		{"no disk", "new", func(r *listRecord) { r.Disk = bits{} }, "the member's disk is missing"},
		{"version 1 with a disk", "new", func(r *listRecord) { r.Version = 1 }, "the member's disk is missing"},
		{"version 1 with a membership", "joint", func(r *listRecord) { r.Version, r.Disk = 1, bits{} }, "version 1 of the format has no membership"},
		{"no cluster", "joint", func(r *listRecord) { r.Membership.Cluster = bits{} }, "not settled"},
		{"no second list", "joint", func(r *listRecord) { r.Membership.Next = nil }, "has a second list"},
		{"an ID beyond", "joint", func(r *listRecord) { r.Membership.IDs = 2 }, "ID 2; want 0 to 1"},
		{"no address", "joint", func(r *listRecord) { r.Membership.Members[1].Address = "b" }, `"b" is not an address`},
		{"not removed", "joint", func(r *listRecord) { r.Removed = true }, "it says that the member is removed: true, and lists the member: true"},
		{"removed", "removed", func(r *listRecord) { r.Removed = false }, "it says that the member is removed: false, and lists the member: false"},
		{"a choice of another version", "choice", func(r *listRecord) { r.Choice.Version = 4 }, "a part in the choice after version 4"},
		{"a choice alone", "choice", func(r *listRecord) { r.Membership = nil }, "a part in the choice after version 2"},
		{"a choice of nobody's disk", "choice", func(r *listRecord) { r.Choice.Next[1].Disk = bits{} }, "without a disk"},
	} {
		r := goldenLists[test.of]
		if r.Membership != nil { // not to change the golden one
			m := *r.Membership
			m.Members = append([]listedRecord(nil), m.Members...)
			r.Membership = &m
		}
		if r.Choice != nil {
			c := *r.Choice
			c.Next = append([]listedRecord(nil), c.Next...)
			r.Choice = &c
		}
		test.change(&r)
		if _, err := decodeList(encodeList(r)); err == nil || !strings.Contains(err.Error(), test.says) {
			t.Errorf("%s: got %v; want it to say %q", test.name, err, test.says)
		}
	}
}

// A crash leaves the old file or the new one: the spare file is never read.
func TestAHalfWrittenListIsNotRead(t *testing.T) {
	s := mustOpen(t, t.TempDir())
	if err := s.SaveMembership(single(s), nil); err != nil {
		t.Fatal(err)
	}
	mustClose(t, s)
	line := encodeList(goldenLists["removed"])
	for _, n := range []int{0, 1, 100, len(line)} {
		if err := os.WriteFile(filepath.Join(s.dir, listName+spareSuffix), line[:n], 0o600); err != nil {
			t.Fatal(err)
		}
		if m, err := ReadMembership(s.dir, member); err != nil || !reflect.DeepEqual(m, single(s)) {
			t.Errorf("got %+v, %v", m, err)
		}
	}
}

func TestAClosedStoreSavesNoMembership(t *testing.T) {
	s := mustOpen(t, t.TempDir())
	mustClose(t, s)
	if err := s.SaveMembership(single(s), nil); !errors.Is(err, ErrClosed) {
		t.Errorf("after Close: %v, want ErrClosed", err)
	}
}
