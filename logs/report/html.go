package report

import (
	"bufio"
	"bytes"
	"fmt"
	"html"
	"io"
	"strings"
)

// style is the page's. The page refers to nothing outside itself.
const style = `body{font:16px/1.5 sans-serif;max-width:62rem;margin:2rem auto;padding:0 1rem;color:#111;background:#fff}
pre{font:12px/1.4 monospace;background:#f4f4f4;padding:.6rem;white-space:pre-wrap;overflow-wrap:anywhere}
table{border-collapse:collapse;font-size:14px;width:100%}
th,td{border:1px solid #bbb;padding:.2rem .5rem;text-align:left;vertical-align:top}
caption,figcaption{text-align:left;font-size:14px;padding:.3rem 0}
svg{max-width:100%;height:auto}
.warning{border:2px solid #b00;padding:.5rem 1rem}
.appendix{font-size:10px}
@media print{body{max-width:none}}
`

// HTML writes the document as one HTML page, with its figures in it.
func (d *Document) HTML(w io.Writer, progress Progress) error {
	h := &page{out: bufio.NewWriter(w)}
	h.printf("<!DOCTYPE html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n<meta name=\"viewport\" content=\"width=device-width\">\n<title>%s</title>\n<style>\n%s</style>\n</head>\n<body>\n",
		html.EscapeString(d.Title), style)
	h.printf("<h1>%s</h1>\n", html.EscapeString(d.Title))
	if len(d.Authors) > 0 {
		h.printf("<p>By %s</p>\n", html.EscapeString(strings.Join(d.Authors, ", ")))
	}
	if d.Repository != "" {
		address := html.EscapeString(d.Repository)
		if strings.HasPrefix(address, "https://") || strings.HasPrefix(address, "http://") {
			address = fmt.Sprintf("<a href=\"%s\">%s</a>", address, address)
		}
		h.printf("<p>Repository: %s</p>\n", address)
	}
	if err := h.blocks(d.First); err != nil {
		return err
	}
	h.contents(d)
	for i, s := range d.Sections {
		h.printf("<h2 id=\"section-%d\">%d. %s</h2>\n", i+1, i+1, html.EscapeString(s.Title))
		if err := h.blocks(s.Blocks); err != nil {
			return err
		}
	}
	count := progress.begin(d.lines())
	for _, a := range d.Appendices {
		h.printf("<h2 id=\"appendix-%d\">%s</h2>\n<p>%s</p>\n<pre class=\"appendix\">\n", a.Number, html.EscapeString(a.Heading()), html.EscapeString(a.Introduction()))
		for i, e := range a.Events {
			at := reference(a.Number, i+1)
			h.printf("<span id=\"%s\">%s</span> %s\n", at, at, html.EscapeString(string(e.Raw)))
			count()
		}
		h.printf("</pre>\n")
	}
	h.printf("</body>\n</html>\n")
	return h.out.Flush() // has the first error
}

type page struct{ out *bufio.Writer }

func (h *page) printf(format string, args ...any) { fmt.Fprintf(h.out, format, args...) }

func (h *page) contents(d *Document) {
	h.printf("<h2>Contents</h2>\n<ul>\n")
	for i, s := range d.Sections {
		h.printf("<li><a href=\"#section-%d\">%d. %s</a></li>\n", i+1, i+1, html.EscapeString(s.Title))
	}
	for _, a := range d.Appendices {
		h.printf("<li><a href=\"#appendix-%d\">%s</a></li>\n", a.Number, html.EscapeString(a.Heading()))
	}
	h.printf("</ul>\n")
}

func (h *page) blocks(blocks []Block) error {
	for _, block := range blocks {
		switch b := block.(type) {
		case Paragraph:
			h.printf("<p>%s</p>\n", html.EscapeString(string(b)))
		case Subtitle:
			h.printf("<h3>%s</h3>\n", html.EscapeString(string(b)))
		case Code:
			h.printf("<pre>%s</pre>\n", html.EscapeString(string(b)))
		case Warning:
			h.printf("<div class=\"warning\">\n<p><strong>%s</strong></p>\n<ul>\n", html.EscapeString(b.Title))
			for _, problem := range b.Problems {
				h.printf("<li>%s</li>\n", html.EscapeString(problem))
			}
			h.printf("</ul>\n</div>\n")
		case Quote:
			h.printf("<pre>")
			for _, line := range b {
				h.printf("<a href=\"#%s\">%s</a> %s %s\n", line.Reference(), line.Reference(), line.Node, html.EscapeString(line.Text))
			}
			h.printf("</pre>\n")
		case Table:
			h.table(b)
		case Figure:
			var svg bytes.Buffer
			if err := b.Picture.Write(&svg, "svg"); err != nil {
				return err
			}
			drawing := svg.String()
			h.printf("<figure>\n%s<figcaption>%s</figcaption>\n</figure>\n", drawing[max(0, strings.Index(drawing, "<svg")):], html.EscapeString(b.Caption))
		}
	}
	return nil
}

func (h *page) table(t Table) {
	row := func(tag string, cells []string) {
		h.printf("<tr>")
		for _, cell := range cells {
			h.printf("<%s>%s</%s>", tag, html.EscapeString(cell), tag)
		}
		h.printf("</tr>\n")
	}
	h.printf("<table>\n<caption>%s</caption>\n", html.EscapeString(t.Caption))
	row("th", t.Head)
	for _, cells := range t.Rows {
		row("td", cells)
	}
	h.printf("</table>\n")
}
