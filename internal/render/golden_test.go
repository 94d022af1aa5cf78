package render

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/cockroachdb/datadriven"
	"google.golang.org/protobuf/encoding/prototext"
	"google.golang.org/protobuf/proto"

	clientv1 "conch/proto/conch/client/v1"
)

// TestAnswers plays the files in testdata: messages of a node, as protobuf's text, and the
// output for them. A line "then" stands between two messages. `go test -run Answers
// -rewrite` writes down the present output; read the difference before you commit it.
//
//	status, who, why, ls, watch, break   [json]   who, why: ListLocksResponse; the others: the call's own
//	kept, freed, runs, sentences   [json]   ListLocksResponse for status; BreakResponse; ListRunsResponse
//	leader, leaders   [json]   ObserveResponse
//	members, plan, steps   [json]   ShowMembersResponse; ChangePlan; ChangeMembersResponse
//	queue waiting=N   why, for one who holds a lock and N who wait for it
func TestAnswers(t *testing.T) {
	paths, err := filepath.Glob("testdata/*.txt")
	if err != nil || len(paths) == 0 {
		t.Fatalf("%d files: %v", len(paths), err)
	}
	for _, path := range paths {
		t.Run(filepath.Base(path), func(t *testing.T) {
			datadriven.RunTest(t, path, func(t *testing.T, d *datadriven.TestData) string {
				var out bytes.Buffer
				printer := Text(&out)
				if d.HasArg("json") {
					printer = JSON(&out)
				}
				show(t, d, printer, &out)
				checkOutput(t, d, out.String())
				return out.String()
			})
		})
	}
}

// show plays one step.
func show(t *testing.T, d *datadriven.TestData, printer Printer, out io.Writer) {
	t.Helper()
	switch d.Cmd {
	case "status":
		check(t, printer.Status(parse(t, d, &clientv1.StatusResponse{})[0], nil))
	case "kept":
		check(t, printer.Status(&clientv1.StatusResponse{}, []*clientv1.LockStatus{parse(t, d, &clientv1.ListLocksResponse{})[0].GetLock()}))
	case "freed":
		check(t, printer.Freed("deploy", parse(t, d, &clientv1.BreakResponse{})[0].GetFreed()))
	case "runs":
		check(t, printer.Runs("nightly", parse(t, d, &clientv1.ListRunsResponse{})[0].GetRuns()))
	case "sentences": // of runs
		var sentences []string
		for _, r := range parse(t, d, &clientv1.ListRunsResponse{})[0].GetRuns() {
			sentences = append(sentences, RunSentence(r))
		}
		_, err := io.WriteString(out, strings.Join(sentences, "\n")+"\n")
		check(t, err)

	case "who":
		answer := parse(t, d, &clientv1.ListLocksResponse{})[0]
		check(t, printer.Who(answer.GetLock(), answer.GetMissing()))
	case "why":
		answer := parse(t, d, &clientv1.ListLocksResponse{})[0]
		check(t, printer.Why(answer.GetLock(), answer.GetMissing()))
	case "ls":
		var missing []*clientv1.Missing
		for _, answer := range parse(t, d, &clientv1.ListLocksResponse{}) {
			if answer.GetMissing() != nil {
				missing = answer.GetMissing()
			}
			if answer.GetLock() != nil {
				check(t, printer.Listed(answer.GetLock(), missing))
			}
		}
		check(t, printer.ListEnd(missing))
	case "watch":
		var watch Watch
		at := time.Date(2026, 2, 3, 4, 5, 6, 789e6, time.UTC)
		for _, message := range parse(t, d, &clientv1.WatchResponse{}) {
			if change := watch.Next(message); change != nil {
				check(t, printer.Changed(at, change))
			}
			at = at.Add(time.Second)
		}
	case "break":
		check(t, printer.Broken("deploy", BrokenHolders(parse(t, d, &clientv1.BreakResponse{})[0])))
	case "drain":
		for _, answer := range parse(t, d, &clientv1.DrainResponse{}) {
			check(t, printer.Drained(answer))
		}
	case "members":
		check(t, printer.Members(parse(t, d, &clientv1.ShowMembersResponse{})[0]))
	case "plan":
		check(t, printer.Planned(parse(t, d, &clientv1.ChangePlan{})[0]))
	case "steps":
		for _, step := range parse(t, d, &clientv1.ChangeMembersResponse{}) {
			check(t, printer.Stepped(step))
		}
	case "permits":
		answer := parse(t, d, &clientv1.ListLocksResponse{})[0]
		check(t, printer.Permits(answer.GetLock(), answer.GetMissing()))
	case "leader", "leaders":
		at := time.Date(2026, 2, 3, 4, 5, 6, 789e6, time.UTC)
		for _, answer := range parse(t, d, &clientv1.ObserveResponse{}) {
			if d.Cmd == "leader" {
				check(t, printer.Leader("scheduler", answer.GetLeader()))
			} else {
				check(t, printer.LeaderChanged(at, "scheduler", answer.GetLeader()))
			}
			at = at.Add(time.Second)
		}
	case "queue":
		var waiting int
		d.ScanArgs(t, "waiting", &waiting)
		check(t, printer.Why(manyWaiters(waiting), nil))
	default:
		t.Fatalf("%s: no such command: %s", d.Pos, d.Cmd)
	}
}

