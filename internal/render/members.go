package render

import (
	"fmt"
	"strings"

	clientv1 "conch/proto/conch/client/v1"
)

// Members writes a table of the members, and below it, in sentences, a change under way and
// what is wrong.
func (p *textPrinter) Members(answer *clientv1.ShowMembersResponse) error {
	var b strings.Builder
	if answer.GetCluster() == "" {
		fmt.Fprintf(&b, "%s. Answered by %s.\n\n", counted(len(answer.GetMembers()), "member"), word(answer.GetAnsweredBy()))
	} else {
		fmt.Fprintf(&b, "%s, version %d of the list, for %s. Answered by %s.\n\n",
			counted(len(answer.GetMembers()), "member"), answer.GetVersion(), span(answer.GetSinceNs()), word(answer.GetAnsweredBy()))
	}
	rows := [][]string{{"ID", "MEMBER", "STANDING", "SESSION", "UP", "DISK"}}
	for _, m := range answer.GetMembers() {
		session, up := none, none
		if m.GetSession() != 0 {
			session = fmt.Sprint(m.GetSession())
		}
		if m.GetUpNs() != 0 {
			up = span(m.GetUpNs())
		}
		rows = append(rows, []string{fmt.Sprintf("%2d", m.GetId()), Plain(m.GetAddress()), standingOf(m), session, up, orNone(shortDisk(m.GetDisk()))})
	}
	table(&b, rows)
	var said []string
	if change := ChangeSentence(answer); change != "" {
		said = append(said, change)
	} else if why := answer.GetFixed(); why != "" {
		said = append(said, "The members cannot be changed now: "+Plain(why)+".")
	}
	for _, m := range answer.GetMembers() {
		if trouble := m.GetTrouble(); trouble != "" {
			said = append(said, Plain(m.GetAddress())+": "+Plain(trouble)+".")
		}
	}
	if len(said) > 0 {
		b.WriteByte('\n')
		for _, sentence := range said {
			b.WriteString(paragraph("- ", sentence))
		}
	}
	return p.say(b.String())
}

// shortDisk is enough of a disk to tell two apart.
func shortDisk(disk string) string { return disk[:min(len(disk), 8)] }

// standingOf says in a word or two where a member stands, and whether it is there.
func standingOf(m *clientv1.ListedMember) string {
	text := constant(m.GetStanding().String(), "STANDING_")
	if !m.GetHeard() {
		text += ", not heard"
	}
	return text
}

// ChangeSentence says which change of the members is under way; empty if none is.
func ChangeSentence(answer *clientv1.ShowMembersResponse) string {
	if answer.GetVersion()%2 == 0 {
		return ""
	}
	by := map[clientv1.Standing][]string{}
	var awaited []string
	for _, m := range answer.GetMembers() {
		by[m.GetStanding()] = append(by[m.GetStanding()], Plain(m.GetAddress()))
		if !m.GetJoined() {
			awaited = append(awaited, Plain(m.GetAddress()))
		}
	}
	var parts []string
	if joining := by[clientv1.Standing_STANDING_JOINING]; len(joining) > 0 {
		parts = append(parts, list(joining)+" to be added")
	}
	if leaving := by[clientv1.Standing_STANDING_LEAVING]; len(leaving) > 0 {
		parts = append(parts, list(leaving)+" to be removed")
	}
	text := fmt.Sprintf("The members have been changing for %s: %s", span(answer.GetSinceNs()), strings.Join(parts, ", "))
	if len(awaited) > 0 {
		text += "; awaited: " + list(awaited)
	}
	return text + "."
}

// Planned writes what a change of the members means.
func (p *textPrinter) Planned(plan *clientv1.ChangePlan) error {
	var b strings.Builder
	table(&b, [][]string{
		{"", "MEMBERS", "QUORUM", "HEARD", ""},
		planRow("before", plan.GetBefore(), plan.GetQuorumBefore(), plan.GetHeardBefore()),
		planRow("after", plan.GetAfter(), plan.GetQuorumAfter(), plan.GetHeardAfter()),
	})
	b.WriteString("During the change a quorum of both is needed.\n")
	for _, warning := range plan.GetWarnings() {
		b.WriteString(paragraph("- ", Plain(warning)))
	}
	return p.say(b.String())
}

func planRow(when string, members []string, quorum, heard uint32) []string {
	return []string{
		when, fmt.Sprintf("%7d", len(members)), fmt.Sprintf("%6d", quorum), fmt.Sprintf("%5d", heard),
		strings.Join(each(members, Plain), ", "),
	}
}

// Stepped writes how far a change of the members is, on one line.
func (p *textPrinter) Stepped(step *clientv1.ChangeMembersResponse) error {
	var text string
	switch step.GetStage() {
	case clientv1.ChangeStage_CHANGE_STAGE_CHOOSING:
		text = "The members choose."
	case clientv1.ChangeStage_CHANGE_STAGE_JOINT:
		text = "The change is chosen, and decisions need both lists."
		if awaited := step.GetAwaited(); len(awaited) > 0 {
			text += " Awaited: " + list(each(awaited, Plain)) + "."
		}
	case clientv1.ChangeStage_CHANGE_STAGE_COMPLETE:
		text = fmt.Sprintf("The change is complete. %s: %s.", counted(len(step.GetMembers()), "member"), list(each(step.GetMembers(), Plain)))
	default:
		text = constant(step.GetStage().String(), "CHANGE_STAGE_")
	}
	return p.say(text + "\n")
}

// Members writes one object.
func (p *jsonPrinter) Members(answer *clientv1.ShowMembersResponse) error {
	return p.write(toMembers(answer))
}

// Planned writes one object.
func (p *jsonPrinter) Planned(plan *clientv1.ChangePlan) error { return p.write(toPlan(plan)) }

// Stepped writes one object.
func (p *jsonPrinter) Stepped(step *clientv1.ChangeMembersResponse) error {
	return p.write(changeStep{
		Stage: constant(step.GetStage().String(), "CHANGE_STAGE_"), Awaited: each(step.GetAwaited(), same), Members: each(step.GetMembers(), same),
	})
}
