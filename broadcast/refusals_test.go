package broadcast

import (
	"fmt"
	"testing"

	"conch/token"
)

// Unauthenticated peers cannot fill the disk: a repeated refusal is logged once a minute,
// and different ones are limited for each caller and for all.
func TestRefusalsAreLoggedWithinBounds(t *testing.T) {
	r := new(refusals)
	count := func(now token.Time, callers, reasons int) (logged int) {
		for range 2 {
			for caller := range callers {
				for reason := range reasons {
					if r.note(now, fmt.Sprint("caller ", caller), fmt.Sprint("reason ", reason)) {
						logged++
					}
				}
			}
		}
		return logged
	}
	for _, test := range []struct {
		name             string
		callers, reasons int
		want             int
	}{
		{"one", 1, 1, 1},
		{"two callers", 2, 1, 2},
		{"two reasons", 1, 2, 2},
		{"a caller with many reasons", 1, 20, refusalsPerCaller},
		{"many callers", 300, 1, refusalsPerWindow},
		{"many of both", 300, 20, refusalsPerWindow},
	} {
		*r = refusals{}
		for _, now := range []token.Time{0, refusalWindow} {
			if got := count(now, test.callers, test.reasons); got != test.want {
				t.Errorf("%s at %d: %d lines; want %d", test.name, now, got, test.want)
			}
			if got := count(now+refusalWindow-1, test.callers, test.reasons); got != 0 {
				t.Errorf("%s, nearly a minute later: %d more lines; want none", test.name, got)
			}
		}
	}
}