// parse reads the messages of a step.
func parse[M proto.Message](t *testing.T, d *datadriven.TestData, empty M) []M {
	t.Helper()
	var messages []M
	for text := range strings.SplitSeq("\n"+d.Input+"\n", "\nthen\n") {
		message, ok := proto.Clone(empty).(M)
		if !ok {
			t.Fatalf("%s: a clone is of another type", d.Pos)
		}
		if err := prototext.Unmarshal([]byte(text), message); err != nil {
			t.Fatalf("%s: %v", d.Pos, err)
		}
		messages = append(messages, message)
	}
	return messages
}

// manyWaiters makes a lock with many waiters. As a node does, it names the first hundred.
func manyWaiters(waiting int) *clientv1.LockStatus {
	lock := &clientv1.LockStatus{
		Lock:      "tickets",
		Holder:    &clientv1.Holder{Member: "a:1", Fence: 77, HeldNs: 2e9, LeaseRemainingNs: 1e9},
		Waiting:   uint64(waiting),
		Token:     &clientv1.TokenStatus{Member: "a:1"},
		Obstacles: []*clientv1.Obstacle{{Kind: clientv1.Obstacle_KIND_HELD, Member: "a:1"}, {Kind: clientv1.Obstacle_KIND_QUEUE}},
	}
	for i := range min(waiting, 100) {
		lock.Waiters = append(lock.Waiters, &clientv1.Waiter{
			Member: "a:1", Client: &clientv1.Client{Host: "web1", Pid: int64(1000 + i), User: "app", Command: "book"},
			WaitedNs: int64(1e9 * (waiting - i)), Ahead: uint32(i + 1),
		})
	}
	return lock
}

// checkOutput checks what must hold of all output: a terminal obeys nothing in it but line
// ends, and JSON is one object a line, all of whose keys are explained.
func checkOutput(t *testing.T, d *datadriven.TestData, out string) {
	t.Helper()
	if bad := regexp.MustCompile(`[^\n\PC]|\x{FFFD}`).FindString(out); bad != "" {
		t.Errorf("%s: the output has %q as it is", d.Pos, bad)
	}
	if !d.HasArg("json") {
		return
	}
	for line := range strings.Lines(out) {
		var object map[string]any
		if err := json.Unmarshal([]byte(line), &object); err != nil {
			t.Errorf("%s: %v: %s", d.Pos, err, line)
		}
	}
}

