package main

import (
	"bufio"
	"bytes"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"os/exec"
	"regexp"
	"runtime"
	"strconv"
	"strings"
	"syscall"
	"testing"
)

// startDemo starts a long demonstration, waits until its nodes take turns, and returns it
// with their process ids and the rest of its output.
func startDemo(t *testing.T, flags ...string) (demo *exec.Cmd, nodes []int, output *bufio.Reader) {
	t.Helper()
	demo = exec.Command(program(t), append([]string{"demo", "--nodes", "3", "--entries", "10000", "--out", t.TempDir()}, flags...)...)
	var complaints bytes.Buffer
	demo.Stderr = &complaints
	stdout, err := demo.StdoutPipe()
	check(t, err)
	check(t, demo.Start())
	t.Cleanup(func() { _ = demo.Process.Kill() }) // as a rule it is gone
	output = bufio.NewReader(stdout)
	isProcess := regexp.MustCompile(` is process (\d+)\n$`)
	for {
		line, err := output.ReadString('\n')
		if err != nil {
			t.Fatalf("the demonstration ended: %v, %v: %s", err, demo.Wait(), complaints.String())
		}
		if match := isProcess.FindStringSubmatch(line); match != nil {
			pid, err := strconv.Atoi(match[1])
			check(t, err)
			nodes = append(nodes, pid)
		}
		if strings.HasPrefix(line, "entry ") {
			break
		}
	}
	if len(nodes) != 3 {
		t.Fatalf("processes %v, want 3", nodes)
	}
	return demo, nodes, output
}

// isRunning reports whether a process exists and is no zombie.
func isRunning(pid int) bool {
	if syscall.Kill(pid, 0) != nil {
		return false
	}
	stat, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", pid))
	if err != nil {
		return runtime.GOOS != "linux"
	}
	state := bytes.Fields(stat[bytes.LastIndexByte(stat, ')')+1:])[0]
	return string(state) != "Z"
}

func checkNoneRuns(t *testing.T, pids []int) {
	t.Helper()
	for _, pid := range pids {
		if !until(func() bool { return !isRunning(pid) }) {
			t.Errorf("process %d is left behind", pid)
		}
	}
}

// TestInterruptedDemoLeavesNoProcess: Ctrl-C ends the nodes in order.
func TestInterruptedDemoLeavesNoProcess(t *testing.T) {
	for _, signal := range []syscall.Signal{syscall.SIGINT, syscall.SIGTERM} {
		demo, nodes, output := startDemo(t)
		check(t, demo.Process.Signal(signal))
		_, err := io.Copy(io.Discard, output)
		check(t, err)
		if err := demo.Wait(); demo.ProcessState.ExitCode() != exitFailure {
			t.Errorf("after %v: %v, want exit status %d", signal, err, exitFailure)
		}
		for _, pid := range nodes {
			if isRunning(pid) {
				t.Errorf("process %d is left behind after %v", pid, signal)
			}
		}
	}
}

// TestKilledDemoLeavesNoProcess: a demonstration that is killed leaves no node behind.
func TestKilledDemoLeavesNoProcess(t *testing.T) {
	if runtime.GOOS != "linux" {
		t.Skip("only Linux ends the children of a process that was killed with SIGKILL")
	}
	demo, nodes, _ := startDemo(t)
	check(t, demo.Process.Kill())
	_ = demo.Wait() // the error says that it was killed
	checkNoneRuns(t, nodes)
}

// A demonstration with a page stays after its end until somebody stops it, and is judged
// then.
func TestDemoWithAPageStays(t *testing.T) {
	listener, err := new(net.ListenConfig).Listen(t.Context(), "tcp", "127.0.0.1:0")
	check(t, err)
	address := listener.Addr().String()
	check(t, listener.Close())
	demo := exec.Command(program(t), "demo", "--http="+address, "--nodes", "2", "--entries", "1", "--out", t.TempDir())
	stdout, err := demo.StdoutPipe()
	check(t, err)
	check(t, demo.Start())
	t.Cleanup(func() { _ = demo.Process.Kill() }) // as a rule it is gone
	output := bufio.NewReader(stdout)
	var seen strings.Builder
	for !strings.Contains(seen.String(), "They stay") {
		line, err := output.ReadString('\n')
		if err != nil {
			t.Fatalf("the demonstration ended: %v, %v: %s", err, demo.Wait(), seen.String())
		}
		seen.WriteString(line)
	}
	if !strings.Contains(seen.String(), "See it live: http://"+address+"/\n") {
		t.Errorf("the address is not told: %s", seen.String())
	}
	request, err := http.NewRequestWithContext(t.Context(), http.MethodGet, "http://"+address+"/readyz", nil)
	check(t, err)
	response, err := http.DefaultClient.Do(request)
	check(t, err)
	check(t, response.Body.Close())
	if response.StatusCode != http.StatusOK {
		t.Errorf("/readyz: %s; want 200", response.Status)
	}
	http.DefaultClient.CloseIdleConnections()
	check(t, demo.Process.Signal(os.Interrupt))
	rest, err := io.ReadAll(output)
	check(t, err)
	if err := demo.Wait(); err != nil || !strings.Contains(string(rest), "What the logs show") {
		t.Errorf("%v; want success, and what the logs show: %s", err, rest)
	}
}
