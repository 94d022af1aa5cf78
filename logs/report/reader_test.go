package report

import (
	"encoding/json"
	"fmt"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"conch/logs"
)

// This file reads reports without knowledge of how they are made: it takes the lines from
// the appendix of the document, and checks each sentence that quotes lines against them.

// record is a line of the appendix.
type record struct {
	at   int // its number in the appendix
	keys map[string]any
	run  *appendixText
}

// appendixText is an appendix of the document.
type appendixText struct {
	records []*record
	letters map[string]string // of each member
	members []string
}

func (r *record) text(key string) string {
	value, _ := r.keys[key].(string)
	return value
}

func (r *record) node() string { return r.run.letter(r.text("node")) }
func (r *record) peer() string { return r.run.letter(r.text("peer")) }

func (a *appendixText) letter(address string) string {
	if letter, known := a.letters[address]; known {
		return letter
	}
	return address
}

// list returns a list of the line, without the sessions of request numbers.
func (r *record) list(key string) []string {
	var all []string
	values, _ := r.keys[key].([]any)
	for _, value := range values {
		text := fmt.Sprint(value)
		if key == "queue" {
			text = r.run.letter(text)
		} else {
			text = countPart(text)
		}
		all = append(all, text)
	}
	return all
}

// of returns a node's number in a list of the line.
func (r *record) of(key, letter string) string {
	for i, member := range r.run.members {
		if list := r.list(key); r.run.letter(member) == letter && i < len(list) {
			return list[i]
		}
	}
	return "none"
}

func countPart(number string) string { return number[strings.LastIndex(number, ".")+1:] }

// inside reports whether the line's node is in the critical section when it writes the
// line.
func (r *record) inside() bool {
	for i := r.at - 1; i >= 0; i-- {
		if before := r.run.records[i]; before.text("node") == r.text("node") && before.text("lock") == r.text("lock") {
			switch before.text("event") {
			case "enter":
				return true
			case "leave", "lost", "token_received", "token_made", "token_sent", "token_dropped":
				return false
			}
		}
	}
	return false
}

// statement is a sentence, and what the lines quoted below it must be.
type statement struct {
	says *regexp.Regexp
	must func(m []string, quoted []*record) error
}

func wantf(ok bool, format string, args ...any) error {
	if ok {
		return nil
	}
	return fmt.Errorf(format, args...)
}

// one expects one line of an event, by a node.
func one(event string, node int, more func(m []string, r *record) error) func([]string, []*record) error {
	return func(m []string, quoted []*record) error {
		if len(quoted) != 1 {
			return fmt.Errorf("%d lines are quoted", len(quoted))
		}
		r := quoted[0]
		if r.text("event") != event || r.node() != m[node] {
			return fmt.Errorf("it is %s of %s, want %s of %s", r.text("event"), r.node(), event, m[node])
		}
		if more == nil {
			return nil
		}
		return more(m, r)
	}
}

func fence(i int) func([]string, *record) error {
	return func(m []string, r *record) error { return wantf(r.text("fence") == m[i], "the fence is another") }
}

func peer(i int) func([]string, *record) error {
	return func(m []string, r *record) error { return wantf(r.peer() == m[i], "the peer is %s", r.peer()) }
}

func requestReceived(m []string, r *record) error {
	_, holds := r.keys["last_granted"]
	switch {
	case r.peer() != m[3] || countPart(r.text("number")) != m[2]:
		return fmt.Errorf("it is the request %s of %s", r.text("number"), r.peer())
	case strings.Contains(m[0], "does not have the token") == holds:
		return fmt.Errorf("the token is at it: %v", holds)
	case strings.Contains(m[0], "It has the token and is in the") && !r.inside(), strings.Contains(m[0], "is not in the critical section") && r.inside():
		return fmt.Errorf("it is in the critical section: %v", r.inside())
	case !strings.Contains(m[0], "an old one") && r.of("request_numbers", m[3]) != m[2]:
		return fmt.Errorf("RN is %s", r.of("request_numbers", m[3]))
	}
	return nil
}

