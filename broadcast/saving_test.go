package broadcast

import (
	"errors"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"
)

// busyDisk takes time to save once it is busy, and records what it saved.
type busyDisk struct {
	takes    atomic.Int64 // a time.Duration
	mu       sync.Mutex
	promised uint64
	err      error
}

func (d *busyDisk) Save(_, promised uint64) error {
	time.Sleep(time.Duration(d.takes.Load()))
	d.mu.Lock()
	defer d.mu.Unlock()
	d.promised = max(d.promised, promised)
	return d.err
}

func (d *busyDisk) has() uint64 {
	d.mu.Lock()
	defer d.mu.Unlock()
	return d.promised
}

// startBusy starts two members with busy disks, the second holding a lock, and a third
// whose ballots are above all that they have promised.
func startBusy(t *testing.T, disks []*busyDisk) (members []*member, hold Hold) {
	t.Helper()
	w := newNetwork()
	addresses := []string{"a:1", "b:1", "c:1"}
	for i, disk := range disks {
		members = append(members, w.startMember(t, addresses[i], setup{members: addresses, store: disk, plain: true}))
	}
	eventually(t, "in session", func() bool {
		a, _ := members[0].driver.Lease()
		b, _ := members[1].driver.Lease()
		return a.Session != 0 && b.Session != 0
	})
	hold = members[1].acquire("held")
	members = append(members, w.startMember(t, addresses[2], setup{members: addresses, floor: 5000, plain: true}))
	eventually(t, "connected", func() bool { return connected(members...) })
	return members, hold
}

// saveTakes is longer than the margin before a holder is warned, and shorter than a ballot
// waits for answers.
const saveTakes = testTTL * 95 / 100

// A save that takes nearly as long as a session lives costs no hold, and no promise leaves
// before it is saved.
func TestSlowSaveCostsNoHold(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		disks := []*busyDisk{{}, {}}
		members, hold := startBusy(t, disks)
		for _, disk := range disks {
			disk.takes.Store(int64(saveTakes))
		}
		began := time.Now()
		next := members[2].acquire("other") // which needs a promise of a or b
		if took := time.Since(began); took < saveTakes {
			t.Errorf("a lock was granted %v after its ballot, before the promise was saved", took)
		}
		if disks[0].has() <= 5000 && disks[1].has() <= 5000 {
			t.Errorf("granted, though only %d and %d were saved", disks[0].has(), disks[1].has())
		}
		if err := hold.Err(); err != nil {
			t.Errorf("the hold of a node that saves: %v", err)
		}
		select {
		case <-hold.Warned():
			t.Error("the holder was warned while its node saved")
		default:
		}
		members[2].release(next)
		members[1].release(hold)
		stopAll(members)
	})
}

// A save that fails beside the worker ends the node, too.
func TestDiskThatFailsLaterEndsTheNode(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		disks := []*busyDisk{{}, {}}
		members, _ := startBusy(t, disks)
		disks[1].mu.Lock()
		disks[1].err = errors.New("disk full")
		disks[1].mu.Unlock()
		next := members[2].acquire("other")
		<-members[1].driver.Done()
		if err := members[1].driver.Err(); !errors.Is(err, disks[1].err) {
			t.Errorf("Err = %v, want the disk's error", err)
		}
		if said := members[1].lines("node_failed"); len(said) != 1 || said[0]["reason"] != "disk full" {
			t.Errorf("the log says %v of the failure, want the disk's error", said)
		}
		members[2].release(next)
		for _, m := range members {
			m.stop()
		}
	})
}
