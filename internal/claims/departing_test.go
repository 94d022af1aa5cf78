package claims

import (
	"testing"

	"conch/token"
)

// A node that leaves the list of members refuses those who wait, and lets holders finish; no
// undrain has it take requests again.
func TestANodeThatIsRemovedTurnsWaitersAway(t *testing.T) {
	own, other := token.Listed{Address: "a:1", Disk: token.Disk{1}}, token.Listed{ID: 1, Address: "b:1", Disk: token.Disk{2}}
	m := &token.Membership{Cluster: token.Cluster{9}, Members: []token.Listed{own}, IDs: 1}
	node, err := token.New(0, token.Config{
		Membership: m, Disk: own.Disk, Session: 1, TTL: ttl, IdleToken: token.DefaultIdleToken, IdleLock: token.DefaultIdleLock,
		FencesPerEpoch: token.MaxFencesPerEpoch,
	})
	if err != nil {
		t.Fatal(err)
	}
	b := &bench{t: t, node: node, table: New(node, Config{TTL: ttl, Member: "a:1", Quorum: 1, Members: 1, MaxLocks: 100, MaxPerClient: 100, MaxClaims: 100})}
	b.settle()
	b.attach("st", 1)
	b.acquire("st", 1, "l")
	b.wants("st: granted 1")
	b.acquire("st", 2, "l")
	b.local("l")
	b.wants()
	next := &token.Membership{Version: 1, Cluster: m.Cluster, Members: m.Members, Next: []token.Listed{other}, IDs: 2}
	if err := node.ReceiveMembership(b.now, token.NoMember, next); err != nil {
		t.Fatal(err)
	}
	b.settle()
	b.wants("next: refuse code 6", "st: refused 2 code 6")
	b.table.Undrain()
	b.acquire("st", 3, "m")
	b.wants("st: refused 3 code 6")
	if !b.table.Draining() {
		t.Error("the node takes requests again")
	}
	if holds, _, _ := b.table.Counts(); holds != 1 {
		t.Errorf("%d holds; want the one of before", holds)
	}
}
