package learn

import (
	"context"
	"fmt"
	"maps"
	"strings"
	"testing"

	"github.com/chromedp/chromedp"
	"github.com/chromedp/chromedp/kb"

	"conch/internal/stepper"
	"conch/internal/verify/browser"
)

// seen is what the page shows after a step.
type seen struct {
	Count   string `json:"count"`
	Verdict string `json:"verdict"`
	Caption string `json:"caption"`
	Red     int    `json:"red"`
}

// stepThrough steps forward to the end and records what the page shows before and after
// each step.
const stepThrough = `(() => {
	const by = (id) => document.getElementById(id);
	const seen = [];
	const look = () => seen.push({ count: by('count').textContent, verdict: by('verdict').textContent,
		caption: by('caption').textContent, red: document.querySelectorAll('#checks .broken').length });
	look();
	for (let i = 0; i < %d; i++) { by('forward').click(); look(); }
	return seen;
})()`

// nameless lists the controls without an accessible name.
const nameless = `[...document.querySelectorAll('button, select, input, [role=button]')]
	.filter((e) => !e.hidden && !(e.getAttribute('aria-label') || e.textContent.trim() && e.tagName !== 'SELECT' || e.labels?.length))
	.map((e) => e.outerHTML.slice(0, 80))`

func TestPage(t *testing.T) {
	ctx := browser.Start(t)
	url := serve(t, layers{browser.Stepper(t), FS()})
	browser.Do(ctx, t, chromedp.EmulateViewport(1280, 900))
	troubles := browser.Faults(ctx, t)
	t.Run("scenarios", func(t *testing.T) { testScenarios(ctx, t, url) })
	t.Run("buttons, back and a link", func(t *testing.T) { testButtons(ctx, t, url) })

	t.Run("another course", func(t *testing.T) {
		visit(ctx, t, url+"#n=3;ask.B;deliver.B-A;deliver.A-B")
		click(ctx, t, "#forward", `[data-op="ask.A"]`)
		if count := text(ctx, t, "count"); count != "2 / 2" {
			t.Errorf("after another course began at step 1 the page is at %s, want 2 / 2", count)
		}
	})

	t.Run("each state has its label", func(t *testing.T) {
		const shown = `[...document.querySelectorAll('#ring .member')].map((e) =>
			[e.classList[1], e.querySelector('.state').textContent + ' ' + e.querySelector('.sign').textContent])`
		labels := make(map[string]string)
		for _, link := range []string{"n=3;ask.A;ask.B;crash.C", "n=3;read.A", "n=3;from=cold", "n=3;cut.A-B;cut.A-C;tick.5000"} {
			visit(ctx, t, url+"#"+link)
			click(ctx, t, "#last")
			for _, member := range browser.Eval[[][2]string](ctx, t, shown) {
				labels[member[0]] = member[1]
			}
		}
		want := map[string]string{
			"critical": "in the critical section ★", "sharing": "shares the lock ☆", "waiting": "waiting ?", "idle": "idle ", "starting": "waiting after its start ↻",
			"no-session": "no session ∅", "crashed": "crashed ✕",
		}
		if !maps.Equal(labels, want) {
			t.Errorf("the labels are %q, want %q", labels, want)
		}
	})

	t.Run("everything to press has a name", func(t *testing.T) {
		visit(ctx, t, url+"#n=3;ask.B")
		click(ctx, t, "#last")
		controls := browser.Eval[[]string](ctx, t, nameless)
		if len(controls) > 0 {
			t.Errorf("a screen reader would have nothing to say about %s", strings.Join(controls, ", "))
		}
	})

	t.Run("phone", func(t *testing.T) {
		browser.Do(ctx, t, chromedp.EmulateViewport(360, 740))
		visit(ctx, t, url+"#n=7;ask.B;ask.C;cut.A-B;delay.C-D")
		click(ctx, t, "#last", "#forward")
		if wide := browser.Eval[int](ctx, t, `document.documentElement.scrollWidth`); wide > 360 {
			t.Errorf("the page is %d pixels wide, more than the 360 of the window", wide)
		}
		browser.Do(ctx, t, chromedp.EmulateViewport(1280, 900))
	})

	t.Run("play", func(t *testing.T) {
		visit(ctx, t, url+"#n=3;ask.B")
		click(ctx, t, "#last", "#play")
		browser.Do(ctx, t, chromedp.WaitVisible(chromedp.CSS("tr.critical")))
		click(ctx, t, "#play")
	})

	t.Run("link that is none", func(t *testing.T) {
		visit(ctx, t, url+"#n=3;%3Cimg%20src=x%20onerror=alert(1)%3E")
		if said := text(ctx, t, "trouble"); !strings.Contains(said, "<img src=x") {
			t.Errorf("the page says %q, want what was wrong with the link, as text", said)
		}
		if images := browser.Eval[int](ctx, t, `document.images.length`); images != 0 {
			t.Error("the link became a part of the page")
		}
	})

	if list := troubles(); len(list) > 0 {
		t.Errorf("the browser finds fault:\n%s", strings.Join(list, "\n"))
	}
}

