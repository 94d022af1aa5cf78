package report

import (
	"fmt"
	"slices"

	"conch/logs"
	"conch/logs/draw"
)

// start says how the system is started.
func (b *builder) start() []Block {
	where := "You need Go 1.26 or newer and make."
	if b.Repository != "" {
		where = "Clone the repository, " + b.Repository + ". You need Go 1.26 or newer and make."
	}
	blocks := []Block{
		Paragraph(where + " One command runs three nodes on one machine and judges them by their logs. Each node is a process of its own, and they talk over gRPC:"),
		Code("make demo"),
		Paragraph("Or build the program with make build and start three nodes by hand, each in a terminal of its own:"),
		Code("bin/conch node --listen 127.0.0.1:7401 --peers 127.0.0.1:7402,127.0.0.1:7403 --auto-request --log-file node1.log\n" +
			"bin/conch node --listen 127.0.0.1:7402 --peers 127.0.0.1:7401,127.0.0.1:7403 --auto-request --log-file node2.log\n" +
			"bin/conch node --listen 127.0.0.1:7403 --peers 127.0.0.1:7401,127.0.0.1:7402 --auto-request --log-file node3.log"),
		Paragraph("The nodes find each other by addresses on the command line, as here, by a file that lists them (--hosts-file), or by DNS or Serf (--discover). With --auto-request, a node asks for the critical section in a loop. Ctrl-C stops a node in order. README.md says more, also about several machines."),
	}
	if b.Command != "" {
		blocks = append(blocks, Paragraph("This command made the report:"), Code(b.Command))
	}
	return blocks
}

// example is lines that show a rule, and what they show.
type example struct {
	lines []*logs.Event
	shows string
}

// rule is one step of the algorithm, and how an example of it is found.
type rule struct {
	title, text string
	find        func(s *source) example
}

var rules = []rule{
	{"A node asks", "A node i that does not have the token raises its own request number RN[i] to n and sends REQUEST(i, n) to all the others: N-1 messages. It does not know where the token is, and does not need to.",
		(*source).asks},
	{"Every node notes the request", "On REQUEST(j, n), a node sets RN[j] to n if n is higher. A number that is not higher belongs to an old request and changes nothing. A node without the token does no more than that.",
		(*source).notes},
	{"So does the holder of the token", "A node j waits if RN[j] is above LN[j]. If the holder is in the critical section, it deals with those who wait when it leaves. If it does not use the token, it sends the token off at once.",
		(*source).holderNotes},
	{"The holder leaves", "It records its own request as granted, LN[i] = RN[i]. Then it goes through the others, from its neighbour i+1 around the ring, and appends to the queue Q every node j that waits and is not in Q yet.",
		(*source).leaves},
	{"The token goes to the head of Q", "If Q is not empty, the holder removes its head and sends that node the token, which carries LN and the rest of Q: one message. If Q is empty, the token stays.",
		(*source).sendsToken},
	{"The receiver of the token enters", "The node that receives the token enters the critical section. Each entry has a fence, a number above that of every entry before it. A resource that remembers the highest fence can refuse a holder that comes too late.",
		(*source).enters},
}

// asks finds a request and its sendings: that of the story, or any.
func (s *source) asks() example {
	begin := s.story.Begin
	if begin == nil || begin.Kind != logs.Request {
		begin = s.any(func(e *logs.Event) bool { return e.Kind == logs.Request })
	}
	if begin == nil {
		return example{}
	}
	x := example{lines: []*logs.Event{begin}}
	var peers []string
	for _, e := range begin.Life.Events[begin.Seq+1:] {
		if e.Kind == logs.RequestSent && e.Lock == begin.Lock && e.Number == begin.Number && !e.Repeat {
			x.lines = append(x.lines, e)
			peers = append(peers, s.names.Of(e.Peer))
		}
	}
	x.shows = fmt.Sprintf("Here %s raises its number to %d and sends REQUEST to %s:", s.node(begin), begin.Number.Count, list(peers))
	return x
}

