package logs

// Messages counts the messages of all entries.
type Messages struct {
	Here    int `json:"here"`    // entries for which the token was here: 0 messages
	Asked   int `json:"asked"`   // entries by a request to all others: N-1 REQUEST and 1 TOKEN
	Rode    int `json:"rode"`    // entries whose request rode on the token: 1 TOKEN, or none
	Fewer   int `json:"fewer"`   // entries by a request that went to fewer others, since streams were down
	Remade  int `json:"remade"`  // entries by a token that was made where it was waited for
	Request int `json:"request"` // REQUEST sent, without repeats
	Token   int `json:"token"`   // TOKEN sent
	Repeat  int `json:"repeat"`  // REQUEST sent once more, on a new stream

	Probe  int `json:"probe"`
	Ballot int `json:"ballot"`
	Answer int `json:"answer"`
	Abort  int `json:"abort"`

	Under  int `json:"under,omitempty"` // entries under a share, with the token elsewhere: 0 messages
	Recall int `json:"recall,omitempty"`
	Done   int `json:"done,omitempty"`

	Witness int `json:"witness,omitempty"` // WITNESS sent, repeats included, and answers to it
	Noted   int `json:"noted,omitempty"`

	Change int `json:"change,omitempty"` // sent to change the members
}

// ask is a node's request for a lock, as far as its cost goes.
type ask struct {
	node, lock string
	number     Number
}

// checkCost counts the messages of each entry and holds them against the paper: 0
// where the token is here, else N, of which N-1 are REQUEST and 1 TOKEN; and 1, or
// none, where the request rode on the token. What sends a request once more on a
// new stream, and what makes a lost token anew, what calls in shares, what has notes
// remembered, and what changes the members, is not in the paper and counted apart.
func (c *checker) checkCost(journeys []*Journey) {
	m := &c.figures.Messages
	broadcast := make(map[ask][]*Event) // the sends of each request
	for _, life := range c.run.Lives {
		for _, e := range life.Events {
			switch e.Kind {
			case RequestSent:
				if e.Repeat {
					m.Repeat++
					continue
				}
				m.Request++
				k := ask{e.Node, e.Lock, e.Number}
				broadcast[k] = append(broadcast[k], e)
			case TokenSent:
				m.Token++
			case ProbeSent:
				m.Probe++
			case BallotSent:
				m.Ballot++
			case AnswerSent:
				m.Answer++
			case AbortSent:
				m.Abort++
			case ShareEnter:
				m.Under++
			case RecallSent:
				m.Recall++
			case DoneSent:
				m.Done++
			case WitnessSent:
				m.Witness++
			case WitnessAnswerSent:
				m.Noted++
			default:
				if e.Listing != nil && e.Sent() {
					m.Change++
				}
			}
		}
	}
	for _, j := range journeys {
		var before *Visit
		for _, entry := range j.Entries {
			moved := entry.Visit != before && entry.Visit.Arrival != nil && entry.Visit.Arrival.Kind == TokenReceived
			made := entry.Visit != before && entry.Visit.Arrival != nil && entry.Visit.Arrival.Kind == TokenMade
			before = entry.Visit
			k := ask{entry.Enter.Node, j.Lock, entry.Enter.Number}
			c.classify(entry.Enter, broadcast[k], moved, made)
			delete(broadcast, k)
		}
	}
}

// classify puts one entry's messages where they belong.
func (c *checker) classify(enter *Event, requests []*Event, moved, made bool) {
	m := &c.figures.Messages
	asked := enter
	if len(requests) > 0 {
		asked = requests[0] // the members may change while it waits
	}
	others := c.run.sizeAt(asked) - 1
	switch {
	case others >= 0 && len(requests) > others:
		verdict := Violated
		if len(requests) < c.run.MostMembers() {
			verdict = Insufficient // it may be the line of an adoption that is missing
		}
		c.report(messageCost, verdict, append([]*Event{enter}, requests...), "REQUEST %s of %s was sent %d times, and not as a repeat, want at most N-1 = %d",
			enter.Number, enter.Node, len(requests), others)
	case len(requests) == 0 && made && !enter.Number.IsZero():
		m.Remade++
	case len(requests) == 0 && !moved && enter.Number.IsZero():
		m.Here++
	case len(requests) == 0:
		m.Rode++
	case !moved:
		m.Remade++
	case len(requests) < others:
		m.Fewer++
	default:
		m.Asked++
	}
}
