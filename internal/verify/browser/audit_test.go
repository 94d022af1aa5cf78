package browser

import (
	"fmt"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"testing"

	"github.com/chromedp/chromedp"
)

// sound is a page without a fault. Each planted fault is added to it.
const sound = `<!doctype html><html lang="en"><head><title>A page</title><link rel="icon" href="data:,">
<meta name="viewport" content="width=device-width, initial-scale=1">
<style>body{color:#111;background:#fff} :focus-visible{outline:3px solid #00f} input{border:1px solid #555}</style></head>
<body><header><h1>One</h1></header><main><h2>Two</h2><p>Some text <a href="#x">that leads on</a></p><button>Do it</button>
<label>Name <input></label>%s</main></body></html>`

// planted are faults, each with the audit's report of it.
var planted = []struct{ fault, want string }{
	{``, ""},
	{`<p style="color:#8a8a8a">grey</p>`, "1.4.3 contrast"},
	{`<p style="opacity:.4">pale</p>`, "1.4.3 contrast"},
	{`<div style="background:#222"><p>dark on dark</p></div>`, "1.4.3 contrast"},
	{`<svg width="90" height="90" role="img" aria-label="x"><circle cx="45" cy="45" r="40" fill="#555"/><text x="30" y="50">abc</text></svg>`, "1.4.3 contrast"},
	{`<svg width="90" height="90" role="img" aria-label="x"><circle cx="45" cy="45" r="40" fill="#eee"/><text x="30" y="50">abc</text></svg>`, ""},
	{`<p style="font-size:8px">tiny</p>`, "1.4.4 size"},
	{`<input aria-label="y" style="border:1px solid #ddd">`, "1.4.11 edge"},
	{`</main><p>outside</p><main hidden>`, "1.3.1 landmarks"},
	{`<h4>skipped</h4>`, "1.3.1 headings"},
	{`<h1>another</h1>`, "1.3.1 headings"},
	{`<ul><div>x</div></ul>`, "1.3.1 lists"},
	{`<table><tr><td>1</td></tr><tr><td>2</td></tr></table>`, "1.3.1 tables"},
	{`<p id="a">1</p><p id="a">2</p>`, "4.1.1 ids"},
	{`<p aria-describedby="nothing">x</p>`, "4.1.2 references"},
	{`<button></button>`, "4.1.2 name"},
	{`<select></select>`, "4.1.2 name"},
	{`<div aria-hidden="true"><button>x</button></div>`, "4.1.2 hidden"},
	{`<button tabindex="3">x</button>`, "2.4.3 order"},
	{`<div style="width:50px;overflow:hidden;white-space:nowrap">much more than there is room for</div>`, "1.4.10 cut off"},
	{`<div style="width:9000px">wide</div>`, "1.4.10 reflow"},
}

func TestAuditFindsWhatIsPlanted(t *testing.T) {
	var page string
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "text/html; charset=utf-8")
		fmt.Fprintf(w, sound, page)
	}))
	defer server.Close()
	ctx := Start(t)
	SetView(ctx, t, Views[0])
	for _, p := range planted {
		page = p.fault
		Do(ctx, t, chromedp.Navigate(server.URL))
		found := Audit(ctx, t)
		if p.want == "" {
			if len(found) > 0 {
				t.Errorf("%q: the audit finds fault with what is sound: %q", p.fault, found)
			}
			continue
		}
		if !slices.ContainsFunc(found, func(f string) bool { return strings.HasPrefix(f, p.want) }) {
			t.Errorf("%q: the audit finds %q, want %s", p.fault, found, p.want)
		}
	}
}

func TestTabsFindsWhatIsPlanted(t *testing.T) {
	var page string
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "text/html; charset=utf-8")
		fmt.Fprintf(w, sound, page)
	}))
	defer server.Close()
	ctx := Start(t)
	for fault, want := range map[string]string{
		``: "",
		`<button style="outline:none">x</button>`:                                               "2.4.7 focus",
		`<button>x</button><a href="#" tabindex="-1">y</a>`:                                     "2.1.1 keyboard",
		`<button onfocus="document.querySelector('a').focus()">trap</button><button>x</button>`: "2.1.1 keyboard",
	} {
		page = fault
		Do(ctx, t, chromedp.Navigate(server.URL))
		found := Tabs(ctx, t)
		if found := strings.Join(found, "\n"); (want == "") != (found == "") || !strings.HasPrefix(found, want) {
			t.Errorf("%q: Tab finds %q, want %q", fault, found, want)
		}
	}
}
