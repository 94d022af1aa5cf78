package render

import (
	"fmt"
	"slices"
	"strings"

	clientv1 "conch/proto/conch/client/v1"
)

// shownWaiters is how many waiters are shown to people. The first ones explain why the
// others wait.
const shownWaiters = 20

// Why writes sentences: who holds the lock, what else blocks the waiters, who they are,
// where the token is, and what is unknown.
func (p *textPrinter) Why(lock *clientv1.LockStatus, missing []*clientv1.Missing) error {
	var b strings.Builder
	name := word(lock.GetLock())
	switch waiting := lock.GetWaiting(); {
	case waiting > 0:
		fmt.Fprintf(&b, "%d waiting for %s. What keeps them, most important first:\n\n", waiting, name)
		writeObstacles(&b, lock)
		b.WriteByte('\n')
		writeWaiters(&b, lock)
	case len(Holders(lock)) > 0:
		fmt.Fprintf(&b, "Nobody waits for %s.\n\n", name)
		writeAllHeld(&b, lock)
	case lock.GetKept() != nil:
		fmt.Fprintf(&b, "Nobody waits for %s.\n\n", name)
		b.WriteString(paragraph("- ", "It is "+KeptSentence(lock.GetLock(), lock.GetKept())+"."))
	case len(missing) > 0:
		fmt.Fprintf(&b, "Nobody holds %s or waits for it, as far as is known.\n", name)
	default:
		fmt.Fprintf(&b, "Nobody holds %s, and nobody waits for it.\n", name)
	}
	var rest []string
	if lock.GetToken() != nil || lock.GetWaiting() == 0 { // otherwise the obstacles tell it
		rest = append(rest, whereabouts(lock.GetToken(), missing))
	}
	if len(missing) > 0 {
		rest = append(rest, didNotAnswer(missing)+", so who holds the lock or waits for it there is not told here.")
	}
	for i, text := range rest {
		if i == 0 {
			b.WriteByte('\n')
		}
		b.WriteString(paragraph("", text))
	}
	return p.say(b.String())
}

// writeObstacles writes what blocks the waiters.
func writeObstacles(b *strings.Builder, lock *clientv1.LockStatus) {
	if len(lock.GetObstacles()) == 0 {
		b.WriteString(paragraph("- ", "Nothing: the lock is being granted just now."))
	}
	told := false
	for _, o := range lock.GetObstacles() {
		if o.GetKind() == clientv1.Obstacle_KIND_HELD && len(Holders(lock)) > 0 {
			if !told { // with the first of them
				writeAllHeld(b, lock)
			}
			told = true
			continue
		}
		if k := lock.GetKept(); o.GetKind() == clientv1.Obstacle_KIND_KEPT && k != nil {
			b.WriteString(paragraph("- ", "It is "+KeptSentence(lock.GetLock(), k)+"."))
			continue
		}
		b.WriteString(paragraph("- ", obstacleSentence(o)))
	}
}

// shownHolders is how many holders are shown in sentences.
const shownHolders = 20

// writeAllHeld writes the lock's holders: whoever wants it alone waits for each of them.
func writeAllHeld(b *strings.Builder, lock *clientv1.LockStatus) {
	held := Holders(lock)
	held = held[:min(len(held), shownHolders)]
	for _, h := range held {
		writeHeld(b, h)
	}
	if more := CountHolders(lock) - uint64(len(held)); more > 0 {
		fmt.Fprintf(b, "- and %d more\n", more)
	}
}

// heldAs says how a lock is held, by mode.
var heldAs = map[string]string{"exclusive": "held it", "shared": "shared it", "permit": "held a permit"}

