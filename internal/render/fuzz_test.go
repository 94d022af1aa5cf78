package render

import (
	"bytes"
	"encoding/json"
	"strconv"
	"testing"
	"time"

	"google.golang.org/protobuf/encoding/prototext"
	"google.golang.org/protobuf/proto"

	clientv1 "conch/proto/conch/client/v1"
)

// FuzzAnswers: whatever a node answers, people see lines that their terminal does not obey,
// and scripts get lines of JSON.
func FuzzAnswers(f *testing.F) {
	add := func(m proto.Message, text string) {
		if err := prototext.Unmarshal([]byte(text), m); err != nil {
			f.Fatal(err)
		}
		wire, err := proto.Marshal(m)
		if err != nil {
			f.Fatal(err)
		}
		f.Add(wire, wire)
	}
	add(new(clientv1.WatchResponse), `lock { lock: "a\033[2J" waiting: 3 holder { member: "a:1" client { host: "h" pid: 7 user: "\n" command: "x\r" } fence: 7 held_ns: -1 }
		token { member: "b:1" epoch_number: 1 hop: 2 fence: 7 queue: "\u202e" } waiters { member: "a:1" client {} } views { member: "a:1" } }
		missing { member: "c:1" reason: "\x07" }`)
	add(new(clientv1.StatusResponse), `answered_by: "a:1\n" members: "a:1" members: "\033" quorum: 2 ttl_ns: -5 statuses { member: "a:1" session: 1 peers { member: "\t" silent_ns: -1 } }
		missing { member: "\033" reason: "\n" }`)
	add(new(clientv1.ObserveResponse), `leader { member: "a:1\n" fence: 7 value: "\033[2J" in_doubt: true }`)
	f.Fuzz(func(t *testing.T, first, second []byte) {
		var text, lines bytes.Buffer
		for _, p := range []Printer{Text(&text), JSON(&lines)} {
			var watch Watch
			for _, wire := range [][]byte{first, second} {
				var status clientv1.StatusResponse
				if proto.Unmarshal(wire, &status) == nil {
					check(t, p.Status(&status, []*clientv1.LockStatus{{Lock: status.GetAnsweredBy(), Kept: &clientv1.KeptHold{Owner: status.GetAnsweredBy(), Member: status.GetAnsweredBy()}}}))
				}
				var told clientv1.WatchResponse
				if proto.Unmarshal(wire, &told) != nil {
					continue
				}
				lock := told.GetLock()
				check(t, p.Who(lock, told.GetMissing()))
				check(t, p.Why(lock, told.GetMissing()))
				check(t, p.Broken(lock.GetLock(), Holders(lock)))
				if change := watch.Next(&told); change != nil {
					check(t, p.Changed(time.Time{}, change))
				}
				check(t, p.Listed(lock, told.GetMissing()))
				check(t, p.ListEnd(told.GetMissing()))
				check(t, p.Freed(lock.GetLock(), lock.GetKept()))
				if run := lock.GetRun(); run != nil {
					check(t, p.Runs(lock.GetLock(), []*clientv1.RunRecord{run}))
					Plain(RunSentence(run))
				}
				var observed clientv1.ObserveResponse
				if proto.Unmarshal(wire, &observed) == nil {
					check(t, p.Leader("scheduler", observed.GetLeader()))
					check(t, p.LeaderChanged(time.Time{}, "scheduler", observed.GetLeader()))
				}
			}
		}
		for _, r := range text.String() {
			if r != '\n' && !strconv.IsPrint(r) {
				t.Fatalf("%q is shown with the unprintable %q in it", text.String(), r)
			}
		}
		for line := range bytes.Lines(lines.Bytes()) {
			if !json.Valid(line) {
				t.Errorf("%q is no JSON", line)
			}
			for _, r := range string(bytes.TrimSuffix(line, []byte("\n"))) {
				if !strconv.IsPrint(r) {
					t.Errorf("%q has the unprintable %q in it", line, r)
				}
			}
		}
	})
}
