package render

import (
	"fmt"
	"strconv"
	"strings"
	"time"

	clientv1 "conch/proto/conch/client/v1"
)

// isTime reports whether a tick is shown as a time: from 2001 to 2286. Whoever uses plain
// numbers begins at 1, or writes a date in 8 or 12 digits.
func isTime(tick int64) bool { return tick >= 1e9 && tick < 1e10 }

// Turn names a turn by its tick: its time, or the number if it is none.
func Turn(tick int64) string {
	if isTime(tick) {
		return second(tick)
	}
	return strconv.FormatInt(tick, 10)
}

// RunSentence says in one line where and when a run was, and how it ended.
func RunSentence(r *clientv1.RunRecord) string {
	text, began := describe(r.GetClient()), second(r.GetBeganS())
	switch r.GetState() {
	case clientv1.RunRecord_STATE_DONE:
		if r.GetEndedS() == 0 {
			return fmt.Sprintf("it was run with fence %d, and no node that answered knows more", r.GetFence())
		}
		text += fmt.Sprintf(" ran it from %s to %s (%s), and it ended with %s", began, second(r.GetEndedS()), took(r), endOf(r))
	case clientv1.RunRecord_STATE_VOID:
		text += fmt.Sprintf(" was about to run it at %s, and did not", began)
	default:
		text += fmt.Sprintf(" began it at %s, and has not said that it is done", began)
	}
	text += fmt.Sprintf("; node %s, fence %d", orNone(r.GetMember()), r.GetFence())
	if command := r.GetClient().GetCommand(); command != "" {
		text += ", command " + Plain(command)
	}
	return text
}

// took is how long a run took; a dash if it is not done.
func took(r *clientv1.RunRecord) string {
	if r.GetState() != clientv1.RunRecord_STATE_DONE {
		return none
	}
	return span((r.GetEndedS() - r.GetBeganS()) * int64(time.Second))
}

// endOf says how a run ended: "exit code 1", with what its holder said.
func endOf(r *clientv1.RunRecord) string {
	if r.GetState() != clientv1.RunRecord_STATE_DONE {
		return constant(r.GetState().String(), "STATE_")
	}
	text := fmt.Sprintf("exit code %d", r.GetExitCode())
	if r.GetText() != "" {
		text += ", " + Plain(r.GetText())
	}
	return text
}

// Runs writes a table of a lock's runs.
func (p *textPrinter) Runs(lock string, list []*clientv1.RunRecord) error {
	if len(list) == 0 {
		return p.say(fmt.Sprintf("No runs of %s are remembered.\n", word(lock)))
	}
	rows := [][]string{{"TURN", "BEGAN", "TOOK", "CLIENT", "ENDED"}}
	for _, r := range list {
		rows = append(rows, []string{Turn(r.GetTick()), second(r.GetBeganS()), took(r), brief(r.GetClient()), endOf(r)})
	}
	var b strings.Builder
	table(&b, rows)
	return p.say(b.String())
}

// Runs writes an object for each run.
func (p *jsonPrinter) Runs(lock string, list []*clientv1.RunRecord) error {
	for _, r := range list {
		if err := p.write(lockRun{Lock: lock, run: *toRun(r)}); err != nil {
			return err
		}
	}
	return nil
}
