package reason

import (
	"strconv"
	"strings"
	"unicode"
	"unicode/utf8"

	"google.golang.org/grpc/status"
)

// most is the length of a text, in bytes, that a line has room for.
const most = 300

// Of is why a call failed, in the other side's or the system's own words.
func Of(err error) string {
	text := status.Convert(err).Message()
	if _, inner, found := strings.Cut(text, `desc = "`); found {
		text = strings.TrimPrefix(strings.TrimPrefix(strings.TrimSuffix(inner, `"`), "transport: "), "Error while dialing: ")
	}
	return Printable(text)
}

// Printable is a text of another process: cut off if it is long, and quoted if it has characters
// that do not print.
func Printable(text string) string {
	if len(text) > most {
		text = strings.ToValidUTF8(text[:most], "") + "…"
	}
	if !utf8.ValidString(text) || strings.ContainsFunc(text, func(r rune) bool { return !unicode.IsPrint(r) }) {
		return strconv.Quote(text)
	}
	return text
}
