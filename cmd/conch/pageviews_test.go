package main

import (
	"context"
	"fmt"
	"maps"
	"net/http"
	"net/http/httptest"
	"net/http/httputil"
	"net/url"
	"slices"
	"strings"
	"syscall"
	"testing"

	"github.com/chromedp/chromedp"
	"github.com/chromedp/chromedp/kb"

	"conch"
	"conch/internal/verify/browser"
)

// TestPageBelowAPath: page, actions and lessons work behind a reverse proxy that strips a
// path.
func TestPageBelowAPath(t *testing.T) {
	ctx := browser.Start(t)
	_, node := pageCluster(ctx, t, 1, "--auto-think", maxPause.String())
	target, err := url.Parse(node)
	check(t, err)
	mux := http.NewServeMux()
	mux.Handle("/conch/", http.StripPrefix("/conch", &httputil.ReverseProxy{
		Rewrite: func(r *httputil.ProxyRequest) { r.SetURL(target) }, FlushInterval: -1,
	}))
	proxy := httptest.NewServer(mux)
	defer func() {
		proxy.CloseClientConnections() // the page's stream would not end by itself
		proxy.Close()
	}()
	troubles := browser.Faults(ctx, t)
	browser.Do(ctx, t, chromedp.Navigate(proxy.URL+"/conch/"), chromedp.WaitVisible(chromedp.CSS(`body[data-live=yes]`)))
	name(ctx, t, "deploy")
	click(ctx, t, "#ask")
	says(ctx, t, "asks", "held by this page")
	click(ctx, t, "#release")
	says(ctx, t, "facts", "nobody")
	for _, link := range browser.Eval[[]string](ctx, t, `[...document.querySelectorAll('a[href], link[href], script[src]')].map((e) => e.href || e.src)`) {
		if !strings.HasPrefix(link, proxy.URL+"/conch/") {
			t.Errorf("the link %s leads out of the proxy's path", link)
		}
	}
	browser.Do(ctx, t, chromedp.Navigate(proxy.URL+"/conch/learn")) // without the slash
	if at := browser.Eval[string](ctx, t, `location.href`); at != proxy.URL+"/conch/learn/" {
		t.Errorf("/conch/learn leads to %s", at)
	}
	browser.Do(ctx, t, chromedp.Click(chromedp.CSS("#home")), chromedp.WaitVisible(chromedp.CSS(`body[data-live=yes]`)))
	for _, fault := range troubles() {
		if !strings.Contains(fault, "stepper.wasm.gz") { // which `make learn` builds, and a test does not
			t.Errorf("the browser finds fault: %s", fault)
		}
	}
}

// stillCluster runs nodes that do not ask by themselves, and opens the page.
func stillCluster(t *testing.T) (ctx context.Context, locks *conch.Client) {
	t.Helper()
	ctx = browser.Start(t)
	c, url := pageCluster(ctx, t, 3, "--auto-think", maxPause.String())
	locks, err := conch.Dial(ctx, conch.DialConfig{Nodes: []string{c.Nodes()[1].Address()}})
	check(t, err)
	t.Cleanup(func() { check(t, locks.Close()) })
	browser.Do(ctx, t, chromedp.Navigate(url), chromedp.WaitVisible(chromedp.CSS(`body[data-live=yes]`)))
	browser.Becomes(ctx, t, `document.querySelectorAll('.member.idle').length === 3`)
	return ctx, locks
}

// TestPageShowsTheLeader: beside the holder stands what it says, as text.
func TestPageShowsTheLeader(t *testing.T) {
	ctx, locks := stillCluster(t)
	name(ctx, t, "db")
	check(t, locks.Elect(ctx, "db", `<img src=x>one`, func(ctx context.Context, term conch.Hold) error {
		says(ctx, t, "facts", "says “<img src=x>one”")
		if err := term.Say(ctx, "two"); err != nil {
			return err
		}
		says(ctx, t, "facts", "says “two”")
		return nil
	}))
	says(ctx, t, "facts", "Leader–")
	if images := browser.Eval[int](ctx, t, `document.images.length`); images != 0 {
		t.Errorf("the value became a part of the page: %d images", images)
	}
}