// notes finds the receipt of that request at a node that does not have the token.
func (s *source) notes() example {
	e := s.receipt(func(e *logs.Event) bool { return e.LastGranted == nil })
	if e == nil {
		return example{}
	}
	return example{[]*logs.Event{e}, fmt.Sprintf("Here %s, which does not have the token, notes RN[%s] = %d:", s.node(e), s.names.Of(e.Peer), e.Number.Count)}
}

// holderNotes finds its receipt at the node that has the token.
func (s *source) holderNotes() example {
	e := s.receipt(func(e *logs.Event) bool { return e.LastGranted != nil && e.UseOfToken() == logs.Inside })
	does := "is in the critical section and only notes"
	if e == nil {
		e = s.receipt(func(e *logs.Event) bool { return e.LastGranted != nil && e.UseOfToken() == logs.Outside })
		does = "has the token, is not in the critical section, and notes"
	}
	if e == nil {
		return example{}
	}
	return example{[]*logs.Event{e}, fmt.Sprintf("Here %s %s RN[%s] = %d:", s.node(e), does, s.names.Of(e.Peer), e.Number.Count)}
}

// receipt finds a line on which a request is new to a node, in the story or else
// anywhere.
func (s *source) receipt(is func(*logs.Event) bool) *logs.Event {
	return s.any(func(e *logs.Event) bool {
		if e.Kind != logs.RequestReceived || !is(e) {
			return false
		}
		rn, known := s.numberOf(e.Peer, e.RequestNumbers)
		return known && rn == e.Number
	})
}

// leaves finds the leave that put the node of the story into Q, or one that let
// somebody in, or any.
func (s *source) leaves() example {
	asker := s.story.Entry.Enter.Node
	var e *logs.Event
	for _, step := range s.story.Steps {
		for _, line := range step.Lines {
			if e == nil && handsOn(line) && slices.Contains(line.Queue, asker) && s.numbers[line] < s.numbers[s.story.Entry.Enter] {
				e = line
			}
		}
	}
	if e == nil {
		e = s.any(func(e *logs.Event) bool { return handsOn(e) && len(e.Queue) > 0 })
	}
	if e == nil {
		e = s.any(handsOn)
	}
	if e == nil {
		return example{}
	}
	shows := fmt.Sprintf("Here %s leaves, and Q is then %s:", s.node(e), s.queue(e.Queue))
	if ln, known := s.numberOf(e.Node, e.LastGranted); known {
		shows = fmt.Sprintf("Here %s leaves. LN[%s] is then %d, and Q is %s:", s.node(e), s.node(e), ln.Count, s.queue(e.Queue))
	}
	return example{[]*logs.Event{e}, shows}
}

// handsOn reports whether a line is a leave after which the leave rule runs: that of one who
// had the lock alone.
func handsOn(e *logs.Event) bool { return e.Kind == logs.Leave && e.Mode() == 0 }

// sendsToken finds how the token was sent to the node of the story, or to any.
func (s *source) sendsToken() example {
	var e *logs.Event
	if came := s.story.Entry.Visit.Arrival; came != nil && came.Kind == logs.TokenReceived {
		e = came.Cause
	}
	if e == nil {
		e = s.any(func(e *logs.Event) bool { return e.Kind == logs.TokenSent })
	}
	if e == nil {
		return example{}
	}
	return example{[]*logs.Event{e}, fmt.Sprintf("Here %s sends the token to %s. The rest of Q is %s:", s.node(e), s.names.Of(e.Peer), s.queue(e.Queue))}
}

