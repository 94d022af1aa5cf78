package browser

import (
	"context"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/chromedp/cdproto/emulation"
	"github.com/chromedp/cdproto/log"
	"github.com/chromedp/cdproto/runtime"
	"github.com/chromedp/chromedp"
)

// patience is how long the browser may take for a test. It measures nothing.
const patience = 5 * time.Minute

// Start starts a browser for a test. If there is none, it skips the test and says so.
func Start(t *testing.T) context.Context {
	t.Helper()
	var program string
	for _, name := range []string{"chromium", "chromium-browser", "google-chrome", "google-chrome-stable"} {
		if path, err := exec.LookPath(name); err == nil {
			program = path
			break
		}
	}
	if program == "" {
		t.Skip("LEFT OUT: the page in a real browser, for want of Chromium (on Debian: apt-get install chromium)")
	}
	options := append(chromedp.DefaultExecAllocatorOptions[:], chromedp.ExecPath(program), chromedp.UserDataDir(t.TempDir()),
		chromedp.Flag("headless", "new"))
	if os.Geteuid() == 0 {
		options = append(options, chromedp.NoSandbox) // Chromium's own refuses to run as root
	}
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	t.Cleanup(cancel)
	ctx, stop := chromedp.NewExecAllocator(ctx, options...)
	t.Cleanup(stop)
	ctx, leave := chromedp.NewContext(ctx)
	t.Cleanup(leave)
	return ctx
}

// Faults collects what the browser finds wrong with the page from now on: exceptions,
// refusals by the policy, missing files.
func Faults(ctx context.Context, t *testing.T) (list func() []string) {
	t.Helper()
	var mu sync.Mutex
	var found []string
	err := chromedp.Listen(ctx, func(event any) {
		mu.Lock()
		defer mu.Unlock()
		switch e := event.(type) {
		case *runtime.EventExceptionThrown:
			said := e.ExceptionDetails.Text
			if e.ExceptionDetails.Exception != nil {
				said += " " + e.ExceptionDetails.Exception.Description
			}
			found = append(found, said)
		case *log.EventEntryAdded:
			if e.Entry.Level == log.EntryLevelError {
				found = append(found, e.Entry.Text+" "+e.Entry.URL)
			}
		}
	})
	if err != nil {
		t.Fatal(err)
	}
	return func() []string {
		mu.Lock()
		defer mu.Unlock()
		return slices.Clone(found)
	}
}

// Do lets the browser do something, or fails the test.
func Do(ctx context.Context, t *testing.T, steps ...chromedp.Action[chromedp.Void]) {
	t.Helper()
	if err := chromedp.Do(ctx, steps...); err != nil {
		t.Fatal(err)
	}
}

// Eval evaluates an expression in the page.
func Eval[T any](ctx context.Context, t *testing.T, expression string) T {
	t.Helper()
	value, err := chromedp.Run(ctx, chromedp.Evaluate[T](expression))
	if err != nil {
		t.Fatalf("%v, in %s", err, expression)
	}
	return value
}

// Becomes waits until an expression is true in the page.
func Becomes(ctx context.Context, t *testing.T, expression string) {
	t.Helper()
	again := time.NewTicker(20 * time.Millisecond)
	defer again.Stop()
	for !Eval[bool](ctx, t, expression) {
		select {
		case <-again.C:
		case <-ctx.Done():
			t.Fatalf("it did not come true: %s", expression)
		}
	}
}

// View is a window and a colour scheme.
type View struct {
	Width, Height int64
	Scheme        string // light or dark
}

// Views are the views in which every page must be without fault.
var Views = []View{{1280, 900, "light"}, {1280, 900, "dark"}, {390, 844, "light"}, {390, 844, "dark"}}

// SetView sets the window and the colour scheme. Nothing moves.
func SetView(ctx context.Context, t *testing.T, v View) {
	t.Helper()
	Do(ctx, t, chromedp.EmulateViewport(v.Width, v.Height))
	media := emulation.SetEmulatedMediaParams{Features: []*emulation.MediaFeature{
		{Name: "prefers-color-scheme", Value: v.Scheme}, {Name: "prefers-reduced-motion", Value: "reduce"},
	}}
	if _, err := chromedp.Call(ctx, emulation.SetEmulatedMedia, media); err != nil {
		t.Fatal(err)
	}
}

// FolderEnv names the folder for pictures of pages.
const FolderEnv = "CONCH_SCREENSHOTS"

// Folder is the folder for pictures; without one the test is skipped.
func Folder(t *testing.T) string {
	t.Helper()
	folder := os.Getenv(FolderEnv)
	if folder == "" {
		t.Skip("pictures are made where " + FolderEnv + " names a folder for them")
	}
	return folder
}

// Shoot writes a picture of the whole page into a folder.
func Shoot(ctx context.Context, t *testing.T, folder, name string) {
	t.Helper()
	picture, err := chromedp.Run(ctx, chromedp.FullScreenshot(100))
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(folder, name+".png"), picture, 0o600); err != nil {
		t.Fatal(err)
	}
}
