package contest

import (
	"bytes"
	"context"
	"fmt"
	"os"
	"strconv"
	"time"
)

const (
	// lookTime is how long others are watched.
	lookTime = 250 * time.Millisecond
	// calm is how many cores others may keep busy where a turn would rather wait.
	calm = 0.2
)

// awaitCalm waits until others keep few cores busy, or the stage's patience is over, and
// says how many they keep busy then.
func (s *Stage) awaitCalm(ctx context.Context) (float64, error) {
	for deadline := time.Now().Add(s.Patience); ; {
		busy, err := busyCores(ctx)
		if err != nil || busy <= calm || time.Now().After(deadline) {
			return busy, err
		}
	}
}

// busyCores is how many cores are busy while nothing of ours runs.
func busyCores(ctx context.Context) (float64, error) {
	before, err := busyTicks()
	if err != nil {
		return 0, err
	}
	start := time.Now()
	select {
	case <-ctx.Done():
		return 0, context.Cause(ctx)
	case <-time.After(lookTime):
	}
	after, err := busyTicks()
	if err != nil {
		return 0, err
	}
	const ticksPerSecond = 100 // on every Linux that Go runs on
	return float64(after-before) / ticksPerSecond / time.Since(start).Seconds(), nil
}

// busyTicks is how long all cores together have been busy since the machine started.
func busyTicks() (int64, error) {
	const path = "/proc/stat"
	data, err := os.ReadFile(path)
	if err != nil {
		return 0, fmt.Errorf("contest: %w", err)
	}
	line, _, _ := bytes.Cut(data, []byte("\n"))
	// cpu user nice system idle iowait irq softirq steal ...
	fields := bytes.Fields(line)
	const steal = 8
	if len(fields) <= steal {
		return 0, fmt.Errorf("contest: %s begins with %d fields, want more than %d", path, len(fields), steal)
	}
	var sum int64
	for _, i := range []int{1, 2, 3, 6, 7, steal} {
		n, err := strconv.ParseInt(string(fields[i]), 10, 64)
		if err != nil {
			return 0, fmt.Errorf("contest: %s: %w", path, err)
		}
		sum += n
	}
	return sum, nil
}
