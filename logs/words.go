package logs

import "fmt"

// counted writes a number with its noun.
func counted(n int, one, many string) string { return verb(n, one, many, "", "") }

// verb writes a number with its noun and what follows that, which agrees with it.
func verb(n int, one, many, does, do string) string {
	switch n {
	case 0:
		return "no " + one + does
	case 1:
		return "1 " + one + does
	}
	return fmt.Sprintf("%d %s%s", n, many, do)
}
