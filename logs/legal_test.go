package logs

import (
	"strings"
	"testing"
)

// named makes a node a helper, by a probe of the third, while it has no session.
func (a *author) named(helper int) {
	m := a.nodes[helper]
	a.lapses(helper)
	a.logLock(a.nodes[2], "cs", nil, ProbeSent, "peer", m.name, "number", "0.0", "probe", 1, "helper", m.name)
	a.logLock(m, "cs", nil, ProbeReceived, "peer", a.nodes[2].name, "number", "0.0", "probe", 1, "helper", m.name)
	a.logLock(m, "cs", nil, AnswerSent, "peer", a.nodes[2].name, "answer", "none", "probe", 1)
}

// begins starts a node's next session.
func (a *author) begins(node int) {
	a.nodes[node].session++
	a.says(node, SessionStarted, "session", a.nodes[node].session)
}

// requests lets a node ask, with the next number of its session.
func (a *author) requests(node int, lock string) Number {
	m := a.nodes[node]
	m.count++
	number := Number{m.session, m.count}
	m.lock(a.cluster, lock).rn[node] = number
	a.logLock(m, lock, nil, Request, "number", number)
	return number
}

// TestLegal has runs that token/DESIGN.md allows and that were once judged violations.
// Beside each stands one that looks alike and is a violation.
func TestLegal(t *testing.T) {
	for _, c := range []struct {
		name        string
		write       func(a *author)
		requirement requirementID
		verdict     Verdict
		says        string
	}{
		{"a helper that asks when its session begins", func(a *author) {
			a.named(1)
			a.begins(1)
			a.requests(1, "db")
			a.requests(1, "cs")
			a.requests(1, "cs") // its helping was over, and somebody came
		}, everyRequest, Holds, "1 to help another"},

		{"nobody was told to help when the session began", func(a *author) {
			a.lapses(1)
			a.begins(1)
			a.requests(1, "cs")
			a.requests(1, "cs")
		}, everyRequest, Violated, "was not granted, and the node asked anew"},

		{"a helper that asks some time after its session began", func(a *author) {
			a.named(1)
			a.begins(1)
			a.logLock(a.nodes[1], "db", nil, Withdraw, "number", a.nodes[1].lock(a.cluster, "db").rn[1])
			a.requests(1, "cs")
			a.requests(1, "cs")
		}, everyRequest, Violated, "was not granted, and the node asked anew"},

		{"a helper at which the token was before its session began", func(a *author) {
			m := a.nodes[1]
			a.logLock(m, "cs", nil, ProbeReceived, "peer", a.nodes[2].name, "number", "0.0", "probe", 1, "helper", m.name)
			a.entered(1, a.made(1, 1))
			a.lapses(1)
			a.begins(1)
			a.requests(1, "cs")
			a.requests(1, "cs")
		}, everyRequest, Violated, "was not granted, and the node asked anew"},

		{"an old token comes where a newer one is, and is dropped", func(a *author) {
			old := a.made(0, 1)
			young := a.made(1, 2, 0)
			a.entered(1, young)
			a.token(1, young, Leave)
			a.moved(0, 1, old, TokenReceived)
			a.token(1, old, TokenDropped, "reason", "promised to a later token")
			a.entered(1, young)
			a.token(1, young, Leave)
		}, risingFences, Holds, "the fence of each entry is above all those before"},

		{"the same, and no token is unaccounted for", func(a *author) {
			old := a.made(0, 1)
			young := a.made(1, 2, 0)
			a.moved(0, 1, old, TokenReceived)
			a.token(1, old, TokenDropped, "reason", "promised to a later token")
			a.moved(1, 2, young, TokenReceived)
		}, oneToken, Holds, "sent and received at most once"},

		{"an old token comes where a newer one is, and is used", func(a *author) {
			old := a.made(0, 1)
			young := a.made(1, 2, 0)
			a.entered(1, young)
			a.token(1, young, Leave)
			a.moved(0, 1, old, TokenReceived)
			a.entered(1, old)
			a.token(1, old, Leave)
		}, oneToken, Violated, "after 10.0.0.2:7400 had entered by that of epoch 2.1"},

		{"a lapse and a new session, of which the lines could not be written", func(a *author) {
			a.requests(1, "cs")
			a.says(1, LogGap, "missing", 7)
			a.requests(1, "cs")
		}, everyRequest, Insufficient, "could not write 7 lines"},

		{"a leave that could not be written", func(a *author) {
			token := a.made(0, 1)
			token.fence++
			a.token(0, token, Enter, "number", a.requests(0, "cs"))
			a.says(0, LogGap, "missing", 1)
			a.entered(0, token)
			a.token(0, token, Leave)
		}, exclusion, Insufficient, "could not write 1 line here"},

		{"a leave after the token had gone", func(a *author) {
			token := a.made(0, 1)
			a.entered(0, token)
			a.moved(0, 1, token, TokenReceived)
			token.hop--
			a.token(0, token, Leave)
		}, exclusion, Violated, "was still inside with fence 4294967297 when the token went to 10.0.0.2:7400"},
	} {
		t.Run(c.name, func(t *testing.T) {
			a := newAuthor()
			c.write(a)
			for i := range a.nodes {
				a.says(i, NodeStopped)
			}
			report := Check(readAll(t, a.files()...))
			text := reportText(report)
			if got := verdictOf(report, c.requirement); got != c.verdict {
				t.Errorf("%s: got %s, want %s\n%s", titles[c.requirement].name, got, c.verdict, text)
			}
			if !strings.Contains(text, c.says) {
				t.Errorf("the report does not say %q:\n%s", c.says, text)
			}
		})
	}
}
