package render

import (
	"fmt"
	"strconv"
	"strings"
	"text/tabwriter"
	"time"

	clientv1 "conch/proto/conch/client/v1"
)

// Plain returns text unchanged if a terminal shows each of its characters, and quoted
// otherwise, so that it can neither move the cursor nor look like several lines.
func Plain(text string) string {
	for _, r := range text {
		if !strconv.IsPrint(r) || r == '\uFFFD' {
			return strconv.Quote(text)
		}
	}
	return text
}

// word returns text as Plain does, but also quotes it if it could be taken for something
// else among other words: nothing, a dash, several words, or quoted text.
func word(text string) string {
	if text == "" || text == none || strings.ContainsAny(text, ` "\`) {
		return strconv.Quote(text)
	}
	return Plain(text)
}

// none stands in an empty cell of a table.
const none = "-"

// orNone is for the cells of tables.
func orNone(text string) string {
	if text == "" {
		return none
	}
	return Plain(text)
}

// describe describes a client in a sentence: "root on web1 (process 42)".
func describe(c *clientv1.Client) string {
	var b strings.Builder
	switch {
	case c.GetUser() != "" && c.GetHost() != "":
		fmt.Fprintf(&b, "%s on %s", word(c.GetUser()), word(c.GetHost()))
	case c.GetUser() != "":
		b.WriteString(word(c.GetUser()))
	case c.GetHost() != "":
		fmt.Fprintf(&b, "Someone on %s", word(c.GetHost()))
	default:
		b.WriteString("Someone")
	}
	if c.GetPid() != 0 {
		fmt.Fprintf(&b, " (process %d)", c.GetPid())
	}
	return b.String()
}

// brief describes a client in a table: "root@web1:42".
func brief(c *clientv1.Client) string {
	var b strings.Builder
	if c.GetUser() != "" {
		fmt.Fprintf(&b, "%s@", word(c.GetUser()))
	}
	if c.GetHost() != "" {
		b.WriteString(word(c.GetHost()))
	}
	if c.GetPid() != 0 {
		fmt.Fprintf(&b, ":%d", c.GetPid())
	}
	if b.Len() == 0 {
		return none
	}
	return b.String()
}

// span writes a duration in nanoseconds with its two largest units: 0.4s, 9.9s, 42s, 3m12s,
// 5h03m, 4d07h. Negative ones are written as zero.
func span(ns int64) string {
	const day = 24 * time.Hour
	d := max(time.Duration(ns), 0)
	switch {
	case d < 10*time.Second:
		tenths := d / (100 * time.Millisecond)
		return fmt.Sprintf("%d.%ds", tenths/10, tenths%10)
	case d < time.Minute:
		return fmt.Sprintf("%ds", d/time.Second)
	case d < time.Hour:
		return fmt.Sprintf("%dm%02ds", d/time.Minute, d%time.Minute/time.Second)
	case d < day:
		return fmt.Sprintf("%dh%02dm", d/time.Hour, d%time.Hour/time.Minute)
	default:
		return fmt.Sprintf("%dd%02dh", d/day, d%day/time.Hour)
	}
}

// counted writes a number with its noun: "1 member", "3 members".
func counted(n int, thing string) string {
	if n == 1 {
		return "1 " + thing
	}
	return fmt.Sprintf("%d %ss", n, thing)
}

// table lays out rows of cells, headings first, without blanks at the ends of lines.
func table(b *strings.Builder, rows [][]string) {
	var laid strings.Builder
	w := tabwriter.NewWriter(&laid, 0, 0, 2, ' ', 0)
	for _, row := range rows {
		fmt.Fprintln(w, strings.Join(row, "\t"))
	}
	w.Flush()
	for line := range strings.Lines(laid.String()) {
		b.WriteString(strings.TrimRight(line, " \n"))
		b.WriteByte('\n')
	}
}

// columns is the width of text for people, if possible.
const columns = 79

// paragraph breaks text into lines at its spaces. The first line begins with
// first, the others with as many spaces.
func paragraph(first, text string) string {
	var b strings.Builder
	b.WriteString(first)
	indent := len([]rune(first))
	column := indent
	for i, part := range strings.Split(text, " ") {
		width := len([]rune(part))
		switch {
		case i == 0:
		case column+1+width > columns:
			fmt.Fprintf(&b, "\n%*s", indent, "")
			column = indent
		default:
			b.WriteByte(' ')
			column++
		}
		b.WriteString(part)
		column += width
	}
	b.WriteByte('\n')
	return b.String()
}
