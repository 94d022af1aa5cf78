package site

import (
	"io/fs"
	"net/http"
	"net/http/httptest"
	"net/url"
	"os"
	"path"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"testing/fstest"

	"github.com/chromedp/chromedp"

	"conch/internal/stepper"
	"conch/internal/verify/browser"
	"conch/internal/web/learn"
)

func check(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

// both is two file systems as one: those of the page, and its stepper, built anew.
type both struct{ page, stepper fs.FS }

func (b both) Open(name string) (fs.File, error) {
	if strings.HasPrefix(name, "stepper.") || name == "wasm_exec.js" {
		return b.stepper.Open(name)
	}
	return b.page.Open(name)
}

// write writes the project's own site.
func write(t *testing.T) (folder string) {
	t.Helper()
	root := os.DirFS("../..")
	documents, err := Documents(root)
	check(t, err)
	cfg := Config{Root: root, Learn: both{learn.FS(), browser.Stepper(t)}, Documents: documents}
	for _, r := range stepper.ReadyMade() {
		cfg.Lessons = append(cfg.Lessons, Lesson{r.ID, r.Title, r.About})
	}
	folder = t.TempDir()
	check(t, Write(folder, cfg))
	return folder
}

var (
	reference = regexp.MustCompile(`(?:href|src)="([^"]*)"`)
	anchor    = regexp.MustCompile(`\bid="([^"]*)"`)
)

// TestLinksLeadSomewhere follows every link of every page, fragments too.
func TestLinksLeadSomewhere(t *testing.T) {
	folder := write(t)
	pages := make(map[string]map[string]bool) // the ids of each page, by its path
	texts := make(map[string]string)
	check(t, filepath.WalkDir(folder, func(file string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() || filepath.Ext(file) != ".html" {
			return err
		}
		text, err := os.ReadFile(file)
		name := strings.TrimPrefix(filepath.ToSlash(file), filepath.ToSlash(folder)+"/")
		pages[name], texts[name] = make(map[string]bool), string(text)
		for _, id := range anchor.FindAllStringSubmatch(string(text), -1) {
			pages[name][id[1]] = true
		}
		return err
	}))
	followed := 0
	for name, text := range texts {
		for _, match := range reference.FindAllStringSubmatch(text, -1) {
			link, err := url.Parse(strings.ReplaceAll(match[1], "&amp;", "&"))
			check(t, err)
			if link.IsAbs() || match[1] == "../" && strings.HasPrefix(name, "learn/") {
				continue // the way back, to the folder itself
			}
			if strings.HasPrefix(link.Path, "/") {
				t.Errorf("%s: %s is found at the root of a server only", name, match[1])
			}
			target := name
			if link.Path != "" {
				target = path.Join(path.Dir(name), link.Path)
			}
			if _, err := os.Stat(filepath.Join(folder, filepath.FromSlash(target))); err != nil {
				t.Errorf("%s: %s leads nowhere", name, match[1])
			}
			lesson := strings.HasPrefix(link.Fragment, "lesson=")
			if ids := pages[target]; link.Fragment != "" && !lesson && ids != nil && !ids[link.Fragment] {
				t.Errorf("%s: %s leads to a part that is not there", name, match[1])
			}
			followed++
		}
	}
	if followed < 100 {
		t.Errorf("only %d links were found; is this the site?", followed)
	}
}

// TestSiteInABrowser looks at the site from a plain file server, below a path.
func TestSiteInABrowser(t *testing.T) {
	ctx := browser.Start(t)
	server := httptest.NewServer(http.StripPrefix("/some/where/", http.FileServer(http.Dir(write(t)))))
	defer server.Close()
	base := server.URL + "/some/where/"
	faults := browser.Faults(ctx, t)
	for _, v := range browser.Views {
		browser.SetView(ctx, t, v)
		for _, name := range []string{"index.html", "README.html", "docs/TEACHING.html", "docs/FENCING.html", "token/DESIGN.html", "cmd/conch/folder.html", "internal/rules/doc.go.html"} {
			browser.Do(ctx, t, chromedp.Navigate(base+name))
			for _, fault := range browser.Audit(ctx, t) {
				t.Errorf("%s, %v: %s", name, v, fault)
			}
			if folder := os.Getenv(browser.FolderEnv); folder != "" && strings.Count(name, "/") < 2 {
				browser.Shoot(ctx, t, folder, "site-"+strings.ReplaceAll(strings.TrimSuffix(name, ".html"), "/", "-")+"-"+v.Scheme+"-"+map[bool]string{true: "narrow", false: "wide"}[v.Width < 500])
			}
		}
	}
	browser.Do(ctx, t, chromedp.Navigate(base))
	for _, fault := range browser.Tabs(ctx, t) {
		t.Error(fault)
	}
	lessons := browser.Eval[[]string](ctx, t, `[...document.querySelectorAll('.lessons a')].map((a) => a.href)`)
	if len(lessons) != len(stepper.ReadyMade()) {
		t.Fatalf("the first page links %d lessons, want %d", len(lessons), len(stepper.ReadyMade()))
	}
	browser.Do(ctx, t, chromedp.Navigate(lessons[1]), chromedp.WaitVisible(chromedp.CSS(`body[data-loaded=yes]`)))
	browser.Eval[any](ctx, t, `document.getElementById('part-next').click()`)
	browser.Becomes(ctx, t, `document.getElementById('part').textContent === 'Part 1 of 8'`)
	browser.Do(ctx, t, chromedp.Click(chromedp.CSS("#home")))
	browser.Becomes(ctx, t, `document.title === 'conch' && document.querySelector('.lessons') !== null`)
	if list := faults(); len(list) > 0 {
		t.Errorf("the browser finds fault:\n%s", strings.Join(list, "\n"))
	}
}

// TestWhatASiteIsMadeOf: links between documents, what comes along, and what leads nowhere.
func TestWhatASiteIsMadeOf(t *testing.T) {
	file := func(text string) *fstest.MapFile { return &fstest.MapFile{Data: []byte(text)} }
	page := fstest.MapFS{"index.html": file("x"), "stepper.wasm.gz": file("x"), "wasm_exec.js": file("x")}
	root := fstest.MapFS{
		"README.md":  file("# conch\n\n[a](docs/A.md#part), [code](token/x.go), [folder](token/), <b>html</b>, [far](https://example.org/x.md)\n"),
		"docs/A.md":  file("# The title\n\n## Part\n\n![p](p.png) [back](../README.md)\n\n| | h |\n|---|---:|\n| `<th></th>` | 1 |\n"),
		"docs/p.png": file("png"), "token/x.go": file("package token // <script>\n"), "token/doc.go": file("// Package token is.\npackage token\n"),
	}
	cfg := Config{Root: root, Learn: page, Documents: []string{"README.md", "docs/A.md"}}
	folder := t.TempDir()
	check(t, Write(folder, cfg))
	for name, wants := range map[string][]string{
		"README.html":       {`href="docs/A.html#part"`, `href="token/x.go.html"`, `href="token/folder.html"`, `href="https://example.org/x.md"`, `aria-current="page">README<`},
		"docs/A.html":       {`<title>The title · conch</title>`, `src="../docs/p.png"`, `href="../README.html"`, `<td></td>`, `<code>&lt;th&gt;&lt;/th&gt;</code>`, `<div class="scroll" tabindex="0"`},
		"docs/p.png":        {"png"},
		"token/x.go.html":   {"package token // &lt;script&gt;"},
		"token/folder.html": {"Package token is.", "<li>x.go</li>"},
		"learn/index.html":  {"x"},
	} {
		text, err := os.ReadFile(filepath.Join(folder, name))
		check(t, err)
		for _, want := range wants {
			if !strings.Contains(string(text), want) {
				t.Errorf("%s lacks %s:\n%s", name, want, text)
			}
		}
	}
	if text, _ := os.ReadFile(filepath.Join(folder, "README.html")); strings.Contains(string(text), "<b>") {
		t.Error("HTML inside Markdown becomes part of the page")
	}
	for _, test := range []struct{ change, text, want string }{
		{"docs/A.md", "[x](nothing.md)\n", "docs/A.md: the link nothing.md leads nowhere"},
		{"docs/A.md", "[x](../../etc/passwd)\n", "docs/A.md: the link ../../etc/passwd leads out of the checkout"},
	} {
		broken := fstest.MapFS{}
		for name, f := range root {
			broken[name] = f
		}
		broken[test.change] = file(test.text)
		cfg.Root = broken
		if err := Write(t.TempDir(), cfg); err == nil || !strings.Contains(err.Error(), test.want) {
			t.Errorf("%q: %v, want %s", test.text, err, test.want)
		}
	}
	delete(page, "stepper.wasm.gz")
	if err := Write(t.TempDir(), cfg); err == nil || !strings.Contains(err.Error(), "run make learn") {
		t.Errorf("without the stepper: %v, want what to run", err)
	}
}
