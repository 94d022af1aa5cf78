package broadcast

import (
	"errors"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"
)

// busyDisk takes a time to save, once it is busy, and tells what it has saved.
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

// startBusy starts two members with busy disks, the second of which holds a lock, and a
// third one whose ballots are above all that they have promised before.
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

// A promise that cannot be saved ends a node that is in a session, too.
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
		members[2].release(next)
		for _, m := range members {
			m.stop()
		}
	})
}
