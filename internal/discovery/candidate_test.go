package discovery

import (
	"errors"
	"slices"
	"strings"
	"testing"

	"conch/token"
)

// clusterOf is a settled membership. A member is ADDRESS, with a disk of its own, or
// ADDRESS/DISK.
func clusterOf(cluster byte, version uint64, members ...string) *token.Membership {
	m := &token.Membership{Version: version, Cluster: token.Cluster{cluster}, IDs: token.Member(len(members))}
	for i, text := range members {
		address, disk, found := strings.Cut(text, "/")
		if !found {
			disk = address
		}
		m.Members = append(m.Members, token.Listed{ID: token.Member(i), Address: address, Disk: diskOf(disk)})
	}
	return m
}

func diskOf(name string) (d token.Disk) {
	copy(d[:], name)
	return d
}

const ttl = Time(2e9)

// newcomer is a candidate x with a disk of that name.
func newcomer(own *token.Membership, at ...string) *Candidate {
	return NewCandidate("x", diskOf("x"), ttl, at, own)
}

func running(member string, m *token.Membership) Shown {
	return Shown{Member: member, Stage: Running, TTL: ttl, Membership: m}
}

func TestCandidateTakesTheNewestMembershipThatListsIt(t *testing.T) {
	c := newcomer(nil, "a")
	if got := c.Ask(); !slices.Equal(got, []string{"a"}) {
		t.Errorf("asks %v", got)
	}
	c.Shown("a", running("a", clusterOf(1, 0, "a", "b")))
	if c.Membership() != nil || !c.Stranger() {
		t.Errorf("takes %+v, and is a stranger: %t", c.Membership(), c.Stranger())
	}
	if got := c.Ask(); !slices.Equal(got, []string{"a", "b"}) {
		t.Errorf("asks %v", got)
	}
	// The other disk at the same address is not this node.
	c.Shown("b", running("b", clusterOf(1, 2, "a", "b", "x/old")))
	if c.Membership() != nil || !c.Stranger() {
		t.Errorf("takes %+v, and is a stranger: %t", c.Membership(), c.Stranger())
	}
	joint := clusterOf(1, 3, "a", "b")
	joint.Next = clusterOf(1, 3, "a", "b", "x").Members
	joint.IDs = 3
	c.Shown("a", running("a", joint))
	if c.Membership() != joint || c.Stranger() || c.Mixed() != nil {
		t.Errorf("takes %+v, and is a stranger: %t; mixed: %v", c.Membership(), c.Stranger(), c.Mixed())
	}
	// Whoever is silent has shown what it has shown.
	c.Silent("a", "gone")
	if c.Membership() != joint {
		t.Errorf("takes %+v", c.Membership())
	}
}

// With a membership of its own, a node takes a later one.
func TestCandidateLearnsWhatItHasMissed(t *testing.T) {
	own := clusterOf(1, 2, "a", "x")
	c := newcomer(own, "d")
	c.Shown("d", running("d", clusterOf(1, 0, "a", "x")))
	if c.Membership() != nil {
		t.Errorf("takes %+v, which is older", c.Membership())
	}
	later := clusterOf(1, 6, "d", "x")
	c.Shown("d", running("d", later))
	if c.Membership() != later || c.Removed() != nil {
		t.Errorf("takes %+v; removed by %+v", c.Membership(), c.Removed())
	}
}

func TestCandidateIsRemovedWhenAQuorumSaysSo(t *testing.T) {
	c := newcomer(clusterOf(1, 2, "a", "b", "x"), "d")
	without := clusterOf(1, 4, "a", "b", "d")
	c.Shown("d", running("d", without))
	c.Shown("a", running("a", clusterOf(1, 2, "a", "b", "x")))
	if c.Removed() != nil || c.Membership() != nil || !c.Stranger() {
		t.Errorf("removed by %+v, of one; takes %+v", c.Removed(), c.Membership())
	}
	c.Shown("b", running("b", without))
	if c.Removed() != without || c.Membership() != nil {
		t.Errorf("removed by %+v, takes %+v", c.Removed(), c.Membership())
	}
	// Who never was a member is not removed.
	n := newcomer(nil, "a")
	for _, a := range []string{"a", "b", "d"} {
		n.Shown(a, running(a, without))
	}
	if n.Removed() != nil {
		t.Errorf("removed by %+v", n.Removed())
	}
}