// TestPageIsAccessible audits the page in both themes and at both widths: at the start,
// with a lock that is held and waited for, and with the dialog.
func TestPageIsAccessible(t *testing.T) {
	ctx, locks := stillCluster(t)
	audit := func(when string, tabs bool) {
		t.Helper()
		for _, v := range browser.Views {
			browser.SetView(ctx, t, v)
			browser.Eval[any](ctx, t, `(() => { window.drawn = false; requestAnimationFrame(() => requestAnimationFrame(() => { window.drawn = true; })); })()`)
			browser.Becomes(ctx, t, `window.drawn`)
			for _, fault := range browser.Audit(ctx, t) {
				t.Errorf("%s, %v: %s", when, v, fault)
			}
			if !tabs {
				continue
			}
			for _, fault := range browser.Tabs(ctx, t) {
				t.Errorf("%s, %v: %s", when, v, fault)
			}
		}
	}
	audit("at the beginning", true)

	hold, err := locks.Lock(ctx, "deploy")
	check(t, err)
	name(ctx, t, "deploy")
	click(ctx, t, "#ask")
	browser.Becomes(ctx, t, `document.querySelector('#asks .waiting') !== null && document.querySelectorAll('#waiters li').length === 1`)
	browser.Eval[any](ctx, t, `document.querySelector('details').open = true`)
	audit("held and waited for", true)
	click(ctx, t, "#break")
	audit("with the dialog", false)
	browser.Do(ctx, t, chromedp.KeyEvent(kb.Escape))
	browser.Becomes(ctx, t, `!document.getElementById('break-dialog').open`)
	check(t, hold.Unlock())
}

// TestEmptyBoxesSayWhatWillAppear: every empty part of the page says what will stand there.
func TestEmptyBoxesSayWhatWillAppear(t *testing.T) {
	ctx, _ := stillCluster(t)
	// Locks and numbers say what is so only once the page has heard from the nodes.
	for id, want := range map[string]string{
		"no-waiters": "appears here", "no-locks": "No member knows a lock yet", "numbers": "appear here",
	} {
		browser.Becomes(ctx, t, fmt.Sprintf(`(() => { const e = document.getElementById(%q); return e.checkVisibility() && e.textContent.includes(%q); })()`, id, want))
	}
	// The timeline may have had an event by now: its box is empty and says so, or is not.
	browser.Becomes(ctx, t, `(() => { const e = document.getElementById('no-events'); return e.checkVisibility() === (document.getElementById('timeline').childElementCount === 0) && e.textContent.includes('What happens from now on appears here'); })()`)
	name(ctx, t, "new")
	says(ctx, t, "numbers", "nobody has asked for it yet")
	says(ctx, t, "no-waiters", "Nobody waits")
	for _, state := range browser.Eval[[]string](ctx, t, `[...document.querySelectorAll('.member .state')].map((e) => e.textContent)`) {
		if state != "idle" {
			t.Errorf("a member that is idle has the label %q", state)
		}
	}
}

// TestNothingIsBrokenBeforeTheFirstNews: until the node has said how the members are, the
// page shows no connection as closed.
func TestNothingIsBrokenBeforeTheFirstNews(t *testing.T) {
	ctx, _ := stillCluster(t)
	browser.Eval[any](ctx, t, `void Promise.all([import('./static/ring.js'), import('./static/cluster.js')]).then(([{ Ring }, { Cluster }]) => {
		const root = document.createElementNS('http://www.w3.org/2000/svg', 'svg');
		document.body.append(root);
		const [cluster, ring, found] = [new Cluster(), new Ring(root), []];
		const look = () => {
			ring.show(cluster, undefined);
			found.push(cluster.heard() + ' ' + root.querySelectorAll('.line.closed').length);
		};
		cluster.meet({ members: ['a:1', 'b:1'], member: 'a:1', quorum: 2 });
		look();
		cluster.take({ status: { statuses: [{ member: 'a:1', peers: [] }], missing: [{ member: 'b:1', reason: 'gone' }] } });
		look();
		root.remove();
		window.lanesFound = found;
	})`)
	browser.Becomes(ctx, t, `Boolean(window.lanesFound)`)
	if got, want := browser.Eval[[]string](ctx, t, `window.lanesFound`), []string{"false 0", "true 1"}; !slices.Equal(got, want) {
		t.Errorf("heard, and closed connections: %q before and after the first news, want %q", got, want)
	}
}

