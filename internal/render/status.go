package render

import (
	"fmt"
	"strings"

	clientv1 "conch/proto/conch/client/v1"
)

// Status writes a table of the members, and below it, in sentences, what is wrong.
func (p *textPrinter) Status(answer *clientv1.StatusResponse, kept []*clientv1.LockStatus) error {
	var b strings.Builder
	members := counted(len(answer.GetMembers()), "member")
	if len(answer.GetMembers()) == 1 {
		members += " (single: it grants every lock by itself)"
	}
	fmt.Fprintf(&b, "%s, a quorum is %s; a session lives %s. Answered by %s.\n\n",
		members, Quorum(answer), span(answer.GetTtlNs()), word(answer.GetAnsweredBy()))
	writeMembers(&b, answer)
	troubles := findTroubles(answer)
	for _, lock := range kept {
		troubles = append(troubles, fmt.Sprintf("%s is %s.", word(lock.GetLock()), KeptSentence(lock.GetLock(), lock.GetKept())))
	}
	if len(troubles) > 0 {
		b.WriteByte('\n')
		for _, trouble := range troubles {
			b.WriteString(paragraph("- ", trouble))
		}
	}
	return p.say(b.String())
}

// Quorum says how many members are a quorum; while the members change, of each list.
func Quorum(answer *clientv1.StatusResponse) string {
	m := answer.GetMembership()
	if m.GetVersion()%2 == 0 {
		return fmt.Sprint(answer.GetQuorum())
	}
	before, after := 0, 0
	for _, listed := range m.GetMembers() {
		if listed.GetStanding() != clientv1.Standing_STANDING_JOINING {
			before++
		}
		if listed.GetStanding() != clientv1.Standing_STANDING_LEAVING {
			after++
		}
	}
	return fmt.Sprintf("%d of the %s before the change and %d of the %d after it", before/2+1, counted(before, "member"), after/2+1, after)
}

// writeMembers writes a line for each member. LOCKS is how many locks it knows, used or
// not; STREAMS is how many streams to and from the others are open.
func writeMembers(b *strings.Builder, answer *clientv1.StatusResponse) {
	said := map[string]*clientv1.MemberStatus{}
	for _, m := range answer.GetStatuses() {
		said[m.GetMember()] = m
	}
	rows := [][]string{{"MEMBER", "SESSION", "UP", "CLIENTS", "HOLDS", "WAITS", "LOCKS", "STREAMS"}}
	for _, member := range answer.GetMembers() {
		m := said[member]
		if m == nil {
			rows = append(rows, []string{Plain(member), "no answer", "", "", "", "", "", ""})
			continue
		}
		session := "none"
		if m.GetSession() != 0 {
			session = span(m.GetLeaseRemainingNs()) + " left"
		}
		rows = append(rows, []string{
			Plain(member), session, span(m.GetUpNs()), fmt.Sprintf("%7d", m.GetClients()),
			fmt.Sprintf("%5d", m.GetHolds()), fmt.Sprintf("%5d", m.GetWaits()), fmt.Sprintf("%5d", m.GetLocks()),
			fmt.Sprintf("%d of %d", openStreams(m), 2*len(m.GetPeers())),
		})
	}
	table(b, rows)
}

// openStreams counts the streams between a member and the others.
func openStreams(m *clientv1.MemberStatus) int {
	open := 0
	for _, peer := range m.GetPeers() {
		if peer.GetSends() {
			open++
		}
		if peer.GetReceives() {
			open++
		}
	}
	return open
}

// findTroubles returns what is wrong, in member order. It does not mention that the others
// have no streams to a member that did not answer, but why they refuse it.
func findTroubles(answer *clientv1.StatusResponse) []string {
	var troubles []string
	gone := map[string]bool{}
	for _, m := range answer.GetMissing() {
		gone[m.GetMember()] = true
	}
	versions := map[string]bool{}
	for _, m := range answer.GetStatuses() {
		versions[m.GetVersion()] = true
	}
	if change := ChangeSentence(answer.GetMembership()); change != "" {
		troubles = append(troubles, change)
	}
	troubles = append(troubles, ruleTroubles(answer.GetStatuses())...)
	troubles = append(troubles, memoryTroubles(answer.GetStatuses())...)
	for _, m := range answer.GetStatuses() {
		member := Plain(m.GetMember())
		if len(versions) > 1 {
			troubles = append(troubles, fmt.Sprintf("%s runs version %s, and not all do.", member, word(m.GetVersion())))
		}
		starts := m.GetSession() == 0 && m.GetUpNs() < answer.GetTtlNs()
		switch {
		case starts:
			troubles = append(troubles, fmt.Sprintf("%s has no session yet: it started %s ago, and a node waits for up to %s before it asks for one, if clients of the process before it may hold locks.",
				member, span(m.GetUpNs()), span(answer.GetTtlNs())))
		case m.GetSession() == 0:
			troubles = append(troubles, member+" has no session: it does not reach a quorum of the members, and its clients get no lock until it does.")
		}
		if m.GetLocks() >= m.GetMaxLocks() && m.GetLocks() > 0 {
			troubles = append(troubles, fmt.Sprintf("%s knows %d locks, as many as it may: its clients can ask for no others until some are forgotten.", member, m.GetLocks()))
		}
		if m.GetNotes() >= m.GetMaxNotes() && m.GetMaxNotes() > 0 {
			troubles = append(troubles, fmt.Sprintf("%s remembers the runs and kept holds of %d locks, as many as it may: those of other locks are refused until some are forgotten.", member, m.GetNotes()))
		}
		if m.GetDraining() {
			troubles = append(troubles, member+" is draining: it takes no more requests, and its holders may finish.")
		}
		if trouble := logTrouble(m); trouble != "" {
			troubles = append(troubles, member+trouble)
		}
		for _, peer := range m.GetPeers() {
			if trouble := peerTrouble(peer, starts, answer.GetTtlNs()); trouble != "" && !gone[peer.GetMember()] {
				troubles = append(troubles, member+" "+trouble+".")
			}
			for _, trouble := range refusalTroubles(peer) {
				troubles = append(troubles, member+" "+trouble)
			}
		}
	}
	return troubles
}

