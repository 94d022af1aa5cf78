package logs

import (
	"errors"
	"fmt"
	"regexp"
	"strings"
	"testing"
)

// TestSchemaDocument compares SCHEMA.md with the schema in the code.
func TestSchemaDocument(t *testing.T) {
	var b strings.Builder
	b.WriteString("# The log's schema\n\n")
	b.WriteString("A node logs one JSON object a line. `go test ./logs -run TestSchemaDocument -update`\nwrites this page from `schema.go`; a test compares the two.\n\n")
	b.WriteString("Every line has the keys " + codes(everyLine) + ". All 64-bit numbers are decimal\nstrings, since a JSON reader may read a number as a float. A node's lines stand in\nthe order in which things happened to it. It writes a line before it sends the message.\n\n## Keys\n\n| key | value | meaning |\n|---|---|---|\n")
	for _, k := range keys {
		fmt.Fprintf(&b, "| `%s` | %s | %s |\n", k.name, k.kind, k.meaning)
	}
	b.WriteString("\n## Events\n\nThe level is `info` unless a row says otherwise. Of keys joined by *or*, a line has\nexactly one.\n\n| event | keys, beside those of every line | optional keys | meaning |\n|---|---|---|---|\n")
	for _, s := range shapes {
		needs := codes(s.required)
		if s.oneOf != 0 {
			needs = strings.TrimPrefix(needs+", "+strings.ReplaceAll(codes(s.oneOf), ", ", " *or* "), ", ")
		}
		meaning := s.meaning
		if s.level != "info" {
			meaning += fmt.Sprintf(" (level `%s`)", s.level)
		}
		fmt.Fprintf(&b, "| `%s` | %s | %s | %s |\n", s.event, needs, codes(s.optional), meaning)
	}
	b.WriteString(`
## Which receipt belongs to which sending

| message | sending and receipt have in common |
|---|---|
| REQUEST | lock, the asking node, number, the receiver |
| TOKEN | lock, epoch, hop, and both nodes; if the token is dropped as it comes, token_dropped is the receipt |
| probe | lock, the asking node, probe, the receiver |
| ballot | lock, ballot, the proposer, the receiver |
| answer | lock, probe or ballot, the answerer, the asker |
| abort | lock, ballot, the proposer, the receiver |
| RECALL, DONE | lock, share, recaller, kept, and both nodes; of those that are sent again, the first sending belongs to the first receipt |
| SAY | lock, fence, count, and both nodes; of those that are said again on a new stream, the first sending belongs to the first receipt |
| WITNESS and its answer | lock, run or kept_hold, epoch, answer, and both nodes; of those that are sent again, the first sending belongs to the first receipt |
| MEMBERSHIP, CHOOSE, ACCEPT, JOINED, SYNC and their answers | membership, round, ask, answer, and both nodes; of those that are sent again, the first sending belongs to the first receipt |
`)
	golden(t, "SCHEMA.md", b.String())
}

func codes(set keySet) string {
	var texts []string
	for _, name := range set.names() {
		texts = append(texts, "`"+name+"`")
	}
	return strings.Join(texts, ", ")
}

// TestEveryKeyIsRead reads a line of each event with all its keys. If the reader did not
// know a key of the schema, a line that has it would count as missing.
func TestEveryKeyIsRead(t *testing.T) {
	values := map[kind]string{
		kindText: `"x"`, kindTime: `"2026-11-22T21:01:22.1Z"`, kindAddress: `"a:1"`, kindDecimal: `"0"`, kindNumber: `"1.1"`, kindEpoch: `"1.0"`,
		kindHex: `"000102030405060708090a0b0c0d0e0f"`, kindBool: `true`, kindNumbers: `["1.1"]`, kindAddresses: `["a:1"]`,
		kindLimit: `"3"`, kindShare: `"0.1.2.3"`, kindShares: `["0.1.2.3"]`,
		kindRun: `"7.1.done"`, kindKept: `"1.over"`, kindIDs: `["0"]`,
	}
	for _, s := range shapes {
		choices := []keySet{0}
		if s.oneOf != 0 {
			choices = nil
			for _, name := range s.oneOf.names() {
				choices = append(choices, setOf(name))
			}
		}
		for _, choice := range choices {
			all := everyLine | s.required | s.optional | choice
			var fields []string
			for _, name := range all.names() {
				value := values[kindOf(name)]
				switch name {
				case "event":
					value = `"` + s.event + `"`
				case "level":
					value = `"` + s.level + `"`
				case "answer":
					value = `"hold"`
					if question := questions[s.event]; question != "" {
						value = `"` + answers[question][0] + `"`
					}
				case "ids", "membership": // a joint one of one member
					value = `"1"`
				}
				fields = append(fields, `"`+name+`":`+value)
			}
			raw := []byte("{" + strings.Join(fields, ",") + "}")
			e, err := parseEvent(raw)
			if err != nil {
				t.Errorf("%s: %v", s.event, err)
				continue
			}
			if e.has != all {
				t.Errorf("%s: read as %v; want %v", s.event, e.has.names(), all.names())
			}
			if err := Validate(raw); err != nil {
				t.Error(err)
			}
		}
	}
}

