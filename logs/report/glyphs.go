package report

import (
	"fmt"
	"slices"
	"strings"
	"sync"

	"codeberg.org/go-fonts/liberation/liberationmonoregular"
	"codeberg.org/go-fonts/liberation/liberationsansbold"
	"codeberg.org/go-fonts/liberation/liberationsansregular"
	"golang.org/x/image/font/sfnt"
)

// fonts are those of the PDF.
var fonts = sync.OnceValue(func() []*sfnt.Font {
	var all []*sfnt.Font
	for _, file := range [][]byte{liberationsansregular.TTF, liberationsansbold.TTF, liberationmonoregular.TTF} {
		font, err := sfnt.Parse(file)
		if err != nil {
			panic(fmt.Sprintf("a font of this program cannot be read: %v", err))
		}
		all = append(all, font)
	}
	return all
})

// glyphs tells which characters the fonts can draw.
type glyphs struct {
	buffer sfnt.Buffer
	known  map[rune]bool
}

func newGlyphs() *glyphs { return &glyphs{known: make(map[rune]bool)} }

// has reports whether all the fonts have a character.
func (g *glyphs) has(r rune) bool {
	if r >= ' ' && r <= '~' {
		return true
	}
	drawable, seen := g.known[r]
	if !seen {
		drawable = r <= 0xFFFF // the library that makes the file knows no more
		for _, font := range fonts() {
			index, err := font.GlyphIndex(&g.buffer, r)
			drawable = drawable && err == nil && index != 0
		}
		g.known[r] = drawable
	}
	return drawable
}

// text returns a text that can be drawn: a character that no font has is replaced by
// its code.
func (g *glyphs) text(text string) string {
	if strings.IndexFunc(text, func(r rune) bool { return !g.has(r) }) < 0 {
		return text
	}
	var out strings.Builder
	for _, r := range text {
		switch {
		case g.has(r):
			out.WriteRune(r)
		case r == '\t' || r == '\n' || r == '\r':
			out.WriteByte(' ')
		default:
			out.WriteString(code(r))
		}
	}
	return out.String()
}

func code(r rune) string { return fmt.Sprintf("[U+%04X]", r) }

// Undrawable returns the codes of the characters that the PDF has in place of the
// characters themselves, because its fonts do not have them.
func (d *Document) Undrawable() []string {
	g := newGlyphs()
	found := make(map[rune]bool)
	d.eachText(func(text string) {
		for _, r := range text {
			if r != '\t' && r != '\n' && r != '\r' && !g.has(r) {
				found[r] = true
			}
		}
	})
	var all []rune
	for r := range found {
		all = append(all, r)
	}
	slices.Sort(all)
	var codes []string
	for _, r := range all {
		codes = append(codes, code(r))
	}
	return codes
}

// eachText calls visit with all that the PDF shows.
func (d *Document) eachText(visit func(string)) {
	visit(d.Title + d.Repository + strings.Join(d.Authors, ""))
	blocks := slices.Clone(d.First)
	for _, s := range d.Sections {
		visit(s.Title)
		blocks = append(blocks, s.Blocks...)
	}
	for _, block := range blocks {
		eachTextOf(block, visit)
	}
	for _, a := range d.Appendices {
		for _, e := range a.Events {
			visit(string(e.Raw))
		}
	}
}

func eachTextOf(block Block, visit func(string)) {
	switch b := block.(type) {
	case Paragraph:
		visit(string(b))
	case Subtitle:
		visit(string(b))
	case Code:
		visit(string(b))
	case Warning:
		visit(b.Title + strings.Join(b.Problems, ""))
	case Quote:
		for _, line := range b {
			visit(line.Text)
		}
	case Table:
		visit(b.Caption + strings.Join(b.Head, ""))
		for _, row := range b.Rows {
			visit(strings.Join(row, ""))
		}
	case Figure:
		visit(b.Caption)
		for _, e := range b.Picture.Elements {
			visit(e.Text)
		}
	}
}

// maxCodes is how many codes the first page lists.
const maxCodes = 20

// undrawn says on the first page which characters are shown by their codes.
func undrawn(codes []string) Warning {
	listed := strings.Join(codes[:min(len(codes), maxCodes)], ", ")
	if len(codes) > maxCodes {
		listed += fmt.Sprintf(" and %d more", len(codes)-maxCodes)
	}
	return Warning{Title: "About this PDF", Problems: []string{fmt.Sprintf(
		"Its fonts lack %s, shown by code: %s. The files have what was written.", count(len(codes), "character", "characters"), listed)}}
}