// memoryTroubles names the members without a data directory, if others have one: they all
// need one for runs and kept holds. One of a version that knows neither has none.
func memoryTroubles(statuses []*clientv1.MemberStatus) []string {
	var without []string
	for _, m := range statuses {
		if !m.GetRemembers() {
			without = append(without, Plain(m.GetMember()))
		}
	}
	if len(without) == 0 || len(without) == len(statuses) {
		return nil
	}
	return []string{fmt.Sprintf("No data directory at %s: so conch once and kept holds are refused.", list(without))}
}

// logTrouble says what is wrong with a member's log; empty if nothing is.
func logTrouble(m *clientv1.MemberStatus) string {
	missing := fmt.Sprintf("%d lines of it are missing", m.GetLogLinesMissing())
	if m.GetLogLinesMissing() == 1 {
		missing = "one line of it is missing"
	}
	switch {
	case m.GetLogTrouble() != "":
		return " cannot write its log, and goes on: " + Plain(m.GetLogTrouble()) + "; " + missing + "."
	case m.GetLogLinesMissing() > 0:
		return " could not write its log for a while; " + missing + "."
	}
	return ""
}

// ruleTroubles says that members have different rules, if so, and which have the same. It
// ignores members whose version does not report its rules.
func ruleTroubles(members []*clientv1.MemberStatus) []string {
	same := map[string][]string{}
	var hashes []string
	for _, m := range members {
		hash := string(m.GetRules())
		if hash == "" {
			continue
		}
		if same[hash] == nil {
			hashes = append(hashes, hash)
		}
		same[hash] = append(same[hash], Plain(m.GetMember()))
	}
	if len(hashes) < 2 {
		return nil
	}
	var groups []string
	for _, hash := range hashes {
		groups = append(groups, list(same[hash]))
	}
	return []string{"The rules of what clients may do (conch node --allow) differ, and each member goes by its own: " +
		strings.Join(groups, "; ") + ". Whoever is refused at one may be let in at another."}
}

// refusalTroubles says why a member and another refuse each other's streams, in their own
// words.
func refusalTroubles(peer *clientv1.PeerStatus) []string {
	var troubles []string
	if reason := peer.GetRefusedThere(); reason != "" {
		troubles = append(troubles, fmt.Sprintf("is refused by %s, which says: %s.", Plain(peer.GetMember()), Plain(reason)))
	}
	if reason := peer.GetRefusedHere(); reason != "" {
		troubles = append(troubles, fmt.Sprintf("refuses %s, and says: %s.", Plain(peer.GetMember()), Plain(reason)))
	}
	return troubles
}

// peerTrouble says what is wrong between a member and another; empty if nothing is. A
// member that starts may not have asked for an answer yet.
func peerTrouble(peer *clientv1.PeerStatus, starts bool, ttl int64) string {
	var parts []string
	other := Plain(peer.GetMember())
	switch {
	case !peer.GetSends() && !peer.GetReceives():
		parts = append(parts, "has no stream to or from "+other)
	case !peer.GetSends():
		parts = append(parts, "has no stream to "+other)
	case !peer.GetReceives():
		parts = append(parts, "has no stream from "+other)
	}
	switch silent := peer.GetSilentNs(); {
	case silent < 0 && starts:
	case silent < 0:
		parts = append(parts, fmt.Sprintf("has had no answer from %s since it started", other))
	case silent > ttl:
		parts = append(parts, fmt.Sprintf("has had no answer from %s for %s", other, span(silent)))
	}
	return strings.Join(parts, ", and ")
}
