package render

import (
	"fmt"
	"slices"
	"strings"

	clientv1 "conch/proto/conch/client/v1"
)

// sentence describes a change in one line.
func (c *Change) sentence() string {
	var clauses []string
	for _, what := range c.What {
		clauses = append(clauses, c.clauses(what)...)
	}
	if len(clauses) == 0 { // a token has arrived, or obstacles have another order
		return "something else keeps those who wait waiting, or nothing"
	}
	return strings.Join(clauses, "; ")
}

// clauses describes the change of one part.
func (c *Change) clauses(what What) []string {
	switch what {
	case First:
		return c.now()
	case Holding:
		return c.passage()
	case Value:
		return c.value()
	case Kept:
		return c.kept()
	case Ending:
		return c.end()
	case Waiting:
		if c.before.GetWaiting() == c.Lock.GetWaiting() {
			return []string{fmt.Sprintf("%d waiting, others or in another order", c.Lock.GetWaiting())}
		}
		return []string{fmt.Sprintf("%d waiting", c.Lock.GetWaiting())}
	case Token:
		return []string{c.token()}
	case Obstacles:
		return c.obstacles()
	case Absent:
		return c.absent()
	default:
		return nil
	}
}

// now describes the present state.
func (c *Change) now() []string {
	clauses := []string{"free"}
	if held := Holders(c.Lock); len(held) > 0 {
		clauses = append(append(named(held, CountHolders(c.Lock)), c.value()...), c.end()...)
	} else if c.Lock.GetKept() != nil {
		clauses = c.kept()
	}
	clauses = append(clauses, fmt.Sprintf("%d waiting", c.Lock.GetWaiting()))
	if c.Lock.GetToken() != nil {
		clauses = append(clauses, c.token())
	}
	return append(clauses, c.obstacles()...)
}

// by names the holder of the lock.
func by(h *clientv1.Holder) string {
	text := fmt.Sprintf("at %s with fence %d", Plain(h.GetMember()), h.GetFence())
	if client := brief(h.GetClient()); client != none {
		text = "by " + client + " " + text
	}
	if command := h.GetClient().GetCommand(); command != "" {
		text += fmt.Sprintf(" (%s)", Plain(command))
	}
	return text
}

// shownChanged is how many holders a line names.
const shownChanged = 3

// entered and left say by mode that somebody holds a lock, or no longer does.
var (
	entered = map[string]string{"exclusive": "held", "shared": "shared", "permit": "permit held"}
	left    = map[string]string{"shared": "no longer shared", "permit": "permit no longer held"}
)

// named names holders who have entered; all is how many there are, known by name or not.
func named(held []*clientv1.Holder, all uint64) []string {
	var clauses []string
	for _, h := range held[:min(len(held), shownChanged)] {
		clauses = append(clauses, entered[Mode(h.GetLimit())]+" "+by(h))
	}
	if all > shownChanged {
		clauses = append(clauses, fmt.Sprintf("and %d others", all-shownChanged))
	}
	return clauses
}

// passage describes how the lock went from one holder to another, or who shares it now and
// who no longer does.
func (c *Change) passage() []string {
	before, now := Holders(c.before), Holders(c.Lock)
	if len(now) == 1 && now[0].GetLimit() == 0 {
		return named(now, 1)
	}
	come := minus(now, before)
	clauses := named(come, uint64(len(come)))
	gone := minus(before, now)
	for _, h := range gone[:min(len(gone), shownChanged)] {
		switch {
		case contains(c.Missing, &clientv1.Missing{Member: h.GetMember()}):
			clauses = append(clauses, fmt.Sprintf("not known whether it is still held with fence %d", h.GetFence()))
		case h.GetLimit() == 0:
			clauses = append(clauses, fmt.Sprintf("no longer held with fence %d", h.GetFence()))
		default:
			clauses = append(clauses, left[Mode(h.GetLimit())]+" "+by(h))
		}
	}
	if more := len(gone) - shownChanged; more > 0 {
		clauses = append(clauses, fmt.Sprintf("nor by %d others", more))
	}
	return append(clauses, c.stillShared(now)...)
}