func TestCandidateRefusesNodesOfDifferentClusters(t *testing.T) {
	for _, test := range []struct {
		name string
		own  *token.Membership
		says string
	}{
		{"two nodes", nil, "nodes of different clusters: a belongs to the cluster of a, b, and c to that of c, d; name members of one cluster"},
		{"its own directory", clusterOf(3, 4, "x", "y"), "nodes of different clusters: this node's data directory belongs to the cluster of x, y, and a to that of a, b; name members of one cluster"},
	} {
		c := newcomer(test.own, "a", "c")
		c.Shown("a", running("a", clusterOf(1, 0, "a", "b")))
		c.Shown("c", running("c", clusterOf(2, 8, "c", "d")))
		var mixed *MixedError
		if err := c.Mixed(); !errors.As(err, &mixed) || !strings.HasPrefix(err.Error(), test.says) {
			t.Errorf("%s: got %v, want %q", test.name, err, test.says)
		}
	}
}

func TestCandidateReports(t *testing.T) {
	unborn := token.NewMembership([]string{"a", "b"})
	joint := clusterOf(1, 1, "a")
	joint.Next = clusterOf(1, 1, "a", "b").Members
	joint.IDs = 2
	for _, test := range []struct {
		name  string
		shown map[string]Shown
		found []string
		says  []string
	}{
		{"nobody", nil, []string{"x"}, []string{"no member has answered yet; a (no answer)"}},
		{"itself", map[string]Shown{"a": {Member: "x", Stage: Joining}}, []string{"x"}, []string{"a (its address leads to this node, x)"}},
		{"another name", map[string]Shown{"a": running("b", clusterOf(1, 0, "b"))}, []string{"x"}, []string{"a (the node there calls itself b)"}},
		{"one that waits, too", map[string]Shown{"a": {Member: "a", Stage: Joining}}, []string{"x"}, []string{"a (it waits to be added itself)"}},
		{"one that looks", map[string]Shown{"a": {Member: "a", Stage: Looking}}, []string{"x"}, []string{"a (it is still looking for the other members)"}},
		{"no data directory", map[string]Shown{"a": running("a", nil)}, []string{"x"}, []string{"a (its cluster has a member without a data directory, and can have no others)"}},
		{"not born", map[string]Shown{"a": running("a", unborn)}, []string{"x"}, []string{"not all members of its cluster have shown their data directories yet"}},
		{"not listed", map[string]Shown{"a": running("a", clusterOf(1, 0, "a", "b"))}, []string{"a", "b", "x"}, []string{"run 'conch members add x' on the machine of a member: a, b"}},
		{"another disk", map[string]Shown{"a": running("a", clusterOf(1, 0, "a", "x/old"))}, []string{"a", "x"}, []string{"lists x with another data directory", "run 'conch members replace x x' on the machine of another member: a"}},
		{"a change", map[string]Shown{"a": running("a", joint)}, []string{"a", "b", "x"}, []string{"another change of the members is under way"}},
		{
			"another time to live", map[string]Shown{"a": {Member: "a", Stage: Running, TTL: 5e9, Membership: clusterOf(1, 0, "a")}},
			[]string{"a", "x"},
			[]string{"add x", "a (its --session-ttl is 5s, and here it is 2s: give all the same)"},
		},
	} {
		c := newcomer(nil, "a")
		if test.shown == nil {
			c.Silent("a", "no answer")
		}
		for address, shown := range test.shown {
			c.Shown(address, shown)
		}
		r := c.Report()
		if !slices.Equal(r.Found, test.found) {
			t.Errorf("%s: found %v, want %v", test.name, r.Found, test.found)
		}
		for _, says := range test.says {
			if !strings.Contains(r.Text, says) {
				t.Errorf("%s: got %q; want it to say %q", test.name, r.Text, says)
			}
		}
	}
}
