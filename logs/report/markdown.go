package report

import (
	"bufio"
	"fmt"
	"io"
	"strings"

	"conch/logs/draw"
)

// SaveFigure puts a figure where a Markdown text can refer to it, and returns the
// reference.
type SaveFigure func(name string, picture *draw.Picture) (href string, err error)

// Markdown writes the document as Markdown. Figures go through save.
func (d *Document) Markdown(w io.Writer, save SaveFigure, progress Progress) error {
	m := &markdown{out: bufio.NewWriter(w), save: save}
	m.printf("# %s\n\n", d.Title)
	if len(d.Authors) > 0 {
		m.printf("By %s\n\n", strings.Join(d.Authors, ", "))
	}
	if d.Repository != "" {
		m.printf("Repository: <%s>\n\n", d.Repository)
	}
	if err := m.blocks(d.First); err != nil {
		return err
	}
	for i, s := range d.Sections {
		m.printf("## %d. %s\n\n", i+1, s.Title)
		if err := m.blocks(s.Blocks); err != nil {
			return err
		}
	}
	count := progress.begin(d.lines())
	for _, a := range d.Appendices {
		m.printf("## %s\n\n%s\n\n", a.Heading(), a.Introduction())
		m.printf("```text\n")
		for i, e := range a.Events {
			m.printf("%s %s\n", reference(a.Number, i+1), e.Raw)
			count()
		}
		m.printf("```\n\n")
	}
	return m.out.Flush() // has the first error
}

type markdown struct {
	out  *bufio.Writer
	save SaveFigure
}

func (m *markdown) printf(format string, args ...any) { fmt.Fprintf(m.out, format, args...) }

// plain keeps a text from being read as Markdown.
func plain(text string) string {
	return strings.NewReplacer(`\`, `\\`, "`", "\\`", "*", `\*`, "_", `\_`, "<", "&lt;", "|", `\|`, "[", `\[`, "]", `\]`, "#", `\#`).Replace(text)
}

func (m *markdown) blocks(blocks []Block) error {
	for _, block := range blocks {
		switch b := block.(type) {
		case Paragraph:
			text := plain(string(b))
			if number, rest, found := strings.Cut(text, ". "); found && strings.Trim(number, "0123456789") == "" {
				text = number + `\. ` + rest // not a list, whose items quotes would tear apart
			}
			m.printf("%s\n\n", text)
		case Subtitle:
			m.printf("### %s\n\n", plain(string(b)))
		case Code:
			m.printf("```sh\n%s\n```\n\n", b)
		case Warning:
			m.printf("> **%s**\n", plain(b.Title))
			for _, problem := range b.Problems {
				m.printf(">\n> - %s\n", plain(strings.ReplaceAll(problem, "\n", " ")))
			}
			m.printf("\n")
		case Quote:
			m.printf("```text\n")
			for _, line := range b {
				m.printf("%s %s %s\n", line.Reference(), line.Node, line.Text)
			}
			m.printf("```\n\n")
		case Table:
			m.table(b)
		case Figure:
			href, err := m.save(b.Name, b.Picture)
			if err != nil {
				return err
			}
			m.printf("![%s](%s)\n\n%s\n\n", plain(b.Caption), href, plain(b.Caption))
		}
	}
	return nil
}

func (m *markdown) table(t Table) {
	row := func(cells []string) {
		for _, cell := range cells {
			m.printf("| %s ", plain(cell))
		}
		m.printf("|\n")
	}
	m.printf("%s\n\n", plain(t.Caption))
	row(t.Head)
	m.printf("%s|\n", strings.Repeat("|---", len(t.Head)))
	for _, cells := range t.Rows {
		row(cells)
	}
	m.printf("\n")
}
