package site

import (
	"bytes"
	"errors"
	"fmt"
	"html/template"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"slices"
	"strings"

	_ "embed"
)

// A Lesson is one of the page /learn.
type Lesson struct{ ID, Title, About string }

// Config is what a site is made of.
type Config struct {
	// Root is the checkout.
	Root fs.FS
	// Learn is the page /learn, with its stepper.
	Learn fs.FS
	// Lessons are listed on the first page.
	Lessons []Lesson
	// Documents are those that each page links to, as paths in Root; see [Documents].
	Documents []string
}

// Documents finds the documents of a checkout: README.md, those in docs/, and the algorithm's.
func Documents(root fs.FS) ([]string, error) {
	docs, err := fs.Glob(root, "docs/*.md")
	if err != nil {
		return nil, err
	}
	return append([]string{"README.md", "token/DESIGN.md"}, docs...), nil
}

//go:embed style.css
var style []byte

//go:embed page.html
var pageText string

var pageTemplate = template.Must(template.New("page").Parse(pageText))

// page is what the template shows.
type page struct {
	Title   string
	Up      string // from the page to the site's root
	Menu    []entry
	Lessons []Lesson
	Body    template.HTML
}

// entry is a document in the menu.
type entry struct {
	Title, Address string
	Here           bool
}

// site is a site that is being written.
type site struct {
	Config
	out    string
	titles map[string]string
	done   map[string]bool // what is written or waits, by path in the checkout
	queue  []string
	faults []error
}

// Write writes the site into a folder, which is made.
func Write(out string, cfg Config) error {
	if _, err := fs.Stat(cfg.Learn, "stepper.wasm.gz"); err != nil {
		return fmt.Errorf("the stepper of the page /learn is missing: %w; run make learn", err)
	}
	s := &site{Config: cfg, out: out, titles: make(map[string]string), done: make(map[string]bool)}
	for _, doc := range cfg.Documents {
		text, err := fs.ReadFile(cfg.Root, doc)
		if err != nil {
			return err
		}
		s.titles[doc] = titleOf(text, doc)
		if doc == "README.md" {
			s.titles[doc] = "README" // its heading is the project's name, as that of the first page
		}
		s.want(doc)
	}
	s.index()
	for len(s.queue) > 0 {
		name := s.queue[0]
		s.queue = s.queue[1:]
		if err := s.one(name); err != nil {
			s.faults = append(s.faults, fmt.Errorf("%s: %w", name, err))
		}
	}
	s.faults = append(s.faults, s.put("style.css", style), s.learn())
	return errors.Join(s.faults...)
}

// want has a file or folder of the checkout written.
func (s *site) want(name string) {
	if !s.done[name] {
		s.done[name] = true
		s.queue = append(s.queue, name)
	}
}

// one writes a file or folder of the checkout.
func (s *site) one(name string) error {
	info, err := fs.Stat(s.Root, name)
	if err != nil {
		return err
	}
	if info.IsDir() {
		return s.folder(name)
	}
	text, err := fs.ReadFile(s.Root, name)
	if err != nil {
		return err
	}
	switch {
	case path.Ext(name) == ".md":
		body, err := s.render(name, text)
		if err != nil {
			return err
		}
		return s.page(name, titleOf(text, name), body)
	case isPicture(name):
		return s.put(name, text)
	}
	body := "<h1>" + template.HTMLEscapeString(name) + "</h1>\n<pre tabindex=\"0\"><code>" + template.HTMLEscapeString(string(text)) + "</code></pre>"
	return s.page(name, name, template.HTML(body)) //nolint:gosec // it is escaped just above
}

// folder writes a list of the files of a folder, below what its package says of itself.
func (s *site) folder(name string) error {
	entries, err := fs.ReadDir(s.Root, name)
	if err != nil {
		return err
	}
	var body strings.Builder
	fmt.Fprintf(&body, "<h1>%s</h1>\n", template.HTMLEscapeString(name+"/"))
	if doc, err := fs.ReadFile(s.Root, path.Join(name, "doc.go")); err == nil {
		fmt.Fprintf(&body, "<pre tabindex=\"0\">%s</pre>\n", template.HTMLEscapeString(packageComment(string(doc))))
	}
	body.WriteString("<ul>\n")
	for _, e := range entries {
		fmt.Fprintf(&body, "<li>%s</li>\n", template.HTMLEscapeString(e.Name()))
	}
	body.WriteString("</ul>")
	return s.page(name, name+"/", template.HTML(body.String())) //nolint:gosec // it is escaped above
}

// packageComment is the comment above the package clause.
func packageComment(source string) string {
	var lines []string
	for line := range strings.Lines(source) {
		text, isComment := strings.CutPrefix(line, "//")
		if !isComment {
			break
		}
		lines = append(lines, strings.TrimPrefix(text, " "))
	}
	return strings.Join(lines, "")
}

// index writes the first page.
func (s *site) index() {
	s.faults = append(s.faults, s.write("index.html", page{Title: "conch", Lessons: s.Lessons, Menu: s.menu("index.html", "")}))
}

// page writes a page that shows a file or folder of the checkout.
func (s *site) page(name, title string, body template.HTML) error {
	return s.write(s.address(name), page{Title: title + " · conch", Menu: s.menu(s.address(name), name), Body: body})
}

// address is where a file or folder of the checkout is found in the site.
func (s *site) address(name string) string {
	info, err := fs.Stat(s.Root, name)
	switch {
	case err == nil && info.IsDir():
		return path.Join(name, "folder.html")
	case isPicture(name):
		return name
	}
	return strings.TrimSuffix(name, ".md") + ".html"
}

// isPicture reports whether a browser shows the file by itself.
func isPicture(name string) bool {
	return slices.Contains([]string{".png", ".svg", ".pdf"}, path.Ext(name))
}

// menu links all documents, as seen from a page.
func (s *site) menu(from, here string) (list []entry) {
	for _, doc := range s.Documents {
		list = append(list, entry{s.titles[doc], relative(from, s.address(doc)), doc == here})
	}
	return list
}

// relative is the address of a page as seen from another.
func relative(from, to string) string {
	return strings.Repeat("../", strings.Count(from, "/")) + to
}

func (s *site) write(name string, p page) error {
	p.Up = relative(name, "")
	var text bytes.Buffer
	if err := pageTemplate.Execute(&text, p); err != nil {
		return err
	}
	return s.put(name, text.Bytes())
}

// put writes a file of the site.
func (s *site) put(name string, data []byte) error {
	file := filepath.Join(s.out, filepath.FromSlash(name))
	if err := os.MkdirAll(filepath.Dir(file), 0o755); err != nil {
		return err
	}
	return os.WriteFile(file, data, 0o644) //nolint:gosec // a web server is to read it
}

// learn writes the page /learn.
func (s *site) learn() error {
	names := []string{"stepper.wasm.gz", "wasm_exec.js"}
	static, err := fs.Glob(s.Learn, "*")
	if err != nil {
		return err
	}
	for _, name := range append(names, static...) {
		data, err := fs.ReadFile(s.Learn, name)
		if err != nil {
			return err
		}
		if err := s.put("learn/"+name, data); err != nil {
			return err
		}
	}
	return nil
}
