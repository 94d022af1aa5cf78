package logs

import (
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"
	"time"
)

// What stories say of members that change.

// ErrNoChange is returned where the logs do not have the change that was asked for.
var ErrNoChange = errors.New("no such change of the members in the logs")

// Change is how the members changed, step by step.
type Change struct {
	// From and To are the memberships before and after; nil where no line tells of them, To
	// also if the change did not end. Joint is the one between.
	From, Joint, To *Membership
	Steps           []Step
	Difference      string // who comes and who leaves
	Summary         string // that, and what it cost
}

// Changed returns the joint memberships that the lines tell of, by version: one for each change.
func (r *Run) Changed() []*Membership {
	return slices.DeleteFunc(slices.Clone(r.Memberships), func(m *Membership) bool { return !m.Joint() })
}

// TellChange tells how the members changed to or from the membership of a version; 0 stands for
// the first change. The error wraps ErrNoChange.
func (r *Run) TellChange(version uint64) (*Change, error) {
	changes := r.Changed()
	at := slices.IndexFunc(changes, func(m *Membership) bool { return version == 0 || m.Version == version || m.Version+1 == version })
	switch {
	case len(changes) == 0:
		return nil, fmt.Errorf("%w: the members did not change", ErrNoChange)
	case at < 0:
		return nil, fmt.Errorf("%w: membership %d; there are changes to the memberships from %d to %d", ErrNoChange, version, changes[0].Version+1, changes[len(changes)-1].Version+1)
	}
	c := &Change{Joint: changes[at]}
	for _, m := range r.Memberships {
		switch m.Version {
		case c.Joint.Version - 1:
			c.From = m
		case c.Joint.Version + 1:
			c.To = m
		}
	}
	r.gatherChange(c)
	if len(c.Steps) == 0 {
		return nil, fmt.Errorf("%w: membership %d is told of at starts only, by which time it was on disk", ErrNoChange, c.Joint.Version)
	}
	c.Difference = r.difference(c.Joint)
	c.Summary = r.summaryOf(c)
	return c, nil
}

// gatherChange chooses the lines of a change and makes steps of them.
func (r *Run) gatherChange(c *Change) {
	from, joint := c.Joint.Version-1, c.Joint.Version
	proposal, asking := r.decisive(c)
	var chosen []*Event
	for _, e := range r.Merge() {
		n := e.Listing
		switch e.Kind {
		case ChooseSent, ChooseAnswerReceived, AcceptSent, AcceptAnswerReceived, ChangeProposed:
			if proposal != nil && n.Version == from && n.Round == proposal.Listing.Round && e.Life == proposal.Life {
				chosen = append(chosen, e)
			}
		case MembershipAdopted:
			if (n.Version == joint || n.Version == joint+1) && !r.again(e) {
				chosen = append(chosen, e)
			}
		case SessionStarted:
			if m := e.Membership(); m == c.Joint && !slices.Contains(m.Members, e.Life.ID) {
				chosen = append(chosen, e)
			}
		case MemberDeparted:
			if n.Version == joint {
				chosen = append(chosen, e)
			}
		case MembersJoining, JoinedAnswerReceived:
			if asking != nil && n.Version == joint && e.Life == asking.Life && n.Ask == asking.Listing.Ask {
				chosen = append(chosen, e)
			}
		case NodeRemoved:
			if n.Version == joint+1 {
				chosen = append(chosen, e)
			}
		}
	}
	told := make(map[*Event]bool)
	for i, e := range chosen {
		if told[e] {
			continue
		}
		group := []*Event{e}
		for _, other := range chosen[i+1:] {
			if together(e, other) {
				group = append(group, other)
				told[other] = true
			}
		}
		c.Steps = append(c.Steps, Step{r.memberSentence(group), group})
	}
}

// again reports whether an adoption is only that of a process that starts with what its member
// went by before.
func (r *Run) again(e *Event) bool {
	before := e.Life.Index - 1
	return e.Seq > 0 && e.Life.Events[e.Seq-1].Kind == NodeStarted && before >= 0 && r.Lives[before].Node == e.Node &&
		slices.ContainsFunc(r.Lives[before].adopted, func(a adoption) bool { return a.membership.Version == e.Listing.Version })
}

