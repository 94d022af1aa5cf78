package learn

import (
	"bytes"
	"compress/gzip"
	"context"
	"fmt"
	"io/fs"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/fstest"
	"time"

	"github.com/chromedp/cdproto/log"
	"github.com/chromedp/cdproto/runtime"
	"github.com/chromedp/chromedp"
)

// patience is how long the browser may take for a test. It is no measure of anything.
const patience = 5 * time.Minute

// policy is what doc.go says that whoever serves the page may send.
const policy = "default-src 'none'; script-src 'self' 'wasm-unsafe-eval'; style-src 'self'; connect-src 'self'; " +
	"img-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"

// build builds the stepper anew, so that a test never sees an older one.
func build(t *testing.T) fs.FS {
	t.Helper()
	file := filepath.Join(t.TempDir(), "stepper.wasm")
	command := exec.CommandContext(t.Context(), "go", "build", "-trimpath", "-buildvcs=false", "-ldflags=-s -w", "-o", file, "conch/internal/stepper/wasm")
	command.Env = append(os.Environ(), "GOOS=js", "GOARCH=wasm", "CGO_ENABLED=0")
	if out, err := command.CombinedOutput(); err != nil {
		t.Fatalf("%s: %v\n%s", command, err, out)
	}
	wasm, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	var packed bytes.Buffer
	z := gzip.NewWriter(&packed)
	if _, err := z.Write(wasm); err != nil {
		t.Fatal(err)
	}
	if err := z.Close(); err != nil {
		t.Fatal(err)
	}
	root, err := exec.CommandContext(t.Context(), "go", "env", "GOROOT").Output()
	if err != nil {
		t.Fatal(err)
	}
	glue, err := os.ReadFile(filepath.Join(strings.TrimSpace(string(root)), "lib", "wasm", "wasm_exec.js"))
	if err != nil {
		t.Fatal(err)
	}
	return fstest.MapFS{"stepper.wasm.gz": {Data: packed.Bytes()}, "wasm_exec.js": {Data: glue}}
}

// serve serves a page below /learn/, with the strict policy.
func serve(t *testing.T, page fs.FS) (url string) {
	t.Helper()
	files := http.StripPrefix("/learn/", http.FileServerFS(page))
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Content-Security-Policy", policy)
		files.ServeHTTP(w, r)
	}))
	t.Cleanup(server.Close)
	return server.URL + "/learn/"
}

// browse starts a browser for a test, or skips it aloud where there is none.
func browse(t *testing.T) context.Context {
	t.Helper()
	var program string
	for _, name := range []string{"chromium", "chromium-browser", "google-chrome", "google-chrome-stable"} {
		if path, err := exec.LookPath(name); err == nil {
			program = path
			break
		}
	}
	if program == "" {
		t.Skip("LEFT OUT: the page in a real browser, for want of Chromium (on Debian: apt-get install chromium)")
	}
	options := append(chromedp.DefaultExecAllocatorOptions[:], chromedp.ExecPath(program), chromedp.UserDataDir(t.TempDir()),
		chromedp.Flag("headless", "new"))
	if os.Geteuid() == 0 {
		options = append(options, chromedp.NoSandbox) // Chromium's own refuses to run as root
	}
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	t.Cleanup(cancel)
	ctx, stop := chromedp.NewExecAllocator(ctx, options...)
	t.Cleanup(stop)
	ctx, leave := chromedp.NewContext(ctx)
	t.Cleanup(leave)
	return ctx
}

// listen collects what the browser finds wrong with the page: exceptions, refusals by
// the policy, files that are missing.
func listen(ctx context.Context, t *testing.T) (troubles func() []string) {
	t.Helper()
	var mu sync.Mutex
	var list []string
	err := chromedp.Listen(ctx, func(event any) {
		mu.Lock()
		defer mu.Unlock()
		switch e := event.(type) {
		case *runtime.EventExceptionThrown:
			list = append(list, e.ExceptionDetails.Text)
		case *log.EventEntryAdded:
			if e.Entry.Level == log.EntryLevelError {
				list = append(list, e.Entry.Text+" "+e.Entry.URL)
			}
		}
	})
	if err != nil {
		t.Fatal(err)
	}
	return func() []string {
		mu.Lock()
		defer mu.Unlock()
		return slices.Clone(list)
	}
}

// do lets the browser do something, or fails.
func do(ctx context.Context, t *testing.T, steps ...chromedp.Action[chromedp.Void]) {
	t.Helper()
	if err := chromedp.Do(ctx, steps...); err != nil {
		t.Fatal(err)
	}
}

// eval evaluates an expression in the page.
func eval[T any](ctx context.Context, t *testing.T, expression string) T {
	t.Helper()
	value, err := chromedp.Run(ctx, chromedp.Evaluate[T](expression))
	if err != nil {
		t.Fatalf("%v, in %s", err, expression)
	}
	return value
}

// visit opens an address, and waits until the stepper is there.
func visit(ctx context.Context, t *testing.T, url string) {
	t.Helper()
	// Between two links to one page only the fragment changes, and nothing is loaded.
	do(ctx, t, chromedp.Navigate("about:blank"), chromedp.Navigate(url),
		chromedp.WaitVisible(chromedp.CSS(`body[data-loaded=yes]`)))
}

// click clicks what the selectors find, one after the other, as soon as it is there.
func click(ctx context.Context, t *testing.T, selectors ...string) {
	t.Helper()
	for _, selector := range selectors {
		if err := chromedp.Do(ctx, chromedp.Click(chromedp.CSS(selector))); err != nil {
			t.Fatalf("click on %s: %v", selector, err)
		}
	}
}

// choose sets a list of choices, as a user does.
func choose(ctx context.Context, t *testing.T, id, value string) {
	t.Helper()
	eval[bool](ctx, t, fmt.Sprintf(`(() => { const list = document.getElementById(%q); list.value = %q;
		return list.dispatchEvent(new Event('change')); })()`, id, value))
}

// text is the text of an element.
func text(ctx context.Context, t *testing.T, id string) string {
	t.Helper()
	return eval[string](ctx, t, fmt.Sprintf(`document.getElementById(%q).textContent`, id))
}

// what is all that the page tells about a step.
const what = `['count', 'time', 'caption', 'happened', 'rules', 'checks', 'members', 'tokens', 'streams', 'verdict']
	.map((id) => document.getElementById(id).textContent).join('\n')`