// testScenarios plays each ready-made scenario to its end.
func testScenarios(ctx context.Context, t *testing.T, url string) {
	visit(ctx, t, url)
	for _, r := range stepper.ReadyMade() {
		ends := r.Ends()
		steps := ends[len(ends)-1]
		choose(ctx, t, "scenario", r.ID)
		list := browser.Eval[[]seen](ctx, t, fmt.Sprintf(stepThrough, steps))
		first, last := list[0], list[len(list)-1]
		if want := fmt.Sprintf("%d / %d", steps, steps); last.Count != want {
			t.Errorf("%s ends at step %s, want %s", r.ID, last.Count, want)
		}
		if want := r.Stages[len(r.Stages)-1].Caption; first.Caption != r.About || last.Caption != want {
			t.Errorf("%s begins with %q and ends with %q, want %q and %q", r.ID, first.Caption, last.Caption, r.About, want)
		}
		for _, s := range list {
			if green := s.Red == 0 && strings.HasPrefix(s.Verdict, "✓ all"); !green && !r.Planted {
				t.Errorf("%s, step %s: %s", r.ID, s.Count, s.Verdict)
			}
		}
		if r.Planted && (last.Red == 0 || !strings.HasPrefix(last.Verdict, "✗")) {
			t.Errorf("%s: the planted fault is not seen: %+v", r.ID, last)
		}
	}
}

// testButtons works by hand, goes back and forth in time, and opens a link to the result.
func testButtons(ctx context.Context, t *testing.T, url string) {
	visit(ctx, t, url)
	choose(ctx, t, "scenario", "n=4")
	choose(ctx, t, "member", "2")
	click(ctx, t, `[data-op="ask.C"]`, `[aria-label="Deliver C → A"]`, `.chip.token`,
		`[data-op="delay.A-C"]`, `[data-op="tick.500"]`, `[data-op="deliver.A-C"]`)
	const steps = 5
	if holder := browser.Eval[string](ctx, t, `document.querySelector('tr.critical th').textContent`); !strings.HasPrefix(holder, "C") {
		t.Errorf("in the critical section is %q, want C", holder)
	}
	shown := []string{browser.Eval[string](ctx, t, what)}
	for range steps {
		browser.Do(ctx, t, chromedp.KeyEvent(kb.ArrowLeft))
		shown = append(shown, browser.Eval[string](ctx, t, what))
	}
	if count := text(ctx, t, "count"); count != "0 / 5" {
		t.Errorf("five steps back the page is at %s, want 0 / 5", count)
	}
	for k := steps - 1; k >= 0; k-- {
		click(ctx, t, "#forward")
		if got := browser.Eval[string](ctx, t, what); got != shown[k] {
			t.Errorf("forward again, there is another thing to see:\n%s\nbefore:\n%s", got, shown[k])
		}
	}

	click(ctx, t, "#back", "#copy")
	link := browser.Eval[string](ctx, t, `location.href`)
	if want := ";ask.C;deliver.C-A;delay.A-C;tick.500;deliver.A-C"; !strings.HasSuffix(link, want) {
		t.Fatalf("the link is %s, want %s at its end", link, want)
	}
	visit(ctx, t, link)
	click(ctx, t, "#last")
	if again := browser.Eval[string](ctx, t, what); again != shown[0] {
		t.Errorf("the link shows\n%s\nwant\n%s", again, shown[0])
	}
}

func TestPageWithoutTheStepper(t *testing.T) {
	ctx := browser.Start(t)
	url := serve(t, below(static, "static"))
	browser.Do(ctx, t, chromedp.Navigate(url), chromedp.WaitVisible(chromedp.CSS("#trouble")))
	if said := text(ctx, t, "trouble"); !strings.Contains(said, Command) {
		t.Errorf("the page says %q, want what to run", said)
	}
}

func TestScreenshots(t *testing.T) {
	folder := browser.Folder(t)
	ctx := browser.Start(t)
	url := serve(t, layers{browser.Stepper(t), FS()})
	for _, lesson := range []struct {
		id   string
		part int
	}{{"paper", 7}, {"riding", 5}, {"burst", 4}, {"death", 7}, {"minority", 8}, {"planted", 5}} {
		for _, v := range browser.Views {
			browser.SetView(ctx, t, v)
			visit(ctx, t, fmt.Sprintf("%s#lesson=%s&part=%d", url, lesson.id, lesson.part))
			browser.Do(ctx, t, chromedp.WaitNotPresent(chromedp.CSS(".chip.arrived")))
			browser.Shoot(ctx, t, folder, fmt.Sprintf("learn-%s-%d-%s", lesson.id, v.Width, v.Scheme))
		}
	}
}
