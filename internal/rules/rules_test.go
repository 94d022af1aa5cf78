package rules_test

import (
	"errors"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"

	"conch/internal/rules"
)

var (
	alice     = rules.Identity{Kind: rules.Client, Name: "alice"}
	bob       = rules.Identity{Kind: rules.Client, Name: "bob"}
	ann       = rules.Identity{Kind: rules.Client, Name: "Ann Example"}
	root      = rules.Identity{Kind: rules.Local, Name: "root"}
	user      = rules.Identity{Kind: rules.Local, Name: "user", UID: 1000}
	nameless  = rules.Identity{Kind: rules.Local, UID: 1001}
	node1     = rules.Identity{Kind: rules.Member, Name: "node1:7400"}
	anonymous = rules.Identity{Kind: rules.Anonymous, Name: "192.0.2.1:50000"}
	page      = rules.Identity{Kind: rules.Page}
)

// may is what a caller may do to a lock, as "look,lock,break".
func may(r *rules.Rules, caller rules.Identity, lock string) string {
	var granted []string
	for _, action := range []rules.Action{rules.Look, rules.Lock, rules.Break} {
		if r.Check(caller, action, lock) == nil {
			granted = append(granted, action.String())
		}
	}
	return strings.Join(granted, ",")
}

func TestDefault(t *testing.T) {
	r := rules.Default()
	for _, test := range []struct {
		caller rules.Identity
		want   string
	}{
		{node1, "look,lock,break"},
		{root, "look,lock,break"},
		{user, "look,lock,break"},
		{page, "look,lock,break"},
		{alice, "look,lock"},
		{anonymous, "look,lock"},
		{rules.Identity{}, "look,lock"},
	} {
		if got := may(r, test.caller, "cs"); got != test.want {
			t.Errorf("%v may %q, want %q", test.caller, got, test.want)
		}
		if err := r.CheckState(test.caller); err != nil {
			t.Errorf("%v: CheckState: %v", test.caller, err)
		}
	}
}

func TestExampleFile(t *testing.T) {
	path := filepath.Join("testdata", "allow.txt")
	r, err := rules.Load(path)
	if err != nil {
		t.Fatal(err)
	}
	for _, test := range []struct {
		caller rules.Identity
		lock   string
		want   string
	}{
		{user, "cs", "look,lock,break"},
		{alice, "deploy/production", "look,lock"},
		{alice, "deploy/", "look,lock"},
		{alice, "deploy/staging", "look,lock,break"},
		{alice, "deploy/staging/db", "look,lock"},
		{alice, "deploy", "look"},
		{alice, "nightly backup", "look"},
		{ann, "nightly backup", "look,lock,break"},
		{ann, "nightly", "look"},
		{rules.Identity{Kind: rules.Client, Name: "ci@example.com"}, "deploy/staging", "look,lock"},
		{bob, "deploy/production", "look"},
		{node1, "deploy/production", "look,lock,break"},
		{anonymous, "deploy/production", ""},
		{page, "deploy/production", "look"},
	} {
		if got := may(r, test.caller, test.lock); got != test.want {
			t.Errorf("%v may %q to %q, want %q", test.caller, got, test.lock, test.want)
		}
	}
	if err := r.CheckState(bob); err != nil {
		t.Errorf("bob: CheckState: %v", err)
	}
	if err := r.CheckState(anonymous); !errors.Is(err, rules.ErrDenied) {
		t.Errorf("anonymous: CheckState: %v, want ErrDenied", err)
	}
}

