package main

import (
	"context"
	"fmt"
	"net"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/chromedp/chromedp"
	"github.com/chromedp/chromedp/kb"

	"conch"
	"conch/internal/verify/browser"
	"conch/internal/verify/processes"
)

// click clicks the element of a selector when it exists and is enabled.
func click(ctx context.Context, t *testing.T, selector string) {
	t.Helper()
	browser.Becomes(ctx, t, fmt.Sprintf(`(() => { const e = document.querySelector(%q); return Boolean(e) && !e.hidden && !e.disabled; })()`, selector))
	browser.Do(ctx, t, chromedp.Click(chromedp.CSS(selector)))
}

// search lists the locks whose names have this text.
func search(ctx context.Context, t *testing.T, text string) {
	t.Helper()
	browser.Eval[bool](ctx, t, fmt.Sprintf(`(() => { const e = document.getElementById('search'); e.value = %q;
		return e.dispatchEvent(new Event('input')); })()`, text))
}

// name shows a lock, as a user does who types its name.
func name(ctx context.Context, t *testing.T, lock string) {
	t.Helper()
	search(ctx, t, "")
	browser.Do(ctx, t, chromedp.SendKeys(chromedp.CSS("#search"), lock+kb.Enter))
	browser.Becomes(ctx, t, fmt.Sprintf(`document.getElementById('lock-title').textContent === %q`, lock))
}

// says waits until an element's text contains another.
func says(ctx context.Context, t *testing.T, id, text string) {
	t.Helper()
	browser.Becomes(ctx, t, fmt.Sprintf(`document.getElementById(%q).textContent.includes(%q)`, id, text))
}

// pageCluster runs nodes; the first serves a page.
func pageCluster(ctx context.Context, t *testing.T, nodes int, flags ...string) (c *processes.Cluster, url string) {
	t.Helper()
	listener, err := new(net.ListenConfig).Listen(ctx, "tcp", "127.0.0.1:0")
	check(t, err)
	address := listener.Addr().String()
	check(t, listener.Close())
	c, err = processes.New(processes.Config{
		Program: program(t), Nodes: nodes, Dir: t.TempDir(), Flags: flags, FirstFlags: []string{"--http", address},
	})
	check(t, err)
	t.Cleanup(func() { check(t, c.Kill()) })
	check(t, c.Start(ctx))
	return c, "http://" + address + "/"
}

// watchToken records in the page who is shown with the token, and how often the token
// moves.
const watchToken = `(() => {
	window.seen = { holders: new Set(), flights: 0, requests: 0 };
	new MutationObserver((records) => {
		for (const r of records) {
			for (const node of r.addedNodes) {
				window.seen.flights += node.classList?.contains('token') ? 1 : 0;
				window.seen.requests += node.classList?.contains('request') ? 1 : 0;
			}
		}
		document.querySelectorAll('.member.holder .name').forEach((n) => window.seen.holders.add(n.textContent));
	}).observe(document.getElementById('ring'), { subtree: true, childList: true, attributes: true });
	return true;
})()`

func TestPageShowsTheCluster(t *testing.T) {
	ctx := browser.Start(t)
	c, url := pageCluster(ctx, t, 3, "--auto-think", "300ms", "--auto-hold", "200ms", "--session-ttl", "500ms")
	browser.Do(ctx, t, chromedp.EmulateViewport(1280, 900))
	troubles := browser.Faults(ctx, t)
	browser.Do(ctx, t, chromedp.Navigate(url), chromedp.WaitVisible(chromedp.CSS(`body[data-live=yes]`)))

	says(ctx, t, "lock-title", "cs")
	browser.Eval[bool](ctx, t, watchToken)
	browser.Becomes(ctx, t, `window.seen.holders.size === 3 && window.seen.flights > 2 && window.seen.requests > 2`)
	says(ctx, t, "timeline", "→")

	t.Run("a request by the button", func(t *testing.T) {
		name(ctx, t, "deploy")
		click(ctx, t, "#ask")
		says(ctx, t, "asks", "held by this page")
		says(ctx, t, "facts", ", "+c.Nodes()[0].Address())
		click(ctx, t, "#release")
		says(ctx, t, "facts", "nobody")
	})
	t.Run("a name that looks like HTML", func(t *testing.T) {
		const hostile = `<img src=x onerror=alert(1)><script>alert(2)</script>"'&amp;`
		before := browser.Eval[int](ctx, t, `document.scripts.length`)
		name(ctx, t, hostile)
		click(ctx, t, "#ask")
		says(ctx, t, "asks", "held by this page")
		browser.Becomes(ctx, t, fmt.Sprintf(`[...document.querySelectorAll('.row .name')].some((n) => n.textContent === %q)`, hostile))
		if images, scripts := browser.Eval[int](ctx, t, `document.images.length`), browser.Eval[int](ctx, t, `document.scripts.length`); images != 0 || scripts != before {
			t.Errorf("the page has %d images and %d scripts; want none and %d: the name became a part of it", images, scripts, before)
		}
		click(ctx, t, "#release")
	})
	t.Run("a lock that is broken", func(t *testing.T) {
		name(ctx, t, "deploy")
		click(ctx, t, "#ask")
		says(ctx, t, "asks", "held by this page")
		click(ctx, t, "#break")
		browser.Do(ctx, t, chromedp.SendKeys(chromedp.CSS("#reason"), "to see it"))
		click(ctx, t, "#break-do")
		says(ctx, t, "asks", "to see it")
		click(ctx, t, "#release")
		browser.Becomes(ctx, t, `document.getElementById('own').hidden`)
	})
	t.Run("a node that is killed", func(t *testing.T) {
		check(t, c.Nodes()[2].Kill())
		browser.Becomes(ctx, t, `document.querySelectorAll('.member.gone').length === 1`)
		says(ctx, t, "timeline", "does not answer")
		says(ctx, t, "quorum", "2 of 3 members")
	})
	if list := troubles(); len(list) > 0 {
		t.Errorf("the browser finds fault:\n%s", strings.Join(list, "\n"))
	}
	t.Run("its own node, restarted", func(t *testing.T) {
		first := c.Nodes()[0]
		check(t, first.Kill())
		says(ctx, t, "connection", "does not answer")
		check(t, first.Start(ctx))
		browser.Becomes(ctx, t, `document.body.dataset.live === 'yes'`)
		name(ctx, t, "after")
		click(ctx, t, "#ask") // with the new process's token
		says(ctx, t, "asks", "held by this page")
	})
}

