package render

import (
	"fmt"
	"io"
	"strings"
	"time"

	clientv1 "conch/proto/conch/client/v1"
)

// Text returns a Printer for people: sentences, and tables that fit 80 columns as far as
// the names in them allow. Missing members are left to [Unanswered] if a table cannot show
// them.
func Text(out io.Writer) Printer { return &textPrinter{out: out} }

type textPrinter struct {
	out    io.Writer
	listed bool // the heading of a list was written
}

// say writes text in one piece, so that one answer is not mixed with other output.
func (p *textPrinter) say(text string) error {
	_, err := io.WriteString(p.out, text)
	return err
}

// Who writes a lock's holder, a line for each fact, or a table of several.
func (p *textPrinter) Who(lock *clientv1.LockStatus, missing []*clientv1.Missing) error {
	name, held := word(lock.GetLock()), Holders(lock)
	var b strings.Builder
	switch {
	case len(held) > 0:
		fmt.Fprintf(&b, "%s\n\n", heldSentence(lock))
		writeHolders(&b, held, CountHolders(lock))
	case lock.GetKept() != nil:
		writeKept(&b, lock)
	case len(missing) > 0:
		b.WriteString(paragraph("", fmt.Sprintf("It is not known whether anyone holds %s: no member that answered does, and %s.",
			name, didNotAnswer(missing))))
	default:
		fmt.Fprintf(&b, "Nobody holds %s.\n", name)
	}
	if waiting := lock.GetWaiting(); waiting > 0 {
		fmt.Fprintf(&b, "\n%d waiting for it.\n", waiting)
	}
	return p.say(b.String())
}

// writeHolder writes a lock's holder as a table.
func writeHolder(b *strings.Builder, h *clientv1.Holder) {
	rows := [][]string{
		{"  by", describe(h.GetClient())},
		{"  command", orNone(h.GetClient().GetCommand())},
	}
	if known := h.GetClient().GetIdentity(); known != "" {
		rows = append(rows, []string{"  known as", Plain(known)})
	}
	rows = append(rows, [][]string{
		{"  node", Plain(h.GetMember())},
		{"  for", span(h.GetHeldNs())},
		{"  fence", fmt.Sprint(h.GetFence())},
	}...)
	if h.Value != nil {
		rows = append(rows, []string{"  value", word(h.GetValue())})
	}
	if h.GetTick() != 0 {
		rows = append(rows, []string{"  for the turn", Turn(h.GetTick())})
	}
	if h.GetKept() {
		rows = append(rows, []string{"  kept", "if its holder dies, until 'conch break' frees it"})
	}
	if h.GetOwner() != "" {
		rows = append(rows, []string{"  owner", word(h.GetOwner())})
	}
	if end := ending(h); end != "" {
		rows = append(rows, []string{"  ends", end})
	} else {
		rows = append(rows, []string{"  lease", span(h.GetLeaseRemainingNs()) + ", renewed for as long as client and node are there"})
	}
	table(b, rows)
}

// ending says when and why a hold is about to end; empty if it is not. A lapse may still be
// averted.
func ending(h *clientv1.Holder) string {
	left := span(h.GetLeaseRemainingNs())
	settled := fmt.Sprintf("in %s at the latest: ", left)
	switch h.GetEnding() {
	case clientv1.Reason_REASON_UNSPECIFIED:
		return ""
	case clientv1.Reason_REASON_LAPSE:
		return fmt.Sprintf("in %s, unless its node reaches a quorum of the members by then", left)
	case clientv1.Reason_REASON_BREAK:
		return settled + "someone broke the lock"
	case clientv1.Reason_REASON_NODE_LEAVING:
		return settled + "its node is stopping"
	case clientv1.Reason_REASON_CLIENT_LEASE:
		return settled + "its client has not been heard of"
	default:
		return settled + constant(h.GetEnding().String(), "REASON_")
	}
}

// didNotAnswer names the members that did not answer: "A and B did not answer".
func didNotAnswer(missing []*clientv1.Missing) string {
	return list(each(missing, func(m *clientv1.Missing) string { return Plain(m.GetMember()) })) + " did not answer"
}

// list joins words as in a sentence.
func list(words []string) string {
	if len(words) < 2 {
		return strings.Join(words, "")
	}
	last := len(words) - 1
	return strings.Join(words[:last], ", ") + " and " + words[last]
}

// Listed writes a line. The widths of its columns do not depend on other lines, so that a
// list of any length can be written as it comes; the name comes last, since it may be long.
func (p *textPrinter) Listed(lock *clientv1.LockStatus, _ []*clientv1.Missing) error {
	var b strings.Builder
	if !p.listed {
		p.listed = true
		fmt.Fprintf(&b, listedLine, "HELD FOR", "WAITING", "NODE", "LOCK")
	}
	held, node := none, none
	if all := Holders(lock); len(all) > 0 {
		longest, nodes := int64(0), map[string]bool{}
		for _, h := range all {
			longest = max(longest, h.GetHeldNs())
			nodes[h.GetMember()] = true
		}
		held, node = span(longest), Plain(all[0].GetMember())
		if len(nodes) > 1 {
			node = counted(len(nodes), "node")
		}
	} else if k := lock.GetKept(); k != nil {
		held, node = "kept", Plain(k.GetMember())
	}
	fmt.Fprintf(&b, listedLine, held, fmt.Sprint(lock.GetWaiting()), node, word(lock.GetLock())+briefly(lock))
	return p.say(b.String())
}

// listedLine has room for an IPv4 address with its port.
const listedLine = "%8s  %7s  %-21s  %s\n"

// ListEnd writes that the list is empty, if it is.
func (p *textPrinter) ListEnd(missing []*clientv1.Missing) error {
	switch {
	case p.listed:
		return nil
	case len(missing) > 0:
		return p.say(paragraph("", "No locks at the members that answered; "+didNotAnswer(missing)+"."))
	default:
		return p.say("No locks.\n")
	}
}

// Changed writes a line: the time, and what changed.
func (p *textPrinter) Changed(at time.Time, change *Change) error {
	return p.say(at.Format("15:04:05.000") + "  " + change.sentence() + "\n")
}

// Broken writes whose holds were broken, and what happens next.
func (p *textPrinter) Broken(lock string, holders []*clientv1.Holder) error {
	var b strings.Builder
	if len(holders) != 1 {
		var left int64
		for _, h := range holders {
			left = max(left, h.GetLeaseRemainingNs())
		}
		fmt.Fprintf(&b, "%s is broken. %d of its holders have been told:\n\n", word(lock), len(holders))
		writeHolders(&b, holders, uint64(len(holders)))
		b.WriteByte('\n')
		b.WriteString(paragraph("", fmt.Sprintf("Each hold is over when it has been released, and in %s at the latest.", span(left))))
		return p.say(b.String())
	}
	h := holders[0]
	fmt.Fprintf(&b, "%s is broken. Its holder has been told:\n\n", word(lock))
	writeHolder(&b, h)
	b.WriteByte('\n')
	if Mode(h.GetLimit()) != "exclusive" {
		b.WriteString(paragraph("", fmt.Sprintf("This hold is over when it has been released, and in %s at the latest. Others may go on to share the lock.",
			span(h.GetLeaseRemainingNs()))))
		return p.say(b.String())
	}
	b.WriteString(paragraph("", fmt.Sprintf("The next one gets the lock when this one has released it, and in %s at the latest.",
		span(h.GetLeaseRemainingNs()))))
	return p.say(b.String())
}
