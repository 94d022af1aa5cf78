package render

import (
	"fmt"
	"slices"
	"strings"

	"conch/internal/frames"
	clientv1 "conch/proto/conch/client/v1"
	"conch/token"
)

// Holders returns those who are known to hold a lock. A node of a version that knows no
// shared locks names one.
func Holders(lock *clientv1.LockStatus) []*clientv1.Holder {
	if all := lock.GetHolders(); len(all) > 0 || lock.GetHolder() == nil {
		return all
	}
	return []*clientv1.Holder{lock.GetHolder()}
}

// CountHolders returns how many hold a lock. The first hundred of each member are named.
func CountHolders(lock *clientv1.LockStatus) uint64 {
	return max(lock.GetHolding(), uint64(len(Holders(lock))))
}

// BrokenHolders returns those whose holds were broken.
func BrokenHolders(answer *clientv1.BreakResponse) []*clientv1.Holder {
	return Holders(&clientv1.LockStatus{Holder: answer.GetHolder(), Holders: answer.GetHolders()})
}

// Mode is the word for the mode of a hold or a wait with a limit: exclusive, shared or
// permit.
func Mode(limit uint32) string {
	switch token.Limit(limit) {
	case token.Exclusive:
		return "exclusive"
	case token.Unlimited:
		return "shared"
	default:
		return "permit"
	}
}

// heldSentence says how a lock with holders is held: "x is held.", "3 readers share x.",
// "2 of 4 permits of x are held."
func heldSentence(lock *clientv1.LockStatus) string {
	name, n := word(lock.GetLock()), CountHolders(lock)
	switch limit := Holders(lock)[0].GetLimit(); Mode(limit) {
	case "shared":
		if n == 1 {
			return fmt.Sprintf("1 reader shares %s.", name)
		}
		return fmt.Sprintf("%d readers share %s.", n, name)
	case "permit":
		are := "are"
		if n == 1 {
			are = "is"
		}
		if most := uint64(lock.GetLimit()); most != 0 {
			limit = uint32(min(most, uint64(token.MaxPermits))) //nolint:gosec // bounded
		}
		return fmt.Sprintf("%d of %d permits of %s %s held.", n, limit, name, are)
	default:
		return name + " is held."
	}
}

// briefly says how many share a lock, or what its leader says, for a list; nothing if it is
// held alone by somebody who says nothing, or free.
func briefly(lock *clientv1.LockStatus) string {
	held := Holders(lock)
	if len(held) > 0 && held[0].Value != nil {
		return "  (led by " + word(held[0].GetValue()) + ")"
	}
	if k := lock.GetKept(); k != nil && len(held) == 0 {
		return "  (" + nobodyAlive(k) + ")"
	}
	if len(held) == 0 || Mode(held[0].GetLimit()) == "exclusive" {
		return ""
	}
	n := CountHolders(lock)
	if Mode(held[0].GetLimit()) == "shared" {
		return fmt.Sprintf("  (%s)", counted(int(min(n, 1<<31-1)), "reader")) //nolint:gosec // bounded
	}
	return fmt.Sprintf("  (%d of %d permits)", n, max(lock.GetLimit(), 1))
}

// writeHolders writes a lock's holders: one with each fact on a line, several as a table.
func writeHolders(b *strings.Builder, held []*clientv1.Holder, all uint64) {
	if len(held) == 1 && all == 1 {
		writeHolder(b, held[0])
		return
	}
	rows := [][]string{{"  HELD FOR", "FENCE", "NODE", "CLIENT", "COMMAND"}}
	for _, h := range held {
		rows = append(rows, []string{
			"  " + span(h.GetHeldNs()), fmt.Sprint(h.GetFence()), orNone(h.GetMember()),
			brief(h.GetClient()), orNone(h.GetClient().GetCommand()),
		})
	}
	table(b, rows)
	if more := all - min(all, uint64(len(held))); more > 0 {
		fmt.Fprintf(b, "  and %d more\n", more)
	}
	for _, h := range held {
		if end := ending(h); end != "" {
			b.WriteString(paragraph("  ", fmt.Sprintf("The hold of %s ends %s.", brief(h.GetClient()), end)))
		}
	}
}

// sameHolders compares who holds a lock, in which order they are told of.
func sameHolders(a, b *clientv1.LockStatus) bool {
	return CountHolders(a) == CountHolders(b) && slices.EqualFunc(Holders(a), Holders(b), sameHolder)
}

// minus returns the holders of a list that are not in another. A process may hold a lock
// several times, so each counts once.
func minus(list, others []*clientv1.Holder) []*clientv1.Holder {
	others = slices.Clone(others)
	return slices.DeleteFunc(slices.Clone(list), func(h *clientv1.Holder) bool {
		at := slices.IndexFunc(others, func(o *clientv1.Holder) bool { return sameHolder(h, o) })
		if at >= 0 {
			others = slices.Delete(others, at, at+1)
		}
		return at >= 0
	})
}

// limitSentence says how many may hold a lock at once, and who said so.
func limitSentence(lock *clientv1.LockStatus) string {
	name := word(lock.GetLock())
	by := ""
	if lock.GetLimitBy() != "" {
		by = fmt.Sprintf(", as a client of %s said", Plain(lock.GetLimitBy()))
	}
	switch limit := token.Limit(lock.GetLimit()); limit {
	case token.Exclusive:
		return fmt.Sprintf("Nobody has shared %s, as far as is known.", name)
	case token.Unlimited:
		return fmt.Sprintf("Any number of readers may hold %s at once%s.", name, by)
	default:
		return fmt.Sprintf("%s is %s%s.", name, frames.LimitText(limit), by)
	}
}

// Permits writes how many may hold a lock at once, who said so, and who holds it.
func (p *textPrinter) Permits(lock *clientv1.LockStatus, missing []*clientv1.Missing) error {
	var b strings.Builder
	b.WriteString(paragraph("", limitSentence(lock)))
	switch held := Holders(lock); {
	case len(held) > 0:
		b.WriteString(heldSentence(lock) + "\n\n")
		writeHolders(&b, held, CountHolders(lock))
	case len(missing) > 0:
		b.WriteString(paragraph("", "Nobody holds it, as far as is known: "+didNotAnswer(missing)+"."))
	default:
		b.WriteString("Nobody holds it.\n")
	}
	if waiting := lock.GetWaiting(); waiting > 0 {
		fmt.Fprintf(&b, "\n%d waiting for it.\n", waiting)
	}
	return p.say(b.String())
}

// LimitSet writes that a lock has another limit.
func (p *textPrinter) LimitSet(lock string, limit uint32) error {
	return p.say(fmt.Sprintf("%s is %s now.\n", word(lock), frames.LimitText(token.Limit(limit))))
}

// Permits writes the lock's object.
func (p *jsonPrinter) Permits(lock *clientv1.LockStatus, missing []*clientv1.Missing) error {
	return p.write(toLock(lock, missing))
}

// LimitSet writes the lock and its limit.
func (p *jsonPrinter) LimitSet(lock string, limit uint32) error {
	return p.write(struct {
		Lock  string `json:"lock"`
		Limit uint32 `json:"limit"`
	}{lock, limit})
}
