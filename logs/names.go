package logs

import (
	"maps"
	"slices"
	"strings"
)

// Names gives the nodes of a run short names for people: A, B, C and so on, in member
// order, then those that no line lists as members.
type Names struct {
	Nodes []string // as in Run.Members, in the order of their names
	short map[string]string
	run   *Run
}

// Names returns the short names of the run's nodes.
func (r *Run) Names() *Names {
	n := &Names{Nodes: slices.Clone(r.Members), short: make(map[string]string), run: r}
	for _, life := range r.Lives {
		if !slices.Contains(n.Nodes, life.Node) {
			n.Nodes = append(n.Nodes, life.Node)
		}
	}
	for i, node := range n.Nodes {
		n.short[node] = letters(i)
	}
	return n
}

// At returns the names for the text of a line as it was written. In it, an address that several
// members had, one after the other, stands for the latest of them that the writer knows.
func (n *Names) At(e *Event) *Names {
	known := n.run.knownAt(e)
	at := n
	for id, name := range n.run.Members {
		address, _, several := strings.Cut(name, "#")
		if !several || id >= known && e.Life.ID != id {
			continue
		}
		if at == n {
			at = &Names{Nodes: n.Nodes, short: maps.Clone(n.short), run: n.run}
		}
		at.short[address] = n.short[name]
	}
	return at
}

// letters counts A to Z, AA, AB and so on.
func letters(i int) string {
	if i < 26 {
		return string(rune('A' + i))
	}
	return letters(i/26-1) + letters(i%26)
}

// Of is the short name of a node, or what was given if it is no node of the run.
func (n *Names) Of(node string) string {
	if short, known := n.short[node]; known {
		return short
	}
	return node
}

// In puts the short names into a text in place of the addresses. An address that is a
// part of a longer one, or of a file's name, is left as it is.
func (n *Names) In(text string) string {
	byLength := slices.Clone(n.Nodes)
	slices.SortStableFunc(byLength, func(a, b string) int { return len(b) - len(a) })
	var out strings.Builder
	for at := 0; at < len(text); {
		node := ""
		if at == 0 || !addressByte(text[at-1]) {
			for _, candidate := range byLength {
				if candidate != "" && strings.HasPrefix(text[at:], candidate) && ends(text[at+len(candidate):]) {
					node = candidate
					break
				}
			}
		}
		if node == "" {
			out.WriteByte(text[at])
			at++
			continue
		}
		out.WriteString(n.short[node])
		at += len(node)
	}
	return out.String()
}

// ends reports whether an address is over where this text follows it. A full stop or a
// colon belongs to the sentence unless more of an address follows.
func ends(rest string) bool {
	if rest == "" || !addressByte(rest[0]) {
		return true
	}
	return (rest[0] == '.' || rest[0] == ':') && (len(rest) == 1 || !addressByte(rest[1]))
}

// addressByte reports whether a byte may stand in an address, or in a file's name.
func addressByte(b byte) bool {
	return b >= 'a' && b <= 'z' || b >= 'A' && b <= 'Z' || b >= '0' && b <= '9' || b >= 0x80 || strings.IndexByte(".:-_/", b) >= 0
}
