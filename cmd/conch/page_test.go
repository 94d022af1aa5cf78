package main

import (
	"context"
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/chromedp/cdproto/emulation"
	"github.com/chromedp/cdproto/log"
	"github.com/chromedp/cdproto/runtime"
	"github.com/chromedp/chromedp"
	"github.com/chromedp/chromedp/kb"

	"conch"
	"conch/internal/verify/processes"
)

// pagePatience is how long the browser may take for a test. It is no measure of anything.
const pagePatience = 2 * time.Minute

// browse starts a browser for a test, or skips it aloud where there is none.
func browse(t *testing.T) context.Context {
	t.Helper()
	var program string
	for _, name := range []string{"chromium", "chromium-browser", "google-chrome", "google-chrome-stable"} {
		if path, err := exec.LookPath(name); err == nil {
			program = path
			break
		}
	}
	if program == "" {
		t.Skip("LEFT OUT: the live page in a real browser, for want of Chromium (on Debian: apt-get install chromium)")
	}
	options := append(chromedp.DefaultExecAllocatorOptions[:], chromedp.ExecPath(program), chromedp.UserDataDir(t.TempDir()),
		chromedp.Flag("headless", "new"))
	if os.Geteuid() == 0 {
		options = append(options, chromedp.NoSandbox) // Chromium's own refuses to run as root
	}
	ctx, cancel := context.WithTimeout(t.Context(), pagePatience)
	t.Cleanup(cancel)
	ctx, stop := chromedp.NewExecAllocator(ctx, options...)
	t.Cleanup(stop)
	ctx, leave := chromedp.NewContext(ctx)
	t.Cleanup(leave)
	return ctx
}

// faultsOf collects what the browser finds wrong with the page: exceptions, refusals by
// the policy, files that are missing.
func faultsOf(ctx context.Context, t *testing.T) (troubles func() []string) {
	t.Helper()
	var mu sync.Mutex
	var list []string
	check(t, chromedp.Listen(ctx, func(event any) {
		mu.Lock()
		defer mu.Unlock()
		switch e := event.(type) {
		case *runtime.EventExceptionThrown:
			list = append(list, e.ExceptionDetails.Text)
		case *log.EventEntryAdded:
			if e.Entry.Level == log.EntryLevelError {
				list = append(list, e.Entry.Text+" "+e.Entry.URL)
			}
		}
	}))
	return func() []string {
		mu.Lock()
		defer mu.Unlock()
		return append([]string(nil), list...)
	}
}

// eval evaluates an expression in the page.
func eval[T any](ctx context.Context, t *testing.T, expression string) T {
	t.Helper()
	value, err := chromedp.Run(ctx, chromedp.Evaluate[T](expression))
	if err != nil {
		t.Fatalf("%v, in %s", err, expression)
	}
	return value
}

// becomes waits for what an expression tells of the page.
func becomes(ctx context.Context, t *testing.T, expression string) {
	t.Helper()
	again := time.NewTicker(20 * time.Millisecond)
	defer again.Stop()
	for !eval[bool](ctx, t, expression) {
		select {
		case <-again.C:
		case <-ctx.Done():
			t.Fatalf("it did not come true: %s", expression)
		}
	}
}

// do lets the browser do something.
func do(ctx context.Context, t *testing.T, steps ...chromedp.Action[chromedp.Void]) {
	t.Helper()
	check(t, chromedp.Do(ctx, steps...))
}

// click clicks what a selector finds, once it is there and may be clicked.
func click(ctx context.Context, t *testing.T, selector string) {
	t.Helper()
	becomes(ctx, t, fmt.Sprintf(`(() => { const e = document.querySelector(%q); return Boolean(e) && !e.hidden && !e.disabled; })()`, selector))
	do(ctx, t, chromedp.Click(chromedp.CSS(selector)))
}