// TestEachStateHasItsLabel: words and a sign show a member's state, shorter where there are
// many members.
func TestEachStateHasItsLabel(t *testing.T) {
	ctx, locks := stillCluster(t)
	browser.Eval[any](ctx, t, `void Promise.all([import('./static/ring.js'), import('./static/words.js')]).then(([{ Ring }, { states }]) => {
		const found = {};
		for (const [many, count, first] of [['few', 4, 0], ['few', 4, 1], ['many', 5, 0]]) {
			const root = document.createElementNS('http://www.w3.org/2000/svg', 'svg');
			document.body.append(root);
			const names = Object.keys(states);
			const members = Array.from({ length: count }, (_, i) => '127.0.0.1:' + (7400 + i));
			new Ring(root).show({ members, statuses: new Map(), missing: new Map(), heard: () => true, self: '', state: (m) => names[first + m] },
				{ name: 'x', wants: [], searches: [], waiting: 0 });
			for (const e of root.querySelectorAll('.member')) {
				found[many + ' ' + e.classList[1]] = e.querySelector('.state').textContent + ' ' + e.querySelector('.badge text').textContent;
			}
			root.remove();
		}
		window.labels = found;
	})`)
	browser.Becomes(ctx, t, `window.labels !== undefined`)
	got := browser.Eval[map[string]string](ctx, t, `window.labels`)
	want := map[string]string{
		"few critical": "in the critical section ★", "few waiting": "waiting ?", "few idle": "idle ○", "few no-session": "no session ∅", "few gone": "does not answer ✕",
		"many critical": "inside ★", "many waiting": "waiting ?", "many idle": "idle ○", "many no-session": "no session ∅", "many gone": "does not answer ✕",
	}
	if !maps.Equal(got, want) {
		t.Errorf("the labels are %q, want %q", got, want)
	}
	// In a cluster: one is inside, one waits, one does nothing.
	hold, err := locks.Lock(ctx, "deploy")
	check(t, err)
	name(ctx, t, "deploy")
	click(ctx, t, "#ask")
	const labels = `[...document.querySelectorAll('#ring .member .state')].map((e) => e.textContent).sort().join()`
	browser.Becomes(ctx, t, labels+` === 'idle,in the critical section,waiting'`)
	check(t, hold.Unlock())
}

// TestWideTablesShowThatTheyScroll: a hint and a shaded edge show it, at both widths.
func TestWideTablesShowThatTheyScroll(t *testing.T) {
	ctx, _ := stillCluster(t)
	name(ctx, t, "new")
	for _, v := range browser.Views {
		browser.SetView(ctx, t, v)
		for _, id := range []string{"members", "numbers"} {
			table := `document.getElementById('` + id + `')`
			place := table + `.parentElement`
			right, left := place+`.classList.contains('more-right')`, place+`.classList.contains('more-left')`
			hint := place + `.nextElementSibling.checkVisibility()`
			browser.Eval[any](ctx, t, table+`.style.minWidth = '2000px'`) // as with many members
			browser.Becomes(ctx, t, right+` && !`+left+` && `+hint+` && getComputedStyle(`+place+`).boxShadow !== 'none'`)
			if browser.Eval[bool](ctx, t, `document.documentElement.scrollWidth > document.documentElement.clientWidth`) {
				t.Errorf("%v: with a wide table #%s the whole page scrolls sideways", v, id)
			}
			browser.Eval[any](ctx, t, place+`.scrollLeft = 1e6`)
			browser.Becomes(ctx, t, left+` && !`+right)
			browser.Eval[any](ctx, t, `{ const t = `+table+`; t.style.minWidth = ''; t.style.display = 'none'; }`) // it fits
			browser.Becomes(ctx, t, `!`+hint+` && !`+right+` && !`+left)
			browser.Eval[any](ctx, t, table+`.style.display = ''`)
		}
	}
}

