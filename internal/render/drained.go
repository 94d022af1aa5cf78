package render

import (
	"fmt"
	"strings"

	clientv1 "conch/proto/conch/client/v1"
)

// Drained writes a sentence, and a table of holders.
func (p *textPrinter) Drained(answer *clientv1.DrainResponse) error {
	var b strings.Builder
	takes := "takes requests again"
	if answer.GetDraining() {
		takes = "takes no more requests"
	}
	held := "nobody holds a lock there"
	switch n := answer.GetHolds(); {
	case n == 1:
		held = "one lock is held there"
	case n > 1:
		held = fmt.Sprintf("%d locks are held there", n)
	}
	fmt.Fprintf(&b, "%s %s; %s.\n", Plain(answer.GetMember()), takes, held)
	if len(answer.GetHeld()) > 0 {
		rows := [][]string{{"  HELD FOR", "FENCE", "LOCK", "BY", "COMMAND"}}
		for _, held := range answer.GetHeld() {
			h := held.GetHolder()
			rows = append(rows, []string{
				"  " + span(h.GetHeldNs()), fmt.Sprint(h.GetFence()), word(held.GetLock()),
				Describe(h.GetClient()), orNone(h.GetClient().GetCommand()),
			})
		}
		table(&b, rows)
	}
	if more := int(answer.GetHolds()) - len(answer.GetHeld()); more > 0 {
		fmt.Fprintf(&b, "  and %d more\n", more)
	}
	return p.say(b.String())
}

// Describe names a client to people, on one line.
func Describe(c *clientv1.Client) string { return describe(c) }

type heldLock struct {
	Lock   string  `json:"lock"`
	Holder *holder `json:"holder"`
}

// Drained writes one object.
func (p *jsonPrinter) Drained(answer *clientv1.DrainResponse) error {
	return p.write(struct {
		Member   string     `json:"member"`
		Draining bool       `json:"draining"`
		Holds    uint32     `json:"holds"`
		Held     []heldLock `json:"held"`
	}{
		answer.GetMember(), answer.GetDraining(), answer.GetHolds(),
		each(answer.GetHeld(), func(h *clientv1.HeldLock) heldLock { return heldLock{h.GetLock(), toHolder(h.GetHolder())} }),
	})
}
