package web

import (
	"encoding/json"
	"net/http"
	"strings"
	"testing"
	"time"

	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"

	clientv1 "conch/proto/conch/client/v1"
)

// leads sets who leads under every name, and the error for whoever asks; nil is none.
func (s *site) leads(leader *clientv1.Leader, refusal error) {
	s.node.mu.Lock()
	defer s.node.mu.Unlock()
	s.node.leader, s.node.observeErr = leader, refusal
}

func TestLeaderIsTold(t *testing.T) {
	s := newSite(t, time.Hour)
	if code, text := s.send(http.MethodGet, "/v1/leaders/db", "", nil); code != http.StatusNotFound || text != `{"error":"nobody leads \"db\""}`+"\n" {
		t.Errorf("nobody leads: %d %s; want 404", code, text)
	}
	s.leads(&clientv1.Leader{Member: "b:1", Fence: 1<<53 + 1, Count: 3, Value: "<b>\x1b\"", InDoubt: true}, nil)
	code, text := s.send(http.MethodGet, "/v1/leaders/db", "", nil)
	if want := `{"lock":"db","value":"<b>\u001b\"","term":"9007199254740993","member":"b:1","in_doubt":true}` + "\n"; code != http.StatusOK || text != want {
		t.Errorf("%d %s; want 200 %s", code, text, want)
	}
}

// A name of any characters is asked for, whatever a URL makes of them.
func TestLeaderOfAnyName(t *testing.T) {
	s := newSite(t, time.Hour)
	s.leads(&clientv1.Leader{Member: "a:1", Fence: 7}, nil)
	for path, name := range map[string]string{
		"jobs/1": "jobs/1", "jobs%2F1": "jobs/1", "a%2F%2Fb/": "a//b/", "%2E%2E": "..", "a%20b": "a b", "a+b": "a+b",
		"%3Fx%23y%25": "?x#y%", "%C3%A4": "ä", "{name}": "{name}", "a/": "a/", "..%2Fb": "../b", "a%2F..%2Fb": "a/../b", "%3Cb%3E": "<b>",
	} {
		code, text := s.send(http.MethodGet, "/v1/leaders/"+path, "", nil)
		var told struct{ Lock, Term string }
		if err := json.Unmarshal([]byte(text), &told); err != nil || code != http.StatusOK || told.Lock != name || told.Term != "7" {
			t.Errorf("%s: %d %s (%v); want the leader of %q", path, code, text, err, name)
		}
	}
	for path, want := range map[string]int{
		"/v1/leaders": http.StatusBadRequest, "/v1/leaders/": http.StatusBadRequest, "/v1/leaders/%ff": http.StatusBadRequest,
		"/v1/leaders/" + strings.Repeat("x", 256): http.StatusBadRequest,
		// which would be taken for another name
		"/v1/leaders/a//b": http.StatusBadRequest, "/v1/leaders//": http.StatusBadRequest, "/v1/leaders/a//": http.StatusBadRequest,
		"/v1/leaders/a/./b": http.StatusBadRequest, "/v1/leaders/a/../b": http.StatusBadRequest, "/v1/leaders/..": http.StatusBadRequest,
	} {
		if code, text := s.send(http.MethodGet, path, "", nil); code != want {
			t.Errorf("%s: %d %s; want %d", path, code, text, want)
		}
	}
	if code, _ := s.send(http.MethodPost, "/v1/leaders/db", "", nil); code != http.StatusMethodNotAllowed {
		t.Errorf("POST: %d; want 405", code)
	}
}

// Who leads is told to those who may see it, and in the node's words to others.
func TestLeaderIsRefused(t *testing.T) {
	s := newSite(t, time.Hour)
	s.leads(&clientv1.Leader{Member: "a:1", Fence: 7}, nil)
	s.allow("seen")
	if code, text := s.send(http.MethodGet, "/v1/leaders/seen", "", nil); code != http.StatusOK {
		t.Errorf("seen: %d %s; want 200", code, text)
	}
	if code, text := s.send(http.MethodGet, "/v1/leaders/hidden", "", nil); code != http.StatusForbidden || text != `{"error":"not allowed: the page may not look"}`+"\n" {
		t.Errorf("hidden: %d %s; want 403 and the reason", code, text)
	}
	s.allow(everything)
	for header, value := range map[string]string{"Sec-Fetch-Site": "cross-site", "Host": "attacker.example"} {
		code, text := s.send(http.MethodGet, "/v1/leaders/db", "", func(r *http.Request) {
			if r.Header.Set(header, value); header == "Host" {
				r.Host = value
			}
		})
		if code != http.StatusForbidden && code != http.StatusMisdirectedRequest || strings.Contains(text, "term") {
			t.Errorf("%s %s: %d %s; want a refusal", header, value, code, text)
		}
	}
	for code, want := range map[codes.Code]int{
		codes.ResourceExhausted: http.StatusTooManyRequests, codes.Unavailable: http.StatusServiceUnavailable, codes.Internal: http.StatusBadGateway,
	} {
		s.leads(nil, status.Error(code, "it cannot"))
		if got, text := s.send(http.MethodGet, "/v1/leaders/db", "", nil); got != want || text != `{"error":"it cannot"}`+"\n" {
			t.Errorf("%v: %d %s; want %d", code, got, text, want)
		}
	}
}
