package web

import (
	"bytes"
	"compress/gzip"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"net"
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"

	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"

	"conch/internal/web/learn"
	clientv1 "conch/proto/conch/client/v1"
)

func TestPageHasTheToken(t *testing.T) {
	s := newSite(t, time.Hour)
	code, page := s.send(http.MethodGet, "/", "", nil)
	if code != http.StatusOK || !strings.Contains(page, `content="`+s.server.token+`"`) || strings.Contains(page, "{{") {
		t.Errorf("%d, without the token: %.300s", code, page)
	}
	if other := newSite(t, time.Hour); other.server.token == s.server.token {
		t.Error("two processes have one token")
	}
	l := s.listen("")
	defer l.close()
	if l.hello.Process == s.server.token {
		t.Error("the stream tells the token")
	}
}

func TestFiles(t *testing.T) {
	s := newSite(t, time.Hour)
	for path, want := range map[string]int{
		"/static/live.js": http.StatusOK, "/static/live.css": http.StatusOK, "/static/": http.StatusNotFound, "/static/nothing": http.StatusNotFound,
		"/static/../page/index.html": http.StatusNotFound, "/learn/": http.StatusOK, "/learn/learn.js": http.StatusOK,
		"/learn/nothing": http.StatusNotFound, "/nothing": http.StatusNotFound, "/debug/pprof/": http.StatusNotFound,
	} {
		if code, _ := s.send(http.MethodGet, path, "", nil); code != want {
			t.Errorf("%s: %d; want %d", path, code, want)
		}
	}
	code, answer := s.send(http.MethodGet, "/learn/stepper.wasm.gz", "", nil)
	if learn.Built() != (code == http.StatusOK) || !learn.Built() && !strings.Contains(answer, learn.Command) {
		t.Errorf("built: %t; got %d %.100s; want the file, or what to run", learn.Built(), code, answer)
	}
}

func TestHealth(t *testing.T) {
	s := newSite(t, time.Hour)
	for _, test := range []struct {
		session       uint64
		down          error
		health, ready int
	}{
		{7, nil, http.StatusOK, http.StatusOK},
		{0, nil, http.StatusOK, http.StatusServiceUnavailable},
		{7, errors.New("stopped"), http.StatusServiceUnavailable, http.StatusServiceUnavailable},
	} {
		s.node.mu.Lock()
		s.node.session, s.node.down = test.session, test.down
		s.node.mu.Unlock()
		health, _ := s.send(http.MethodGet, "/healthz", "", nil)
		ready, _ := s.send(http.MethodGet, "/readyz", "", nil)
		if health != test.health || ready != test.ready {
			t.Errorf("session %d, %v: %d and %d; want %d and %d", test.session, test.down, health, ready, test.health, test.ready)
		}
	}
}

// A stream tells the present state, then the changes; of a lock that changes often it tells
// the latest state.
func TestStream(t *testing.T) {
	s := newSite(t, time.Hour)
	s.node.idle = []*clientv1.LockStatus{known("idle", 1)}
	l := s.listen("&lock=looked")
	defer l.close()
	if l.hello.Member != "a:1" || len(l.hello.Members) != 2 || l.hello.Quorum != 2 || l.hello.Version != "v1" {
		t.Errorf("hello: %+v", l.hello)
	}
	seen := map[string]bool{}
	l.until(func(n newsJSON) bool {
		seen["settled"] = seen["settled"] || n.Settled
		seen["status"] = seen["status"] || n.Status != nil && n.Status.Statuses[0].Session == 7 && n.Status.Statuses[0].Peers != nil
		seen["detail"] = seen["detail"] || n.Detail != nil && n.Detail.Lock.Name == "looked" && n.Detail.Views[0].RequestNumbers[0].Session == 1<<60
		for _, lock := range n.Locks {
			seen[lock.Name] = true
		}
		return len(seen) == 4 && seen["settled"] && seen["status"] && seen["detail"] && seen["idle"]
	})

	const changes = 5
	frames := 0
	go func() {
		for hop := range uint64(changes) {
			s.node.changes <- known("busy", hop+1)
		}
	}()
	l.until(func(n newsJSON) bool {
		frames++
		return len(n.Locks) == 1 && n.Locks[0].Token.Hop == changes
	})
	if frames < 2 {
		t.Errorf("%d frames; want several: the page lags behind", frames)
	}
	s.node.changes <- &clientv1.LockStatus{Lock: "busy"} // idle, without a token: it is forgotten
	if n := l.until(func(n newsJSON) bool { return len(n.Gone) > 0 }); n.Gone[0] != "busy" {
		t.Errorf("gone: %q; want busy", n.Gone)
	}
	s.act("select", `{"page":"`+pageID+`","lock":"another"}`)
	l.until(func(n newsJSON) bool { return n.Detail != nil && n.Detail.Lock.Name == "another" })

	close(s.node.changes) // the node stops, which ends the stream
	for l.lines.Scan() {
		continue
	}
}