// TestDemoOnLoopbackHasNoCaution: the page of a demonstration on loopback has no red
// banner.
func TestDemoOnLoopbackHasNoCaution(t *testing.T) {
	ctx := browser.Start(t)
	address := freeAddresses(t, 1)[0]
	demo, _, _ := startDemo(t, "--http="+address)
	browser.Do(ctx, t, chromedp.Navigate("http://"+address+"/"), chromedp.WaitVisible(chromedp.CSS(`body[data-live=yes]`)))
	browser.Becomes(ctx, t, `document.querySelectorAll('#ring .member').length === 3`)
	if said := browser.Eval[string](ctx, t, `document.getElementById('cautions').hidden ? '' : document.getElementById('cautions').textContent`); said != "" {
		t.Errorf("the page has the banner %q", said)
	}
	check(t, demo.Process.Signal(syscall.SIGINT))
	_ = demo.Wait() // the error says that it was interrupted
}

// TestHeldLockIsKnown watches a lock from the moment at which it is held: the page never
// says that nobody knows it.
func TestHeldLockIsKnown(t *testing.T) {
	ctx, locks := stillCluster(t)
	browser.Eval[any](ctx, t, `(() => {
		window.wrong = [];
		const look = () => {
			const [facts, numbers] = ['facts', 'numbers'].map((id) => document.getElementById(id).textContent);
			const held = /Held by[A-C],/.test(facts);
			if (held && /No member knows|no member knows|not seen|lost/.test(facts + numbers)) { window.wrong.push(facts + ' | ' + numbers); }
			window.held ||= held;
		};
		new MutationObserver(look).observe(document.getElementById('lock'), { subtree: true, childList: true, characterData: true });
		return true;
	})()`)
	for range 20 {
		hold, err := locks.Lock(ctx, "seen")
		check(t, err)
		browser.Becomes(ctx, t, `/Held by[A-C],/.test(document.getElementById('facts').textContent)`)
		check(t, hold.Unlock())
		browser.Becomes(ctx, t, `/Held bynobody/.test(document.getElementById('facts').textContent)`)
	}
	if wrong := browser.Eval[[]string](ctx, t, `window.wrong`); len(wrong) > 0 {
		t.Errorf("of a lock that is held the page says, %d times: %s", len(wrong), wrong[0])
	}
}

// TestBadgeLeavesTheTokenInSight: with any number of members, no badge or label covers the
// token.
func TestBadgeLeavesTheTokenInSight(t *testing.T) {
	ctx, _ := stillCluster(t)
	browser.Eval[any](ctx, t, `void import('./static/ring.js').then(({ Ring }) => {
		const found = [];
		for (const count of [2, 3, 4, 5, 7, 9, 16, 32]) {
			const root = document.createElementNS('http://www.w3.org/2000/svg', 'svg');
			root.setAttribute('viewBox', '0 0 640 600');
			root.style.width = '640px';
			document.body.append(root);
			const members = Array.from({ length: count }, (_, i) => '127.0.0.1:' + (7400 + i));
			const ring = new Ring(root);
			for (let holder = 0; holder < count; holder++) {
				ring.show({ members, statuses: new Map(), missing: new Map(), heard: () => true, self: '', state: (m) => (m === holder ? 'critical' : 'waiting') },
					{ name: 'x', holder: { member: holder }, token: { member: holder }, wants: [], searches: [], waiting: 0 });
				ring.at = undefined;
				const box = ring.discs[holder].element.querySelector('.held').getBoundingClientRect();
				for (const disc of ring.discs) {
					const badge = disc.element.querySelector('.badge circle').getBoundingClientRect();
					const far = Math.hypot(badge.x + badge.width / 2 - box.x - box.width / 2, badge.y + badge.height / 2 - box.y - box.height / 2);
					if (far < badge.width / 2 + box.width * 0.36) {
						found.push(count + ' members, the token at ' + holder + ': ' + disc.name.textContent + "'s badge is " + far.toFixed(1) + ' from it');
					}
				}
			}
			root.remove();
		}
		window.overlaps = found;
	})`)
	browser.Becomes(ctx, t, `window.overlaps !== undefined`)
	overlaps := browser.Eval[[]string](ctx, t, `window.overlaps`)
	if len(overlaps) > 0 {
		t.Errorf("%d badges cover the token, such as %s", len(overlaps), overlaps[0])
	}
}
