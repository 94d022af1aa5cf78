package rules

import (
	"crypto/sha256"
	"fmt"
	"slices"
)

// hashBytes suffice where nobody has a reason to forge: members trust each other.
const hashBytes = 16

// Hash distinguishes rules that grant different things. It does not depend on the order of
// the lines, their form, or the file. Rules that grant the same by other lines may have
// another hash.
func (r *Rules) Hash() []byte {
	lines := make([]string, 0, len(r.grants))
	for _, g := range r.grants {
		line := fmt.Sprintf("%d %t %q %d %v %q %t", g.who.kind, g.who.anybody, g.who.name, g.who.uid, g.may[:Share], g.locks.text, g.locks.prefix)
		if g.may[Share] && !g.may[Lock] { // so that rules without it have the hash of earlier versions
			line += " share"
		}
		if g.may[Members] {
			line += " members"
		}
		lines = append(lines, line)
	}
	slices.Sort(lines)
	sum := sha256.Sum256(fmt.Append(nil, slices.Compact(lines)))
	return sum[:hashBytes]
}
