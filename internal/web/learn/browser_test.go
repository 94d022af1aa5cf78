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

// policy is the content security policy that doc.go permits to servers of the page.
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

// visit opens an address and waits until the stepper has loaded.
func visit(ctx context.Context, t *testing.T, url string) {
	t.Helper()
	// A link to the same page changes only the fragment and loads nothing, so leave the
	// page first.
	browser.Do(ctx, t, chromedp.Navigate("about:blank"), chromedp.Navigate(url),
		chromedp.WaitVisible(chromedp.CSS(`body[data-loaded=yes]`)))
}

// click clicks the elements of these selectors one after the other, each as soon as it
// exists.
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

// what are the elements that describe a step.
const what = `['count', 'time', 'caption', 'happened', 'rules', 'checks', 'members', 'tokens', 'streams', 'verdict']
	.map((id) => document.getElementById(id).textContent).join('\n')`
