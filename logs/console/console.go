package console

import (
	"bytes"
	"fmt"
	"io"
	"slices"
	"strings"
	"time"

	"github.com/rs/zerolog"
)

// Writer shows a log's lines to people: the time of day, what happened, and what it
// happened with.
type Writer struct{ one zerolog.ConsoleWriter }

// New returns a Writer for a terminal.
func New(out io.Writer) Writer { return Writer{format(out)} }

// hidden are the keys that say nothing new to a reader of a line.
var hidden = []string{"node", "event", "incarnation"}

func format(out io.Writer) zerolog.ConsoleWriter {
	return zerolog.ConsoleWriter{
		Out:           out,
		TimeFormat:    "15:04:05.000",
		FieldsExclude: hidden,
		FieldsOrder:   []string{"lock", "peer", "remote", "number", "fence", "epoch", "hop", "RN", "LN", "Q"},
		FormatPrepare: abbreviate,
	}
}

// Write shows some lines.
func (c Writer) Write(lines []byte) (int, error) {
	for line := range bytes.Lines(lines) {
		if _, err := c.one.Write(line); err != nil {
			return 0, err
		}
	}
	return len(lines), nil
}

// Line returns what a terminal shows of one line, without colours, without the level
// and without these keys. The time is in UTC.
func Line(line []byte, without ...string) string {
	var out strings.Builder
	one := format(&out)
	one.NoColor = true
	one.TimeLocation = time.UTC
	one.PartsExclude = []string{zerolog.LevelFieldName}
	one.FieldsExclude = append(slices.Clone(hidden), without...)
	if _, err := one.Write(line); err != nil {
		return string(line) // it is no JSON
	}
	return strings.TrimRight(out.String(), " \n")
}

// messageColumns is as wide as the longest message that occurs often.
const messageColumns = len("entered the critical section")

// abbreviate makes a line fit for a terminal: it lines up the messages, gives what
// the paper has a symbol for that symbol, and leaves the session out of request
// numbers, so that SESSION.COUNT becomes COUNT.
func abbreviate(line map[string]any) error {
	if message, ok := line["message"].(string); ok {
		line["message"] = fmt.Sprintf("%-*s", messageColumns, message)
	}
	if number, ok := line["number"].(string); ok {
		line["number"] = countOf(number)
	}
	for key, symbol := range map[string]string{"request_numbers": "RN", "last_granted": "LN", "queue": "Q"} {
		list, ok := line[key].([]any)
		if !ok {
			continue
		}
		texts := make([]string, len(list))
		for i, element := range list {
			texts[i] = fmt.Sprint(element)
			if key != "queue" {
				texts[i] = countOf(texts[i])
			}
		}
		delete(line, key)
		line[symbol] = "[" + strings.Join(texts, ",") + "]"
	}
	return nil
}

// countOf returns the COUNT of SESSION.COUNT.
func countOf(number string) string { return number[strings.LastIndexByte(number, '.')+1:] }
