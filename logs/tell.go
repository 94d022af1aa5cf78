package logs

// Step is one step of a story: what happened, and the lines that show it.
type Step struct {
	Text  string
	Lines []*Event // at least one, in the order of Merge
}

// Story is how a node got a lock, as Explain tells it, for who wants to set it in
// another form. Its sentences have request numbers without their sessions, as a terminal
// shows them.
type Story struct {
	Entry   *Entry
	Begin   *Event // request or ride; nil where the token was here and nothing was asked
	Steps   []Step
	Summary string // what it cost, and how many others went first
}

// Tell returns the story of the entry that Explain would tell: see there for lock,
// fence and the error.
func (r *Run) Tell(lock string, fence uint64) (*Story, error) {
	entry, err := r.chooseEntry(lock, fence)
	if err != nil {
		return nil, err
	}
	x := newExplanation(r, entry)
	x.gather()
	x.countOnly()
	story := &Story{Entry: entry, Begin: x.begin, Summary: x.summary()}
	for _, s := range x.steps() {
		story.Steps = append(story.Steps, Step{Text: s.text, Lines: s.lines})
	}
	return story, nil
}

// Request returns the line with which the request of an entry began: request or
// ride; nil where the token was here and no request was needed, or no line tells.
func (entry *Entry) Request() *Event { return entry.request() }
