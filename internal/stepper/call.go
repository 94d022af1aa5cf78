package stepper

import (
	"encoding/json"
	"fmt"
)

// Server plays one history for a page that speaks JSON. It is not safe for concurrent
// use.
type Server struct{ history *History }

// request is what a page asks for. Do says what; which other fields count depends on it.
type request struct {
	// Do is "scenarios": the ready-made ones; "open": play Text from its beginning;
	// "see": the snapshot after step At; "act": forget what came after step At, and do Op,
	// an operation's text.
	Do   string `json:"do"`
	Text string `json:"text"`
	At   int    `json:"at"`
	Op   string `json:"op"`
}

// answer is what a page gets. Error is "" if all went well. It may come together with
// a snapshot: a scenario that was played in part.
type answer struct {
	Error     string      `json:"error"`
	Snapshot  *Snapshot   `json:"snapshot,omitempty"`
	Steps     int         `json:"steps"` // how many there are now
	Text      string      `json:"text"`  // of the scenario up to the snapshot
	Red       []int       `json:"red"`   // after which steps an invariant was broken
	Scenarios []readyView `json:"scenarios,omitempty"`
}

type readyView struct {
	ID      string      `json:"id"`
	Title   string      `json:"title"`
	About   string      `json:"about"`
	Text    string      `json:"text"`
	Planted bool        `json:"planted"`
	Stages  []stageView `json:"stages"`
}

type stageView struct {
	Caption string `json:"caption"`
	Through int    `json:"through"` // the last step of the stage
}

// Call does what a request in JSON asks for, and answers in JSON.
func (d *Server) Call(text []byte) []byte {
	var q request
	a := answer{}
	if err := json.Unmarshal(text, &q); err != nil {
		a.Error = "not a request: " + err.Error()
	} else {
		a = d.take(q)
	}
	if a.Red == nil {
		a.Red = []int{}
	}
	reply, err := json.Marshal(a)
	if err != nil {
		panic(fmt.Sprintf("stepper: %v", err)) // there is nothing in it that has no JSON
	}
	return reply
}

func (d *Server) take(q request) answer {
	switch q.Do {
	case "scenarios":
		return answer{Scenarios: readyViews()}
	case "open":
		return d.open(q.Text)
	case "see", "act":
		if d.history == nil {
			return answer{Error: "no scenario is open"}
		}
		if q.At < 0 || q.At > d.history.Steps() {
			return answer{Error: fmt.Sprintf("there is no step %d among %d", q.At, d.history.Steps())}
		}
		if q.Do == "act" {
			return d.act(q.At, q.Op)
		}
		return d.see(q.At, nil)
	default:
		return answer{Error: fmt.Sprintf("do is %q, want scenarios, open, see or act", q.Do)}
	}
}

// open plays a scenario. One that is no text leaves what was open.
func (d *Server) open(text string) answer {
	s, err := Decode(text)
	if err != nil {
		return answer{Error: err.Error()}
	}
	d.history, err = Play(s)
	return d.see(0, err)
}

// act does an operation after a step. If that is not possible, what came after the
// step stands.
func (d *Server) act(at int, text string) answer {
	op, err := DecodeOp(text)
	if err == nil {
		err = d.history.possible(at, op)
	}
	if err != nil {
		return d.see(at, err)
	}
	d.history.Rewind(at)
	_, err = d.history.Do(op)
	return d.see(d.history.Steps(), err)
}

func (d *Server) see(at int, err error) answer {
	h := d.history
	a := answer{Snapshot: h.At(at), Steps: h.Steps(), Text: h.Text(at)}
	if err != nil {
		a.Error = err.Error()
	}
	for k := range h.Steps() + 1 {
		if !h.At(k).Green {
			a.Red = append(a.Red, k)
		}
	}
	return a
}

func readyViews() []readyView {
	var views []readyView
	for _, r := range ReadyMade() {
		v := readyView{ID: r.ID, Title: r.Title, About: r.About, Text: r.Text(), Planted: r.Planted}
		for k, end := range r.Ends() {
			v.Stages = append(v.Stages, stageView{r.Stages[k].Caption, end})
		}
		views = append(views, v)
	}
	return views
}