// TestLine is one line, and to whom it grants what.
func TestLine(t *testing.T) {
	for _, test := range []struct {
		line   string
		caller rules.Identity
		lock   string
		want   string
	}{
		{"", alice, "cs", ""},
		{"# nothing", alice, "cs", ""},
		{"alice lock cs", alice, "cs", "look,lock"},
		{"alice lock cs # the one", alice, "cs", "look,lock"},
		{"\talice\tlock\tcs\t", alice, "cs", "look,lock"},
		{"alice lock cs\r", alice, "cs", "look,lock"},
		{"\ufeffalice lock cs", alice, "cs", "look,lock"},
		{"alice look cs", alice, "cs", "look"},
		{"alice break cs", alice, "cs", "look,break"},
		{"alice break,look,lock cs", alice, "cs", "look,lock,break"},
		{"alice lock cs", alice, "cs2", ""},
		{"alice lock cs*", alice, "cs2", "look,lock"},
		{"alice lock cs*", alice, "c", ""},
		{`alice lock "cs*"`, alice, "cs*", "look,lock"},
		{`alice lock "cs*"`, alice, "cs2", ""},
		{`alice lock "c s"*`, alice, "c s2", "look,lock"},
		{`alice lock ""*`, alice, "any", "look,lock"},
		{`alice lock "\u00e9\n"`, alice, "é\n", "look,lock"},
		{"alice lock bücher/*", alice, "bücher/1", "look,lock"},
		{"alice lock cs", bob, "cs", ""},
		{"Alice lock cs", alice, "cs", ""},
		{`"alice" lock cs`, alice, "cs", "look,lock"},
		{"* lock cs", alice, "cs", "look,lock"},
		{`"*" lock cs`, alice, "cs", ""},
		{`"*" lock cs`, rules.Identity{Kind: rules.Client, Name: "*"}, "cs", "look,lock"},
		{"* lock *", anonymous, "cs", ""},
		{"* lock *", user, "cs", ""},
		{"@local lock *", user, "cs", "look,lock"},
		{"@local lock *", alice, "cs", ""},
		{"@local:user lock *", user, "cs", "look,lock"},
		{"@local:user lock *", root, "cs", ""},
		{"@local:1000 lock *", user, "cs", "look,lock"},
		{"@local:0 lock *", root, "cs", "look,lock"},
		{"@local:0 lock *", nameless, "cs", ""},
		{"@local:1001 lock *", nameless, "cs", "look,lock"},
		{`"@local" lock *`, user, "cs", ""},
		{"@page lock,break cs", page, "cs", "look,lock,break"},
		{"@page look *", page, "cs", "look"},
		{"@local lock *\n* lock *\n@anonymous lock *", page, "cs", ""},
		{"@page lock *", user, "cs", ""},
		{`"@page" lock *`, page, "cs", ""},
		{"@anonymous lock *", anonymous, "cs", "look,lock"},
		{"@anonymous lock *", alice, "cs", ""},
		// A name in a certificate is never more than a client's.
		{"@local:user lock *", rules.Identity{Kind: rules.Client, Name: "user"}, "cs", ""},
		{"user lock *", user, "cs", ""},
		{"192.0.2.1:50000 lock *", anonymous, "cs", ""},
		{"", node1, "cs", "look,lock,break"},
	} {
		r, err := rules.Parse("f", test.line+"\n")
		if err != nil {
			t.Errorf("%q: %v", test.line, err)
			continue
		}
		if got := may(r, test.caller, test.lock); got != test.want {
			t.Errorf("%q: %v may %q to %q, want %q", test.line, test.caller, got, test.lock, test.want)
		}
	}
}

