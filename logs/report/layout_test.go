package report

import (
	"fmt"
	"io"
	"strings"
	"testing"

	"conch/logs"
)

// layout draws a document and returns the drawn elements and the number of pages.
func layout(t *testing.T, d *Document) (drawn []element, pages int) {
	t.Helper()
	p := newPrinter(d)
	p.drawn = func(e element) { drawn = append(drawn, e) }
	if err := d.print(p, io.Discard, nil); err != nil {
		t.Fatal(err)
	}
	return drawn, p.pdf.PageCount()
}

// checkLayout checks the drawn elements against the rules of a page.
func checkLayout(t *testing.T, drawn []element, pages int) {
	t.Helper()
	const slack = 0.1
	lowest := make([]float64, pages+1)
	for _, e := range drawn {
		right := pageWidth - sideMargin
		if e.kind == "appendix" {
			right = pageWidth - appendixSide
		}
		if e.box > 0 {
			right = e.box
		}
		if e.x+e.width > right+slack || e.y < topMargin-slack || e.y+e.height > textBottom+slack {
			t.Errorf("page %d: %s %q is drawn from %.0f,%.0f to %.0f,%.0f; it ends at %.0f at most", e.page, e.kind, e.text, e.x, e.y, e.x+e.width, e.y+e.height, right)
		}
		if want := map[string]float64{"paragraph": bodySize, "quote": e.size, "cell": tableSize, "appendix": appendixSize}[e.kind]; want != 0 && e.size != want {
			t.Errorf("page %d: %s %q is of size %.1f, want %.1f", e.page, e.kind, e.text, e.size, want)
		}
		lowest[e.page] = max(lowest[e.page], e.y+e.height)
	}
	for i, e := range drawn {
		if e.kind != "heading" {
			continue
		}
		followed := false
		for _, below := range drawn[i+1:] {
			if below.page == e.page && below.kind != "heading" && below.y >= e.y+e.height-slack {
				followed = true
				break
			}
		}
		if !followed {
			t.Errorf("page %d: nothing stands below the heading %q", e.page, e.text)
		}
	}
	for page := 1; page <= pages; page++ {
		if share := (lowest[page] - topMargin) / (textBottom - topMargin); share < 0.3 && pages > 1 {
			t.Errorf("page %d is filled to %.0f %%", page, 100*share)
		}
	}
	checkOverlaps(t, drawn)
}

// checkOverlaps reports rows of text that overlap each other or a figure.
func checkOverlaps(t *testing.T, drawn []element) {
	t.Helper()
	const slack = 0.5
	byPage := make(map[int][]element)
	for _, e := range drawn {
		byPage[e.page] = append(byPage[e.page], e)
	}
	for page, all := range byPage {
		for i, a := range all {
			for _, b := range all[i+1:] {
				if a.y+a.height > b.y+slack && b.y+b.height > a.y+slack && a.x+a.width > b.x+slack && b.x+b.width > a.x+slack {
					t.Errorf("page %d: %q lies on %q", page, a.text, b.text)
				}
			}
		}
	}
}

func TestLayout(t *testing.T) {
	for name, in := range map[string]Input{
		"kept runs":   input(t),
		"real runs":   {Run: sample(t, "node*.log"), Crash: sample(t, "kill/node*.log"), Command: "bin/conch report " + strings.Repeat("a-long-name.log ", 30)},
		"a death":     {Run: sample(t, "kill/node*.log"), Authors: []string{strings.Repeat("A. Student ", 20)}, Repository: "https://example.org/" + strings.Repeat("long/", 40)},
		"streams cut": {Run: scene(t, "streams-cut")},
		"a violation": {Run: scene(t, "two-inside"), Problems: []string{strings.Repeat("something is wrong with a file ", 40)}},
		"no run":      {Problems: []string{"there is no line"}},
	} {
		t.Run(name, func(t *testing.T) {
			d, _ := Build(in)
			drawn, pages := layout(t, d)
			checkLayout(t, drawn, pages)
		})
	}
}

// TestLayoutWherever moves the text down row by row, so that each heading comes to the end
// of a page once.
func TestLayoutWherever(t *testing.T) {
	d, _ := Build(Input{Run: scene(t, "contended"), Crash: scene(t, "recovery")})
	d.Appendices = d.Appendices[:1]
	first := d.First
	for rows := range 42 {
		d.First = first
		for range rows {
			d.First = append([]Block{Paragraph("A row of text.")}, d.First...)
		}
		drawn, pages := layout(t, d)
		checkLayout(t, drawn, pages)
		if t.Failed() {
			t.Fatalf("with %d rows more", rows)
		}
	}
}

// TestLastPages: whatever the number of rows, no page of an appendix is nearly blank.
func TestLastPages(t *testing.T) {
	const whole = 120
	for first := 0; first <= whole; first += 7 {
		for rows := 1; rows < 5*whole; rows++ {
			p := newPages(rows, first, whole)
			filled := []int{0}
			for range rows {
				if p.full() {
					filled = append(filled, 0)
				}
				filled[len(filled)-1]++
			}
			if filled[0] > first {
				t.Fatalf("%d rows from %d on: %v", rows, first, filled)
			}
			for i, n := range filled[1:] {
				least := int(leastLast * whole)
				if n > whole || n < least && rows >= least && filled[0] > 0 {
					t.Fatalf("%d rows, of which %d fit on the first page: page %d has %d", rows, first, i+2, n)
				}
			}
		}
	}
}

// TestUndrawable: characters that the fonts lack are replaced and reported.
func TestUndrawable(t *testing.T) {
	text := strings.ReplaceAll(mergedText(t, "contended"), `"lock":"cs"`, `"lock":"日程 🐚`+"\u0007"+`"`)
	text = strings.ReplaceAll(text, "\u0007", "")
	d, verdict := Build(Input{Run: read(t, map[string]string{"a.log": text}), Authors: []string{"Zoë Šimková", "🐚"}})
	if verdict != logs.Holds {
		t.Errorf("verdict %s", verdict)
	}
	if got, want := fmt.Sprint(d.Undrawable()), "[[U+65E5] [U+7A0B] [U+1F41A]]"; got != want {
		t.Errorf("reported are %s, want %s", got, want)
	}
	drawn, pages := layout(t, d)
	checkLayout(t, drawn, pages)
	var page1, appendix strings.Builder
	for _, e := range drawn {
		if e.page == 1 {
			page1.WriteString(e.text + " ")
		}
		if e.kind == "appendix" {
			appendix.WriteString(e.text)
		}
		if i := strings.IndexFunc(e.text, func(r rune) bool { return !newGlyphs().has(r) }); i >= 0 {
			t.Errorf("%q is drawn", e.text)
		}
	}
	for _, want := range []string{"Zoë Šimková", "[U+1F41A]", "lack 3 characters, shown by code: [U+65E5], [U+7A0B], [U+1F41A]"} {
		if !strings.Contains(page1.String(), want) {
			t.Errorf("the first page does not have %q: %s", want, page1.String())
		}
	}
	if !strings.Contains(appendix.String(), `[U+65E5][U+7A0B] [U+1F41A]`) {
		t.Error("the appendix does not have the codes")
	}
}
