package nemesis

import (
	"fmt"
	"math"
	"strings"
	"testing"

	"github.com/anishathalye/porcupine"

	"conch/token"
)

// TestModelOfSharedLocks: each line is a history, of moves that overlap no other, or with ~
// the one after it. The model accepts those that are right.
func TestModelOfSharedLocks(t *testing.T) {
	for _, test := range []struct {
		history string
		legal   bool
	}{
		{"+w1 -w1 +w2 -w2", true},
		{"+w1 +w2", false},
		{"+w2 -w2 +w1", false},
		{"+w1 -w1 +w1", false},
		{"+r1 +r1 +r2 -r1 -r1 -r2", true},
		{"+r2 +r1 -r1 -r2", true}, // at two nodes
		{"+r1 +w2", false},
		{"+r1 -r1 +w1", false},
		{"+r1 -r1 +w2 -w2 +r3", true},
		{"+w2 +r3", false},
		{"+w2 -w2 +r2", false},
		{"+w2 -w2 +r1", false},
		{"+w2~ +r3 -w2", false}, // the writer does not leave before the reader's entry is over
		{"+w2 -w2~ +r3", true},
		{"+p1 +p2 -p1 -p2", true},
		{"+p1 +p2 +p3", false},
		{"+p1 +p2 -p1 +p3 -p2 -p3 +w4", true},
		{"+p1 +p2 -p1 +w4", false},
		{"+w1 -w1 +p1", false},
		{"-r1", false},
		{"+r1 -r1 -r1", false},
	} {
		var operations []porcupine.Operation
		call := int64(0)
		for i, word := range strings.Fields(test.history) {
			overlaps := strings.HasSuffix(word, "~")
			var m move
			m.enters = word[0] == '+'
			m.limit = map[byte]token.Limit{'w': token.Exclusive, 'r': token.Unlimited, 'p': 2}[word[1]]
			m.fence = uint64(word[2] - '0')
			end := call + 1
			if overlaps {
				end += 2
			}
			operations = append(operations, porcupine.Operation{ClientId: i, Input: m, Call: call, Return: end})
			call += 2
		}
		if got := porcupine.CheckOperations(sharedLock, operations); got != test.legal {
			t.Errorf("%q: accepted: %t, want %t", test.history, got, test.legal)
		}
	}
}

// TestStaysAreJudged: a stay without an end may have ended at any time; one that certainly
// lasted excludes others.
func TestStaysAreJudged(t *testing.T) {
	for _, test := range []struct {
		from, to int64 // when the writer left
		legal    bool
	}{{10, 20, true}, {10, math.MaxInt64, true}, {40, 50, false}} {
		s := newStays()
		writer := s.entered(1, token.Exclusive, 1, 0, 5)
		reader := s.entered(2, token.Unlimited, 2, 25, 30)
		s.left(writer, test.from, test.to)
		s.left(reader, 60, 70)
		if err := s.check("x", patience); (err == nil) != test.legal {
			t.Errorf("%v: %v", test, err)
		}
	}
	if s := newStays(); s.count(1) != 0 || s.entered(1, token.Exclusive, 1, 0, 1) != 1 || s.count(1) != 1 {
		t.Error("an entry is not counted")
	}
	if got := fmt.Sprint(move{true, token.Unlimited, 3}, move{false, 2, 4}, move{true, 0, 5}); got != "enter shared 3 leave of 2 permits 4 enter alone 5" {
		t.Errorf("moves are %q", got)
	}
}
