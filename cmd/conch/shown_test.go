package main

import (
	"strings"
	"testing"
	"testing/synctest"
)

// blocked is a terminal that accepts nothing until it is released.
type blocked struct {
	release chan struct{}
	text    strings.Builder
}

func (b *blocked) Write(line []byte) (int, error) {
	<-b.release
	return b.text.Write(line)
}

// Lines that a terminal does not accept in time are left out, and their number is shown.
func TestShownLeavesOut(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		terminal := &blocked{release: make(chan struct{})}
		s := newShown(terminal)
		write := func(line string) {
			if n, err := s.Write([]byte(line)); n != len(line) || err != nil {
				t.Fatalf("%d, %v", n, err)
			}
		}
		write("first\n")
		synctest.Wait() // the terminal has the line and accepts no more
		for range maxShown + 3 {
			write("more\n")
		}
		close(terminal.release)
		synctest.Wait()
		write("last\n")
		s.close()
		write("after the end\n")
		text := terminal.text.String()
		if got := strings.Count(text, "more\n"); got != maxShown {
			t.Errorf("%d lines are shown, want %d", got, maxShown)
		}
		if !strings.HasSuffix(text, `"lines":3}`+"\nlast\n") {
			t.Errorf("it ends with %q", text[max(0, len(text)-120):])
		}
	})
}

// A terminal that accepts nothing more does not keep the program from ending.
func TestShownEnds(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		terminal := &blocked{release: make(chan struct{})}
		s := newShown(terminal)
		_, _ = s.Write([]byte("first\n")) // never fails
		s.close()
		close(terminal.release)
		<-s.done
	})
}
