package render

import (
	"fmt"
	"strings"
	"time"

	clientv1 "conch/proto/conch/client/v1"
)

// Leader writes who leads, a line for each fact.
func (p *textPrinter) Leader(lock string, l *clientv1.Leader) error {
	if l == nil {
		return p.say(fmt.Sprintf("Nobody leads %s.\n", word(lock)))
	}
	var b strings.Builder
	fmt.Fprintf(&b, "%s is led.\n\n", word(lock))
	table(&b, [][]string{
		{"  value", word(l.GetValue())},
		{"  term", fmt.Sprint(l.GetFence())},
		{"  node", Plain(l.GetMember())},
	})
	if l.GetInDoubt() {
		b.WriteString("\n" + paragraph("", "In doubt: nothing was heard of that node for a session's time to live. "+
			"The leader may lead no more, and another may lead already."))
	}
	return p.say(b.String())
}

// LeaderChanged writes a line: the time, and who leads.
func (p *textPrinter) LeaderChanged(at time.Time, _ string, l *clientv1.Leader) error {
	text := "nobody leads"
	if l != nil {
		text = fmt.Sprintf("%s leads in term %d at %s", word(l.GetValue()), l.GetFence(), Plain(l.GetMember()))
	}
	if l.GetInDoubt() {
		text += ", which is not heard: in doubt"
	}
	return p.say(at.Format("15:04:05.000") + "  " + text + "\n")
}

// Leader writes the leader's object.
func (p *jsonPrinter) Leader(lock string, l *clientv1.Leader) error {
	return p.write(toLeader(lock, l))
}

// LeaderChanged writes the leader's object with the time.
func (p *jsonPrinter) LeaderChanged(at time.Time, lock string, l *clientv1.Leader) error {
	return p.write(struct {
		heard
		leader
	}{heard{instant(at)}, toLeader(lock, l)})
}
