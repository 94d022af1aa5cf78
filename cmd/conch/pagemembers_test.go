package main

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/chromedp/chromedp"

	"conch/internal/verify/browser"
)

// TestPageFollowsTheMembers: a page that is open shows a member that joins and one that leaves.
func TestPageFollowsTheMembers(t *testing.T) {
	ctx := browser.Start(t)
	allow := filepath.Join(t.TempDir(), "allow.txt")
	check(t, os.WriteFile(allow, []byte("@page lock *\n@anonymous lock,members *\n"), 0o600))
	c, url := pageCluster(ctx, t, 1, "--auto-think", maxPause.String(), "--session-ttl", "500ms", "--allow", allow)
	node, dir := c.Nodes()[0].Address(), t.TempDir()
	troubles := browser.Faults(ctx, t)
	browser.Do(ctx, t, chromedp.EmulateViewport(1280, 900), chromedp.Navigate(url), chromedp.WaitVisible(chromedp.CSS(`body[data-live=yes]`)))
	says(ctx, t, "quorum", "1 of 1 members in session")

	addresses := freeAddresses(t, 1)
	joins := conchCommand(t, "node", "--listen", addresses[0], "--join", node, "--data-dir", filepath.Join(dir, "data"), "--socket", "none",
		"--session-ttl", "500ms", "--log-file", filepath.Join(dir, "b.log"))
	check(t, joins.Start())
	t.Cleanup(func() { _ = joins.Process.Kill() }) // as a rule it has ended
	if !until(func() bool {
		code, _, _ := conchRun(t, "members", "add", addresses[0], "--node", node, "--plan")
		return code == 0
	}) {
		t.Fatal("the new node does not wait to be added")
	}
	if code, _, said := conchRun(t, "members", "add", addresses[0], "--node", node); code != 0 {
		t.Fatalf("add: exit code %d; it said %s", code, said)
	}
	says(ctx, t, "quorum", "2 of 2 members in session; 2 are a quorum")
	says(ctx, t, "members", addresses[0])
	says(ctx, t, "timeline", addresses[0]+" is a member now")
	if code, _, said := conchRun(t, "members", "remove", addresses[0], "--node", node); code != 0 {
		t.Fatalf("remove: exit code %d; it said %s", code, said)
	}
	says(ctx, t, "quorum", "1 of 1 members in session")
	says(ctx, t, "timeline", addresses[0]+" is no member any more")
	if err := joins.Wait(); err != nil {
		t.Errorf("the removed node: %v", err)
	}
	if list := troubles(); len(list) > 0 {
		t.Errorf("the browser finds fault:\n%s", strings.Join(list, "\n"))
	}
}
