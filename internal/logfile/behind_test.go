package logfile

import (
	"strings"
	"testing"
	"testing/synctest"
	"time"
)

// stuck is a disk on which a write takes long.
type stuck struct {
	takes time.Duration
	has   strings.Builder
}

func (s *stuck) Write(lines []byte) (int, error) {
	time.Sleep(s.takes)
	return s.has.Write(lines)
}

// TestBehindDoesNotWait shows that the logger does not wait for the disk, and that all
// lines are there at the end, in order.
func TestBehindDoesNotWait(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		disk := &stuck{takes: time.Minute}
		log := New(disk, Config{})
		behind := NewBehind(log, log)
		began := time.Now()
		for _, line := range []string{"one\n", "two\n", "three\n"} {
			if n, err := behind.Write([]byte(line)); n != len(line) || err != nil {
				t.Errorf("write: %d, %v", n, err)
			}
			behind.Flush()
			synctest.Wait()
		}
		if took := time.Since(began); took != 0 {
			t.Errorf("three lines took whoever wrote them %v", took)
		}
		behind.Close()
		if got := disk.has.String(); got != "one\ntwo\nthree\n" {
			t.Errorf("written: %q", got)
		}
	})
}

// TestBehindTellsWhatThereIsNoRoomFor shows that lines without room are counted, and that
// the log says where they are missing.
func TestBehindTellsWhatThereIsNoRoomFor(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		disk := &stuck{takes: time.Minute}
		log := New(disk, Config{GapLine: func(n uint64) []byte { return []byte(strings.Repeat("gap ", int(n)) + "\n") }})
		behind := newBehind(log, log, 8)
		put := func(lines ...string) {
			for _, line := range lines {
				if _, err := behind.Write([]byte(line)); err != nil {
					t.Error(err)
				}
			}
			behind.Flush()
			synctest.Wait()
		}
		put("one\n")                       // is being written
		put("two\n", "tre\n", "4\n", "\n") // two have room
		time.Sleep(time.Minute)
		synctest.Wait()
		put("six\n")
		behind.Close()
		if got, want := disk.has.String(), "one\ntwo\ntre\ngap gap \nsix\n"; got != want {
			t.Errorf("written: %q, want %q", got, want)
		}
		if lost, now := log.Loss(); lost != 2 || now != nil {
			t.Errorf("Loss = %d, %v, want 2 and nothing now", lost, now)
		}
	})
}