// left checks the values in the sentence, if it has any.
func left(m []string, r *record) error {
	if ln := regexp.MustCompile(`LN\[(\w+)\] (?:= |is then )(\d+)`).FindStringSubmatch(m[0]); len(ln) > 0 && r.of("last_granted", ln[1]) != ln[2] {
		return fmt.Errorf("LN is %s", r.of("last_granted", ln[1]))
	}
	if q := regexp.MustCompile(`Q is (?:then )?(\[[\w,]*\])`).FindStringSubmatch(m[0]); len(q) > 0 && q[1] != "["+strings.Join(r.list("queue"), ",")+"]" {
		return fmt.Errorf("Q is %v", r.list("queue"))
	}
	if place := regexp.MustCompile(`(\w+) is now (\w+) in Q`).FindStringSubmatch(m[0]); place != nil {
		at := slices.Index([]string{"first", "second", "third", "fourth", "fifth"}, place[2])
		return wantf(at == slices.Index(r.list("queue"), place[1]), "Q is %v", r.list("queue"))
	}
	return nil
}

// sent expects a line for each node that the sentence names.
func sent(event string) func([]string, []*record) error {
	return func(m []string, quoted []*record) error {
		var peers []string
		for _, r := range quoted {
			if r.text("event") != event || r.node() != m[1] {
				return fmt.Errorf("it is %s of %s", r.text("event"), r.node())
			}
			peers = append(peers, r.peer())
		}
		named := regexp.MustCompile(`, | and `).Split(m[len(m)-1], -1)
		return wantf(slices.Equal(peers, named), "the lines are for %v", peers)
	}
}

func then(events ...string) func([]string, []*record) error {
	return func(m []string, quoted []*record) error {
		var are []string
		for _, r := range quoted {
			are = append(are, r.text("event"))
		}
		return wantf(slices.Equal(are, events), "the lines are %v", are)
	}
}

func all(event string) func([]string, []*record) error {
	return func(m []string, quoted []*record) error {
		for _, r := range quoted {
			if r.text("event") != event {
				return fmt.Errorf("one is %s", r.text("event"))
			}
		}
		return nil
	}
}