// decisive finds the proposal that was chosen, and the question whose answers ended the change;
// nil where no line tells.
func (r *Run) decisive(c *Change) (proposal, asking *Event) {
	for _, e := range r.Merge() {
		n := e.Listing
		switch {
		case e.Kind == ChangeProposed && n.Version == c.Joint.Version-1 && slices.Equal(e.Members, c.Joint.nextAddresses()):
			if proposal == nil || e.Life == c.Joint.First.Life && e.Seq < c.Joint.First.Seq {
				proposal = e
			}
		case e.Kind == MembersJoining && c.To != nil && e.Life == c.To.First.Life && e.Seq < c.To.First.Seq && n.Version == c.Joint.Version:
			asking = e
		}
	}
	return proposal, asking
}

// nextAddresses are the addresses of the second list.
func (m *Membership) nextAddresses() []string {
	var addresses []string
	for _, id := range m.Next {
		addresses = append(addresses, m.addresses[id])
	}
	return addresses
}

// namesOf are what the members with some IDs are called, as a sentence lists them.
func (r *Run) namesOf(ids []int) string {
	var names []string
	for _, id := range ids {
		names = append(names, r.Members[id])
	}
	return list(names)
}

// difference says who comes and who goes.
func (r *Run) difference(m *Membership) string {
	var come, leave []int
	var parts []string
	for _, id := range m.Next {
		if !slices.Contains(m.Members, id) {
			come = append(come, id)
		}
	}
	for _, id := range m.Members {
		if slices.Contains(m.Next, id) {
			continue
		}
		if at := slices.IndexFunc(come, func(other int) bool { return m.addresses[other] == m.addresses[id] }); at >= 0 {
			parts = append(parts, fmt.Sprintf("%s comes in place of %s, with another disk at the same address", r.Members[come[at]], r.Members[id]))
			come = slices.Delete(come, at, at+1)
			continue
		}
		leave = append(leave, id)
	}
	if len(come) > 0 {
		parts = append(parts, r.namesOf(come)+agree(come, " comes", " come"))
	}
	if len(leave) > 0 {
		parts = append(parts, r.namesOf(leave)+agree(leave, " leaves", " leave"))
	}
	return strings.Join(parts, "; ")
}

func agree(ids []int, one, many string) string {
	if len(ids) == 1 {
		return one
	}
	return many
}

// memberSentence says what a step of a change is; empty for any other.
func (r *Run) memberSentence(group []*Event) string {
	e := group[0]
	n := e.Listing
	switch e.Kind {
	case ChangeProposed:
		proposed := list(e.Members)
		for _, m := range r.Changed() {
			if m.Version == n.Version+1 && slices.Equal(m.nextAddresses(), e.Members) {
				proposed = r.namesOf(m.Next) // which tell several disks at one address apart
			}
		}
		asked := ""
		if e.Caller != "" {
			asked = ", asked for by " + e.Caller
		}
		return fmt.Sprintf("%s proposes another list of members%s: %s.", e.Node, asked, proposed)
	case ChooseSent:
		return fmt.Sprintf("%s asks %s to promise that no older proposal for the next list is accepted (CHOOSE, round %s).", e.Node, peers(group), n.Round)
	case ChooseAnswerReceived:
		if e.Answer == "promise" {
			return fmt.Sprintf("%s has the promise of %s.", e.Node, e.Peer)
		}
		return fmt.Sprintf("%s is refused by %s, which has promised a later round.", e.Node, e.Peer)
	case AcceptSent:
		return fmt.Sprintf("%s sends the list to %s (ACCEPT, round %s).", e.Node, peers(group), n.Round)
	case AcceptAnswerReceived:
		if e.Answer == "accepted" {
			return fmt.Sprintf("%s hears that %s has accepted the list: it is on its disk.", e.Node, e.Peer)
		}
		return fmt.Sprintf("%s hears that %s has not accepted the list, since it has promised a later round.", e.Node, e.Peer)
	case MembershipAdopted:
		return r.adoptionSentence(e)
	case SessionStarted:
		return fmt.Sprintf("The session of %s, which is new, begins: from now on it takes part.", e.Node)
	case MemberDeparted:
		return fmt.Sprintf("%s, which leaves, has ended its session: nobody enters there any more. It goes on giving votes.", e.Node)
	case MembersJoining:
		return fmt.Sprintf("%s asks all members whether they go by both lists alone (JOINED). It awaits %s.", e.Node, list(n.Awaited))
	case JoinedAnswerReceived:
		if e.Answer == "joined" {
			return fmt.Sprintf("%s hears that %s does.", e.Node, e.Peer)
		}
		return fmt.Sprintf("%s hears that %s does not yet.", e.Node, e.Peer)
	case NodeRemoved:
		return fmt.Sprintf("%s is in no list any more, and ends.", e.Node)
	}
	return ""
}