// TestGeneratedLinesAreValid checks the simulator's lines, on which all other tests rest,
// against the schema.
func TestGeneratedLinesAreValid(t *testing.T) {
	seen := make(map[string]bool)
	for seed := range uint64(10) {
		c := newCluster(4, []string{"cs"}, seeded(seed))
		c.run(300, faults{cuts: true, crashes: seed%2 == 0})
		for _, m := range c.nodes {
			for _, line := range m.lines {
				if err := Validate([]byte(line + "\n")); err != nil {
					t.Fatal(err)
				}
				seen[regexp.MustCompile(`"event":"(\w+)"`).FindStringSubmatch(line)[1]] = true
			}
		}
	}
	if len(seen) < 20 {
		t.Errorf("the simulator wrote %d kinds of events only", len(seen))
	}
}

func TestValidate(t *testing.T) {
	const sent = `{"level":"info","node":"a:1","event":"request_sent","lock":"cs","peer":"b:1","number":"7.1","request_numbers":["7.1","0.0"],"time":"2026-01-01T00:00:00.5Z","message":"request sent"}`
	const answer = `{"level":"info","node":"a:1","event":"answer_sent","lock":"cs","peer":"b:1","answer":"promise","ballot":"5.1","number":"7.1","waiting":false,"time":"2026-01-01T00:00:00.5Z","message":"answer sent"}`
	for _, c := range []struct {
		line, from, to string // in the line, from is replaced by to
		says           string // part of the error; empty: the line is valid
	}{
		{sent, "", "", ""},
		{answer, "", "", ""},
		{sent, `"lock":"cs"`, `"lock":"cs","repeat":true`, ""},
		{sent, `"lock":"cs",`, ``, "request_sent: lacks the key lock"},
		{sent, `"lock":"cs"`, `"lock":""`, "lacks the key lock"},
		{sent, `"lock":"cs"`, `"lock":"cs","fence":"1"`, `has the key "fence", which belongs to other events`},
		{sent, `"lock":"cs"`, `"lock":"cs","colour":"red"`, `has the key "colour", which the schema does not have`},
		{sent, `"lock":"cs"`, `"lock":"cs","lock":"db"`, `has the key "lock" twice`},
		{sent, `"lock":"cs"`, `"Lock":"cs"`, `has the key "Lock", which the schema does not have`},
		{sent, `"7.1",`, `"7",`, `"7" is not a request number, want SESSION.COUNT`},
		{sent, `"7.1",`, `7.1,`, `key "number" of request_sent: got a JSON number, want "SESSION.COUNT"`},
		{sent, `"7.1",`, `"07.1",`, `"07.1" is not a request number`},
		{sent, `["7.1","0.0"]`, `["7.1","x"]`, `key "request_numbers[1]": "x" is not`},
		{sent, `["7.1","0.0"]`, `["7.1","0.0"],"last_granted":["0.0","0.0"]`, "has one of last_granted and queue"},
		{sent, `["7.1","0.0"]`, `["7.1","0.0"],"last_granted":["0.0"],"queue":[]`, "last_granted has 1 entries and request_numbers 2"},
		{sent, `"info"`, `"debug"`, `level: got "debug", want "info"`},
		{sent, `00.5Z`, `00.5+01:00`, "time: got +01:00, want UTC"},
		{sent, `2026-01-01T`, `2026-01-01 `, `key "time": got "2026-01-01 00:00:00.5Z", want an RFC 3339 time`},
		{sent, `request_sent`, `request_send`, `an event that this version does not know: "request_send"`},
		{sent, `"lock":"cs"`, `"lock":"cs","repeat":null`, `key "repeat": got null`},
		{sent, `{`, ``, "not a line of JSON"},
		{answer, `"promise"`, `"recent"`, `answer: got "recent", want one of hold, nack, promise to a ballot`},
		{answer, `"ballot":"5.1",`, ``, "has 0 of the keys ballot, probe, want exactly one"},
		{answer, `"ballot":"5.1",`, `"ballot":"5.1","probe":"1",`, "has 2 of the keys ballot, probe"},
		{strings.Replace(sent, "request_sent", "node_started", 1), "", "", "node_started: lacks the key session, members, incarnation, version"},
	} {
		line := strings.Replace(c.line, c.from, c.to, 1)
		err := Validate([]byte(line))
		switch {
		case c.says == "" && err != nil:
			t.Errorf("%s: %v", line, err)
		case c.says != "" && (!errors.Is(err, ErrInvalid) || !strings.Contains(err.Error(), c.says)):
			t.Errorf("%s: got %v, want %q", line, err, c.says)
		}
	}
}