var statements = []statement{
	{regexp.MustCompile(`Here (\w+) raises its number to (\d+) and sends REQUEST to (.*):$`), func(m []string, quoted []*record) error {
		begin := quoted[0]
		if begin.text("event") != "request" || begin.node() != m[1] || countPart(begin.text("number")) != m[2] {
			return fmt.Errorf("the first is %v", begin.keys)
		}
		return sent("request_sent")(m, quoted[1:])
	}},
	{regexp.MustCompile(`Here (\w+), which does not have the token, notes RN\[(\w+)\] = (\d+):$`), one("request_received", 1, func(m []string, r *record) error {
		return wantf(r.keys["last_granted"] == nil && r.peer() == m[2] && r.of("request_numbers", m[2]) == m[3], "it is %v", r.keys)
	})},
	{regexp.MustCompile(`Here (\w+) (?:is in the critical section and only|has the token, is not in the critical section, and) notes RN\[(\w+)\] = (\d+):$`), one("request_received", 1, func(m []string, r *record) error {
		inside := strings.Contains(m[0], "is in the critical section and only")
		return wantf(r.keys["last_granted"] != nil && r.inside() == inside && r.peer() == m[2] && r.of("request_numbers", m[2]) == m[3], "it is %v", r.keys)
	})},
	{regexp.MustCompile(`Here (\w+) leaves.*:$`), one("leave", 1, left)},
	{regexp.MustCompile(`Here (\w+) sends the token to (\w+)\. The rest of Q is (\[[\w,]*\]):$`), one("token_sent", 1, func(m []string, r *record) error {
		return wantf(r.peer() == m[2] && "["+strings.Join(r.list("queue"), ",")+"]" == m[3], "it is %v", r.keys)
	})},
	{regexp.MustCompile(`Here the token reaches (\w+), which enters with fence (\d+):$`), func(m []string, quoted []*record) error {
		if err := then("token_received", "enter")(m, quoted); err != nil {
			return err
		}
		came, enter := quoted[0], quoted[1]
		return wantf(came.node() == m[1] && enter.node() == m[1] && enter.text("fence") == m[2] && came.text("hop") == enter.text("hop") && came.at < enter.at, "they are %v and %v", came.keys, enter.keys)
	}},

	{regexp.MustCompile(`^(\w+) wants lock (\S+) and does not have the token\..*RN\[\w+\] = (\d+),`), one("request", 1, func(m []string, r *record) error {
		return wantf(r.text("lock") == m[2] && r.of("request_numbers", m[1]) == m[3], "it is %v", r.keys)
	})},
	{regexp.MustCompile(`^(\w+) wants lock .* it enters at once, with fence (\d+)`), one("enter", 1, fence(2))},
	{regexp.MustCompile(`^(\w+) is about to leave while somebody else waits`), one("ride", 1, nil)},
	{regexp.MustCompile(`^(\w+) sends REQUEST\((\d+)\) to ((?:\w+, )*\w+(?: and \w+)?)(?: again, because .*)?\.$`), sent("request_sent")},
	{regexp.MustCompile(`^(\w+) receives REQUEST\((\d+)\) from (\w+).*`), one("request_received", 1, requestReceived)},
	{regexp.MustCompile(`^The token reaches (\w+)\.$`), one("token_received", 1, nil)},
	{regexp.MustCompile(`^(\w+) takes (\w+) from the head of Q and sends it the token\. This is hop (\d+)\.`), one("token_sent", 1, func(m []string, r *record) error {
		return wantf(r.peer() == m[2] && r.text("hop") == m[3], "it is %v", r.keys)
	})},
	{regexp.MustCompile(`^The story begins while (\w+) is in the critical section, with fence (\d+)\.`), one("enter", 1, fence(2))},
	{regexp.MustCompile(`^It is the turn of (\w+): it enters, with fence (\d+)\.`), one("enter", 1, fence(2))},
	{regexp.MustCompile(`^The token is here for request (\d+): (\w+) enters the critical section, with fence (\d+)\.`), one("enter", 2, func(m []string, r *record) error {
		return wantf(countPart(r.text("number")) == m[1] && r.text("fence") == m[3], "it is %v", r.keys)
	})},
	{regexp.MustCompile(`^(\w+) leaves\..*`), one("leave", 1, left)},
	{regexp.MustCompile(`: (\w+) makes the token, with epoch ([\d.]+)\.`), one("token_made", 1, func(m []string, r *record) error {
		return wantf(r.text("epoch") == strings.TrimRight(m[2], "."), "the epoch is %s", r.text("epoch"))
	})},
	{regexp.MustCompile(`^(\w+) makes the token: it hears`), one("token_made", 1, nil)},
	{regexp.MustCompile(`^(\w+) loses its stream to (\w+):`), one("peer_lost", 1, peer(2))},
	{regexp.MustCompile(`^(\w+) buries (\w+):`), one("burial", 1, peer(2))},
	{regexp.MustCompile(`^The session of (\w+) lapses`), one("session_lapsed", 1, nil)},
	{regexp.MustCompile(`^(\w+) drops the token`), one("token_dropped", 1, nil)},
	{regexp.MustCompile(`^(\w+) was in the critical section, with fence (\d+), and has lost`), one("lost", 1, fence(2))},
	{regexp.MustCompile(`^(\w+) looks for the token: probe`), one("probe", 1, nil)},
	{regexp.MustCompile(`^(\w+) asks (.*) where the token is\.$`), sent("probe_sent")},
	{regexp.MustCompile(`^(\w+) receives the probe from (\w+)\.`), one("probe_received", 1, peer(2))},
	{regexp.MustCompile(`^No member has reported the token: (\w+) proposes`), one("ballot", 1, nil)},
	{regexp.MustCompile(`^(\w+) sends ballot \S+ to (.*)\.$`), sent("ballot_sent")},
	{regexp.MustCompile(`^(\w+) receives ballot \S+ from (\w+)\.`), one("ballot_received", 1, peer(2))},
	{regexp.MustCompile(`^(\w+) answers (\w+)\.`), one("answer_sent", 1, func(m []string, r *record) error {
		return wantf(strings.EqualFold(r.text("answer"), m[2]), "the answer is %s", r.text("answer"))
	})},
	{regexp.MustCompile(`^(\w+) receives the answer (\w+) from (\w+)\.`), one("answer_received", 1, func(m []string, r *record) error {
		return wantf(strings.EqualFold(r.text("answer"), m[2]) && r.peer() == m[3], "it is %v", r.keys)
	})},
	{regexp.MustCompile(`^(\w+) has a quorum remember `), one("witnessing", 1, nil)},
	{regexp.MustCompile(`^(\w+) sends WITNESS\(.*\) to (.*)\.$`), sent("witness_sent")},
	{regexp.MustCompile(`^(\w+) receives WITNESS\(.*\) from (\w+),`), one("witness_received", 1, peer(2))},
	{regexp.MustCompile(`^(\w+) answers (\w+): `), one("witness_answer_sent", 1, peer(2))},
	{regexp.MustCompile(`^(\w+) receives the answer of (\w+): `), one("witness_answer_received", 1, peer(2))},
	{regexp.MustCompile(`^(\w+) knows that a quorum remembers `), one("run_noted", 1, nil)},
	{regexp.MustCompile(`^(\w+) has the token, and lets nobody in: `), one("keeping", 1, nil)},
	{regexp.MustCompile(`^(\w+) lets others in again: `), one("unkept", 1, nil)},
	{regexp.MustCompile(`^The round of (\w+) ends without a token`), one("round_ended", 1, nil)},
	{regexp.MustCompile(`^(\w+) withdraws ballot \S+ and tells (.*)\.$`), sent("abort_sent")},
	{regexp.MustCompile(`^(\w+) learns that ballot`), one("abort_received", 1, nil)},

	{regexp.MustCompile(`^(\w+) left in line \S+\. Q was empty`), func(m []string, quoted []*record) error {
		if err := then("leave", "enter")(m, quoted); err != nil {
			return err
		}
		for _, r := range quoted[0].run.records[quoted[0].at:quoted[1].at] {
			if r.node() == m[1] && strings.HasSuffix(r.text("event"), "_sent") {
				return fmt.Errorf("it sent %v in between", r.keys)
			}
		}
		return wantf(len(quoted[0].list("queue")) == 0 && quoted[0].of("request_numbers", m[1]) == quoted[1].of("request_numbers", m[1]) && quoted[0].node() == m[1] && quoted[1].node() == m[1], "they are %v", quoted[1].keys)
	}},
	{regexp.MustCompile(`^It had received these REQUESTs, and then left:$`), func(m []string, quoted []*record) error {
		last := quoted[len(quoted)-1]
		for _, r := range quoted[:len(quoted)-1] {
			if r.text("event") != "request_received" || r.node() != last.node() || !slices.Contains(last.list("queue"), r.peer()) || countPart(r.text("number")) != last.of("request_numbers", r.peer()) {
				return fmt.Errorf("one is %v", r.keys)
			}
		}
		return wantf(len(quoted) > 2 && last.text("event") == "leave", "the last is %v", last.keys)
	}},
	{regexp.MustCompile(`^It had received this REQUEST, and then left:$`), then("request_received", "leave")},
	{regexp.MustCompile(`^The leave:$`), then("leave")},
	{regexp.MustCompile(`^They entered in the order of Q`), all("enter")},
	{regexp.MustCompile(`^The next (?:entry was|\d+ entries were):$`), all("enter")},
	{regexp.MustCompile(`^The request of (\w+) reached the holder, (\w+), in line \S+, when Q was already (\[[\w,]*\])\.`), func(m []string, quoted []*record) error {
		if err := then("request_received", "leave")(m, quoted); err != nil {
			return err
		}
		came, leave := quoted[0], quoted[1]
		before := came.list("queue")
		return wantf(came.peer() == m[1] && came.node() == m[2] && leave.node() == m[2] && "["+strings.Join(before, ",")+"]" == m[3] &&
			slices.Equal(leave.list("queue")[:len(before)], before) && slices.Index(leave.list("queue"), m[1]) >= len(before), "Q becomes %v", leave.list("queue"))
	}},
	{regexp.MustCompile(`^(\w+) noticed in line \S+ that its stream had broken:$`), func(m []string, quoted []*record) error {
		last, lost := quoted[0], quoted[1]
		for _, r := range last.run.records[last.at+1:] {
			if r.node() == last.node() && r.text("event") != "node_started" {
				return fmt.Errorf("it goes on with %v", r.keys)
			}
			if r.node() == last.node() {
				break
			}
		}
		return wantf(lost.text("event") == "peer_lost" && lost.node() == m[1] && lost.peer() == last.node(), "it is %v", lost.keys)
	}},
	{regexp.MustCompile(`^It had the token, by line \S+\. The token was lost with it:$`), all("token_received")},
	{regexp.MustCompile(`^It had the token, by line .* was in the critical section, by line`), func(m []string, quoted []*record) error {
		return wantf(slices.Contains([]string{"token_received", "token_made", "enter"}, quoted[0].text("event")), "it is %v", quoted[0].keys)
	}},
	{regexp.MustCompile(`^The token was on its way to it: (\w+) sent it`), one("token_sent", 1, nil)},
	{regexp.MustCompile(`the next entry is that of (\w+), in line`), one("enter", 1, nil)},
	{regexp.MustCompile(`^The process of (\w+) wrote line \S+ and then nothing more`), func(m []string, quoted []*record) error {
		return wantf(quoted[0].node() == m[1], "it is %v", quoted[0].keys)
	}},
	{regexp.MustCompile(`^(\w+) was started again, in line`), func(m []string, quoted []*record) error {
		return wantf(quoted[0].text("event") == "node_started" && quoted[0].node() == m[1] && (len(quoted) == 1 || quoted[1].text("event") == "enter" && quoted[1].node() == m[1]), "it is %v", quoted[0].keys)
	}},
}

