package main

import (
	"bufio"
	"context"
	"encoding/json"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"testing"

	"conch"
	"conch/internal/verify/processes"
)

// visitor uses a page over HTTP, as a browser does.
type visitor struct {
	t     *testing.T
	url   string
	token string
	lines *bufio.Scanner // of its stream
}

const visitorID = "0123456789abcdef0123456789abcdef"

// visit loads a page and opens its stream.
func visit(ctx context.Context, t *testing.T, url string) *visitor {
	t.Helper()
	v := &visitor{t: t, url: url}
	_, page := v.send(ctx, http.MethodGet, "", "", nil)
	token := regexp.MustCompile(`conch-token" content="([0-9a-f]+)"`).FindStringSubmatch(page)
	if token == nil {
		t.Fatalf("the page has no token: %.200s", page)
	}
	v.token = token[1]
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, url+"events?page="+visitorID, nil)
	check(t, err)
	response, err := http.DefaultClient.Do(request)
	check(t, err)
	t.Cleanup(func() { _ = response.Body.Close() })
	v.lines = bufio.NewScanner(response.Body)
	v.lines.Buffer(nil, 1<<24)
	return v
}

// send sends a request, and returns the answer.
func (v *visitor) send(ctx context.Context, method, path, body string, edit func(*http.Request)) (code int, text string) {
	v.t.Helper()
	request, err := http.NewRequestWithContext(ctx, method, v.url+path, strings.NewReader(body))
	check(v.t, err)
	request.Header.Set("Content-Type", "application/json")
	request.Header.Set("Conch-Token", v.token)
	if edit != nil {
		edit(request)
	}
	response, err := http.DefaultClient.Do(request)
	check(v.t, err)
	defer response.Body.Close()
	answer, err := io.ReadAll(response.Body)
	check(v.t, err)
	return response.StatusCode, string(answer)
}

// act sends the request of a button.
func (v *visitor) act(ctx context.Context, what, lock, fence string, edit func(*http.Request)) (code int, text string) {
	v.t.Helper()
	body, err := json.Marshal(map[string]string{"page": visitorID, "lock": lock, "fence": fence, "reason": "a test"})
	check(v.t, err)
	return v.send(ctx, http.MethodPost, "api/"+what, string(body), edit)
}

// hears reads the stream until a line matches.
func (v *visitor) hears(pattern string) (line string) {
	v.t.Helper()
	wanted := regexp.MustCompile(pattern)
	for v.lines.Scan() {
		if wanted.MatchString(v.lines.Text()) {
			return v.lines.Text()
		}
	}
	v.t.Fatalf("the stream has ended (%v); want %s", v.lines.Err(), pattern)
	return ""
}

// TestPageIsJudgedByRules: a real node's page does not bypass the rules, and requests from
// other sites are refused first.
func TestPageIsJudgedByRules(t *testing.T) {
	ctx, cancel := context.WithTimeout(t.Context(), 2*patience)
	defer cancel()
	allow := filepath.Join(t.TempDir(), "allow.txt")
	check(t, os.WriteFile(allow, []byte("@page lock,break open/*\n@page lock odd\n@anonymous lock *\n"), 0o644))
	address := freeAddresses(t, 1)[0]
	c, err := processes.New(processes.Config{
		Program: program(t), Nodes: 2, Dir: t.TempDir(), Flags: []string{"--auto-think", maxPause.String(), "--socket", none},
		FirstFlags: []string{"--http", address, "--allow", allow, "--insecure"},
	})
	check(t, err)
	t.Cleanup(func() { check(t, c.Kill()) })
	check(t, c.Start(ctx))
	// Somebody holds at the other node, which has no rules.
	client, err := conch.Dial(ctx, conch.DialConfig{Nodes: []string{c.Nodes()[1].Address()}})
	check(t, err)
	defer func() { check(t, client.Close()) }()
	fences := map[string]string{}
	for _, lock := range []string{"secret", "odd", "open/1"} {
		hold, err := client.Lock(ctx, lock)
		check(t, err)
		fences[lock] = strconv.FormatUint(hold.Fence(), 10)
	}

	v := visit(ctx, t, "http://"+address+"/")
	if hello := v.hears(`"process"`); !strings.Contains(hello, "--insecure: nothing is encrypted") || !strings.Contains(hello, "two members") {
		t.Errorf("the page is told %s; want what the node gives up", hello)
	}
	if all := v.hears(`"settled":true`); strings.Contains(all, "secret") || !strings.Contains(all, "open/1") {
		t.Errorf("the page is shown %s; want only what it may look at", all)
	}
	for _, test := range []struct {
		act, lock string
		code      int
		says      string
	}{
		{"select", "secret", http.StatusForbidden, `not allowed: the page may not look \"secret\"`},
		{"select", "odd", http.StatusOK, ""},
		{"break", "secret", http.StatusForbidden, `not allowed: the page may not break \"secret\"`},
		{"break", "odd", http.StatusForbidden, `not allowed: the page may not break \"odd\"`},
		{"break", "open/1", http.StatusOK, "has been told"},
	} {
		if code, text := v.act(ctx, test.act, test.lock, fences[test.lock], nil); code != test.code || !strings.Contains(text, test.says) {
			t.Errorf("%s %s: %d %s; want %d and %s", test.act, test.lock, code, text, test.code, test.says)
		}
	}
	if code, text := v.act(ctx, "lock", "secret", "0", nil); code != http.StatusOK {
		t.Errorf("lock secret: %d %s", code, text)
	}
	v.hears(`"lock":"secret","state":"refused",.*"text":"not allowed: the page may not lock`)
	if code, text := v.act(ctx, "lock", "open/2", "0", nil); code != http.StatusOK {
		t.Errorf("lock open/2: %d %s", code, text)
	}
	v.hears(`"lock":"open/2","state":"held"`)

	// Requests from other sites.
	host := func(name string) func(*http.Request) { return func(r *http.Request) { r.Host = name } }
	header := func(name, value string) func(*http.Request) {
		return func(r *http.Request) { r.Header.Set(name, value) }
	}
	for _, test := range []struct {
		name string
		edit func(*http.Request)
		code int
	}{
		{"another host", host("evil.example"), http.StatusMisdirectedRequest},
		{"another origin", header("Origin", "http://evil.example"), http.StatusForbidden},
		{"another site", header("Sec-Fetch-Site", "cross-site"), http.StatusForbidden},
		{"another token", header("Conch-Token", strings.Repeat("0", 32)), http.StatusForbidden},
	} {
		if code, text := v.act(ctx, "lock", "open/3", "0", test.edit); code != test.code || strings.Contains(text, "not allowed") {
			t.Errorf("%s: %d %s; want %d", test.name, code, text, test.code)
		}
	}

	log, err := os.ReadFile(c.LogFiles()[0])
	check(t, err)
	if n := strings.Count(string(log), `"event":"client_refused","caller":"the page"`); n != 1 {
		t.Errorf("the log tells %d times of what the page was refused; want once a minute", n)
	}
	broken, err := os.ReadFile(c.LogFiles()[1])
	check(t, err)
	if !regexp.MustCompile(`"event":"lock_broken","lock":"open/1",.*known as the page`).Match(broken) {
		t.Error("the log of the holder's node does not tell that the page broke the lock")
	}
}
