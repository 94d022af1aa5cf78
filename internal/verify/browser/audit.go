package browser

import (
	"context"
	_ "embed"
	"encoding/json"
	"fmt"
	"testing"

	"github.com/chromedp/cdproto/accessibility"
	"github.com/chromedp/chromedp"
	"github.com/chromedp/chromedp/kb"
)

//go:embed audit.js
var auditScript string

// Audit returns the faults of the open page, each with the criterion of WCAG 2.1 that it
// fails.
func Audit(ctx context.Context, t *testing.T) []string {
	t.Helper()
	return append(Eval[[]string](ctx, t, auditScript), nameless(ctx, t)...)
}

// named are the roles whose elements need a name.
var named = map[string]bool{
	"button": true, "link": true, "checkbox": true, "radio": true, "textbox": true, "searchbox": true, "combobox": true,
	"slider": true, "listbox": true, "option": true, "image": true, "img": true, "dialog": true, "region": true, "navigation": true,
}

// nameless lists the elements about which a screen reader would have nothing to say, by the
// names that the browser computed.
func nameless(ctx context.Context, t *testing.T) (found []string) {
	t.Helper()
	tree, err := chromedp.Call(ctx, accessibility.GetFullAXTree, accessibility.GetFullAXTreeParams{})
	if err != nil {
		t.Fatal(err)
	}
	for _, node := range tree.Nodes {
		if node.Ignored || node.Role == nil {
			continue
		}
		role, name := text(node.Role), text(node.Name)
		if named[role] && name == "" {
			found = append(found, fmt.Sprintf("4.1.2 name: a %s has none (node %s)", role, node.NodeID))
		}
	}
	return found
}

// text is a value of the accessibility tree as text.
func text(v *accessibility.Value) string {
	if v == nil {
		return ""
	}
	var s string
	if json.Unmarshal(v.Value, &s) != nil {
		return ""
	}
	return s
}

// focusable lists what the Tab key should reach, in the order of the document. It has no
// radio buttons.
const focusable = `(() => {
	const list = [...document.querySelectorAll('a[href], button, input, select, textarea, summary, [tabindex="0"]')]
		.filter((e) => !e.disabled && e.checkVisibility({ visibilityProperty: true }) && !e.closest('[hidden]'));
	list.forEach((e, i) => { e.dataset.tabstop = String(i); });
	const start = document.createElement('span'); // Tab goes on from where the focus was last
	start.tabIndex = -1;
	document.body.prepend(start);
	start.focus();
	start.remove();
	return list.length;
})()`

// focused returns which of them has the focus, and whether that is visible; -1 if none has.
const focused = `(() => {
	const e = document.activeElement;
	const ring = (x) => { const s = getComputedStyle(x); return s.outlineStyle !== 'none' && parseFloat(s.outlineWidth) > 0; };
	const drawn = e instanceof SVGElement && [...e.children].some((c) => getComputedStyle(c).stroke !== 'none');
	return { stop: Number(e?.dataset?.tabstop ?? -1), seen: e === document.body || ring(e) || drawn,
		what: e.outerHTML.slice(0, 80) };
})()`

// Tabs presses Tab until the focus has been everywhere, and returns the faults: elements
// that are not reached, are reached out of order, or do not show that they have the focus.
func Tabs(ctx context.Context, t *testing.T) (found []string) {
	t.Helper()
	count := Eval[int](ctx, t, focusable)
	for want := range count {
		Do(ctx, t, chromedp.KeyEvent(kb.Tab))
		at := Eval[struct {
			Stop int    `json:"stop"`
			Seen bool   `json:"seen"`
			What string `json:"what"`
		}](ctx, t, focused)
		if at.Stop != want {
			return append(found, fmt.Sprintf("2.1.1 keyboard: Tab number %d leads to number %d, %s", want+1, at.Stop+1, at.What))
		}
		if !at.Seen {
			found = append(found, "2.4.7 focus: it cannot be seen at "+at.What)
		}
	}
	return found
}
