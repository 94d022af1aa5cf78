package board

import (
	"errors"
	"fmt"
	"os"
	"sync/atomic"
	"time"
	"unsafe"

	"golang.org/x/sys/unix"
)

// MaxClients is how many clients can have a place on a board, and MaxLocks how many
// locks beside the one that most measurements are of.
const (
	MaxClients = 128
	MaxLocks   = 1000
)

// cell is a word on a cache line of its own, so that writers of different words do
// not slow each other.
type cell struct {
	word atomic.Uint64
	_    [56]byte
}

// layout is what the page looks like.
type layout struct {
	phase      phaseCell
	ready      cell
	grants     cell
	handOffs   cell
	violations cell
	inside     cell // who is in the critical section alone, plus one; 0 is nobody
	sharers    cell // how many are in it who may be there beside others
	shared     cell // grants to those
	last       cell // who was in it last, plus one; 0 is nobody yet
	left       cell // when that one left, by Now
	entered    cell // when somebody entered last, by Now
	messages   cell
	asked      [MaxClients]cell // since when each waits, by Now
	hops       [MaxClients]cell
	many       [MaxLocks]cell // of many locks, who is in each critical section, plus one
}

// Board is the page.
type Board struct {
	page   *layout
	memory []byte
}

// Create makes the file of a new board, which has nothing on it.
func Create(path string) (*Board, error) {
	file, err := os.OpenFile(path, os.O_RDWR|os.O_CREATE|os.O_EXCL, 0o600)
	if err != nil {
		return nil, fmt.Errorf("board: %w", err)
	}
	defer file.Close()
	if err := file.Truncate(int64(unsafe.Sizeof(layout{}))); err != nil {
		return nil, fmt.Errorf("board: %w", err)
	}
	return open(file)
}

// Open maps a board that another process has made.
func Open(path string) (*Board, error) {
	file, err := os.OpenFile(path, os.O_RDWR, 0)
	if err != nil {
		return nil, fmt.Errorf("board: %w", err)
	}
	defer file.Close()
	return open(file)
}

func open(file *os.File) (*Board, error) {
	if err := shared.check(); err != nil {
		return nil, err
	}
	memory, err := unix.Mmap(int(file.Fd()), 0, int(unsafe.Sizeof(layout{})), unix.PROT_READ|unix.PROT_WRITE, unix.MAP_SHARED)
	if err != nil {
		return nil, fmt.Errorf("board: map %s: %w", file.Name(), err)
	}
	return &Board{page: (*layout)(unsafe.Pointer(unsafe.SliceData(memory))), memory: memory}, nil
}

// Close takes the page out of this process's memory. Nothing may use the board then.
func (b *Board) Close() error { return unix.Munmap(b.memory) }

// Ready counts in a process that can begin to work.
func (b *Board) Ready() { b.page.ready.word.Add(1) }

// Await waits until n processes are ready and all together have been granted the lock
// at least this often. It fails when check does, which it asks now and then, and then
// tells how far they had come.
func (b *Board) Await(n, grants uint64, check func() error) error {
	for {
		ready, granted := b.page.ready.word.Load(), b.page.grants.word.Load()
		if ready >= n && granted >= grants {
			return nil
		}
		if err := check(); err != nil {
			return fmt.Errorf("%w: %d of %d processes were ready, and %d of %d grants made", err, ready, n, granted, grants)
		}
		time.Sleep(time.Millisecond)
	}
}

// Ask notes that a client waits from now on.
func (b *Board) Ask(client int) { b.page.asked[client].word.Store(Now()) }

// Enter notes that a client is in the critical section, alone.
func (b *Board) Enter(client int) {
	p := b.page
	if !p.inside.word.CompareAndSwap(0, uint64(client)+1) || p.sharers.word.Load() != 0 {
		p.violations.word.Add(1)
	}
	p.entered.word.Store(Now())
	p.grants.word.Add(1)
	last := p.last.word.Swap(uint64(client) + 1)
	if last != 0 && last != uint64(client)+1 && p.asked[client].word.Load() < p.left.word.Load() {
		p.handOffs.word.Add(1)
	}
}

// Leave notes that a client is about to leave the critical section.
func (b *Board) Leave(client int) {
	b.page.left.word.Store(Now())
	b.page.inside.word.CompareAndSwap(uint64(client)+1, 0)
}

// Visit notes that a client is in the critical section of one of many locks, while it does
// what is done there, and about to leave it. It counts a grant.
func (b *Board) Visit(lock, client int, inThere func()) {
	inside := &b.page.many[lock].word
	if !inside.CompareAndSwap(0, uint64(client)+1) {
		b.page.violations.word.Add(1)
	}
	b.page.grants.word.Add(1)
	inThere()
	inside.CompareAndSwap(uint64(client)+1, 0)
}

// Vacate notes that nobody is in the critical section, since who was there is dead.
func (b *Board) Vacate() { b.page.inside.word.Store(0) }

// Entered is when a client entered last, by [Now].
func (b *Board) Entered() uint64 { return b.page.entered.word.Load() }

// Hop counts one message that a process has passed on.
func (b *Board) Hop(process int) { b.page.hops[process].word.Add(1) }

// AddMessages counts messages that a process has sent.
func (b *Board) AddMessages(n uint64) { b.page.messages.word.Add(n) }

// Counts are the counters at one moment.
type Counts struct {
	Grants     uint64 // entries into the critical section
	Shared     uint64 // those by clients that may be in it beside others
	HandOffs   uint64 // entries by another client than the one before, which had been waiting when that one left
	Violations uint64 // entries while another was inside who may not be beside this one
	Hops       uint64 // messages passed on
	Messages   uint64 // messages that the processes say they have sent
}

// Counts reads the counters.
func (b *Board) Counts() Counts {
	p := b.page
	c := Counts{
		Grants:     p.grants.word.Load(),
		Shared:     p.shared.word.Load(),
		HandOffs:   p.handOffs.word.Load(),
		Violations: p.violations.word.Load(),
		Messages:   p.messages.word.Load(),
	}
	for i := range p.hops {
		c.Hops += p.hops[i].word.Load()
	}
	return c
}

// Since is what has been counted since an earlier reading.
func (c Counts) Since(earlier Counts) Counts {
	return Counts{
		Grants:     c.Grants - earlier.Grants,
		Shared:     c.Shared - earlier.Shared,
		HandOffs:   c.HandOffs - earlier.HandOffs,
		Violations: c.Violations - earlier.Violations,
		Hops:       c.Hops - earlier.Hops,
		Messages:   c.Messages - earlier.Messages,
	}
}

// ErrPlace says that a client's number has no place on a board.
var ErrPlace = errors.New("no such place on the board")

// CheckPlace refuses a client's number that has no place on a board.
func CheckPlace(client int) error {
	if client < 0 || client >= MaxClients {
		return fmt.Errorf("%w: got %d, want 0 to %d", ErrPlace, client, MaxClients-1)
	}
	return nil
}
