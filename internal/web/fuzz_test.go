package web

import (
	"context"
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"
	"unicode/utf8"

	"github.com/prometheus/client_golang/prometheus"
)

// FuzzActions: any body of an action, and any query of a stream, is answered with JSON and
// a status below 500.
func FuzzActions(f *testing.F) {
	for _, body := range []string{
		`{"page":"` + pageID + `","lock":"cs","fence":"7","reason":"x"}`, `{"lock":"` + strings.Repeat("x", 300) + `"}`, `{"fence":"18446744073709551616"}`,
		`{"fence":7}`, `[]`, `null`, `{`, "\xff", `{"lock":"\u0000\ud800"}`, strings.Repeat("[", 1000),
	} {
		f.Add("lock", body)
		f.Add("break", body)
		f.Add("select", body)
		f.Add("unlock", body)
	}
	f.Fuzz(func(t *testing.T, act, body string) {
		if strings.Trim(act, "abcdefghijklmnopqrstuvwxyz") != "" {
			return // the rest is for net/http to read
		}
		locks := newFakeLocks()
		node := newFakeNode()
		s := New(Config{Node: node, Lock: locks.lock, Health: node.Status, TTL: time.Hour, Metrics: prometheus.NewRegistry()})
		defer s.visits.close()
		_, err := s.visits.attach(pageID, "", func(error) {})
		if err != nil {
			t.Fatal(err)
		}
		r := httptest.NewRequestWithContext(context.Background(), http.MethodPost, "http://localhost/api/"+act, strings.NewReader(body))
		r.Header.Set("Content-Type", "application/json")
		r.Header.Set(tokenHeader, s.token)
		w := httptest.NewRecorder()
		s.ServeHTTP(w, r)
		if w.Code >= http.StatusInternalServerError || !utf8.Valid(w.Body.Bytes()) {
			t.Errorf("%s %q: %d %q", act, body, w.Code, w.Body)
		}
		var answer map[string]string
		if w.Code != http.StatusNotFound && w.Code != http.StatusMethodNotAllowed && json.Unmarshal(w.Body.Bytes(), &answer) != nil {
			t.Errorf("%s %q: %d %q; want JSON", act, body, w.Code, w.Body)
		}
	})
}