// inSentence says what the line must be that a sentence names.
var inSentence = []struct {
	says   *regexp.Regexp
	events []string
	node   bool // the first word is the node's
}{
	{regexp.MustCompile(`(\w+) left in line (\d+\.\d+)`), []string{"leave"}, true},
	{regexp.MustCompile(`(\w+) got lock \S+ with fence \d+, in line (\d+\.\d+)`), []string{"enter"}, true},
	{regexp.MustCompile(`(\w+) gets access in line (\d+\.\d+)`), []string{"enter"}, true},
	{regexp.MustCompile(`(\w+) wanted to enter again, it did so at once, in line (\d+\.\d+)`), []string{"enter"}, true},
	{regexp.MustCompile(`reached the holder, (\w+), in line (\d+\.\d+)`), []string{"request_received"}, true},
	{regexp.MustCompile(`(On) leaving, in line (\d+\.\d+)`), []string{"leave"}, false},
	{regexp.MustCompile(`(\w+) noticed in line (\d+\.\d+)`), []string{"peer_lost"}, true},
	{regexp.MustCompile(`(had) the token, by line (\d+\.\d+)`), []string{"token_received", "token_made", "enter", "leave"}, false},
	{regexp.MustCompile(`(in) the critical section, by line (\d+\.\d+)`), []string{"enter"}, false},
	{regexp.MustCompile(`was that of (\w+), with fence \d+, in line (\d+\.\d+)`), []string{"enter"}, true},
	{regexp.MustCompile(`(\w+) was started again, in line (\d+\.\d+)`), []string{"node_started"}, true},
	{regexp.MustCompile(`(It) entered again in line (\d+\.\d+)`), []string{"enter"}, false},
	{regexp.MustCompile(`(In) line (\d+\.\d+), such a stream between`), []string{"peer_connected"}, false},
	{regexp.MustCompile(`process of (\w+) wrote line (\d+\.\d+)`), nil, true},
	{regexp.MustCompile(`the (lines) that lead to it begin with line (\d+\.\d+)`), nil, false},
	{regexp.MustCompile(`next entry is that of (\w+), in line (\d+\.\d+)`), []string{"enter"}, true},
	{regexp.MustCompile(`(\w+) sent it in line (\d+\.\d+)`), []string{"token_sent"}, true},
}