// A lock of which a hold is kept is told of though no member knows it, as after a restart of
// all nodes; and gone once the hold is over.
func TestKeptLockThatNobodyKnows(t *testing.T) {
	s := newSite(t, time.Hour)
	l := s.listen("")
	defer l.close()
	s.node.changes <- &clientv1.LockStatus{Lock: "infra", Kept: &clientv1.KeptHold{Fence: 7, Owner: "ci"}}
	n := l.until(func(n newsJSON) bool { return len(n.Locks) > 0 })
	if k := n.Locks[0].Kept; n.Locks[0].Name != "infra" || k == nil || k.Fence != 7 || k.Owner != "ci" || k.Certain {
		t.Errorf("told of %+v; want infra, kept for ci, as far as is known", n.Locks[0])
	}
	s.node.changes <- &clientv1.LockStatus{Lock: "infra"}
	if n := l.until(func(n newsJSON) bool { return len(n.Gone) > 0 }); n.Gone[0] != "infra" {
		t.Errorf("gone: %q; want infra", n.Gone)
	}
}

// Names are shown as text even if they look like HTML.
func TestHostileNames(t *testing.T) {
	s := newSite(t, time.Hour)
	l := s.listen("")
	defer l.close()
	for _, name := range []string{"<script>alert(1)</script>", "data: x\n\nevent: hello", "__proto__", "\u2028", `"}`} {
		s.node.changes <- known(name, 1)
		l.until(func(n newsJSON) bool { return len(n.Locks) == 1 && n.Locks[0].Name == name })
	}
}

func TestLocksAreBounded(t *testing.T) {
	f := newFeed()
	for i := range MaxLocks + 1 {
		if err := f.put(t.Context(), known(fmt.Sprint(i), 1)); err != nil {
			t.Fatal(err)
		}
	}
	if n := f.take(); len(n.locks) != MaxLocks || !n.more {
		t.Errorf("%d locks, more: %t; want %d and more", len(n.locks), n.more, MaxLocks)
	}
	if err := f.offer(t.Context(), known("one more", 1)); !errors.Is(err, errEnough) {
		t.Errorf("one more: %v; want errEnough", err)
	}
	if err := f.put(t.Context(), known("7", 2)); err != nil {
		t.Fatal(err)
	}
	if n := f.take(); len(n.locks) != 1 {
		t.Errorf("%d locks; want the one that has changed", len(n.locks))
	}
}

// A second state of a lock waits until the page has taken the first.
func TestStateWaitsForTheOneBefore(t *testing.T) {
	f := newFeed()
	ctx, cancel := context.WithCancelCause(t.Context())
	if err := f.put(ctx, known("cs", 1)); err != nil {
		t.Fatal(err)
	}
	over := errors.New("over")
	cancel(over)
	if err := f.put(ctx, known("cs", 2)); !errors.Is(err, over) {
		t.Errorf("a second state: %v; want that it waited until the end", err)
	}
	if n := f.take(); len(n.locks) != 1 || n.locks[0].GetToken().GetHop() != 1 {
		t.Errorf("taken: %v; want the first state", n.locks)
	}
	if err := f.put(ctx, known("cs", 2)); err != nil {
		t.Errorf("after the take: %v", err)
	}
}

func TestBodies(t *testing.T) {
	s := newSite(t, time.Hour)
	for _, test := range []struct {
		path, body string
		code       int
	}{
		{"lock", `{"page":"` + pageID + `","lock":"cs"}`, http.StatusConflict}, // no such page
		{"lock", `{"lock":""}`, http.StatusBadRequest},
		{"lock", `{"lock":"` + strings.Repeat("x", 256) + `"}`, http.StatusBadRequest},
		{"lock", "{\"lock\":\"\xff\"}", http.StatusBadRequest},
		{"lock", `{`, http.StatusBadRequest},
		{"lock", `{"lock":"` + strings.Repeat("x", maxBodyBytes) + `"}`, http.StatusRequestEntityTooLarge},
		{"break", `{"lock":"cs","fence":7,"reason":"x"}`, http.StatusBadRequest}, // a fence must be a text
		{"break", `{"lock":"cs","fence":"7","reason":"x"}`, http.StatusOK},
	} {
		if code, answer := s.send(http.MethodPost, "/api/"+test.path, test.body, nil); code != test.code {
			t.Errorf("%s %.60q: %d %s; want %d", test.path, test.body, code, answer, test.code)
		}
	}
}

