package client

import (
	"errors"
	"fmt"
	"strings"
	"testing"

	"conch/internal/socket"
)

// TestChoose: the nodes of one cluster are as good as one, those that run first, and no
// other cluster is ever taken in place of one that has left a trace.
func TestChoose(t *testing.T) {
	node := func(name string, isServed bool, members ...string) socket.Node {
		n := socket.Node{Socket: "/s/" + name, Members: members, IsServed: isServed}
		if !isServed {
			n.Left = []string{"/s/" + name, "/t/" + name + ".json"}
		}
		return n
	}
	of := func(cluster string, n socket.Node) socket.Node {
		n.Cluster = cluster
		return n
	}
	const guess = "[127.0.0.1:7400]"
	for name, test := range map[string]struct {
		nodes []socket.Node
		want  string // the targets; empty: it is refused
		hint  string // a part of it; empty: none
	}{
		"nothing":              {nil, guess, "no socket of a node of this user in /s"},
		"one":                  {[]socket.Node{node("a", true)}, "[unix:/s/a]", ""},
		"one cluster":          {[]socket.Node{node("a", true, "x", "y"), node("b", true, "x", "y")}, "[unix:/s/a unix:/s/b]", ""},
		"one of it has died":   {[]socket.Node{node("a", false, "x", "y"), node("b", true, "x", "y")}, "[unix:/s/b unix:/s/a]", ""},
		"all of it have died":  {[]socket.Node{node("a", false, "x", "y"), node("b", false, "x", "y")}, "[unix:/s/a unix:/s/b]", "has not been stopped in order"},
		"an unknown one died":  {[]socket.Node{node("a", false)}, "[unix:/s/a]", "has not been stopped in order"},
		"beside an unknown":    {[]socket.Node{node("a", false), node("b", true, "x")}, "[unix:/s/b]", ""},
		"its members changed":  {[]socket.Node{of("1", node("a", true, "x")), of("1", node("b", true, "x", "y"))}, "[unix:/s/a unix:/s/b]", ""},
		"one was replaced":     {[]socket.Node{of("1", node("a", false, "x", "y")), of("1", node("b", true, "y", "z"))}, "[unix:/s/b unix:/s/a]", ""},
		"of one no id is told": {[]socket.Node{node("a", true, "x"), of("1", node("b", true, "x"))}, "[unix:/s/a unix:/s/b]", ""},
		"a new cluster":        {[]socket.Node{of("1", node("a", false, "x")), of("2", node("b", true, "x"))}, "", ""},
		"two clusters":         {[]socket.Node{node("a", true, "x"), node("b", true, "y")}, "", ""},
		"one of two has died":  {[]socket.Node{node("a", false, "x"), node("b", true, "y")}, "", ""},
		"both have died":       {[]socket.Node{node("a", false, "x"), node("b", false, "y")}, "", ""},
		"two that are unknown": {[]socket.Node{node("a", true), node("b", true)}, "", ""},
		"one that is unknown":  {[]socket.Node{node("a", true), node("b", true, "x")}, "", ""},
	} {
		got, err := choose(socket.Found{Nodes: test.nodes, Looked: []string{"/s"}})
		switch {
		case test.want == "" && !errors.Is(err, ErrTarget):
			t.Errorf("%s: %v, %v; want ErrTarget", name, got, err)
		case test.want == "":
		case err != nil || fmt.Sprint(got.Targets) != test.want:
			t.Errorf("%s: %v, %v; want %s", name, got, err, test.want)
		case got.IsGuess != (test.want == guess):
			t.Errorf("%s: a guess: %v", name, got.IsGuess)
		case (got.Hint == "") != (test.hint == "") || !strings.Contains(got.Hint, test.hint):
			t.Errorf("%s: the hint is %q, want %q", name, got.Hint, test.hint)
		}
	}
	_, err := choose(socket.Found{Nodes: []socket.Node{node("a", true, "x:1", "y:1"), node("b", true, "x:1", "y:1"), node("c", false, "z:1")}})
	const want = "node to speak to: nodes of 2 clusters run here, or did: unix:/s/a, unix:/s/b with the members x:1, y:1; unix:/s/c (does not run) with the members z:1; name the node by --node or $CONCH_NODE, or remove the files of clusters that do not run here: /s/c, /t/c.json"
	if err == nil || err.Error() != want {
		t.Errorf("%v, want %s", err, want)
	}
	var many []socket.Node
	for i := range 20 {
		many = append(many, node(fmt.Sprint("dead", i), false, fmt.Sprint("x:", i)))
	}
	_, err = choose(socket.Found{Nodes: append(many, node("runs", true, "y:1"))})
	if text := err.Error(); !strings.Contains(text, "nodes of 21 clusters run here, or did: unix:/s/runs with the members y:1; unix:/s/dead0 (does not run)") ||
		!strings.Contains(text, "; and 17 more; ") || !strings.HasSuffix(text, ", and 32 more") {
		t.Errorf("of many clusters: %s", text)
	}
	dead, err := choose(socket.Found{Nodes: []socket.Node{node("a", false)}, Looked: []string{"/s", "/u"}})
	const hint = "a node of this user ran here, and has not been stopped in order: start it again, or name the node by --node or $CONCH_NODE, or remove what it left: /s/a, /t/a.json; nodes were looked for in /s, /u"
	if err != nil || dead.Hint != hint {
		t.Errorf("%q, %v, want %s", dead.Hint, err, hint)
	}
}

func TestExplainSaysWhereItLooked(t *testing.T) {
	got, err := choose(socket.Found{Looked: []string{"/run/user/1", "/tmp/conch-1"}, Unset: "XDG_RUNTIME_DIR"})
	if err != nil {
		t.Fatal(err)
	}
	text := got.Explain(fmt.Errorf("%w: refused", ErrUnreachable)).Error()
	for _, want := range []string{"refused; ", "/run/user/1, /tmp/conch-1", "$XDG_RUNTIME_DIR is not set here, as in jobs of cron", "127.0.0.1:7400", "--node or $CONCH_NODE"} {
		if !strings.Contains(text, want) {
			t.Errorf("%s: want %q in it", text, want)
		}
	}
	if other := errors.New("other"); !errors.Is(got.Explain(other), other) || got.Explain(other).Error() != "other" {
		t.Errorf("%v, want it as it was", got.Explain(other))
	}
}
