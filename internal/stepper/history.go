package stepper

import (
	"errors"
	"fmt"
)

// ErrFull refuses an operation beyond MaxSteps.
var ErrFull = errors.New("stepper: the scenario is as long as it may be")

// History is a scenario that was played, with what there was to see after each step.
type History struct {
	scenario  Scenario
	world     *world // as it is after the last step
	snapshots []*Snapshot
}

// Play plays a scenario. If an operation is not possible when it is due, it returns the
// history up to there, and an error that wraps ErrNotNow.
func Play(s Scenario) (*History, error) {
	ops := s.Ops
	s.Ops = nil
	h := &History{scenario: s, world: newWorld(s)}
	h.snapshots = append(h.snapshots, h.world.snapshot(0, ""))
	for k, op := range ops {
		if _, err := h.Do(op); err != nil {
			return h, fmt.Errorf("step %d: %w", k+1, err)
		}
	}
	return h, nil
}

// Do performs an operation after the last step, and returns what there is to see then.
// Errors wrap ErrNotNow, ErrText or ErrFull; then nothing has happened.
func (h *History) Do(op Op) (*Snapshot, error) {
	if len(h.scenario.Ops) >= MaxSteps {
		return nil, fmt.Errorf("%w: %d steps", ErrFull, MaxSteps)
	}
	if err := op.check(h.scenario.Members); err != nil {
		return nil, fmt.Errorf("%w: %w", ErrText, err)
	}
	if err := h.world.apply(op); err != nil {
		return nil, err
	}
	h.scenario.Ops = append(h.scenario.Ops, op)
	s := h.world.snapshot(len(h.scenario.Ops), op.String())
	h.snapshots = append(h.snapshots, s)
	return s, nil
}

// Steps is how many there are. There is one snapshot more.
func (h *History) Steps() int { return len(h.scenario.Ops) }

// At is what there is to see after a step; 0 is the beginning.
func (h *History) At(step int) *Snapshot { return h.snapshots[step] }

// Text is the text of the scenario up to a step.
func (h *History) Text(step int) string {
	s := h.scenario
	s.Ops = s.Ops[:step]
	return s.String()
}

// Rewind forgets all that came after a step. The cluster is brought back to where it
// was by playing what came before again.
func (h *History) Rewind(step int) {
	if step == h.Steps() {
		return
	}
	h.world = h.worldAt(step)
	h.scenario.Ops = h.scenario.Ops[:step]
	h.snapshots = h.snapshots[:step+1]
}

// worldAt is the cluster as it was after a step.
func (h *History) worldAt(step int) *world {
	w := newWorld(h.scenario)
	for _, op := range h.scenario.Ops[:step] {
		if err := w.apply(op); err != nil {
			panic(fmt.Sprintf("stepper: what was possible is not: %v", err))
		}
	}
	return w
}

// possible tells why an operation is not possible after a step; nil if it is.
func (h *History) possible(step int, op Op) error {
	if err := op.check(h.scenario.Members); err != nil {
		return fmt.Errorf("%w: %w", ErrText, err)
	}
	w := h.world
	if step < h.Steps() {
		w = h.worldAt(step)
	}
	if reason := w.objection(op); reason != "" {
		return fmt.Errorf("%w: %s: %s", ErrNotNow, op, reason)
	}
	return nil
}
