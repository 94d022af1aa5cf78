package render

import (
	"fmt"
	"strings"
	"time"

	clientv1 "conch/proto/conch/client/v1"
)

// BreakCommand is the command that frees a kept hold.
func BreakCommand(lock, fence string) string {
	return fmt.Sprintf("conch break %s --fence %s --reason TEXT", word(lock), fence)
}

// KeptSentence says in one line that a lock is barred by a kept hold, whose, and what frees
// it: "kept: ...".
func KeptSentence(lock string, k *clientv1.KeptHold) string {
	text := "kept: " + nobodyAlive(k) + fmt.Sprintf("; %s had it from %s at %s", describe(k.GetClient()), second(k.GetSinceS()), Plain(k.GetMember()))
	if k.GetOwner() != "" {
		text += " as owner " + word(k.GetOwner())
	}
	return text + fmt.Sprintf("; '%s' lets others in", BreakCommand(lock, decimal(k.GetFence())))
}

// nobodyAlive says how sure it is that nobody alive has a kept hold.
func nobodyAlive(k *clientv1.KeptHold) string {
	if k.GetInToken() {
		return "held by nobody alive"
	}
	return "held by nobody alive, as far as is known"
}

// second writes a time in Unix seconds.
func second(s int64) string { return time.Unix(s, 0).UTC().Format(time.RFC3339) }

// writeKept writes that a lock is barred by a kept hold: a line for each fact, and what frees
// it.
func writeKept(b *strings.Builder, lock *clientv1.LockStatus) {
	k := lock.GetKept()
	fmt.Fprintf(b, "%s is kept, and %s.\n\n", word(lock.GetLock()), nobodyAlive(k))
	writeKeptFacts(b, k)
	frees := fmt.Sprintf("Nobody else gets it until '%s' frees it", BreakCommand(lock.GetLock(), decimal(k.GetFence())))
	if k.GetOwner() != "" {
		frees += ", or its owner adopts it ('conch lock --on-death keep --owner ID --adopt')"
	}
	b.WriteString("\n" + paragraph("", frees+"."))
}

func writeKeptFacts(b *strings.Builder, k *clientv1.KeptHold) {
	rows := [][]string{
		{"  was held by", describe(k.GetClient())},
		{"  command", orNone(k.GetClient().GetCommand())},
		{"  node", Plain(k.GetMember())},
		{"  from", second(k.GetSinceS())},
		{"  fence", decimal(k.GetFence())},
	}
	if k.GetOwner() != "" {
		rows = append(rows, []string{"  owner", word(k.GetOwner())})
	}
	table(b, rows)
}

// Freed writes which kept hold is over.
func (p *textPrinter) Freed(lock string, k *clientv1.KeptHold) error {
	var b strings.Builder
	fmt.Fprintf(&b, "The kept hold of %s is over, and a majority of the members has noted that:\n\n", word(lock))
	writeKeptFacts(&b, k)
	b.WriteString("\n" + paragraph("", "The next one gets the lock."))
	return p.say(b.String())
}

// Freed writes the kept hold that is over.
func (p *jsonPrinter) Freed(lock string, k *clientv1.KeptHold) error {
	return p.write(broken{Lock: lock, Holders: []*holder{}, Freed: toKept(k)})
}

// kept says what changed about the kept hold that bars a lock.
func (c *Change) kept() []string {
	if k := c.Lock.GetKept(); k != nil {
		return []string{KeptSentence(c.Lock.GetLock(), k)}
	}
	if k := c.before.GetKept(); k != nil {
		return []string{fmt.Sprintf("the hold with fence %d is not kept any more", k.GetFence())}
	}
	return nil
}

func sameKept(a, b *clientv1.KeptHold) bool {
	return (a == nil) == (b == nil) && a.GetFence() == b.GetFence() && a.GetInToken() == b.GetInToken()
}
