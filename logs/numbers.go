package logs

import (
	"cmp"
	"fmt"
	"strconv"
	"strings"
)

// Number is a request number, the n of REQUEST(j, n). A member's numbers rise and
// may have gaps.
type Number struct {
	Session uint64
	Count   uint64 // from 1 within a session
}

// ParseNumber reads "SESSION.COUNT", both decimal.
func ParseNumber(text string) (Number, error) {
	session, count, err := parsePair(text)
	if err != nil {
		return Number{}, fmt.Errorf("%q is not a request number, want SESSION.COUNT in decimal digits", text)
	}
	return Number{Session: session, Count: count}, nil
}

// Compare orders numbers by session, then count: -1, 0 or +1.
func (n Number) Compare(m Number) int {
	if c := cmp.Compare(n.Session, m.Session); c != 0 {
		return c
	}
	return cmp.Compare(n.Count, m.Count)
}

// IsZero reports that there is no number: an entry needed no request, or a member
// never asked.
func (n Number) IsZero() bool { return n == Number{} }

// String writes a number as SESSION.COUNT.
func (n Number) String() string { return formatPair(n.Session, n.Count) }

// Epoch names one making of a lock's token, and the ballot that made it.
type Epoch struct {
	Number   uint64
	Proposer uint64 // position in member order, from 0
}

// ParseEpoch reads "NUMBER.PROPOSER", both decimal.
func ParseEpoch(text string) (Epoch, error) {
	number, proposer, err := parsePair(text)
	if err != nil {
		return Epoch{}, fmt.Errorf("%q is not an epoch, want NUMBER.PROPOSER in decimal digits", text)
	}
	return Epoch{Number: number, Proposer: proposer}, nil
}

// Compare orders epochs by number, then proposer: -1, 0 or +1.
func (e Epoch) Compare(f Epoch) int {
	if c := cmp.Compare(e.Number, f.Number); c != 0 {
		return c
	}
	return cmp.Compare(e.Proposer, f.Proposer)
}

// String writes an epoch as NUMBER.PROPOSER.
func (e Epoch) String() string { return formatPair(e.Number, e.Proposer) }

func formatPair(a, b uint64) string {
	text := strconv.AppendUint(make([]byte, 0, 24), a, 10)
	text = append(text, '.')
	return string(strconv.AppendUint(text, b, 10))
}

func parsePair(text string) (a, b uint64, err error) {
	left, right, found := strings.Cut(text, ".")
	if !found {
		return 0, 0, strconv.ErrSyntax
	}
	if a, err = parseDecimal(left); err != nil {
		return 0, 0, err
	}
	b, err = parseDecimal(right)
	return a, b, err
}

// parseDecimal accepts what the nodes write and nothing else: no sign, no
// underscore, no leading zero.
func parseDecimal(text string) (uint64, error) {
	if text != "0" && (text == "" || text[0] < '1' || text[0] > '9') {
		return 0, strconv.ErrSyntax
	}
	return strconv.ParseUint(text, 10, 64)
}