// complainer is told of faults: a test, or a count of them.
type complainer interface {
	Helper()
	Errorf(format string, args ...any)
	Fatalf(format string, args ...any)
}

// complaints is a complainer that counts.
type complaints int

func (c *complaints) Helper()                           {}
func (c *complaints) Errorf(format string, _ ...any)    { *c++ }
func (c *complaints) Fatalf(format string, args ...any) { panic(fmt.Sprintf(format, args...)) }

// readReport checks a report in Markdown and returns how many lines it quotes.
func readReport(t complainer, text string) (quotes int) {
	t.Helper()
	body, appendices, _ := strings.Cut(text, "\n## Appendix 1")
	lines := make(map[string]*record)
	for _, part := range strings.Split("\n## Appendix 1"+appendices, "\n## Appendix ")[1:] {
		readAppendix(t, part, lines)
	}
	body = regexp.MustCompile(`\\([\\*_\[\]|#.`+"`"+`])`).ReplaceAllString(body, "$1")
	body = strings.ReplaceAll(body, "&lt;", "<")
	sentence := ""
	blocks := strings.Split(body, "\n\n")
	for _, block := range blocks {
		quoted, isQuote := strings.CutPrefix(block, "```text\n")
		if !isQuote {
			sentence = regexp.MustCompile(`^\d+\. `).ReplaceAllString(block, "")
			checkNamedLines(t, sentence, lines)
			continue
		}
		var records []*record
		for line := range strings.Lines(strings.TrimSuffix(quoted, "```")) {
			records = append(records, checkQuote(t, strings.TrimRight(line, "\n"), lines))
		}
		quotes += len(records)
		checkStatement(t, sentence, records)
	}
	return quotes
}

