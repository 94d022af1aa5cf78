package main

import (
	"bufio"
	"bytes"
	"fmt"
	"io"
	"os"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"
)

// The outside witness of runs is a file to which each run appends a line when it begins and
// one when it ends: "begin JOB TICK" and "end JOB TICK". Whoever was told that a majority has
// noted a run appends "noted JOB TICK". One write is one line, so the file has the order.

// When a run kills the process that started it.
const (
	dieBegun = "begun" // when it has begun
	dieEnded = "ended" // when it has ended
)

// runTurn writes a run's lines. death says when it kills the process that started it.
func runTurn(file io.Writer, job, tick, death string) error {
	if _, err := fmt.Fprintf(file, "begin %s %s\n", job, tick); err != nil {
		return err
	}
	if death == dieBegun {
		return killParent()
	}
	timer := time.NewTimer(witnessPause)
	defer timer.Stop()
	<-timer.C
	if _, err := fmt.Fprintf(file, "end %s %s\n", job, tick); err != nil {
		return err
	}
	if death == dieEnded {
		return killParent()
	}
	return nil
}

// killParent kills the process that started this one, which on Linux is then killed too.
func killParent() error { return syscall.Kill(os.Getppid(), syscall.SIGKILL) }

// turnJudge judges the witness's file.
type turnJudge struct {
	atMostOnce map[string]bool // by job; the others run at least once
	begun      map[string]int  // by "JOB TICK"
	ended      map[string]int
	noted      map[string]bool
	faults     []string
}

// judgeTurns reads what runs have written. ticks are those that were due for each job.
func judgeTurns(text []byte, atMostOnce map[string]bool, ticks []int64) *turnJudge {
	j := &turnJudge{atMostOnce: atMostOnce, begun: map[string]int{}, ended: map[string]int{}, noted: map[string]bool{}}
	for lines := bufio.NewScanner(bytes.NewReader(text)); lines.Scan(); {
		what, turn, _ := strings.Cut(lines.Text(), " ")
		job, _, _ := strings.Cut(turn, " ")
		switch what {
		case "begin":
			j.begun[turn]++
			if atMostOnce[job] && j.begun[turn] > 1 {
				j.fault("%s: begun %d times", turn, j.begun[turn])
			}
			if j.noted[turn] {
				j.fault("%s: begun after a majority had noted that it was run", turn)
			}
		case "end":
			j.ended[turn]++
		case "noted":
			j.noted[turn] = true
			if j.ended[turn] == 0 {
				j.fault("%s: noted, and nobody has ended it", turn)
			}
		default:
			j.fault("not understood: %q", lines.Text())
		}
	}
	for job, once := range atMostOnce {
		for _, tick := range ticks {
			if turn := job + " " + strconv.FormatInt(tick, 10); !once && j.ended[turn] == 0 {
				j.fault("%s: nobody has run it to its end", turn)
			}
		}
	}
	return j
}

func (j *turnJudge) fault(format string, args ...any) {
	j.faults = append(j.faults, fmt.Sprintf(format, args...))
}

// count returns how many turns of a job have begun, and how often.
func (j *turnJudge) count(job string) (turns, runs int) {
	for turn, n := range j.begun {
		if strings.HasPrefix(turn, job+" ") {
			turns, runs = turns+1, runs+n
		}
	}
	return turns, runs
}

// TestTurnJudge shows that the judge can find each fault.
func TestTurnJudge(t *testing.T) {
	jobs := map[string]bool{"most": true, "least": false}
	const good = "begin most 1\nend most 1\nbegin least 1\nbegin least 1\nend least 1\nnoted least 1\nbegin most 2\nbegin least 2\nend least 2\n"
	for text, want := range map[string]string{
		good:                                  "",
		good + "begin most 2\n":               "most 2: begun 2 times",
		good + "begin least 1\nend least 1\n": "least 1: begun after a majority",
		good + "noted most 2\n":               "most 2: noted, and nobody has ended it",
		strings.ReplaceAll(good, "end least 2\n", ""): "least 2: nobody has run it to its end",
		good + "begun most 3\n":                       "not understood",
	} {
		got := judgeTurns([]byte(text), jobs, []int64{1, 2}).faults
		if want == "" && len(got) > 0 || want != "" && (len(got) != 1 || !strings.HasPrefix(got[0], want)) {
			t.Errorf("after\n%sgot %q, want %q", text, got, want)
		}
	}
}

// openTurns creates a witness's file.
func openTurns(t *testing.T, path string) *os.File {
	t.Helper()
	file, err := os.OpenFile(path, os.O_APPEND|os.O_CREATE|os.O_WRONLY, 0o644)
	check(t, err)
	t.Cleanup(func() { file.Close() })
	return file
}