// search has the page list the locks that have a text in their names.
func search(ctx context.Context, t *testing.T, text string) {
	t.Helper()
	eval[bool](ctx, t, fmt.Sprintf(`(() => { const e = document.getElementById('search'); e.value = %q;
		return e.dispatchEvent(new Event('input')); })()`, text))
}

// name has the page show a lock, as a user does who types its name.
func name(ctx context.Context, t *testing.T, lock string) {
	t.Helper()
	search(ctx, t, "")
	do(ctx, t, chromedp.SendKeys(chromedp.CSS("#search"), lock+kb.Enter))
	becomes(ctx, t, fmt.Sprintf(`document.getElementById('lock-title').textContent === %q`, lock))
}

// says waits until an element's text has another in it.
func says(ctx context.Context, t *testing.T, id, text string) {
	t.Helper()
	becomes(ctx, t, fmt.Sprintf(`document.getElementById(%q).textContent.includes(%q)`, id, text))
}

// pageCluster runs nodes, the first of which serves a page.
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

// watchToken notes, in the page, who is seen with the token, and how often it flies.
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
	ctx := browse(t)
	c, url := pageCluster(ctx, t, 3, "--auto-think", "300ms", "--auto-hold", "200ms", "--session-ttl", "500ms")
	do(ctx, t, chromedp.EmulateViewport(1280, 900))
	troubles := faultsOf(ctx, t)
	do(ctx, t, chromedp.Navigate(url), chromedp.WaitVisible(chromedp.CSS(`body[data-live=yes]`)))

	says(ctx, t, "lock-title", "cs")
	eval[bool](ctx, t, watchToken)
	becomes(ctx, t, `window.seen.holders.size === 3 && window.seen.flights > 2 && window.seen.requests > 2`)
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
		before := eval[int](ctx, t, `document.scripts.length`)
		name(ctx, t, hostile)
		click(ctx, t, "#ask")
		says(ctx, t, "asks", "held by this page")
		becomes(ctx, t, fmt.Sprintf(`[...document.querySelectorAll('.row .name')].some((n) => n.textContent === %q)`, hostile))
		if images, scripts := eval[int](ctx, t, `document.images.length`), eval[int](ctx, t, `document.scripts.length`); images != 0 || scripts != before {
			t.Errorf("the page has %d images and %d scripts; want none and %d: the name became a part of it", images, scripts, before)
		}
		click(ctx, t, "#release")
	})
	t.Run("a lock that is broken", func(t *testing.T) {
		name(ctx, t, "deploy")
		click(ctx, t, "#ask")
		says(ctx, t, "asks", "held by this page")
		click(ctx, t, "#break")
		do(ctx, t, chromedp.SendKeys(chromedp.CSS("#reason"), "to see it"))
		click(ctx, t, "#break-do")
		says(ctx, t, "asks", "to see it")
		click(ctx, t, "#release")
		becomes(ctx, t, `document.getElementById('own').hidden`)
	})
	t.Run("a node that is killed", func(t *testing.T) {
		check(t, c.Nodes()[2].Kill())
		becomes(ctx, t, `document.querySelectorAll('.member.gone').length === 1`)
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
		becomes(ctx, t, `document.body.dataset.live === 'yes'`)
		name(ctx, t, "after")
		click(ctx, t, "#ask") // which needs the new process's token
		says(ctx, t, "asks", "held by this page")
	})
}