func TestBreak(t *testing.T) {
	s := newSite(t, time.Hour)
	s.act("break", `{"lock":"cs","fence":"18446744073709551615","reason":"it hangs"}`)
	got := s.node.broken[0]
	if got.GetFence() != 1<<64-1 || got.GetReason() != "it hangs" || got.GetCaller().GetCommand() != "page" || got.GetScope() != clientv1.Scope_SCOPE_CLUSTER {
		t.Errorf("asked for %v", got)
	}
	for code, want := range map[codes.Code]int{
		codes.NotFound: http.StatusNotFound, codes.FailedPrecondition: http.StatusConflict, codes.Internal: http.StatusBadGateway,
	} {
		s.node.mu.Lock()
		s.node.refusal = status.Error(code, "no")
		s.node.mu.Unlock()
		if got, answer := s.send(http.MethodPost, "/api/break", `{"lock":"cs","fence":"1","reason":"x"}`, nil); got != want || !strings.Contains(answer, `"no"`) {
			t.Errorf("%v: %d %s; want %d", code, got, answer, want)
		}
	}
}

const askForCS = `{"page":"` + pageID + `","lock":"cs"}`

func TestPageHoldsALock(t *testing.T) {
	s := newSite(t, time.Hour)
	l := s.listen("")
	defer l.close()
	l.asks("")
	s.act("lock", askForCS)
	l.asks("waiting")
	if code, _ := s.send(http.MethodPost, "/api/lock", askForCS, nil); code != http.StatusConflict {
		t.Errorf("a second request: %d; want 409", code)
	}
	s.locks.grants <- struct{}{}
	l.asks("held")
	s.act("unlock", askForCS)
	l.asks("")
	if name := <-s.locks.unlocked; name != "cs" {
		t.Errorf("unlocked %q", name)
	}
	if code, _ := s.send(http.MethodPost, "/api/unlock", askForCS, nil); code != http.StatusConflict {
		t.Errorf("a second release: %d; want 409", code)
	}
	s.act("lock", askForCS)
	l.asks("waiting")
	s.act("unlock", askForCS) // gives up
	l.asks("")
}

// A page that opens its stream again in time keeps its holds.
func TestHoldOutlivesItsStream(t *testing.T) {
	s := newSite(t, time.Hour)
	l := s.listen("")
	s.act("lock", askForCS)
	s.locks.grants <- struct{}{}
	l.asks("held")
	l.close()
	l = s.listen("")
	defer l.close()
	l.asks("held")
	second := s.listen("") // replaces the first, whose end the server may not have noticed
	defer second.close()
	second.asks("held")
	for l.lines.Scan() {
		continue
	}
	select {
	case <-s.locks.unlocked:
		t.Error("the hold was released")
	default:
	}
}

// A page that does not come back loses its holds and its waits.
func TestHoldEndsWithItsPage(t *testing.T) {
	s := newSite(t, time.Millisecond)
	l := s.listen("")
	s.act("lock", askForCS)
	s.locks.grants <- struct{}{}
	l.asks("held")
	s.act("lock", `{"page":"`+pageID+`","lock":"waited for"}`)
	l.close()
	if name := <-s.locks.unlocked; name != "cs" {
		t.Errorf("unlocked %q", name)
	}
	l = s.listen("")
	defer l.close()
	l.asks("")
}

// A grant that comes after the page gave up is released.
func TestLateGrantIsGivenBack(t *testing.T) {
	granted, unlocked := make(chan struct{}), make(chan string, 1)
	v := newVisits(func(context.Context, string) (Hold, error) {
		<-granted // and ignores the context
		return fakeHold{&fakeLocks{unlocked: unlocked}, "cs"}, nil
	}, time.Hour)
	if _, err := v.attach(pageID, "", func(error) {}); err != nil {
		t.Fatal(err)
	}
	if err := v.ask(pageID, "cs"); err != nil {
		t.Fatal(err)
	}
	if err := v.release(pageID, "cs"); err != nil {
		t.Fatal(err)
	}
	close(granted)
	<-unlocked
	v.close()
}

func TestPagesAreBounded(t *testing.T) {
	v := newVisits(newFakeLocks().lock, time.Hour)
	defer v.close()
	for i := range maxVisits {
		if _, err := v.attach(fmt.Sprint(i), "", func(error) {}); err != nil {
			t.Fatal(err)
		}
	}
	if _, err := v.attach("one more", "", func(error) {}); !errors.Is(err, errVisitors) {
		t.Errorf("one more page: %v; want errVisitors", err)
	}
	for i := range maxAsks {
		if err := v.ask("0", fmt.Sprint(i)); err != nil {
			t.Fatal(err)
		}
	}
	if err := v.ask("0", "one more"); !errors.Is(err, errAsks) {
		t.Errorf("one more lock: %v; want errAsks", err)
	}
}

