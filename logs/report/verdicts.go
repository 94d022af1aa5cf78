package report

import (
	"fmt"
	"slices"
	"strings"

	"conch/logs"
)

// arguments say why a requirement holds where the logs show it, by its names in
// logs.Report.
var arguments = []struct{ id, means, why string }{
	{"R1", "R1: any node can ask for the critical section at any time.",
		"The nodes are peers: each ran the same program, and each entry is that of the node that its line names."},
	{"R2", "R2, safety: only one node at a time is in the critical section.",
		"Nobody enters without the token, and the logs show one token: each epoch was made once, and each hop was sent once and arrived at most once. So any two entries are in order: the second happened after the first had ended, by the order of lines at one node and by the chain of hops between nodes. No clock is needed for that. The fences, which rise with each entry, say the same once more."},
	{"R3", "R3, liveness: every node that asks gets in at some point.",
		"Each request of the logs is followed by its entry, except those that are listed with the reason why they need none. That is no accident: once a request has reached the token, at most N-1 entries of others go before it, since no node is in Q twice, and Q is first in, first out."},
	{"paper", "The paper's cost: no message, or N.",
		"The messages of each entry were counted from the lines of its request and of the way of the token."},
}

// servedInBatches is why R3 holds where nodes let in several of their own in a row.
const servedInBatches = "Each request of the logs is followed by its entry, except those that are listed with the reason why they need none. That is no accident: once a request has reached the token, at most N-1 other nodes go before it, since no node is in Q twice, and no node is put before another, except one that leaves: it goes ahead of Q for as long as its --local-batch lasts, which in these logs is up to %d entries in a row."

// sharedAsWell is why R2 holds where locks are shared.
const sharedAsWell = " Those who share the lock may be in beside each other. The token carries their shares, and whoever wants the lock alone waits until it carries none: each share is given back, by DONE, after the last under it has left, or its session is over. So each entry alone is in order with each shared one. Those under one share have one fence; it is above those of all entries alone before it, and below those of all after it."

// verdicts gives the verdict on each requirement, and the reasons.
func (b *builder) verdicts() []Block {
	if b.main == nil {
		return []Block{Paragraph("There is no line to judge, so nothing is shown of R1, R2 and R3.")}
	}
	var blocks []Block
	for _, s := range b.runs() {
		blocks = append(blocks, Subtitle(fmt.Sprintf("The run of appendix %d", s.Number)))
		switch {
		case s.foreign():
			blocks = append(blocks, Paragraph("The files do not belong together, so no requirement was judged."))
		case s == b.crash && b.main.report.Verdict() == logs.Holds && s.report.Verdict() == logs.Holds:
			blocks = append(blocks, Paragraph("By these logs too, R1, R2 and R3 hold, and so does the paper's cost, for the same reasons."+s.byLease()))
		default:
			for _, a := range arguments {
				why := a.why
				if batch := s.run.LongestBatch(); batch > 1 && a.id == "R3" {
					why = fmt.Sprintf(servedInBatches, batch)
				}
				means := a.means
				if a.id == "R2" && s.shared() {
					means = "R2, safety: only one node at a time is in the critical section, or only those who share the lock, as many as there are permits."
					why += sharedAsWell
				}
				blocks = append(blocks, Paragraph(s.judgement(a.id, means, why)))
			}
		}
		blocks = append(blocks, s.noted()...)
		blocks = append(blocks, s.details()...)
	}
	return blocks
}

// notedArguments are those about runs of ticks, kept holds and members that change, which not
// all logs have.
var notedArguments = []struct{ id, means, why string }{
	{"runs", "Runs: no tick that is done, or may take place once at most, runs again.",
		"A quorum had it on disk before anything depended on it, and the token carries the latest run: whoever makes a token anew hears from one of that quorum."},
	{"kept", "Kept holds: nobody enters while a hold is kept.",
		"A quorum had the hold on disk before its holder entered, and each later entry came after a line that says that the hold is over, or is that of who adopted it."},
	{"list", "List: the members change one list at a time, and nobody else enters.",
		"A quorum of the old list chose the new one. While both counted, every decision needed a quorum of each. The new list counted alone only once every member had gone by both; who left had ended its session by then, or was dead."},
}

// noted gives the verdicts on runs, kept holds and members that change, if there are any.
func (s *source) noted() []Block {
	var blocks []Block
	for _, a := range notedArguments {
		if slices.ContainsFunc(s.report.Requirements, func(q logs.Requirement) bool { return q.ID == a.id }) {
			blocks = append(blocks, Paragraph(s.judgement(a.id, a.means, a.why)))
		}
	}
	return blocks
}