// TestPageShowsWhatItIsRefused: in a browser, what the rules do not grant the page, and what
// its node gives up.
func TestPageShowsWhatItIsRefused(t *testing.T) {
	ctx := browse(t)
	for rules, sees := range map[string]bool{"@page lock open/*\n": true, "@local lock *\n": false} {
		allow := filepath.Join(t.TempDir(), "allow.txt")
		check(t, os.WriteFile(allow, []byte(rules), 0o600))
		_, url := pageCluster(ctx, t, 1, "--auto-think", maxPause.String(), "--allow", allow, "--insecure")
		troubles := faultsOf(ctx, t)
		do(ctx, t, chromedp.Navigate(url), chromedp.WaitVisible(chromedp.CSS(`body[data-live=yes]`)))
		says(ctx, t, "cautions", "--insecure: nothing is encrypted")
		name(ctx, t, "secret")
		says(ctx, t, "said", `Not shown: not allowed: the page may not look "secret"`)
		becomes(ctx, t, `document.getElementById('facts').hidden`)
		if !sees {
			says(ctx, t, "trouble", "This page may see nothing: not allowed: the page may not look at anything")
			becomes(ctx, t, `document.getElementById('verdict').textContent === ''`)
			continue
		}
		click(ctx, t, "#ask")
		says(ctx, t, "asks", `refused: not allowed: the page may not lock "secret"`)
		name(ctx, t, "open/1")
		becomes(ctx, t, `!document.getElementById('facts').hidden`)
		click(ctx, t, "#ask")
		says(ctx, t, "asks", "held by this page")
		for _, fault := range troubles() {
			if !strings.Contains(fault, "403") { // the browser counts what was refused as a fault
				t.Errorf("the browser finds fault: %s", fault)
			}
		}
	}
}

// screenshotsEnv names the folder for pictures of the page, for people to look at.
const screenshotsEnv = "CONCH_SCREENSHOTS"

func TestPageScreenshots(t *testing.T) {
	folder := os.Getenv(screenshotsEnv)
	if folder == "" {
		t.Skip("pictures are made where " + screenshotsEnv + " names a folder for them")
	}
	ctx := browse(t)
	c, url := pageCluster(ctx, t, 5, "--auto-think", "1s", "--auto-hold", "1s")
	client, err := conch.Dial(ctx, conch.DialConfig{Nodes: []string{c.Nodes()[1].Address()}})
	check(t, err)
	defer func() { check(t, client.Close()) }()
	for i := range 2000 {
		_, err := client.Lock(ctx, fmt.Sprintf("jobs/%04d", i))
		check(t, err)
	}
	do(ctx, t, chromedp.Navigate(url), chromedp.WaitVisible(chromedp.CSS(`body[data-live=yes]`)))
	becomes(ctx, t, `document.querySelectorAll('.row').length > 3`)
	name(ctx, t, "cs")
	click(ctx, t, "#ask")
	search(ctx, t, "")
	becomes(ctx, t, `document.querySelectorAll('.timeline li').length > 12 && document.querySelector('.member.critical') !== null`)
	shoot := func(name string, width, height int64, scheme string) {
		do(ctx, t, chromedp.EmulateViewport(width, height))
		media := emulation.SetEmulatedMediaParams{Features: []*emulation.MediaFeature{{Name: "prefers-color-scheme", Value: scheme}}}
		_, err := chromedp.Call(ctx, emulation.SetEmulatedMedia, media)
		check(t, err)
		picture, err := chromedp.Run(ctx, chromedp.FullScreenshot(100))
		check(t, err)
		if wide := eval[int64](ctx, t, `document.documentElement.scrollWidth`); wide > width {
			t.Errorf("%s is %d pixels wide, more than the %d of the window", name, wide, width)
		}
		check(t, os.WriteFile(filepath.Join(folder, name+".png"), picture, 0o600))
	}
	shoot("live", 1280, 900, "light")
	shoot("live-dark", 1280, 900, "dark")
	shoot("live-phone", 360, 740, "light")
	check(t, c.Nodes()[3].Kill())
	becomes(ctx, t, `document.querySelectorAll('.member.gone').length === 1`)
	shoot("live-gone", 1280, 900, "light")
	shoot("live-phone-dark", 360, 740, "dark")
	click(ctx, t, "#break")
	shoot("live-break", 1280, 900, "light")
	check(t, c.Nodes()[0].Kill())
	says(ctx, t, "connection", "does not answer")
	shoot("live-lost", 1280, 900, "dark")
}