// When the server ends, all streams and holds end.
func TestRunEnds(t *testing.T) {
	s := newSite(t, time.Hour)
	port, err := new(net.ListenConfig).Listen(t.Context(), "tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	s.url = "http://" + port.Addr().String()
	ctx, cancel := context.WithCancel(t.Context())
	ended := make(chan error, 1)
	go func() { ended <- s.server.Run(ctx, port) }()
	l := s.listen("")
	defer l.close()
	s.act("lock", askForCS)
	s.locks.grants <- struct{}{}
	l.asks("held")
	cancel()
	if name := <-s.locks.unlocked; name != "cs" {
		t.Errorf("unlocked %q", name)
	}
	if err := <-ended; err != nil {
		t.Errorf("Run: %v; want nil", err)
	}
	if err := s.server.Run(t.Context(), port); err == nil {
		t.Error("Run on a closed listener reports no error")
	}
}

// maxWeight bounds the compressed size of the page and the stepper together.
const maxWeight = 4 << 20

func TestPageIsLight(t *testing.T) {
	weight := 0
	for _, files := range []fs.FS{static, learn.FS()} {
		for _, name := range append(names(t, files), "stepper.wasm.gz", "wasm_exec.js") {
			content, err := fs.ReadFile(files, name)
			if err != nil {
				continue // of the other, or not built
			}
			var packed bytes.Buffer
			z := gzip.NewWriter(&packed)
			if _, err := z.Write(content); err != nil {
				t.Fatal(err)
			}
			if err := z.Close(); err != nil {
				t.Fatal(err)
			}
			weight += packed.Len()
		}
	}
	t.Logf("%d KiB, the stepper among it: %t", weight>>10, learn.Built())
	if weight > maxWeight {
		t.Errorf("the pages weigh %d bytes compressed; want at most %d", weight, maxWeight)
	}
}

// names returns the files of a file system.
func names(t *testing.T, files fs.FS) []string {
	t.Helper()
	var all []string
	for _, pattern := range []string{"*.*", "*/*.*"} {
		found, err := fs.Glob(files, pattern)
		if err != nil {
			t.Fatal(err)
		}
		all = append(all, found...)
	}
	return all
}

// When the members have changed, the page begins anew: it is told who they are, how they
// stand, and all that it was told before, by their new positions.
func TestPageFollowsTheMembers(t *testing.T) {
	s := newSite(t, time.Hour)
	s.node.idle = []*clientv1.LockStatus{known("idle", 1)}
	l := s.listen("&lock=looked")
	defer l.close()
	seen := map[string]bool{}
	l.until(func(n newsJSON) bool {
		seen["detail"] = seen["detail"] || n.Detail != nil
		for _, lock := range n.Locks {
			seen[lock.Name] = lock.Token.Member == 1
		}
		return seen["detail"] && seen["idle"]
	})
	s.node.mu.Lock()
	s.node.members = []string{"b:1", "c:1"}
	s.node.membership = &clientv1.ShowMembersResponse{Version: 3, Members: []*clientv1.ListedMember{
		{Address: "b:1", Standing: clientv1.Standing_STANDING_LEAVING},
		{Id: 2, Address: "c:1", Standing: clientv1.Standing_STANDING_JOINING, Trouble: "no answer for 3s"},
	}}
	s.node.mu.Unlock()
	l.untilHello()
	if !slices.Equal(l.hello.Members, []string{"b:1", "c:1"}) || l.hello.Quorum != 2 || l.hello.Member != "a:1" {
		t.Errorf("hello: %+v", l.hello)
	}
	n := l.until(func(n newsJSON) bool { return len(n.Locks) > 0 })
	if n.Locks[0].Name != "idle" || n.Locks[0].Token.Member != 0 || n.Detail == nil || n.Detail.Lock.Name != "looked" || !n.Settled || n.Asks == nil {
		t.Errorf("told %+v; want all anew", n)
	}
	want := []listedJSON{{Member: "b:1", Standing: "leaving"}, {Member: "c:1", Standing: "joining", Trouble: "no answer for 3s"}}
	if n.Status == nil || !slices.Equal(n.Status.Listed, want) || !strings.Contains(n.Status.Change, "c:1 to be added, b:1 to be removed") {
		t.Errorf("status %+v; want who comes and who goes", n.Status)
	}
}