// adoptionSentence tells of a node that goes over to another membership.
func (r *Run) adoptionSentence(e *Event) string {
	m := e.Membership()
	starts := e.Seq > 0 && e.Life.Events[e.Seq-1].Kind == NodeStarted
	switch {
	case m.Joint() && e == m.First:
		return fmt.Sprintf("%s goes by membership %d, which has two lists: %s, and then %s. Whatever is decided now needs a quorum of both.", e.Node, m.Version, r.namesOf(m.Members), r.namesOf(m.Next))
	case starts:
		return fmt.Sprintf("%s starts, and goes by membership %d.", e.Node, m.Version)
	case !m.Lists(e.Life.ID):
		return fmt.Sprintf("%s learns of membership %d, in which it is not listed.", e.Node, m.Version)
	case !m.Joint() && m.Version > 0 && e == m.First:
		return fmt.Sprintf("%s goes by membership %d, whose only list is %s. The change is complete.", e.Node, m.Version, r.namesOf(m.Members))
	case m.Version == 0:
		return fmt.Sprintf("All members have shown their disks: %s goes by membership 0, of %s.", e.Node, r.namesOf(m.Members))
	}
	return fmt.Sprintf("%s goes by membership %d too.", e.Node, m.Version)
}

// summaryOf says what a change cost.
func (r *Run) summaryOf(c *Change) string {
	begin := c.Steps[0].Lines[0]
	messages := 0
	for _, life := range r.Lives {
		for _, e := range life.Events {
			if n := e.Listing; n != nil && e.Sent() && (n.Version == c.Joint.Version-1 && e.Kind != MembershipSent || n.Version == c.Joint.Version || e.Kind == MembershipSent && n.Version == c.Joint.Version+1) {
				messages++
			}
		}
	}
	text := c.Difference + "."
	if c.To == nil {
		return text + " These logs do not show that the change ended."
	}
	entries := 0
	first, last := slices.Index(r.Merge(), begin), slices.Index(r.Merge(), c.To.First)
	for _, e := range r.Merge()[first:max(first, last)] {
		if e.Kind == Enter || e.Kind == ShareEnter {
			entries++
		}
	}
	if end := c.To.First; end.Life == begin.Life {
		text += fmt.Sprintf(" The change took %s by the clock of %s.", end.Time.Sub(begin.Time).Round(time.Millisecond), end.Node)
	}
	if messages > 0 {
		text += fmt.Sprintf(" It cost %s about the members.", counted(messages, "message", "messages"))
	}
	return text + fmt.Sprintf(" Meanwhile, %s took place.", counted(entries, "entry", "entries"))
}

// ExplainChange tells how the members changed to or from the membership of a version, each step
// with the lines that show it; 0 stands for the first change. The error wraps ErrNoChange, or is
// one of w.
func ExplainChange(run *Run, version uint64, w io.Writer) error {
	return writeChange(run, version, w, true)
}

// BriefChange tells the same without the lines, for a terminal: the nodes are A, B, C and so on.
func BriefChange(run *Run, version uint64, w io.Writer) error {
	return writeChange(run, version, w, false)
}

func writeChange(run *Run, version uint64, w io.Writer, full bool) error {
	c, err := run.TellChange(version)
	if err != nil {
		return err
	}
	p, names := &printer{w: w}, run.Names()
	in := names.In
	if full {
		in = func(text string) string { return text }
	}
	p.printf("How the members changed from membership %d to membership %d\n", c.Joint.Version-1, c.Joint.Version+1)
	if !full {
		for i, node := range names.Nodes {
			p.printf("%s%s is %s", map[bool]string{true: "The nodes: ", false: ", "}[i == 0], names.Of(node), node)
		}
		p.printf("\n")
	}
	if full {
		p.printf("\n")
	}
	for i, s := range c.Steps {
		if !full {
			p.printf("\n%s  %s", s.Lines[0].Time.UTC().Format("15:04:05.000"), in(s.Text))
			continue
		}
		p.printf("%2d. %s\n", i+1, s.Text)
		for _, e := range s.Lines {
			p.printf("      %s: %s\n", e.Position(), e.Raw)
		}
		p.printf("\n")
	}
	if !full {
		p.printf("\n\n%s\n", wrap(in(c.Summary), terminalColumns))
		return p.err
	}
	p.printf("%s\n", strings.TrimSpace(c.Summary))
	return p.err
}
