package learn

import (
	"fmt"
	"strings"
	"testing"

	"github.com/chromedp/chromedp"
	"github.com/chromedp/chromedp/kb"

	"conch/internal/stepper"
	"conch/internal/verify/browser"
)

// TestLessons opens the link of each lesson and plays its parts one by one.
func TestLessons(t *testing.T) {
	ctx := browser.Start(t)
	url := serve(t, layers{browser.Stepper(t), FS()})
	browser.SetView(ctx, t, browser.Views[0])
	visit(ctx, t, url)
	links := browser.Eval[[]string](ctx, t, `[...document.querySelectorAll('#lessons a')].map((a) => a.href)`)
	ready := stepper.ReadyMade()
	if len(links) != len(ready) {
		t.Fatalf("%d lessons are listed, want %d", len(links), len(ready))
	}
	for i, r := range ready {
		visit(ctx, t, links[i])
		if current := browser.Eval[string](ctx, t, `document.querySelector('#lessons [aria-current]')?.textContent ?? ''`); current != r.Title {
			t.Errorf("the link %s opens %q, want %q", links[i], current, r.Title)
		}
		if caption := text(ctx, t, "caption"); caption != r.About {
			t.Errorf("%s begins with %q, want %q", r.ID, caption, r.About)
		}
		for k, end := range r.Ends() {
			browser.Eval[any](ctx, t, `document.getElementById("part-next").click()`)
			if caption, count := text(ctx, t, "caption"), text(ctx, t, "count"); caption != r.Stages[k].Caption || !strings.HasPrefix(count, fmt.Sprintf("%d /", end)) {
				t.Errorf("%s, part %d: step %s says %q, want %q at step %d", r.ID, k+1, count, caption, r.Stages[k].Caption, end)
			}
		}
		here := browser.Eval[string](ctx, t, `location.href`)
		seen := browser.Eval[string](ctx, t, what)
		visit(ctx, t, here) // the link to the part shows the same
		if again := browser.Eval[string](ctx, t, what); again != seen {
			t.Errorf("the link %s shows\n%s\nwant\n%s", here, again, seen)
		}
		next := browser.Eval[string](ctx, t, `document.getElementById('lesson-next').checkVisibility() ? document.getElementById('lesson-next').href : ''`)
		if last := i+1 == len(ready); last && next != "" || !last && next != links[i+1] {
			t.Errorf("after %s the page leads to %q", r.ID, next)
		}
	}
	t.Run("a course of one's own is no lesson any more", func(t *testing.T) {
		visit(ctx, t, url+"#lesson=paper&part=1")
		click(ctx, t, `[data-op="ask.A"]`)
		if browser.Eval[bool](ctx, t, `document.getElementById('parts').checkVisibility() || document.querySelector('#lessons [aria-current]') !== null`) {
			t.Error("the page says that the lesson goes on")
		}
	})
	for link, want := range map[string]string{
		"lesson=nothing": "There is no lesson “nothing”. There are: paper, riding,", "lesson=paper&part=99": "parts 1 to 11, and no part “99”",
	} {
		visit(ctx, t, url+"#"+link)
		if said := text(ctx, t, "trouble"); !strings.Contains(said, want) {
			t.Errorf("at #%s the page says %q, want %q", link, said, want)
		}
	}
}