func TestParseRefuses(t *testing.T) {
	long := strings.Repeat("x", 256)
	for _, test := range []struct{ line, says string }{
		{"alice", "got 1 words; want WHO ACTION,... LOCKS, as in: alice lock deploy/*"},
		{"alice lock", "got 2 words"},
		{"alice lock a b", "got 4 words"},
		{"alice lock, break a", "got 4 words"},
		{"alice write a", `got the action "write"; want look, lock, share, break, operate or members, several of them joined by commas`},
		{"alice members a", `got members for the locks "a"; want it for *`},
		{"alice operate a", `got operate for the locks "a"; want it for *`},
		{"alice lock,operate a*", `got operate for the locks "a"; want it for *`},
		{"alice lock, a", `got the action ""`},
		{"alice Lock a", `got the action "Lock"`},
		{`alice "lock" a`, "in quotes"},
		{"alice lock* a", "with a *"},
		{"alice * a", "with a *"},
		{"al* lock a", `got "al" with a * behind it; want a client's name`},
		{"a*b lock a", `got "a*b"; want a client's name`},
		{"alice,bob lock a", `got "alice,bob"; want a client's name, * for all of them, @local, @local:USER, @page or @anonymous, one on each line`},
		{`"" lock a`, "got a name of 0 bytes; want 1 to 255"},
		{long + " lock a", "got a name of 256 bytes"},
		{"@nobody lock a", `got "@nobody"; want`},
		{"@local: lock a", `got "@local:"; want`},
		{"@anonymous:1 lock a", "want"},
		{"@page:1 lock a", `got "@page:1"; want`},
		{"@local:4294967296 lock a", `got the user number "4294967296"; want 0 to 4294967295`},
		{"@member lock *", `got "@member"; members may always do everything: leave the line out`},
		{"alice lock a*b", `got the locks "a*b"; want a * at the end only`},
		{"alice lock **", "want a * at the end only"},
		{`alice lock ""`, "which cannot be"},
		{"alice lock " + long, "got a lock's name of 256 bytes; want at most 255"},
		{`alice lock a"b"`, "got a quote in the middle"},
		{`alice lock "a`, "want a closing quote"},
		{`alice lock "a"b`, `got "b" behind a closing quote; want a blank`},
		{`alice lock "\xff"`, "UTF-8"},
		{"alice lock a#b", "want a blank before the # of a comment"},
		{"alice lock \xff", "which is not UTF-8"},
		{"alice lock a\x00", `got the control character '\x00'`},
		{"# hidden\ralice lock a", `got the control character '\r'`},
	} {
		_, err := rules.Parse("allow.txt", "# first\n"+test.line+"\nalice lock a\n")
		if !errors.Is(err, rules.ErrFile) || !strings.HasPrefix(err.Error(), "allow.txt:2: bad file of rules: ") ||
			!strings.Contains(err.Error(), test.says) {
			t.Errorf("%q: %v; want allow.txt:2 and %q", test.line, err, test.says)
			continue
		}
		checkOneLine(t, err)
	}
}

// checkOneLine checks that an error is one line that a terminal shows as it is, and not
// a long one.
func checkOneLine(t *testing.T, err error) {
	t.Helper()
	if len(err.Error()) > 800 {
		t.Errorf("error of %d bytes: %.100v...", len(err.Error()), err)
	}
	for _, r := range err.Error() {
		if !strconv.IsPrint(r) {
			t.Errorf("error %q: it has the unprintable %q in it", err, r)
		}
	}
}

func TestDenialSaysWhatIsMissing(t *testing.T) {
	r, err := rules.Parse("allow.txt", "* look *")
	if err != nil {
		t.Fatal(err)
	}
	for _, test := range []struct {
		err  error
		says string
	}{
		{r.Check(alice, rules.Lock, "a b"), `not allowed: client alice may not lock "a b": no line of allow.txt grants it`},
		{r.Check(ann, rules.Break, "x"), `client "Ann Example" may not break "x"`},
		{r.Check(user, rules.Look, "x"), "local user user (1000) may not look"},
		{r.Check(nameless, rules.Look, "x"), "local user 1001 may not look"},
		{r.Check(page, rules.Lock, "x"), `not allowed: the page may not lock "x": no line of allow.txt grants it`},
		{r.Check(anonymous, rules.Look, "x"), "anonymous caller 192.0.2.1:50000 may not look"},
		{r.CheckState(rules.Identity{}), "anonymous caller may not look at anything: no line of allow.txt"},
		{rules.Default().Check(alice, rules.Break, "x"), "only users of the node's socket and page may, unless an --allow file grants it to others"},
		{r.Check(rules.Identity{Kind: rules.Client, Name: "\x1b[2J"}, rules.Lock, strings.Repeat("\n", 1<<20)), `client "\x1b[2J" may not`},
	} {
		if !errors.Is(test.err, rules.ErrDenied) || !strings.Contains(test.err.Error(), test.says) {
			t.Errorf("got %v; want ErrDenied and %q", test.err, test.says)
			continue
		}
		checkOneLine(t, test.err)
	}
}

