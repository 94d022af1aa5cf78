package main

import (
	"strings"
	"testing"

	"github.com/chromedp/chromedp"

	"conch/internal/verify/browser"
)

// TestPageFreesAKeptHold: the page shows a hold that nobody alive has, and its button frees
// that. It also shows the latest run of a job, and that a hold will be kept. After a restart of
// all nodes it lists the kept hold before anybody has asked for the lock.
func TestPageFreesAKeptHold(t *testing.T) {
	ctx := browser.Start(t)
	c, url := pageCluster(ctx, t, 1, "--auto-think", maxPause.String(), "--session-ttl", "500ms")
	node := c.Nodes()[0].Address()
	expectExit := func(want int, args ...string) {
		t.Helper()
		if code, _, said := conchRun(t, args...); code != want {
			t.Fatalf("%v: exit code %d, want %d; it said %s", args, code, want, said)
		}
	}
	expectExit(7, "once", "job", "--tick", "42", "--node", node, "--", "sh", "-c", "exit 7")
	expectExit(137, "lock", "infra", "--on-death", "keep", "--owner", "ci-7", "--node", node, "--", "sh", "-c", "kill -KILL $$")
	if !until(func() bool {
		_, said, _ := conchRun(t, "who", "infra", "--node", node)
		return strings.Contains(said, "is kept")
	}) {
		t.Fatal("the hold is not kept")
	}
	troubles := browser.Faults(ctx, t)
	browser.Do(ctx, t, chromedp.EmulateViewport(1280, 900), chromedp.Navigate(url), chromedp.WaitVisible(chromedp.CSS(`body[data-live=yes]`)))
	name(ctx, t, "job")
	says(ctx, t, "facts", "turn 42: ")
	says(ctx, t, "facts", "ended with exit code 7")
	name(ctx, t, "infra")
	says(ctx, t, "facts", "nobody alive; kept since ")
	says(ctx, t, "facts", "for ci-7: break it to let others in")
	browser.Becomes(ctx, t, `document.querySelector('.row.kept .state').textContent === 'kept, held by nobody alive'`)
	click(ctx, t, "#break")
	says(ctx, t, "break-text", "Nobody alive holds it.")
	browser.Do(ctx, t, chromedp.SendKeys(chromedp.CSS("#reason"), "looked at it"))
	click(ctx, t, "#break-do")
	says(ctx, t, "said", "is over; the lock goes to the next")
	says(ctx, t, "facts", "nobody")
	expectExit(0, "lock", "infra", "--node", node, "--", "true")
	held := startLock(t, "infra", "--on-death", "keep", "--owner", "ci-8", "--node", node, "--", "tail", "-f", "/dev/null")
	says(ctx, t, "facts", "exclusive; kept if its holder dies, for ci-8")
	check(t, held.cmd.Process.Kill())
	held.ends(-1)
	says(ctx, t, "facts", "nobody alive; kept since ")
	for _, trouble := range troubles() { // from here on, that the node is away
		t.Error(trouble)
	}
	check(t, c.Nodes()[0].Kill())
	says(ctx, t, "connection", "does not answer")
	check(t, c.Nodes()[0].Start(ctx))
	browser.Do(ctx, t, chromedp.Navigate(url), chromedp.WaitVisible(chromedp.CSS(`body[data-live=yes]`)))
	browser.Becomes(ctx, t, `document.querySelector('.row.kept .name')?.textContent === 'infra'`)
}
