package page

import (
	"fmt"
	"io"
	"strings"
	"unicode/utf8"

	"conch/bench/internal/contest"
)

// table is a Markdown table whose columns are aligned, so that it reads well as text.
// The first column is for words, the others are for figures.
type table struct {
	heads []string
	rows  [][]string
}

func (t *table) add(cells ...string) { t.rows = append(t.rows, cells) }

func (t *table) write(w io.Writer) {
	widths := make([]int, len(t.heads))
	for _, row := range append([][]string{t.heads}, t.rows...) {
		for i, cell := range row {
			widths[i] = max(widths[i], utf8.RuneCountInString(cell), len("--:"))
		}
	}
	line := func(cells []string) {
		for i, cell := range cells {
			blank := strings.Repeat(" ", widths[i]-utf8.RuneCountInString(cell))
			if i == 0 {
				cell += blank
			} else {
				cell = blank + cell
			}
			fmt.Fprintf(w, "| %s ", cell)
		}
		fmt.Fprintln(w, "|")
	}
	line(t.heads)
	for i, width := range widths {
		if i == 0 {
			fmt.Fprintf(w, "|-%s-", strings.Repeat("-", width))
		} else {
			fmt.Fprintf(w, "|-%s:", strings.Repeat("-", width))
		}
	}
	fmt.Fprintln(w, "|")
	for _, row := range t.rows {
		line(row)
	}
	fmt.Fprintln(w)
}

// number writes three significant digits, and more only of whole numbers.
func number(x float64) string {
	switch {
	case x >= 1000:
		digits := fmt.Sprintf("%.0f", x)
		for i := len(digits) - 3; i > 0; i -= 3 {
			digits = digits[:i] + "," + digits[i:]
		}
		return digits
	case x >= 100:
		return fmt.Sprintf("%.0f", x)
	case x >= 10:
		return fmt.Sprintf("%.1f", x)
	case x >= 0.1 || x == 0:
		return fmt.Sprintf("%.2f", x)
	default:
		return fmt.Sprintf("%.2g", x)
	}
}

// spread writes a figure and its spread.
func spread(s contest.Spread, unit string) string {
	switch s.Rounds {
	case 0:
		return "–"
	case 1:
		return number(s.Median) + unit
	default:
		return fmt.Sprintf("%s%s (%s..%s)", number(s.Median), unit, number(s.Least), number(s.Most))
	}
}