func TestLoad(t *testing.T) {
	dir := t.TempDir()
	path := filepath.Join(dir, "allow.txt")
	if _, err := rules.Load(path); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("no file: %v", err)
	}
	write := func(text string, mode os.FileMode) {
		if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		if err := os.Chmod(path, mode); err != nil {
			t.Fatal(err)
		}
	}
	write("alice lock a\n", 0o664)
	r, err := rules.Load(path)
	if err != nil || may(r, alice, "a") != "look,lock" {
		t.Errorf("Load: %v", err)
	}
	write("alice lock a\n", 0o666)
	if _, err := rules.Load(path); !errors.Is(err, rules.ErrFile) || !strings.Contains(err.Error(), "run: chmod o-w "+path) {
		t.Errorf("a file that everybody may write to: %v", err)
	}
	write(strings.Repeat("#", rules.MaxFileBytes+1), 0o600)
	if _, err := rules.Load(path); !errors.Is(err, rules.ErrFile) || !strings.Contains(err.Error(), "more than 1048576 bytes") {
		t.Errorf("a huge file: %v", err)
	}
	if _, err := rules.Load(dir); err == nil {
		t.Error("a directory was read as rules")
	}
}

// FuzzParse: whatever the text, it is refused in one line, or it grants nothing to whom
// no line can mean.
func FuzzParse(f *testing.F) {
	example, err := os.ReadFile(filepath.Join("testdata", "allow.txt"))
	if err != nil {
		f.Fatal(err)
	}
	f.Add(string(example), "alice", "deploy/a")
	for _, line := range []string{
		"alice lock cs", "* look,lock,break *", `"a b" lock "c d"*`, "@local:1000 lock a", "@anonymous look *",
		"\ufeff# c\r\nalice lock a\r\n", `alice lock "\u00e9`, "alice lock a#b", "@member lock *", "a\x00b", "\xff",
	} {
		f.Add(line, "alice", "cs")
	}
	f.Fuzz(func(t *testing.T, text, name, lock string) {
		r, err := rules.Parse("f", text)
		if err != nil {
			if !errors.Is(err, rules.ErrFile) {
				t.Errorf("Parse: %v; want ErrFile", err)
			}
			checkOneLine(t, err)
			return
		}
		client := rules.Identity{Kind: rules.Client, Name: name}
		if got := may(r, client, lock); got != "" && !strings.HasPrefix(got, "look") {
			t.Errorf("%q lets %v %q without looking", text, client, got)
		} else if got != "" && !strings.Contains(text, "*") && !strings.Contains(text, `"`) && !strings.Contains(text, lock) {
			t.Errorf("%q lets %v %q the lock %q, which it does not name", text, client, got, lock)
		}
		if err := r.Check(client, rules.Lock, lock); err != nil && len(name) < 1000 {
			checkOneLine(t, err)
		}
		// A line more takes nothing away, and a name that cannot be is granted nothing
		// by name.
		more, err := rules.Parse("f", text+"\n"+strconv.Quote("other")+" lock *")
		if err != nil {
			t.Fatalf("%q with a line more: %v", text, err)
		}
		if before, after := may(r, client, lock), may(more, client, lock); !strings.HasPrefix(after, before) && name != "other" {
			t.Errorf("%q grants %q, with a line more only %q", text, before, after)
		}
	})
}

func TestWhoMayOperate(t *testing.T) {
	ops, alice := rules.Identity{Kind: rules.Client, Name: "ops"}, rules.Identity{Kind: rules.Client, Name: "alice"}
	local, page := rules.Identity{Kind: rules.Local}, rules.Identity{Kind: rules.Page}
	file, err := rules.Parse("allow.txt", "ops operate *\nalice lock,break *\n")
	if err != nil {
		t.Fatal(err)
	}
	for _, test := range []struct {
		rules  *rules.Rules
		caller rules.Identity
		may    bool
	}{
		{rules.Default(), local, true}, {rules.Default(), page, true}, {rules.Default(), alice, false},
		{rules.Default(), rules.Identity{}, false},
		{file, ops, true}, {file, alice, false}, {file, local, false}, {file, page, false},
	} {
		err := test.rules.CheckOperate(test.caller)
		if (err == nil) != test.may || err != nil && !errors.Is(err, rules.ErrDenied) {
			t.Errorf("%v: %v, want it to be %t that they may", test.caller, err, test.may)
		}
	}
	for want, err := range map[string]error{
		"anonymous caller may not operate this node: only users of its socket and page may, unless an --allow file grants operate * to others": rules.Default().CheckOperate(rules.Identity{}),
		"client alice may not operate this node: no line of allow.txt grants it; want one with operate *":                                      file.CheckOperate(alice),
	} {
		if err == nil || !strings.HasSuffix(err.Error(), want) {
			t.Errorf("%v, want %s", err, want)
		}
	}
	if err := file.Check(ops, rules.Lock, "a"); err == nil {
		t.Error("who may operate may lock")
	}
}