// readAppendix reads the lines of an appendix.
func readAppendix(t complainer, text string, lines map[string]*record) {
	t.Helper()
	run := &appendixText{letters: make(map[string]string)}
	for _, m := range regexp.MustCompile(`(?m)^(\d+\.\d+) (\{.*\})$`).FindAllStringSubmatch(text, -1) {
		r := &record{at: len(run.records), run: run}
		if err := json.Unmarshal([]byte(m[2]), &r.keys); err != nil {
			t.Fatalf("line %s: %v", m[1], err)
		}
		run.records = append(run.records, r)
		lines[m[1]] = r
		if members, ok := r.keys["members"].([]any); ok && len(run.members) == 0 {
			for i, member := range members {
				run.members = append(run.members, fmt.Sprint(member))
				run.letters[fmt.Sprint(member)] = string(rune('A' + i))
			}
		}
	}
}

// checkQuote compares a line for people with the line itself.
func checkQuote(t complainer, shown string, lines map[string]*record) *record {
	t.Helper()
	m := regexp.MustCompile(`^(\d+\.\d+) (\w+) (\d\d:\d\d:\d\d\.\d\d\d) (.*)$`).FindStringSubmatch(shown)
	if len(m) == 0 || lines[m[1]] == nil {
		t.Fatalf("what is quoted is no line of the appendix: %s", shown)
	}
	r := lines[m[1]]
	if !strings.Contains(r.text("time"), "T"+m[3]) || r.node() != m[2] || !strings.HasPrefix(m[4], r.text("message")) {
		t.Errorf("quoted is %q, but the line is %v", shown, r.keys)
	}
	for symbol, key := range map[string]string{"RN": "request_numbers", "LN": "last_granted", "Q": "queue"} {
		got := regexp.MustCompile(` ` + symbol + `=\[([^\]]*)\]`).FindStringSubmatch(shown)
		if _, has := r.keys[key]; (got != nil) != has || has && got[1] != strings.Join(r.list(key), ",") {
			t.Errorf("%s is quoted as %v, but is %v: %s", symbol, got, r.list(key), shown)
		}
	}
	return r
}

func checkStatement(t complainer, sentence string, records []*record) {
	t.Helper()
	for _, s := range statements {
		if m := s.says.FindStringSubmatch(sentence); m != nil {
			m[0] = sentence
			if err := s.must(m, records); err != nil {
				t.Errorf("%q, and below it: %v", sentence, err)
			}
			return
		}
	}
	if regexp.MustCompile(`^R[123]|^paper, `).MatchString(sentence) {
		return // lines that show what is wrong
	}
	t.Errorf("lines are quoted below a sentence that this reader does not know: %q", sentence)
}

func checkNamedLines(t complainer, sentence string, lines map[string]*record) {
	t.Helper()
	known := 0
	for _, s := range inSentence {
		for _, m := range s.says.FindAllStringSubmatch(sentence, -1) {
			known++
			r := lines[m[2]]
			if r == nil {
				t.Errorf("there is no line %s: %q", m[2], sentence)
			} else if s.events != nil && !slices.Contains(s.events, r.text("event")) || s.node && r.node() != m[1] {
				t.Errorf("line %s is %s of %s: %q", m[2], r.text("event"), r.node(), sentence)
			}
		}
	}
	if named := len(regexp.MustCompile(`\bline \d+\.\d+`).FindAllString(sentence, -1)); named != known {
		t.Errorf("this reader knows %d of the %d lines that are named: %q", known, named, sentence)
	}
}