// enters finds how the token came to the node of the story and let it in, or else
// another.
func (s *source) enters() example {
	entry := s.story.Entry
	if !letIn(entry) {
		entry = nil
		for _, j := range s.run.Journeys() {
			for _, other := range j.Entries {
				if entry == nil && j.Lock == s.lock() && letIn(other) {
					entry = other
				}
			}
		}
	}
	if entry == nil {
		return example{}
	}
	enter := entry.Enter
	return example{[]*logs.Event{entry.Visit.Arrival, enter}, fmt.Sprintf("Here the token reaches %s, which enters with fence %d:", s.node(enter), enter.Fence)}
}

// letIn reports whether an entry was the first after the token had come by a message.
func letIn(entry *logs.Entry) bool {
	came := entry.Visit.Arrival
	if came == nil || came.Kind != logs.TokenReceived {
		return false
	}
	for _, e := range entry.Visit.Events {
		if e.Kind == logs.Enter {
			return e == entry.Enter
		}
	}
	return false
}

// any finds a line about the lock in the story, or else anywhere.
func (s *source) any(is func(*logs.Event) bool) *logs.Event {
	for _, step := range s.story.Steps {
		for _, e := range step.Lines {
			if is(e) && e.Lock == s.lock() {
				return e
			}
		}
	}
	for _, e := range s.Events {
		if is(e) && e.Lock == s.lock() {
			return e
		}
	}
	return nil
}

// algorithm tells the rules, each with lines of the run.
func (b *builder) algorithm() []Block {
	blocks := []Block{Paragraph("There is one token, and only the node that has it may be in the critical section. Each node keeps RN, which has for each node the highest request number heard from it. The token carries LN, which has for each node the number of its request that was granted last, and Q, the queue of the nodes that get the token next. The six steps are Suzuki and Kasami's algorithm of 1985 [1]; the lines are those of this run.")}
	for i, r := range rules {
		blocks = append(blocks, Subtitle(fmt.Sprintf("Step %d. %s", i+1, r.title)))
		x := r.find(b.main)
		if len(x.lines) == 0 {
			blocks = append(blocks, Paragraph(r.text+" No line of this run shows it."))
			continue
		}
		blocks = append(blocks, Paragraph(r.text+" "+x.shows), b.main.quote(x.lines...))
	}
	blocks = append(blocks, Subtitle("What differs from the paper"))
	if batch := b.main.run.LongestBatch(); batch > 1 {
		blocks = append(blocks, Paragraph(fmt.Sprintf("Nodes of this run were started with --local-batch (up to %d here): where others wait at the holder too, the holder puts itself at the head of Q instead of its end, for up to so many entries in a row. That saves moves of the token, and every node still has its turn.", batch)))
	}
	return append(blocks, Paragraph("The paper does not say what happens when a node fails. Here, a session tells a live node from a dead one: a node uses a token only while a majority has answered it lately. A round of messages to all members makes the token at the start, and makes a new one if it is lost"+b.seeDeath()+". And where the paper compares RN[j] = LN[j] + 1, this program compares RN[j] > LN[j], because numbers may have gaps after a node has started again."))
}

// seeDeath points to where a lost token is told of.
func (b *builder) seeDeath() string {
	if s := b.whereOneDied(); s != nil {
		return fmt.Sprintf(" (section \"%s\")", titleDeath)
	}
	return ""
}

// entry tells one entry, with all its lines, RN, LN and Q, and its diagram.
func (b *builder) entry() []Block {
	s := b.main
	enter := s.story.Entry.Enter
	blocks := []Block{Paragraph(fmt.Sprintf("This is how %s got lock %s with fence %d, in %s. The steps are in causal order.", s.node(enter), enter.Lock, enter.Fence, s.at(enter)))}
	blocks = append(blocks, s.tell(s.story)...)
	blocks = append(blocks, s.values(s.story))
	if f, ok := s.figure("entry", draw.Options{Lock: enter.Lock, Fence: enter.Fence},
		"The same entry as a space-time diagram. Each node has a line down the page; what happens later stands lower."); ok {
		blocks = append(blocks, f)
	}
	return blocks
}
