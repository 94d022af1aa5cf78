package site

import (
	"bytes"
	"fmt"
	"html/template"
	"io/fs"
	"net/url"
	"path"
	"regexp"
	"strings"

	"github.com/yuin/goldmark"
	"github.com/yuin/goldmark/ast"
	"github.com/yuin/goldmark/extension"
	"github.com/yuin/goldmark/parser"
	"github.com/yuin/goldmark/text"
)

var markdown = goldmark.New(
	goldmark.WithExtensions(extension.Table, extension.Strikethrough, extension.Linkify),
	goldmark.WithParserOptions(parser.WithAutoHeadingID()),
)

// titleOf is a document's first heading.
func titleOf(document []byte, name string) string {
	for line := range strings.Lines(string(document)) {
		if title, found := strings.CutPrefix(line, "# "); found {
			return strings.TrimSpace(title)
		}
	}
	return name
}

// render renders a document, and has what it links to written as well.
func (s *site) render(name string, document []byte) (template.HTML, error) {
	tree := markdown.Parser().Parse(text.NewReader(document))
	err := ast.Walk(tree, func(node ast.Node, entering bool) (ast.WalkStatus, error) {
		if !entering {
			return ast.WalkContinue, nil
		}
		switch n := node.(type) {
		case *ast.Link:
			n.Destination = s.link(name, n.Destination)
		case *ast.Image:
			n.Destination = s.link(name, n.Destination)
		}
		return ast.WalkContinue, nil
	})
	if err != nil {
		return "", err
	}
	var body bytes.Buffer
	if err := markdown.Renderer().Render(&body, document, tree); err != nil {
		return "", err
	}
	return template.HTML(emptyHead.ReplaceAllString(reachable.Replace(body.String()), "<td></td>")), nil //nolint:gosec // goldmark leaves HTML out
}

// reachable lets the keyboard scroll what may be wider than the window. In a rendered
// document each < begins an element.
var reachable = strings.NewReplacer(
	"<table>", `<div class="scroll" tabindex="0" role="region" aria-label="Table"><table>`,
	"</table>", "</table></div>",
	"<pre>", `<pre tabindex="0">`,
)

// emptyHead is a header cell that heads nothing, which is no header.
var emptyHead = regexp.MustCompile(`<th(?: style="[^"]*")?></th>`)

// link is where a document's link leads in the site.
func (s *site) link(from string, destination []byte) []byte {
	address, err := url.Parse(string(destination))
	if err != nil || address.IsAbs() || address.Path == "" {
		return destination
	}
	target := path.Join(path.Dir(from), address.Path)
	if !fs.ValidPath(target) {
		s.faults = append(s.faults, fmt.Errorf("%s: the link %s leads out of the checkout", from, destination))
		return destination
	}
	if _, err := fs.Stat(s.Root, target); err != nil {
		s.faults = append(s.faults, fmt.Errorf("%s: the link %s leads nowhere: %w", from, destination, err))
		return destination
	}
	s.want(target)
	found := relative(s.address(from), s.address(target))
	if address.Fragment != "" {
		found += "#" + address.Fragment
	}
	return []byte(found)
}
