package learn

import (
	"context"
	"fmt"
	"io/fs"
	"net/http"
	"net/http/httptest"
	"testing"

	"github.com/chromedp/chromedp"

	"conch/internal/verify/browser"
)

// policy is what doc.go says that whoever serves the page may send.
const policy = "default-src 'none'; script-src 'self' 'wasm-unsafe-eval'; style-src 'self'; connect-src 'self'; " +
	"img-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"

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

// visit opens an address, and waits until the stepper is there.
func visit(ctx context.Context, t *testing.T, url string) {
	t.Helper()
	// Between two links to one page only the fragment changes, and nothing is loaded.
	browser.Do(ctx, t, chromedp.Navigate("about:blank"), chromedp.Navigate(url),
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
	browser.Eval[bool](ctx, t, fmt.Sprintf(`(() => { const list = document.getElementById(%q); list.value = %q;
		return list.dispatchEvent(new Event('change')); })()`, id, value))
}

// text is the text of an element.
func text(ctx context.Context, t *testing.T, id string) string {
	t.Helper()
	return browser.Eval[string](ctx, t, fmt.Sprintf(`document.getElementById(%q).textContent`, id))
}

// what is all that the page tells about a step.
const what = `['count', 'time', 'caption', 'happened', 'rules', 'checks', 'members', 'tokens', 'streams', 'verdict']
	.map((id) => document.getElementById(id).textContent).join('\n')`
