package rules

import (
	"errors"
	"fmt"
	"strconv"
	"strings"
)

// ErrDenied is wrapped by the error for an action that a caller may not do.
var ErrDenied = errors.New("not allowed")

// Rules are what callers may do. They do not change, and are safe for concurrent use. The
// zero Rules grant nothing, except to members.
type Rules struct {
	name   string // of the file; empty for the default
	grants []grant
}

// grant is one line of a file.
type grant struct {
	who   who
	may   [actions]bool
	locks pattern
}

// who is the first word of a line.
type who struct {
	kind Kind
	// anybody means all callers of the kind; otherwise name identifies them, or uid if name
	// is empty.
	anybody bool
	name    string
	uid     uint32
}

// is reports whether a caller is meant.
func (w who) is(i Identity) bool {
	switch {
	case w.kind != i.Kind:
		return false
	case w.anybody:
		return true
	case w.name == "":
		return w.kind == Local && w.uid == i.UID
	}
	return w.name == i.Name
}

// pattern is the third word of a line: a name, or the beginning of names.
type pattern struct {
	text   string
	prefix bool
}

func (p pattern) matches(lock string) bool {
	if p.prefix {
		return strings.HasPrefix(lock, p.text)
	}
	return lock == p.text
}

// Default returns the rules of a node without a file: the local socket everything, the page
// all but the change of members, all other clients lock and look.
func Default() *Rules {
	all := pattern{prefix: true}
	return &Rules{grants: []grant{
		{who: who{kind: Local, anybody: true}, may: [actions]bool{Look: true, Lock: true, Break: true, Operate: true, Members: true}, locks: all},
		{who: who{kind: Page, anybody: true}, may: [actions]bool{Look: true, Lock: true, Break: true, Operate: true}, locks: all},
		{who: who{kind: Client, anybody: true}, may: [actions]bool{Look: true, Lock: true}, locks: all},
		{who: who{kind: Anonymous, anybody: true}, may: [actions]bool{Look: true, Lock: true}, locks: all},
	}}
}

// Check returns an error unless the caller may do something to a lock. It wraps [ErrDenied]
// and says who was refused what, and which rule would grant it.
func (r *Rules) Check(caller Identity, action Action, lock string) error {
	if r.any(caller, action, func(p pattern) bool { return p.matches(lock) }) {
		return nil
	}
	return fmt.Errorf("%w: %v may not %v %s: %s", ErrDenied, caller, action, quote(lock), r.remedy())
}

// CheckState returns an error unless the caller may see the state of the cluster, its
// members and their connections: whoever may look at some lock may. It wraps [ErrDenied].
func (r *Rules) CheckState(caller Identity) error {
	if r.any(caller, Look, func(pattern) bool { return true }) {
		return nil
	}
	return fmt.Errorf("%w: %v may not look at anything: %s", ErrDenied, caller, r.remedy())
}

// CheckOperate returns an error unless the caller may make the node take no more requests.
// It wraps [ErrDenied].
func (r *Rules) CheckOperate(caller Identity) error {
	if r.any(caller, Operate, func(p pattern) bool { return p.prefix && p.text == "" }) {
		return nil
	}
	return fmt.Errorf("%w: %v may not operate this node: %s", ErrDenied, caller, r.operators())
}

// CheckMembers returns an error unless the caller may change the members of the cluster. It
// wraps [ErrDenied].
func (r *Rules) CheckMembers(caller Identity) error {
	if r.any(caller, Members, func(p pattern) bool { return p.prefix && p.text == "" }) {
		return nil
	}
	if r.name == "" {
		return fmt.Errorf("%w: %v may not change the members: only users of this node's socket may, unless an --allow file grants members * to others", ErrDenied, caller)
	}
	return fmt.Errorf("%w: %v may not change the members: %s; want one with members *", ErrDenied, caller, r.remedy())
}

// any tells whether a line grants the action to the caller, for locks of the kind.
func (r *Rules) any(caller Identity, action Action, fits func(pattern) bool) bool {
	if caller.Kind == Member {
		return true
	}
	for _, g := range r.grants {
		if (g.may[action] || action == Share && g.may[Lock]) && g.who.is(caller) && fits(g.locks) {
			return true
		}
	}
	return false
}

// remedy says where a grant is missing.
func (r *Rules) remedy() string {
	if r.name == "" {
		return "only users of the node's socket and page may, unless an --allow file grants it to others"
	}
	return "no line of " + r.name + " grants it"
}

// operators says who may operate the node.
func (r *Rules) operators() string {
	if r.name == "" {
		return "only users of its socket and page may, unless an --allow file grants operate * to others"
	}
	return r.remedy() + "; want one with operate *"
}

const maxQuoted = 100 // bytes of a text that an error repeats

// quote repeats a text in an error: on one line, with nothing in it that a terminal
// would obey, and not at any length.
func quote(text string) string {
	if len(text) > maxQuoted {
		return fmt.Sprintf("%q (and %d bytes more)", text[:maxQuoted], len(text)-maxQuoted)
	}
	return strconv.Quote(text)
}

// show repeats a name as it is where that is harmless and clear, and quoted elsewhere.
func show(name string) string {
	if name == "" || len(name) > maxQuoted || strings.IndexFunc(name, notPlain) >= 0 {
		return quote(name)
	}
	return name
}

// notPlain tells whether a rune would make a name unclear in a line of text.
func notPlain(r rune) bool { return r <= ' ' || r == '"' || r >= 0x7f }
