package web

import (
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus"
)

func TestHostIsChecked(t *testing.T) {
	for _, test := range []struct {
		listen string
		names  []string
		host   string
		knows  bool
	}{
		{"127.0.0.1", nil, "127.0.0.1:8001", true},
		{"127.0.0.1", nil, "localhost:8001", true},
		{"127.0.0.1", nil, "LOCALHOST.:9000", true},
		{"127.0.0.1", nil, "[::1]:8001", true},
		{"127.0.0.1", nil, "[::ffff:127.0.0.1]:8001", true},
		{"127.0.0.1", nil, "127.0.0.1", true},
		{"127.0.0.1", nil, "", false},
		{"127.0.0.1", nil, "evil.example:8001", false},
		{"127.0.0.1", nil, "127.0.0.1.evil.example:8001", false},
		{"127.0.0.1", nil, "localhost.evil.example", false},
		{"127.0.0.1", nil, "192.0.2.1:8001", false},
		{"127.0.0.1", []string{"Node1"}, "node1:8001", true},
		{"127.0.0.1", []string{"node1"}, "node2:8001", false},
		{"node1.example", nil, "node1.example:8001", true},
		{"192.0.2.1", nil, "192.0.2.1:8001", true},
		{"192.0.2.1", nil, "192.0.2.2:8001", false},
		{"0.0.0.0", nil, "192.0.2.1:8001", true},
		{"::", nil, "[2001:db8::1]:8001", true},
		{"0.0.0.0", nil, "evil.example:8001", false},
	} {
		if got := newRequestFilter(test.listen, test.names, "").knows(test.host); got != test.knows {
			t.Errorf("listening on %s, known as %v, Host %q: %t; want %t", test.listen, test.names, test.host, got, test.knows)
		}
	}
}

func TestNothingIsServedForAnotherHost(t *testing.T) {
	s := newSite(t, time.Hour)
	for _, path := range []string{"/", "/static/live.js", "/learn/", "/events?page=" + pageID, "/metrics", "/readyz"} {
		code, answer := s.send(http.MethodGet, path, "", func(r *http.Request) { r.Host = "evil.example" })
		if code != http.StatusMisdirectedRequest || !strings.Contains(answer, "--http-host") {
			t.Errorf("%s: %d %q; want 421 and what to do", path, code, answer)
		}
	}
}

func TestHeadersAreStrict(t *testing.T) {
	s := newSite(t, time.Hour)
	for path, want := range map[string]string{"/": policy, "/static/live.js": policy, "/nothing": policy, "/learn/": learnPolicy} {
		w := httptest.NewRecorder()
		r := httptest.NewRequestWithContext(t.Context(), http.MethodGet, "http://localhost"+path, nil)
		s.server.ServeHTTP(w, r)
		h := w.Header()
		if got := h.Get("Content-Security-Policy"); got != want {
			t.Errorf("%s: policy %q; want %q", path, got, want)
		}
		for name, value := range map[string]string{
			"X-Content-Type-Options": "nosniff", "Referrer-Policy": "no-referrer", "Cross-Origin-Opener-Policy": "same-origin",
			"Cross-Origin-Resource-Policy": "same-origin",
		} {
			if got := h.Get(name); got != value {
				t.Errorf("%s: %s is %q; want %q", path, name, got, value)
			}
		}
	}
	for _, p := range []string{policy, learnPolicy} {
		if strings.Contains(p, "unsafe-inline") || !strings.Contains(p, "frame-ancestors 'none'") || !strings.Contains(p, "default-src 'none'") {
			t.Errorf("the policy is too lax: %s", p)
		}
	}
}

func TestActionsAreOfThePageAlone(t *testing.T) {
	s := newSite(t, time.Hour)
	l := s.listen("")
	defer l.close()
	body := `{"page":"` + pageID + `","lock":"cs","reason":"x","fence":"1"}`
	set := func(name, value string) func(*http.Request) {
		return func(r *http.Request) { r.Header.Set(name, value) }
	}
	for _, path := range []string{"/api/select", "/api/lock", "/api/unlock", "/api/break"} {
		for _, test := range []struct {
			name string
			edit func(*http.Request)
			code int
		}{
			{"no token", func(r *http.Request) { r.Header.Del(tokenHeader) }, http.StatusForbidden},
			{"another token", set(tokenHeader, strings.Repeat("0", 32)), http.StatusForbidden},
			{"another origin", set("Origin", "http://evil.example"), http.StatusForbidden},
			{"another port", set("Origin", "http://127.0.0.1:1"), http.StatusForbidden},
			{"no origin", set("Origin", "null"), http.StatusForbidden},
			{"cross-site", set("Sec-Fetch-Site", "cross-site"), http.StatusForbidden},
			{"same-site", set("Sec-Fetch-Site", "same-site"), http.StatusForbidden},
			{"a form's content", set("Content-Type", "text/plain"), http.StatusUnsupportedMediaType},
		} {
			if code, answer := s.send(http.MethodPost, path, body, test.edit); code != test.code {
				t.Errorf("%s, %s: %d %s; want %d", path, test.name, code, answer, test.code)
			}
		}
		for _, method := range []string{http.MethodGet, http.MethodPut, http.MethodDelete, http.MethodOptions} {
			if code, _ := s.send(method, path, "", nil); code != http.StatusMethodNotAllowed {
				t.Errorf("%s %s: %d; want 405", method, path, code)
			}
		}
	}
	s.node.mu.Lock()
	defer s.node.mu.Unlock()
	if n := len(s.node.broken); n != 0 {
		t.Errorf("%d locks were broken by what was refused", n)
	}
}

func TestStreamIsNotForOtherSites(t *testing.T) {
	s := newSite(t, time.Hour)
	for _, site := range []string{"cross-site", "same-site"} {
		code, _ := s.send(http.MethodGet, "/events?page="+pageID, "", func(r *http.Request) { r.Header.Set("Sec-Fetch-Site", site) })
		if code != http.StatusForbidden {
			t.Errorf("%s: %d; want 403", site, code)
		}
	}
}

func TestProfilesAreServedIfWanted(t *testing.T) {
	for _, test := range []struct {
		profiles http.Handler
		code     int
	}{{nil, http.StatusNotFound}, {Profiles(), http.StatusOK}} {
		s := New(Config{Metrics: prometheus.NewRegistry(), Profiles: test.profiles})
		w := httptest.NewRecorder()
		s.ServeHTTP(w, httptest.NewRequestWithContext(t.Context(), http.MethodGet, "http://localhost/debug/pprof/cmdline", nil))
		if w.Code != test.code {
			t.Errorf("wanted: %t; got %d, want %d", test.profiles != nil, w.Code, test.code)
		}
	}
}