// TestLessonByKeyboard goes through a lesson without a mouse.
func TestLessonByKeyboard(t *testing.T) {
	ctx := browser.Start(t)
	visit(ctx, t, serve(t, layers{browser.Stepper(t), FS()}))
	press := func(key string, times int) {
		for range times {
			browser.Do(ctx, t, chromedp.KeyEvent(key))
		}
	}
	focus := func(selector string) { // by Tab alone
		for range 80 {
			press(kb.Tab, 1)
			if browser.Eval[bool](ctx, t, fmt.Sprintf(`document.activeElement.matches(%q)`, selector)) {
				return
			}
		}
		t.Fatalf("80 times Tab never leads to %s", selector)
	}
	focus(`#lessons li:nth-child(2) a`)
	press(kb.Enter, 1)
	browser.Becomes(ctx, t, `document.querySelector('#lessons [aria-current]')?.textContent.startsWith('Requests that ride')`)
	focus("#part-next")
	press(kb.Enter, 8)
	if part, at := text(ctx, t, "part"), browser.Eval[string](ctx, t, `document.activeElement.id`); part != "Part 8 of 8" || at != "part-back" {
		t.Errorf("after Enter at each part the page is at %q, the focus at %q", part, at)
	}
	t.Run("keys that are switched off", func(t *testing.T) {
		count := text(ctx, t, "count")
		press(kb.ArrowLeft, 1)
		if text(ctx, t, "count") == count {
			t.Fatal("the left arrow does nothing at first")
		}
		focus("#keys")
		press(" ", 1)
		count = text(ctx, t, "count")
		press(kb.ArrowLeft, 1)
		press("n", 1)
		if now := text(ctx, t, "count"); now != count {
			t.Errorf("the keys act all the same: %s, before %s", now, count)
		}
	})
}

// TestAccessibility audits the page in both themes and at both widths.
func TestAccessibility(t *testing.T) {
	ctx := browser.Start(t)
	url := serve(t, layers{browser.Stepper(t), FS()})
	for _, v := range browser.Views {
		browser.SetView(ctx, t, v)
		for _, link := range []string{"", "lesson=paper&part=7", "lesson=death&part=7", "lesson=minority&part=8", "lesson=planted&part=5", "n=7;ask.B;cut.A-B;delay.C-D;crash.E", "lesson=nothing"} {
			visit(ctx, t, url+"#"+link)
			browser.Eval[any](ctx, t, `document.querySelector('details').open = true`)
			browser.Do(ctx, t, chromedp.WaitNotPresent(chromedp.CSS(".chip.arrived")))
			for _, fault := range browser.Audit(ctx, t) {
				t.Errorf("#%s, %v: %s", link, v, fault)
			}
		}
		for _, fault := range browser.Tabs(ctx, t) {
			t.Errorf("%v: %s", v, fault)
		}
	}
}

// TestWideTableShowsThatItScrolls: a wide table has a scroll bar, a hint and a shaded edge.
func TestWideTableShowsThatItScrolls(t *testing.T) {
	ctx := browser.Start(t)
	url := serve(t, layers{browser.Stepper(t), FS()})
	browser.SetView(ctx, t, browser.View{Width: 390, Height: 844, Scheme: "light"})
	visit(ctx, t, url+"#n=7;ask.B")
	const right, left = `document.querySelector('.scroll').classList.contains('more-right')`, `document.querySelector('.scroll').classList.contains('more-left')`
	browser.Becomes(ctx, t, right+` && !`+left+` && document.querySelector('.sideways').checkVisibility()`)
	browser.Eval[any](ctx, t, `document.querySelector('.scroll').scrollLeft = 1e6`)
	browser.Becomes(ctx, t, left+` && !`+right)
	browser.SetView(ctx, t, browser.View{Width: 3000, Height: 844, Scheme: "light"})
	browser.Eval[any](ctx, t, `document.querySelector('main').style.maxWidth = 'none'`)
	browser.Becomes(ctx, t, `!document.querySelector('.sideways').checkVisibility() && !`+right+` && !`+left)
}

// TestWayBack: the page links to the page above, whatever its path.
func TestWayBack(t *testing.T) {
	ctx := browser.Start(t)
	url := serve(t, below(static, "static"))
	browser.Do(ctx, t, chromedp.Navigate(url))
	if home := browser.Eval[string](ctx, t, `document.getElementById('home').href`); home != strings.TrimSuffix(url, "learn/") {
		t.Errorf("the way back from %s leads to %s", url, home)
	}
}