// stillShared counts those who share the lock.
func (c *Change) stillShared(now []*clientv1.Holder) []string {
	if len(now) == 0 || now[0].GetLimit() == 0 {
		return nil
	}
	return []string{strings.Trim(briefly(c.Lock), " ()")}
}

// value says what the holder says as a leader.
func (c *Change) value() []string {
	value := valueOf(c.Lock)
	if value == nil {
		return nil
	}
	return []string{"says " + word(*value)}
}

// end says why holds are about to end, or that they no longer are.
func (c *Change) end() []string {
	var clauses []string
	held := Holders(c.Lock)
	for _, h := range held {
		whose := "the hold"
		if len(held) > 1 {
			whose = "the hold of " + brief(h.GetClient())
		}
		before := Holders(c.before)
		at := slices.IndexFunc(before, func(b *clientv1.Holder) bool { return sameHolder(b, h) })
		switch text := ending(h); {
		case at >= 0 && before[at].GetEnding() == h.GetEnding():
		case text != "":
			clauses = append(clauses, whose+" ends "+text)
		case at >= 0:
			clauses = append(clauses, whose+" goes on")
		}
	}
	return clauses
}

// token says where the token is.
func (c *Change) token() string {
	t := c.Lock.GetToken()
	switch {
	case t == nil:
		return "no member that answers has the token"
	case len(t.GetQueue()) > 0:
		return fmt.Sprintf("token at %s, next %s", Plain(t.GetMember()), strings.Join(each(t.GetQueue(), Plain), ", "))
	default:
		return "token at " + Plain(t.GetMember())
	}
}

// obstacles says what now blocks the waiters and did not before, and what no longer does.
func (c *Change) obstacles() []string {
	before, now := ownObstacles(c.before), ownObstacles(c.Lock)
	var clauses []string
	for _, o := range without(now, before) {
		switch o.GetKind() {
		case clientv1.Obstacle_KIND_TOKEN_MOVING:
			clauses = append(clauses, "token on its way to "+Plain(o.GetMember()))
		case clientv1.Obstacle_KIND_NO_SESSION:
			clauses = append(clauses, Plain(o.GetMember())+" has no session")
		case clientv1.Obstacle_KIND_ROUND:
			clauses = append(clauses, Plain(o.GetMember())+" looks for the token")
		case clientv1.Obstacle_KIND_SHARE:
			clauses = append(clauses, Plain(o.GetMember())+" has yet to give its share back")
		default:
			clauses = append(clauses, Plain(o.GetText()))
		}
	}
	for _, o := range without(before, now) {
		switch o.GetKind() {
		case clientv1.Obstacle_KIND_NO_SESSION:
			clauses = append(clauses, Plain(o.GetMember())+" has a session again, or nobody waits there")
		case clientv1.Obstacle_KIND_ROUND:
			clauses = append(clauses, Plain(o.GetMember())+" does not look for the token any more")
		case clientv1.Obstacle_KIND_SHARE:
			clauses = append(clauses, Plain(o.GetMember())+" has given its share back, or nobody waits for it")
		}
	}
	return clauses
}

// without returns the obstacles of a list that are not in another.
func without(list, others []*clientv1.Obstacle) []*clientv1.Obstacle {
	return slices.DeleteFunc(slices.Clone(list), func(o *clientv1.Obstacle) bool {
		return slices.ContainsFunc(others, func(other *clientv1.Obstacle) bool { return sameObstacle(o, other) })
	})
}

// absent names the members that no longer answer, and those that do again.
func (c *Change) absent() []string {
	var clauses []string
	for _, m := range c.Missing {
		if !contains(c.missingBefore, m) {
			clauses = append(clauses, Unanswered(m))
		}
	}
	for _, m := range c.missingBefore {
		if !contains(c.Missing, m) {
			clauses = append(clauses, Plain(m.GetMember())+" answers again")
		}
	}
	return clauses
}

func contains(list []*clientv1.Missing, m *clientv1.Missing) bool {
	return slices.ContainsFunc(list, func(other *clientv1.Missing) bool { return other.GetMember() == m.GetMember() })
}
