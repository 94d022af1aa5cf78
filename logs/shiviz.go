package logs

import (
	"bufio"
	"encoding/json"
	"fmt"
	"io"
	"strings"
)

// shivizParser is the expression by which ShiViz reads what WriteShiViz writes: a
// line with the host and its vector clock, and one with what happened.
const shivizParser = `(?<host>\S*) (?<clock>{.*})\n(?<event>.*)`

// WriteShiViz writes the run as a log for ShiViz, a web page that draws message
// diagrams (https://bestchai.bitbucket.io/shiviz/), to be pasted there unchanged:
// the parser expression in line 1; line 2 empty, which says that the log holds one
// execution; then two lines for each event.
//
// An empty lock stands for all lines, else those about other locks are left out.
// ShiViz wants each host's own value to begin at 1 and to rise by exactly one, so
// values count the lines that are written. A member's second process is a host of
// its own, NODE/2, since what the first one knew is lost; it follows the first in
// no clock but that of the messages.
//
// Vector clocks come from the paired sends and receives alone. The error is one of w.
func (r *Run) WriteShiViz(w io.Writer, lock string) error {
	out := bufio.NewWriter(w)
	fmt.Fprintf(out, "%s\n\n", shivizParser)
	hosts := r.hosts()
	clocks := make(map[*Life]map[string]int)
	sent := make(map[*Event]map[string]int) // of sends whose receipt is still to come
	for _, e := range r.Merge() {
		if lock != "" && e.Lock != "" && e.Lock != lock {
			continue
		}
		clock := clocks[e.Life]
		if clock == nil {
			clock = make(map[string]int)
			clocks[e.Life] = clock
		}
		for host, value := range sent[e.Cause] {
			clock[host] = max(clock[host], value)
		}
		delete(sent, e.Cause)
		clock[hosts[e.Life]]++
		if e.Receipt != nil {
			copied := make(map[string]int, len(clock))
			for host, value := range clock {
				copied[host] = value
			}
			sent[e] = copied
		}
		text, err := json.Marshal(clock) // in the order of the hosts' names
		if err != nil {
			return err
		}
		fmt.Fprintf(out, "%s %s\n%s\n", hosts[e.Life], text, e.brief())
	}
	return out.Flush() // keeps the first error
}

// hosts names each process: the member, and for its later processes which one.
func (r *Run) hosts() map[*Life]string {
	hosts := make(map[*Life]string, len(r.Lives))
	nth := 0
	for i, life := range r.Lives {
		nth++
		if i == 0 || r.Lives[i-1].Node != life.Node {
			nth = 1
		}
		hosts[life] = strings.ReplaceAll(life.Node, " ", "_")
		if nth > 1 {
			hosts[life] += fmt.Sprintf("/%d", nth)
		}
	}
	return hosts
}

// brief says what a line says, short enough for a box on the screen, in one line.
func (e *Event) brief() string {
	text := e.Kind
	add := func(key, value string) {
		if e.Has(key) {
			text += " " + key + "=" + value
		}
	}
	add("lock", e.Lock)
	add("peer", e.Peer)
	add("number", e.Number.String())
	add("fence", fmt.Sprint(e.Fence))
	add("hop", fmt.Sprint(e.Hop))
	add("queue", "["+strings.Join(e.Queue, " ")+"]")
	add("probe", fmt.Sprint(e.Probe))
	add("ballot", e.Ballot.String())
	add("answer", e.Answer)
	if s := e.Shared; s != nil {
		add("mode", s.Mode.String())
		add("share", s.Share.String())
		add("kept", fmt.Sprint(s.Kept))
	}
	if n := e.Noted; n != nil {
		add("run", n.Run.String())
		add("kept_hold", n.Kept.String())
	}
	if n := e.Listing; n != nil {
		add("membership", fmt.Sprint(n.Version))
		add("round", n.Round.String())
	}
	add("session", fmt.Sprint(e.Session))
	add("reason", e.Reason)
	return strings.Map(func(r rune) rune {
		if r == '\n' || r == '\r' {
			return ' '
		}
		return r
	}, text)
}
