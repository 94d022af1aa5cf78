package token

import (
	"crypto/sha256"
	"encoding/binary"
	"slices"
)

// The birth of a cluster: how its first list is settled (protocol, section 9).

// birth is about the first list. disks are those that the members have shown, by ID; nil once
// the list is settled, or never can be.
type birth struct {
	disks []Disk
	// awaited: the directory of this node is new. It may have been another's, or have stood for
	// one that is lost: the node has no say until all members have shown the same list.
	awaited bool
}

// bear notes the disk that a member of the first list has shown. Once all have, the list is
// settled.
//
// Protocol, section 9, birth: a list with a member that has no disk never changes.
func (n *Node) bear(from Member, disk Disk) {
	b := &n.birth
	switch {
	case b.disks == nil:
		return
	case disk == Disk{}:
		n.endBirth()
		n.checkWait()
		return
	}
	b.disks[from] = disk
	m := &Membership{Members: slices.Clone(n.membership.Members), IDs: n.membership.IDs}
	for i := range m.Members {
		l := &m.Members[i]
		if l.Disk = b.disks[l.ID]; l.Disk == (Disk{}) {
			return
		}
	}
	m.Cluster = clusterOf(m.Members)
	if m.Check() == nil { // else two have copies of one directory
		n.adopt(m)
	}
}

// clusterOf draws a cluster from its first list.
func clusterOf(list []Listed) (c Cluster) {
	h := sha256.New()
	for _, l := range list {
		var length [4]byte
		binary.BigEndian.PutUint32(length[:], uint32(len(l.Address)))
		h.Write(length[:])
		h.Write([]byte(l.Address))
		h.Write(l.Disk[:])
	}
	copy(c[:], h.Sum(nil))
	return c
}

// endBirth ends the wait for the birth of the cluster.
func (n *Node) endBirth() { n.birth = birth{} }

// leaveAsStranger ends a node that waits for the birth of a cluster which has members with
// other disks. It has never had a session.
func (n *Node) leaveAsStranger() {
	n.leaving, n.gone = true, true
	n.issue(nil, Gone, NoMember).Reason = ReasonStranger
}