// judgement is the worst verdict on a requirement, and why.
func (s *source) judgement(id, means, why string) string {
	worst := logs.Holds
	var reasons []string
	for _, q := range s.report.Requirements {
		if q.ID == id {
			worst = max(worst, q.Verdict)
			if q.Verdict != logs.Holds {
				reasons = append(reasons, firstUpper(q.Name)+": "+s.names.In(strings.TrimRight(q.Reason, "."))+".")
			}
		}
	}
	text := fmt.Sprintf("%s %s.", means, strings.ToUpper(worst.String()))
	switch worst {
	case logs.Violated:
		return text + " It was not met in this run. " + strings.Join(reasons, " ")
	case logs.Insufficient:
		return text + " These logs do not prove it. " + strings.Join(reasons, " ")
	}
	text += " " + why
	if id == "R2" {
		text += s.byLease()
	}
	return text
}

// byLease says for how many entries the order rests on the end of a lease.
func (s *source) byLease() string {
	lease := s.report.Figures.ByLease
	if lease == 0 {
		return ""
	}
	return fmt.Sprintf(" For %s, the entry before was that of a node that had died or was buried. There, the order rests on the end of a lease, and so on clocks that run at about the same rate.", count(lease, "entry", "entries"))
}

// maxDetails is how many problems of each requirement are shown.
const maxDetails = 5

// details shows what keeps requirements from holding, with lines.
func (s *source) details() []Block {
	at := make(map[string]*logs.Event)
	for _, e := range s.Events {
		at[e.Position()] = e
	}
	var blocks []Block
	for _, q := range s.report.Requirements {
		for i, d := range q.Details {
			if i == maxDetails {
				blocks = append(blocks, Paragraph(fmt.Sprintf("There are %d more.", len(q.Details)-i)))
				break
			}
			blocks = append(blocks, Paragraph(fmt.Sprintf("%s, %s, %s: %s", q.ID, q.Name, d.Verdict, s.names.In(d.Reason))))
			var lines []*logs.Event
			for _, line := range d.Lines {
				if e := at[fmt.Sprintf("%s:%d", line.File, line.Line)]; e != nil {
					lines = append(lines, e)
				}
			}
			if len(lines) > 0 {
				blocks = append(blocks, s.quote(lines...))
			}
		}
	}
	return blocks
}

// limits says what logs do not show.
func (b *builder) limits() []Block {
	blocks := []Block{
		Paragraph("Logs show what nodes wrote, not what they did: an entry that a node did not log would not be found. A second witness is the file to which all critical sections append (--cs-file). It is no part of this report; conch logs check compares it with the logs."),
		Paragraph("A run shows what happened once. That every schedule is safe follows from the algorithm, not from logs."),
		Paragraph("Requests that were open when nodes stopped are not shown to be granted later. A holder may keep the lock for ever: liveness holds as long as holders let go, and a majority of nodes is up and connected."),
		Paragraph("A program that is frozen or cut off may have lost the lock without knowing it yet. Only a resource that compares fences is safe from such a program. The members trust each other, and trust the rates of their clocks to within one per cent."),
	}
	for _, s := range b.runs() {
		if n := s.report.Figures.ByLease; n > 0 {
			blocks = append(blocks, Paragraph(fmt.Sprintf("In the run of appendix %d, the order of two entries rests %s on the end of a dead holder's lease, which logs do not show, and not on a chain of messages.", s.Number, times(n))))
		}
	}
	return blocks
}

// sources are the papers and books that the report refers to.
func (b *builder) sources() []Block {
	var blocks []Block
	for i, text := range []string{
		"I. Suzuki and T. Kasami. A distributed mutual exclusion algorithm. ACM Transactions on Computer Systems 3(4), November 1985, pages 344–349. doi:10.1145/6110.214406",
		"G. Ricart and A. K. Agrawala. An optimal algorithm for mutual exclusion in computer networks. Communications of the ACM 24(1), January 1981, pages 9–17. doi:10.1145/358527.358537",
		"M. Maekawa. A √N algorithm for mutual exclusion in decentralized systems. ACM Transactions on Computer Systems 3(2), May 1985, pages 145–159. doi:10.1145/214438.214445", //nolint:misspell // the paper's own title
		"K. Raymond. A tree-based algorithm for distributed mutual exclusion. ACM Transactions on Computer Systems 7(1), February 1989, pages 61–77. doi:10.1145/58564.59295",
		"G. Le Lann. Distributed systems: towards a formal approach. Information Processing 77, Proceedings of the IFIP Congress, North-Holland, 1977, pages 155–160.",
		"A. S. Tanenbaum and M. van Steen. Distributed Systems: Principles and Paradigms. Second edition, Pearson Prentice Hall, 2007. Section 6.3, Mutual exclusion.",
		"L. Lamport. Time, clocks, and the ordering of events in a distributed system. Communications of the ACM 21(7), July 1978, pages 558–565. doi:10.1145/359545.359563. The appendices are in an order that agrees with \"happened before\", as defined there.",
	} {
		blocks = append(blocks, Paragraph(fmt.Sprintf("[%d] %s", i+1, text)))
	}
	return blocks
}