// TestPageShowsWhatItIsRefused: a browser shows what the rules deny to the page, and the
// node's cautions.
func TestPageShowsWhatItIsRefused(t *testing.T) {
	ctx := browser.Start(t)
	for rules, sees := range map[string]bool{"@page lock open/*\n": true, "@local lock *\n": false} {
		allow := filepath.Join(t.TempDir(), "allow.txt")
		check(t, os.WriteFile(allow, []byte(rules), 0o600))
		_, url := pageCluster(ctx, t, 1, "--auto-think", maxPause.String(), "--allow", allow, "--insecure")
		troubles := browser.Faults(ctx, t)
		browser.Do(ctx, t, chromedp.Navigate(url), chromedp.WaitVisible(chromedp.CSS(`body[data-live=yes]`)))
		says(ctx, t, "cautions", "--insecure: nothing is encrypted")
		name(ctx, t, "secret")
		says(ctx, t, "said", `Not shown: not allowed: the page may not look "secret"`)
		browser.Becomes(ctx, t, `document.getElementById('facts').hidden`)
		if !sees {
			says(ctx, t, "trouble", "This page may see nothing: not allowed: the page may not look at anything")
			browser.Becomes(ctx, t, `document.getElementById('verdict').textContent === ''`)
			continue
		}
		click(ctx, t, "#ask")
		says(ctx, t, "asks", `refused: not allowed: the page may not lock "secret"`)
		name(ctx, t, "open/1")
		browser.Becomes(ctx, t, `!document.getElementById('facts').hidden`)
		click(ctx, t, "#ask")
		says(ctx, t, "asks", "held by this page")
		for _, fault := range troubles() {
			if !strings.Contains(fault, "403") { // the browser reports a refusal as a fault
				t.Errorf("the browser finds fault: %s", fault)
			}
		}
	}
}

func TestPageScreenshots(t *testing.T) {
	folder := browser.Folder(t)
	ctx := browser.Start(t)
	c, url := pageCluster(ctx, t, 5, "--auto-think", "1s", "--auto-hold", "1s")
	client, err := conch.Dial(ctx, conch.DialConfig{Nodes: []string{c.Nodes()[1].Address()}})
	check(t, err)
	defer func() { check(t, client.Close()) }()
	for i := range 2000 {
		_, err := client.Lock(ctx, fmt.Sprintf("jobs/%04d", i))
		check(t, err)
	}
	browser.Do(ctx, t, chromedp.Navigate(url), chromedp.WaitVisible(chromedp.CSS(`body[data-live=yes]`)))
	browser.Becomes(ctx, t, `document.querySelectorAll('.row').length > 3`)
	name(ctx, t, "cs")
	click(ctx, t, "#ask")
	search(ctx, t, "")
	browser.Becomes(ctx, t, `document.querySelectorAll('.timeline li').length > 12 && document.querySelector('.member.critical') !== null`)
	shoot := func(name string, views ...browser.View) {
		for _, v := range views {
			browser.SetView(ctx, t, v)
			for _, fault := range browser.Audit(ctx, t) {
				t.Errorf("%s, %v: %s", name, v, fault)
			}
			browser.Shoot(ctx, t, folder, fmt.Sprintf("%s-%d-%s", name, v.Width, v.Scheme))
		}
	}
	wide, narrow := browser.View{Width: 1280, Height: 900, Scheme: "light"}, browser.View{Width: 390, Height: 844, Scheme: "dark"}
	shoot("live", browser.Views...)
	check(t, c.Nodes()[3].Kill())
	browser.Becomes(ctx, t, `document.querySelectorAll('.member.gone').length === 1`)
	shoot("live-gone", wide, narrow)
	browser.SetView(ctx, t, wide)
	click(ctx, t, "#break")
	shoot("live-break", wide)
	browser.Eval[any](ctx, t, `document.getElementById('break-dialog').close()`)
	check(t, c.Nodes()[0].Kill())
	says(ctx, t, "connection", "does not answer")
	shoot("live-lost", browser.Views...)
}