// TestEverySentenceIsTrue reads reports of all kept runs, each as the main run and as the
// second.
func TestEverySentenceIsTrue(t *testing.T) {
	runs := map[string]func() *logs.Run{
		"sample":      func() *logs.Run { return sample(t, "node*.log") },
		"sample/kill": func() *logs.Run { return sample(t, "kill/node*.log") },
	}
	for _, name := range []string{"contended", "recovery", "streams-cut", "two-inside"} {
		runs[name] = func() *logs.Run { return scene(t, name) }
	}
	for name, run := range runs {
		t.Run(name, func(t *testing.T) {
			d, _ := Build(Input{Run: run()})
			if quotes := readReport(t, markdownOf(t, d)); quotes < 20 {
				t.Errorf("%d lines are quoted", quotes)
			}
			d, _ = Build(Input{Run: scene(t, "contended"), Crash: run()})
			readReport(t, markdownOf(t, d))
		})
	}
}

// TestTheReaderNotices: a report with one false statement does not pass.
func TestTheReaderNotices(t *testing.T) {
	d, _ := Build(input(t))
	text := markdownOf(t, d)
	quote := func(reference string) string {
		return regexp.MustCompile(`(?m)^` + regexp.QuoteMeta(reference) + ` [A-Z] \d\d:.*$`).FindString(text)
	}
	for name, c := range map[string]struct{ old, new string }{
		"another line below step 6":      {quote("1.28"), quote("1.11")},
		"the line of another node":       {quote("1.23"), quote("1.24")},
		"another fence":                  {"enters with fence 3:", "enters with fence 4:"},
		"another sender":                 {"Here A sends the token to B.", "Here C sends the token to B."},
		"another LN":                     {`LN\[A\] is then 1`, `LN\[A\] is then 2`},
		"another place in Q":             {"B is now first in Q", "B is now second in Q"},
		"not inside":                     {"It has the token and is in the critical section", "It has the token and is not in the critical section"},
		"another line that is named":     {"A noticed in line 2.107", "A noticed in line 2.106"},
		"a value in a quoted line":       {"RN=[1,1,1] LN=[0,0,0] Q=[]\n", "RN=[1,1,1] LN=[0,0,1] Q=[]\n"},
		"a sentence that nobody expects": {"The token reaches B.", "B sees the token."},
	} {
		if !strings.Contains(text, c.old) || c.old == "" {
			t.Errorf("%s: the report does not have %q", name, c.old)
			continue
		}
		var found complaints
		readReport(&found, strings.Replace(text, c.old, c.new, 1))
		if found == 0 {
			t.Errorf("%s: %q passes in place of %q", name, c.new, c.old)
		}
	}
}

// TestEachEntryIsToldTruly reads a report on each entry in turn.
func TestEachEntryIsToldTruly(t *testing.T) {
	for _, run := range []*logs.Run{sample(t, "node*.log"), sample(t, "kill/node*.log"), scene(t, "streams-cut")} {
		s := newSource(1, "The logs", run)
		d := &Document{Appendices: []*Appendix{s.Appendix}}
		for _, j := range run.Journeys() {
			for _, entry := range j.Entries {
				story, err := run.Tell(j.Lock, entry.Enter.Fence)
				if err != nil {
					t.Fatal(err)
				}
				s.story = story
				b := builder{main: s}
				d.Sections = append(d.Sections, Section{"A", b.algorithm()}, Section{"E", b.entry()})
			}
		}
		readReport(t, markdownOf(t, d))
	}
}

// sample reads logs of the kept real runs.
func sample(t *testing.T, pattern string) *logs.Run {
	t.Helper()
	files, err := filepath.Glob(filepath.Join("..", "sample", pattern))
	if err != nil || len(files) == 0 {
		t.Fatalf("no logs %s: %v", pattern, err)
	}
	run, err := logs.Open(files...)
	if err != nil {
		t.Fatal(err)
	}
	return run
}
