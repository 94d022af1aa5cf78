package main

import "testing"

func TestCommandLine(t *testing.T) {
	for _, c := range []struct {
		words []string
		want  string
	}{
		{[]string{"conch", "report", "a.log", "--out=r.pdf"}, "conch report a.log --out=r.pdf"},
		{[]string{"bin/conch", "--author", "A. Student", ""}, "bin/conch --author 'A. Student' ''"},
		{[]string{"it's", "$HOME", "Zoë", "a*"}, `'it'\''s' '$HOME' Zoë 'a*'`},
	} {
		if got := commandLine(c.words); got != c.want {
			t.Errorf("%q is written as %s, want %s", c.words, got, c.want)
		}
	}
}
