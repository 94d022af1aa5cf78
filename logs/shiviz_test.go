package logs

import (
	"bytes"
	"encoding/json"
	"fmt"
	"regexp"
	"strings"
	"testing"
)

// shivizEvent is an event as ShiViz reads it.
type shivizEvent struct {
	host  string
	clock map[string]int
	text  string
}

// acceptShiViz reads a log by the rules for which ShiViz can refuse one. Line 1 is the
// parser expression, with the groups event, host and clock, and line 2 the delimiter. Each
// match has a clock, a JSON object of positive whole numbers. Each host's own value begins
// at 1 and rises by one, and the host is in its own clock. Every event that a clock names
// exists, and what that event knew is known as well.
func acceptShiViz(log string) ([]shivizEvent, error) {
	lines := strings.SplitN(log, "\n", 3)
	if len(lines) < 3 || lines[1] != "" {
		return nil, fmt.Errorf("line 2 is not empty: it would be taken as a delimiter")
	}
	for _, group := range []string{"(?<event>", "(?<host>", "(?<clock>"} {
		if strings.Count(lines[0], group) != 1 {
			return nil, fmt.Errorf("line 1 has not the group %s once", group)
		}
	}
	// JavaScript writes {.*} for Go's \{.*\}; the rest of the expression means the same.
	parser, err := regexp.Compile(strings.NewReplacer("{", `\{`, "}", `\}`).Replace(lines[0]))
	if err != nil {
		return nil, err
	}
	var events []shivizEvent
	own := make(map[string][]shivizEvent) // by host, in order
	end := 0
	for _, at := range parser.FindAllStringSubmatchIndex(lines[2], -1) {
		if strings.TrimSpace(lines[2][end:at[0]]) != "" {
			return nil, fmt.Errorf("the parser passes over %q", lines[2][end:at[0]])
		}
		end = at[1]
		group := func(name string) string {
			i := parser.SubexpIndex(name)
			return lines[2][at[2*i]:at[2*i+1]]
		}
		e := shivizEvent{host: group("host"), text: group("event")}
		if err := json.Unmarshal([]byte(group("clock")), &e.clock); err != nil {
			return nil, fmt.Errorf("clock of %q: %w", e.text, err)
		}
		if want := len(own[e.host]) + 1; e.host == "" || e.clock[e.host] != want {
			return nil, fmt.Errorf("%q: own value of %q is %d, want %d", e.text, e.host, e.clock[e.host], want)
		}
		events = append(events, e)
		own[e.host] = append(own[e.host], e)
	}
	if strings.TrimSpace(lines[2][end:]) != "" {
		return nil, fmt.Errorf("the parser passes over %q", lines[2][end:])
	}
	for _, e := range events {
		for host, value := range e.clock {
			if value < 1 || value > len(own[host]) {
				return nil, fmt.Errorf("%q names event %d of %q, which has %d", e.text, value, host, len(own[host]))
			}
			if host == e.host && value == 1 {
				continue
			}
			known := own[host][value-1].clock
			if host == e.host {
				known = own[host][value-2].clock
			}
			for other, seen := range known {
				if e.clock[other] < seen {
					return nil, fmt.Errorf("%q knows event %d of %q, but not event %d of %q, which that one knew", e.text, value, host, seen, other)
				}
			}
		}
	}
	return events, nil
}

func shiviz(t *testing.T, run *Run, lock string) string {
	t.Helper()
	var b bytes.Buffer
	if err := run.WriteShiViz(&b, lock); err != nil {
		t.Fatal(err)
	}
	return b.String()
}

func TestShiVizAccepts(t *testing.T) {
	for _, scene := range scenes {
		run := readAll(t, scene.run().files()...)
		for _, lock := range []string{"", "cs", "another"} {
			events, err := acceptShiViz(shiviz(t, run, lock))
			if err != nil {
				t.Errorf("%s, lock %q: %v", scene.name, lock, err)
			}
			want := 0
			for _, e := range run.Merge() {
				if lock == "" || e.Lock == "" || e.Lock == lock {
					want++
				}
			}
			if len(events) != want {
				t.Errorf("%s, lock %q: %d events, want %d", scene.name, lock, len(events), want)
			}
		}
	}
}

// TestShiVizOrdersAsMessagesDo: a receipt's clock includes the sending's, and each process
// of a member that crashed is a host of its own.
func TestShiVizOrdersAsMessagesDo(t *testing.T) {
	run := readAll(t, scenes[2].run().files()...)
	events, err := acceptShiViz(shiviz(t, run, ""))
	if err != nil {
		t.Fatal(err)
	}
	at := make(map[*Event]shivizEvent)
	hosts := make(map[string]bool)
	for i, e := range run.Merge() {
		at[e] = events[i]
		hosts[events[i].host] = true
	}
	pairs := 0
	for e, receipt := range at {
		if e.Cause == nil {
			continue
		}
		pairs++
		send := at[e.Cause]
		if receipt.clock[send.host] < send.clock[send.host] {
			t.Errorf("%q came, but its clock does not have %q", receipt.text, send.text)
		}
	}
	if pairs == 0 || len(hosts) != len(run.Lives) || len(hosts) <= len(run.Members) {
		t.Errorf("%d pairs, %d hosts, %d processes of %d members", pairs, len(hosts), len(run.Lives), len(run.Members))
	}
}

// TestShiVizRefuses: acceptShiViz refuses what breaks a rule.
func TestShiVizRefuses(t *testing.T) {
	good := shivizParser + "\n\na {\"a\":1}\nx\nb {\"a\":1,\"b\":1}\ny\n"
	if _, err := acceptShiViz(good); err != nil {
		t.Fatal(err)
	}
	for _, bad := range [][2]string{
		{"\n\na", "\n===\na"}, {"(?<host>", "(?<node>"}, {`"a":1}`, `"a":2}`}, {`"b":1`, `"b":2`}, {`"a":1,`, `"c":1,`}, {"a {", "a ["}, {`{"a":1,"b":1}`, `{"a":2,"b":1}`},
	} {
		if _, err := acceptShiViz(strings.Replace(good, bad[0], bad[1], 1)); err == nil {
			t.Errorf("with %q for %q it is accepted", bad[1], bad[0])
		}
	}
}
