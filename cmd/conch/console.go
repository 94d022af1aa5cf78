package main

import (
	"bytes"
	"fmt"
	"io"
	"strings"

	"github.com/rs/zerolog"
)

// console shows a log's lines to people: the time of day, what happened, and what it
// happened with. Evidence is what stands in a file.
type console struct{ one zerolog.ConsoleWriter }

// newConsole returns a console that writes to out.
func newConsole(out io.Writer) console {
	return console{zerolog.ConsoleWriter{
		Out:           out,
		TimeFormat:    "15:04:05.000",
		FieldsExclude: []string{"node", "event", "incarnation"},
		FieldsOrder:   []string{"lock", "peer", "remote", "number", "fence", "epoch", "hop", "RN", "LN", "Q"},
		FormatPrepare: abbreviate,
	}}
}

// Write shows some lines.
func (c console) Write(lines []byte) (int, error) {
	for line := range bytes.Lines(lines) {
		if _, err := c.one.Write(line); err != nil {
			return 0, err
		}
	}
	return len(lines), nil
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