// writeHeld writes a holder, in sentences. The command stands on a line of its own, to be
// read and copied unchanged.
func writeHeld(b *strings.Builder, h *clientv1.Holder) {
	text := fmt.Sprintf("%s, a client of %s, has %s for %s, with fence %d", describe(h.GetClient()),
		Plain(h.GetMember()), heldAs[Mode(h.GetLimit())], span(h.GetHeldNs()), h.GetFence())
	if command := h.GetClient().GetCommand(); command != "" {
		b.WriteString(paragraph("- ", text+", under the command"))
		fmt.Fprintf(b, "      %s\n", Plain(command))
	} else {
		b.WriteString(paragraph("- ", text+"."))
	}
	if end := ending(h); end != "" {
		b.WriteString(paragraph("  ", "The hold ends "+end+"."))
	}
}

// obstacleSentence describes an obstacle, and when it ends. The text of a node of a later
// version is repeated.
func obstacleSentence(o *clientv1.Obstacle) string {
	at := Plain(o.GetMember())
	switch o.GetKind() {
	case clientv1.Obstacle_KIND_HELD:
		return fmt.Sprintf("A client of %s holds it.", at)
	case clientv1.Obstacle_KIND_QUEUE:
		return "Others are ahead: each is served in its turn, in the order below."
	case clientv1.Obstacle_KIND_TOKEN_MOVING:
		if at == "" {
			return "No member that answered has the token: it is on its way, or lost, and then it is made anew."
		}
		return fmt.Sprintf("The token is on its way to %s, and the first one who waits there gets the lock when it arrives.", at)
	case clientv1.Obstacle_KIND_NO_SESSION:
		return fmt.Sprintf("%s has no session: it does not reach a quorum of the members, and its clients get no lock until it does.", at)
	case clientv1.Obstacle_KIND_ROUND:
		return at + " looks for the token, or has it made anew, since it seems to be lost."
	case clientv1.Obstacle_KIND_SHARE:
		return fmt.Sprintf("%s has yet to give its share of the lock back; until then its clients may share the lock.", at)
	case clientv1.Obstacle_KIND_MISSING_MEMBER:
		return fmt.Sprintf("%s does not answer. It may have the token; the others go on without it when it has been silent for "+
			"a session's time to live, and a quorum of the members is left.", at)
	default:
		return Plain(o.GetText())
	}
}

// writeWaiters writes the first waiters as a table.
func writeWaiters(b *strings.Builder, lock *clientv1.LockStatus) {
	shown := lock.GetWaiters()
	shown = shown[:min(len(shown), shownWaiters)]
	shared := lock.GetLimit() != 0 || slices.ContainsFunc(shown, func(w *clientv1.Waiter) bool { return w.GetLimit() != 0 })
	heading := []string{"AHEAD", "WAITED", "NODE", "CLIENT", "COMMAND"}
	if shared {
		heading = slices.Insert(heading, 2, "MODE")
	}
	rows := [][]string{heading}
	for _, w := range shown {
		row := []string{
			fmt.Sprintf("%5d", w.GetAhead()), span(w.GetWaitedNs()), orNone(w.GetMember()),
			brief(w.GetClient()), orNone(w.GetClient().GetCommand()),
		}
		if shared {
			row = slices.Insert(row, 2, Mode(w.GetLimit()))
		}
		rows = append(rows, row)
	}
	table(b, rows)
	if rest := lock.GetWaiting() - min(lock.GetWaiting(), uint64(len(shown))); rest > 0 {
		fmt.Fprintf(b, "and %d more\n", rest)
	}
}

// whereabouts says where the token is.
func whereabouts(t *clientv1.TokenStatus, missing []*clientv1.Missing) string {
	switch {
	case t != nil && len(t.GetQueue()) > 0:
		return fmt.Sprintf("The token is at %s, and goes to %s next.", Plain(t.GetMember()),
			strings.Join(each(t.GetQueue(), Plain), ", then "))
	case t != nil:
		return fmt.Sprintf("The token is at %s, and its queue is empty.", Plain(t.GetMember()))
	case len(missing) > 0:
		return "No member that answered has the token."
	default:
		return "No member has the token: there was no need of one yet, or it is on its way or lost."
	}
}