// TestEveryKeyIsExplained: JSON.md names the existing keys, and no others.
func TestEveryKeyIsExplained(t *testing.T) {
	page, err := os.ReadFile("JSON.md")
	check(t, err)
	explained := map[string]bool{}
	for _, match := range regexp.MustCompile("(?m)^\\| `([a-z_]+)` \\|").FindAllStringSubmatch(string(page), -1) {
		explained[match[1]] = true
	}
	var source []byte
	for _, file := range []string{"keys.go", "keysmembers.go"} {
		part, err := os.ReadFile(file)
		check(t, err)
		source = append(source, part...)
	}
	used := map[string]bool{}
	for _, match := range regexp.MustCompile("`json:\"([^\"]*)\"`").FindAllStringSubmatch(string(source), -1) {
		used[match[1]] = true
		if !regexp.MustCompile(`^[a-z]+(_[a-z]+)*$`).MatchString(match[1]) {
			t.Errorf("key %q, want small letters and _", match[1])
		}
		if !explained[match[1]] {
			t.Errorf("JSON.md does not explain the key %q", match[1])
		}
	}
	for key := range explained {
		if !used[key] {
			t.Errorf("JSON.md explains a key that there is not: %q", key)
		}
	}
	if len(used) < 30 {
		t.Errorf("found %d keys in the sources, want all of them", len(used))
	}
}

// TestKindsAreExplained: JSON.md names each word for a constant of the protocol, or for a
// part that changed.
func TestKindsAreExplained(t *testing.T) {
	page, err := os.ReadFile("JSON.md")
	check(t, err)
	words := []string{string(First), string(Holding), string(Value), string(Kept), string(Ending), string(Waiting), string(Token), string(Obstacles), string(Absent)}
	for number, name := range clientv1.Reason_name {
		if number != 0 {
			words = append(words, constant(name, "REASON_"))
		}
	}
	for number, name := range clientv1.Standing_name {
		if number != 0 {
			words = append(words, constant(name, "STANDING_"))
		}
	}
	for number, name := range clientv1.ChangeStage_name {
		if number != 0 {
			words = append(words, constant(name, "CHANGE_STAGE_"))
		}
	}
	for number, name := range clientv1.Obstacle_Kind_name {
		if number != 0 {
			words = append(words, constant(name, "KIND_"))
		}
	}
	slices.Sort(words)
	for _, word := range words {
		if !strings.Contains(string(page), fmt.Sprintf("`%q`", word)) {
			t.Errorf("JSON.md does not explain %q", word)
		}
	}
}

// TestWritingFails: a failed write is an error, not a success.
func TestWritingFails(t *testing.T) {
	for name, printer := range map[string]Printer{"text": Text(full{}), "json": JSON(full{})} {
		lock := &clientv1.LockStatus{Lock: "x", Holder: &clientv1.Holder{}}
		for method, err := range map[string]error{
			"Status":  printer.Status(&clientv1.StatusResponse{}, nil),
			"Who":     printer.Who(lock, nil),
			"Why":     printer.Why(lock, nil),
			"Listed":  printer.Listed(lock, nil),
			"Changed": printer.Changed(time.Unix(0, 0), &Change{Lock: lock, What: []What{First}}),
			"Broken":  printer.Broken("x", []*clientv1.Holder{lock.Holder}),
			"Freed":   printer.Freed("x", nil),
			"Runs":    printer.Runs("x", []*clientv1.RunRecord{{}}),
			"Permits": printer.Permits(lock, nil),
			"Limit":   printer.LimitSet("x", 3),
			"Leader":  printer.Leader("x", nil),
			"Changes": printer.LeaderChanged(time.Unix(0, 0), "x", nil),
			"Drained": printer.Drained(&clientv1.DrainResponse{}),
			"Members": printer.Members(&clientv1.ShowMembersResponse{}),
			"Planned": printer.Planned(&clientv1.ChangePlan{}),
			"Stepped": printer.Stepped(&clientv1.ChangeMembersResponse{}),
		} {
			if err == nil {
				t.Errorf("%s: %s did not fail", name, method)
			}
		}
	}
}

// full is a full disk.
type full struct{}

func (full) Write([]byte) (int, error) { return 0, os.ErrInvalid }

func TestSpan(t *testing.T) {
	for ns, want := range map[int64]string{
		-5: "0.0s", 0: "0.0s", 149e6: "0.1s", 9999e6: "9.9s", 10e9: "10s", 59999e6: "59s", 60e9: "1m00s",
		3599e9: "59m59s", 3600e9: "1h00m", 86399e9: "23h59m", 86400e9: "1d00h", 1e18: "11574d01h",
	} {
		if got := span(ns); got != want {
			t.Errorf("%d ns: %q, want %q", ns, got, want)
		}
	}
}

func check(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}
