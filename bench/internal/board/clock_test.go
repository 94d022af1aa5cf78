package board

import (
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"testing"
	"time"
)

// answerRole is the first argument of this test program where it is the other process.
// The board's path follows, and by how many nanoseconds its clock is to be wrong.
const answerRole = "answer"

func TestMain(m *testing.M) {
	if len(os.Args) == 4 && os.Args[1] == answerRole {
		if err := answer(os.Args[2], os.Args[3]); err != nil {
			fmt.Fprintln(os.Stderr, err)
			os.Exit(1)
		}
		os.Exit(0)
	}
	os.Exit(m.Run())
}

const (
	exchanges = 60
	patience  = 20 * time.Second
)

// answer writes a reading beside each that it finds, until the board says that it is
// the end.
func answer(path, wrongBy string) error {
	wrong, err := strconv.ParseInt(wrongBy, 10, 64)
	if err != nil {
		return err
	}
	b, err := Open(path)
	if err != nil {
		return err
	}
	question, reply := &b.page.asked[0].word, &b.page.asked[1].word
	deadline, seen := time.Now().Add(patience), uint64(0)
	for b.Phase() != End && time.Now().Before(deadline) {
		if now := question.Load(); now != seen {
			seen = now
			reply.Store(Now() + uint64(wrong))
		}
	}
	return b.Close()
}

// disagreement is by how much the readings of this process and of another contradict
// the order in which they were taken, where the other's clock is wrong by some time.
func disagreement(t *testing.T, wrong time.Duration) time.Duration {
	t.Helper()
	path := filepath.Join(t.TempDir(), "board")
	b, err := Create(path)
	if err != nil {
		t.Fatal(err)
	}
	other := exec.Command(os.Args[0], answerRole, path, strconv.FormatInt(int64(wrong), 10))
	other.Stderr = os.Stderr
	if err := other.Start(); err != nil {
		t.Fatal(err)
	}
	question, reply := &b.page.asked[0].word, &b.page.asked[1].word
	deadline, most := time.Now().Add(patience), -patience
	for i := 0; i < exchanges && most <= Agreement; i++ {
		before := Now()
		last := reply.Load()
		question.Store(before)
		for reply.Load() == last && time.Now().Before(deadline) {
		}
		there, after := reply.Load(), Now()
		if there == last {
			t.Errorf("the other process has not answered within %v", patience)
			break
		}
		most = max(most, time.Duration(before-there), time.Duration(there-after))
	}
	b.SetPhase(End)
	if err := errors.Join(other.Wait(), b.Close()); err != nil {
		t.Error(err)
	}
	return most
}

func TestTwoProcessesReadTheSameClock(t *testing.T) {
	got := disagreement(t, 0)
	t.Logf("this process's margin is %v; readings contradict their order by %v at most (less than 0: by nothing)", shared.margin, got)
	if got > Agreement {
		t.Errorf("readings contradict their order by %v, want at most %v", got, Agreement)
	}
}

// A clock that is wrong is found to be, fast or slow. How wrong it must be is a matter
// of how soon a busy machine lets the other process answer, once in all exchanges.
func TestExchangeFindsAWrongClock(t *testing.T) {
	for _, wrong := range []time.Duration{10 * time.Millisecond, -10 * time.Millisecond} {
		if got := disagreement(t, wrong); got <= Agreement {
			t.Errorf("wrong by %v: readings contradict their order by %v, want more than %v", wrong, got, Agreement)
		}
	}
}

func TestClockThatIsReadTooLateIsRefused(t *testing.T) {
	if err := (clock{margin: Agreement}).check(); err == nil {
		t.Error("no error")
	}
}

func BenchmarkNow(b *testing.B) {
	for b.Loop() {
		Now()
	}
}
