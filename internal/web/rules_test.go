package web

import (
	"context"
	"net/http"
	"strings"
	"testing"
	"time"

	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"
)

// allow changes which lock the rules let the page see.
func (s *site) allow(lock string) {
	s.node.mu.Lock()
	defer s.node.mu.Unlock()
	s.node.visible = lock
}

// A page that may see nothing is told so until that changes. Supervisors are answered all
// the same.
func TestPageThatMaySeeNothing(t *testing.T) {
	s := newSite(t, time.Hour)
	s.allow("")
	l := s.listen("")
	defer l.close()
	if want := "not allowed: the page may not look"; l.hello.Refused != want {
		t.Errorf("refused: %q; want %q", l.hello.Refused, want)
	}
	l.until(func(n newsJSON) bool {
		if n.Status != nil || n.Locks != nil || n.Settled {
			t.Errorf("it is told %+v", n)
		}
		return true
	})
	for _, path := range []string{"/healthz", "/readyz"} {
		if code, text := s.send(http.MethodGet, path, "", nil); code != http.StatusOK {
			t.Errorf("%s: %d %s; want 200", path, code, text)
		}
	}
	s.allow(everything)
	for l.lines.Scan() { // until its end
		continue
	}
	l = s.listen("")
	defer l.close()
	if l.hello.Refused != "" {
		t.Errorf("refused: %q, though it may look by now", l.hello.Refused)
	}
	l.until(func(n newsJSON) bool { return n.Status != nil })
}

// The server answers a forbidden action with 403 and the node's words.
func TestPageIsRefusedByRules(t *testing.T) {
	s := newSite(t, time.Hour)
	s.allow("seen")
	l := s.listen("")
	defer l.close()
	if l.hello.Refused != "" {
		t.Errorf("refused: %q, though it may look at one lock", l.hello.Refused)
	}
	s.node.mu.Lock()
	s.node.refusal = status.Error(codes.PermissionDenied, "not allowed: the page may not break")
	s.node.mu.Unlock()
	for _, test := range []struct{ act, lock, says string }{
		{"select", "hidden", "not allowed: the page may not look"},
		{"break", "seen", "not allowed: the page may not break"},
	} {
		body := `{"page":"` + pageID + `","lock":"` + test.lock + `","fence":"1","reason":"x"}`
		if code, text := s.send(http.MethodPost, "/api/"+test.act, body, nil); code != http.StatusForbidden || !strings.Contains(text, test.says) {
			t.Errorf("%s %s: %d %s; want 403 and %q", test.act, test.lock, code, text, test.says)
		}
	}
	s.act("select", `{"page":"`+pageID+`","lock":"seen"}`)
}

// A lock that the rules deny to the page is refused in the stream, in the node's words.
func TestPageIsRefusedALock(t *testing.T) {
	v := newVisits(func(context.Context, string) (Hold, error) {
		return nil, status.Error(codes.PermissionDenied, "not allowed: the page may not lock")
	}, time.Hour)
	defer v.close()
	st, err := v.attach(pageID, "", func(error) {})
	if err != nil {
		t.Fatal(err)
	}
	if err := v.ask(pageID, "cs"); err != nil {
		t.Fatal(err)
	}
	for {
		<-st.wake
		if asks := v.showAsks(st); asks[0].State != "waiting" {
			if want := (askJSON{Lock: "cs", State: "refused", Text: "not allowed: the page may not lock"}); asks[0] != want {
				t.Errorf("told %+v; want %+v", asks[0], want)
			}
			return
		}
	}
}

func TestPageTellsWhatTheNodeGivesUp(t *testing.T) {
	s := newSite(t, time.Hour)
	l := s.listen("")
	defer l.close()
	if len(l.hello.Cautions) != 1 || l.hello.Cautions[0] != caution {
		t.Errorf("cautions %q; want %q", l.hello.Cautions, caution)
	}
}
