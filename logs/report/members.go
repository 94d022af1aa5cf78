package report

import (
	"fmt"

	"conch/logs"
	"conch/logs/draw"
)

// changed reports whether the members changed in the run.
func (s *source) changed() bool { return !s.foreign() && s.run.Changes() }

// changes tells how the members changed, where they did.
func (b *builder) changes() []Block {
	for _, s := range b.runs() {
		if s.changed() {
			if blocks := s.changes(); len(blocks) > 0 {
				return blocks
			}
		}
	}
	return nil
}

func (s *source) changes() []Block {
	t := Table{Caption: fmt.Sprintf("The changes of the members in the run of appendix %d. A membership with an even number has one list, that between two of them both.", s.Number),
		Head: []string{"from", "to", "who", "begins in", "complete in"}, Weights: []float64{1, 1, 6, 2, 2}}
	var first *logs.Change
	for _, joint := range s.run.Changed() {
		c, err := s.run.TellChange(joint.Version)
		if err != nil || len(c.Steps) == 0 {
			continue
		}
		if first == nil {
			first = c
		}
		complete := "not in these logs"
		if c.To != nil {
			complete = s.at(c.To.First)
		}
		t.Rows = append(t.Rows, []string{fmt.Sprint(joint.Version - 1), fmt.Sprint(joint.Version + 1), s.names.In(c.Difference), s.at(c.Steps[0].Lines[0]), complete})
	}
	if first == nil {
		return nil
	}
	blocks := []Block{
		Paragraph("A cluster can get other members while it serves. It goes from one list to the next through a membership that has both: while it counts, a lease, a burial or a note needs a majority of each list. New members take part after one time to live. Those who leave let their holders finish, pass tokens on and end their sessions. Once every member goes by both lists alone, the second counts alone. RN and LN have a place for everyone who was ever a member; nobody gets another's place."),
		t,
		Paragraph(fmt.Sprintf("This is how the members changed from membership %d to membership %d, in causal order:", first.Joint.Version-1, first.Joint.Version+1)),
	}
	blocks = append(blocks, s.steps(first.Steps)...)
	blocks = append(blocks, Paragraph(s.names.In(first.Summary)))
	from := s.numbers[first.Steps[0].Lines[0]]
	last := first.Steps[len(first.Steps)-1].Lines
	if f, ok := s.figure("members", draw.Options{Lock: s.mostUsed(), From: from, To: s.numbers[last[len(last)-1]]}, "The members change."); ok {
		blocks = append(blocks, f)
	}
	return blocks
}

// mostUsed is the lock that the report tells of; empty where nobody entered, which stands for
// the one with the most lines.
func (s *source) mostUsed() string {
	if s.story == nil {
		return ""
	}
	return s.lock()
}