func TestWhoMayChangeMembers(t *testing.T) {
	ops, alice := rules.Identity{Kind: rules.Client, Name: "ops"}, rules.Identity{Kind: rules.Client, Name: "alice"}
	local, page := rules.Identity{Kind: rules.Local}, rules.Identity{Kind: rules.Page}
	file, err := rules.Parse("allow.txt", "ops members *\nalice lock,break,operate *\n")
	if err != nil {
		t.Fatal(err)
	}
	for _, test := range []struct {
		rules  *rules.Rules
		caller rules.Identity
		says   string // empty: they may
	}{
		{rules.Default(), local, ""},
		{rules.Default(), page, "the page may not change the members: only users of this node's socket may, unless an --allow file grants members * to others"},
		{rules.Default(), alice, "client alice may not change"},
		{rules.Default(), rules.Identity{}, "anonymous caller may not change"},
		{file, ops, ""},
		{file, alice, "client alice may not change the members: no line of allow.txt grants it; want one with members *"},
		{file, local, "local user 0 may not change"},
	} {
		err := test.rules.CheckMembers(test.caller)
		if (err == nil) != (test.says == "") || err != nil && !(errors.Is(err, rules.ErrDenied) && strings.Contains(err.Error(), test.says)) {
			t.Errorf("%v: %v, want %q", test.caller, err, test.says)
		}
	}
	if file.CheckOperate(ops) == nil || file.Check(ops, rules.Lock, "a") == nil {
		t.Error("who may change the members may operate the node, or lock")
	}
}

// TestShareIsReadersOnly: whoever may lock may share, and not the reverse.
func TestShareIsReadersOnly(t *testing.T) {
	r, err := rules.Parse("allow.txt", "alice share config\nbob lock config\ncarol break config\n")
	if err != nil {
		t.Fatal(err)
	}
	for name, want := range map[string]struct{ share, lock bool }{
		"alice": {true, false}, "bob": {true, true}, "carol": {false, false},
	} {
		caller := rules.Identity{Kind: rules.Client, Name: name}
		if err := r.Check(caller, rules.Share, "config"); (err == nil) != want.share {
			t.Errorf("%s shares: %v, want allowed: %t", name, err, want.share)
		}
		if err := r.Check(caller, rules.Lock, "config"); (err == nil) != want.lock {
			t.Errorf("%s locks: %v, want allowed: %t", name, err, want.lock)
		}
		if err := r.Check(caller, rules.Look, "config"); err != nil {
			t.Errorf("%s looks: %v", name, err)
		}
	}
	if err := r.Check(rules.Identity{Kind: rules.Client, Name: "carol"}, rules.Share, "config"); err == nil || !strings.Contains(err.Error(), `carol may not share "config"`) {
		t.Errorf("got %v", err)
	}
}

// Whoever may lock may share, and not the other way round.
func TestWhoMayShare(t *testing.T) {
	file, err := rules.Parse("allow.txt", "alice share a/*\nbob lock a/*\ncarl look *\n")
	if err != nil {
		t.Fatal(err)
	}
	for _, test := range []struct {
		who    string
		action rules.Action
		lock   string
		may    bool
	}{
		{"alice", rules.Share, "a/1", true}, {"alice", rules.Look, "a/1", true}, {"alice", rules.Lock, "a/1", false}, {"alice", rules.Share, "b", false},
		{"bob", rules.Share, "a/1", true}, {"bob", rules.Lock, "a/1", true}, {"bob", rules.Share, "b", false},
		{"carl", rules.Share, "a/1", false},
	} {
		err := file.Check(rules.Identity{Kind: rules.Client, Name: test.who}, test.action, test.lock)
		if (err == nil) != test.may {
			t.Errorf("%s, %v %s: %v; want it to be allowed: %t", test.who, test.action, test.lock, err, test.may)
		}
	}
	for _, who := range []rules.Identity{{Kind: rules.Local}, {Kind: rules.Page}, {Kind: rules.Client}, {}} {
		if err := rules.Default().Check(who, rules.Share, "a"); err != nil {
			t.Errorf("%v without a file: %v; want it to be allowed", who, err)
		}
	}
}
