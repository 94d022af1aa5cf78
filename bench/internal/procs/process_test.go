package procs

import (
	"context"
	"fmt"
	"os"
	"runtime"
	"strings"
	"testing"
	"time"
)

// patience is far longer than anything here takes.
const patience = 20 * time.Second

// start starts a shell that will not outlive the test.
func start(t *testing.T, script string) *Process {
	t.Helper()
	p, err := Start("shell", "/bin/sh", "-c", script)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := p.Kill(); err != nil {
			t.Error(err)
		}
	})
	return p
}

func TestWaitReturnsWhatWasWritten(t *testing.T) {
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	defer cancel()
	text, err := start(t, "echo there").Wait(ctx)
	if err != nil || string(text) != "there\n" {
		t.Errorf("got %q, %v", text, err)
	}
	_, err = start(t, "echo why >&2; exit 3").Wait(ctx)
	if err == nil || !strings.Contains(err.Error(), "exit status 3") || !strings.Contains(err.Error(), "why") {
		t.Errorf("got %v, want the exit status and what it said", err)
	}
}

func TestKillEndsAFrozenProcess(t *testing.T) {
	p := start(t, "exec sleep 100")
	if err := p.Ended(); err != nil {
		t.Fatal(err)
	}
	if err := p.Freeze(); err != nil {
		t.Fatal(err)
	}
	if err := p.Kill(); err != nil {
		t.Fatal(err)
	}
	if err := p.Ended(); err == nil || !strings.Contains(err.Error(), "killed") {
		t.Errorf("got %v, want that it was killed", err)
	}
	if _, err := os.Stat(fmt.Sprintf("/proc/%d", p.cmd.Process.Pid)); err == nil {
		t.Error("the process is still there")
	}
}

func TestProcessorTimeGrowsWithWork(t *testing.T) {
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	defer cancel()
	p := start(t, "while :; do :; done")
	for ctx.Err() == nil {
		used, err := UsageOf([]*Process{p})
		if err != nil {
			t.Fatal(err)
		}
		if used.Processor > 0 {
			return
		}
	}
	t.Errorf("a process that works has used no processor time after %v", patience)
}

func TestProcessUsesTheCoresItMay(t *testing.T) {
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	defer cancel()
	cores := func(n int) string {
		p, err := StartOn(n, "nproc", "nproc")
		if err != nil {
			t.Fatal(err)
		}
		text, err := p.Wait(ctx)
		if err != nil {
			t.Fatal(err)
		}
		return strings.TrimSpace(string(text))
	}
	if got := cores(1); got != "1" {
		t.Errorf("a process that may use one core sees %s", got)
	}
	if got, want := cores(AllCores), fmt.Sprint(runtime.NumCPU()); got != want {
		t.Errorf("a process that may use all cores sees %s, want %s", got, want)
	}
	if p, err := StartOn(runtime.NumCPU()+1, "nproc", "nproc"); err == nil {
		_ = p.Kill()
		t.Error("more cores than there are: no error")
	}
}

func TestWrittenCountsWhatIsWritten(t *testing.T) {
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	defer cancel()
	p := start(t, "head -c 100000 /dev/zero; exec sleep 100")
	for ctx.Err() == nil {
		written, err := p.Written()
		if err != nil {
			t.Fatal(err)
		}
		if written == 0 {
			continue
		}
		if both, err := UsageOf([]*Process{p, p}); err != nil || both.Written != 2*100_000 {
			t.Errorf("twice the same process: got %d bytes, %v, want 200000", both.Written, err)
		}
		return
	}
	t.Errorf("a process that writes has written nothing after %v", patience)
}

func TestSwitchesGrowWithEachWait(t *testing.T) {
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	defer cancel()
	p := start(t, "while :; do sleep 0.01; done")
	first, err := UsageOf([]*Process{p})
	if err != nil {
		t.Fatal(err)
	}
	for ctx.Err() == nil {
		used, err := UsageOf([]*Process{p})
		if err != nil {
			t.Fatal(err)
		}
		if used.Since(first).Switches >= 3 { // each sleep is waited for
			return
		}
	}
	t.Errorf("a process that waits again and again has not been seen to in %v", patience)
}

func TestOutputForgetsTheOldest(t *testing.T) {
	var o output
	for range 5 {
		fmt.Fprint(&o, strings.Repeat("ab", keptBytes/2))
	}
	fmt.Fprint(&o, "end")
	all := o.all()
	if len(all) < keptBytes || len(all) > 2*keptBytes || !strings.HasSuffix(string(all), "abend") {
		t.Errorf("got %d bytes that end in %q, want %d to twice that, that end in %q", len(all), all[len(all)-5:], keptBytes, "abend")
	}
}
