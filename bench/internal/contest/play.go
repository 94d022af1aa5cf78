package contest

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"time"

	"conch/bench/internal/board"
	"conch/bench/internal/procs"
	"conch/bench/internal/worker"
)

const (
	// startPatience is how long processes may take until they have warmed up.
	startPatience = 60 * time.Second
	// endPatience is how long workers may take to end.
	endPatience = 20 * time.Second
)

// play is one subject's turn in one round: workers that share a board in a folder of
// their own.
type play struct {
	stage   *Stage
	dir     string
	board   *board.Board
	workers []*procs.Process
	servers []*procs.Process // whose processor time counts too
	cores   int              // how many the workers may use, if not procs.AllCores
}

// newPlay prepares a turn.
func newPlay(s *Stage) (*play, error) {
	dir, err := os.MkdirTemp(s.Dir, "play")
	if err != nil {
		return nil, fmt.Errorf("contest: %w", err)
	}
	b, err := board.Create(filepath.Join(dir, "board"))
	if err != nil {
		return nil, errors.Join(err, os.RemoveAll(dir))
	}
	return &play{stage: s, dir: dir, board: b}, nil
}

// start starts one more worker; its place on the board is its number.
func (p *play) start(job worker.Job) error {
	job.Client = len(p.workers)
	job.Board = filepath.Join(p.dir, "board")
	job.Lock.Dir = p.dir
	text, err := json.Marshal(job)
	if err != nil {
		return fmt.Errorf("contest: %w", err)
	}
	process, err := procs.StartOn(p.cores, fmt.Sprintf("worker %d", job.Client), p.stage.Program, worker.Role, string(text))
	if err != nil {
		return err
	}
	p.workers = append(p.workers, process)
	return nil
}

// alive returns an error if a process has ended that should run, or ctx has.
func (p *play) alive(ctx context.Context) error {
	for _, process := range append(append([]*procs.Process(nil), p.servers...), p.workers...) {
		if err := process.Ended(); err != nil {
			return err
		}
	}
	return context.Cause(ctx)
}

// await waits until this many workers are ready and the lock was granted this often.
func (p *play) await(ctx context.Context, ready, grants uint64) error {
	ctx, cancel := context.WithTimeoutCause(ctx, startPatience, fmt.Errorf("the workers were not ready, or not granted the lock, within %v", startPatience))
	defer cancel()
	return p.board.Await(ready, grants, func() error { return p.alive(ctx) })
}

// close ends what is left of the turn.
func (p *play) close() error {
	var failures []error
	for _, process := range p.workers {
		failures = append(failures, process.Kill())
	}
	return errors.Join(append(failures, p.board.Close(), os.RemoveAll(p.dir))...)
}

// window is what was counted in a window, and how long that was.
type window struct {
	board.Counts
	length time.Duration
	used   procs.Usage // by all processes
	logged uint64      // bytes that workers wrote to their logs
}

// measure lets the workers warm up, and measures a window. Then the workers end.
func (p *play) measure(ctx context.Context) (window, error) {
	if err := p.pause(ctx, p.stage.warmUp()); err != nil {
		return window{}, err
	}
	processes := append(append([]*procs.Process(nil), p.servers...), p.workers...)
	used, err := procs.UsageOf(processes)
	if err != nil {
		return window{}, err
	}
	loggedBefore, err := p.logged()
	if err != nil {
		return window{}, err
	}
	before, start := p.board.Counts(), time.Now()
	p.board.SetPhase(board.Measure)
	if err := p.pause(ctx, p.stage.Window); err != nil {
		return window{}, err
	}
	w := window{Counts: p.board.Counts().Since(before), length: time.Since(start)}
	usedThen, err := procs.UsageOf(processes)
	if err != nil {
		return window{}, err
	}
	w.used = usedThen.Since(used)
	loggedThen, err := p.logged()
	if err != nil {
		return window{}, err
	}
	w.logged = loggedThen - loggedBefore
	p.board.SetPhase(board.End)
	return w, nil
}

// logged is how many bytes the logs of workers have.
func (p *play) logged() (sum uint64, err error) {
	paths, err := filepath.Glob(filepath.Join(p.dir, "*.log"))
	if err != nil {
		return 0, fmt.Errorf("contest: %w", err)
	}
	for _, path := range paths {
		info, err := os.Stat(path)
		if err != nil {
			return 0, fmt.Errorf("contest: %w", err)
		}
		sum += uint64(info.Size())
	}
	return sum, nil
}

// pause waits, unless a process ends or ctx does.
func (p *play) pause(ctx context.Context, d time.Duration) error {
	select {
	case <-ctx.Done():
	case <-time.After(d):
	}
	return p.alive(ctx)
}

// reports waits for the workers' ends, but no longer than so, and returns what they say.
func (p *play) reports(ctx context.Context, patience time.Duration) ([]worker.Report, error) {
	ctx, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	var all []worker.Report
	for _, process := range p.workers {
		text, err := process.Wait(ctx)
		if err != nil {
			return nil, err
		}
		if len(text) == 0 {
			continue // it is one that has nothing to say
		}
		var report worker.Report
		if err := json.Unmarshal(text, &report); err != nil {
			return nil, fmt.Errorf("contest: a worker's report: %w", err)
		}
		all = append(all, report)
	}
	return all, nil
}
