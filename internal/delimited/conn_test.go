package delimited

import (
	"bufio"
	"bytes"
	"errors"
	"io"
	"net"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"google.golang.org/protobuf/encoding/protodelim"
	"google.golang.org/protobuf/proto"

	"conch/internal/verify/memconn"
	clientv1 "conch/proto/conch/client/v1"
)

const most = 16 << 10

// said is what came on a connection, in pieces, and then its end.
type said struct {
	net.Conn
	pieces [][]byte
}

func (s *said) Read(p []byte) (int, error) {
	if len(s.pieces) == 0 {
		return 0, io.EOF
	}
	n := copy(p, s.pieces[0])
	if s.pieces[0] = s.pieces[0][n:]; len(s.pieces[0]) == 0 {
		s.pieces = s.pieces[1:]
	}
	return n, nil
}

// inPieces cuts bytes into pieces of a size.
func inPieces(all []byte, size int) *said {
	s := new(said)
	for len(all) > 0 {
		n := min(size, len(all))
		s.pieces = append(s.pieces, all[:n])
		all = all[n:]
	}
	return s
}

func acquire(name string) *clientv1.ClientFrame {
	return &clientv1.ClientFrame{Messages: []*clientv1.ClientMessage{
		{Kind: &clientv1.ClientMessage_Acquire{Acquire: &clientv1.Acquire{Id: 1, Lock: name}}},
	}}
}

// written is a frame behind its length, as protobuf's library writes it.
func written(t testing.TB, frames ...*clientv1.ClientFrame) []byte {
	t.Helper()
	var all bytes.Buffer
	for _, frame := range frames {
		if _, err := protodelim.MarshalTo(&all, frame); err != nil {
			t.Fatal(err)
		}
	}
	return all.Bytes()
}

func TestReceiveRefusesWhatIsNoFrame(t *testing.T) {
	whole := written(t, acquire("cs"))
	for name, test := range map[string]struct {
		bytes []byte
		want  error
	}{
		"nothing":                  {nil, io.EOF},
		"half a frame":             {whole[:len(whole)-1], io.ErrUnexpectedEOF},
		"half a length":            {[]byte{0x80}, io.ErrUnexpectedEOF},
		"a length alone":           {whole[:1], io.ErrUnexpectedEOF},
		"a frame that is too long": {written(t, acquire(strings.Repeat("x", most))), ErrTooLong},
		"a length beyond all":      {[]byte{0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0x01}, ErrTooLong},
		"a length that never ends": {bytes.Repeat([]byte{0xff}, 20), ErrLength},
		"no message":               {[]byte{2, 0xff, 0xff}, ErrMessage},
	} {
		for _, size := range []int{1, 7, 1 << 20} {
			c := NewConn(inPieces(test.bytes, size), most)
			if err := c.Receive(new(clientv1.ClientFrame)); !errors.Is(err, test.want) {
				t.Errorf("%s, in pieces of %d: %v; want %v", name, size, err, test.want)
			}
			if cap(c.in) > 2*most {
				t.Errorf("%s: took room for %d bytes", name, cap(c.in))
			}
		}
	}
}

// A length that lies makes no room: that comes with the bytes.
func TestRoomGrowsWithWhatComes(t *testing.T) {
	c := NewConn(inPieces([]byte{0x80, 0x80, 0x01, 0}, 1), most)
	_ = c.Receive(new(clientv1.ClientFrame))
	if cap(c.in) > readBytes {
		t.Errorf("room for %d bytes for a frame of which one has come; want %d", cap(c.in), readBytes)
	}
}

// After a deadline, a frame of which half has come is read on.
func TestReceiveGoesOnAfterADeadline(t *testing.T) {
	here, there := memconn.Pipe(1 << 10)
	c := NewClient(here, most)
	frame := &clientv1.NodeFrame{Messages: []*clientv1.NodeMessage{{Kind: &clientv1.NodeMessage_Withdrawn{Withdrawn: &clientv1.Withdrawn{Id: 7}}}}}
	var all bytes.Buffer
	if _, err := protodelim.MarshalTo(&all, frame); err != nil {
		t.Fatal(err)
	}
	write := func(p []byte) {
		t.Helper()
		if _, err := there.Write(p); err != nil {
			t.Fatal(err)
		}
	}
	for cut := range all.Len() {
		write(all.Bytes()[:cut])
		time.AfterFunc(time.Millisecond, c.Interrupt)
		if _, err := c.Recv(); !errors.Is(err, os.ErrDeadlineExceeded) {
			t.Fatalf("%d bytes of a frame: %v; want a deadline", cut, err)
		}
		c.Resume()
		write(all.Bytes()[cut:])
		if got, err := c.Recv(); err != nil || !proto.Equal(got, frame) {
			t.Fatalf("the rest after %d bytes: %v, %v; want %v", cut, got, err, frame)
		}
	}
}

// sockets are the two ends of a unix socket.
func sockets(t *testing.T) (here, there net.Conn) {
	t.Helper()
	dir, err := os.MkdirTemp("", "conch") //nolint:usetesting // a socket's path must not be long
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = os.RemoveAll(dir) })
	listener, err := new(net.ListenConfig).Listen(t.Context(), "unix", filepath.Join(dir, "s"))
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = listener.Close() }()
	here, err = new(net.Dialer).DialContext(t.Context(), "unix", listener.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	if there, err = listener.Accept(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = here.Close(); _ = there.Close() })
	return here, there
}

// What a socket does not take without waiting is sent by Flush, in order and whole.
func TestSendDoesNotWaitAndFlushDoes(t *testing.T) {
	here, there := sockets(t)
	c := NewClient(here, most)
	sent := 0
	for all := true; all; sent++ {
		var err error
		if all, err = c.Send(acquire(strings.Repeat("x", 1000))); err != nil {
			t.Fatal(err)
		}
		if sent > 1<<20 {
			t.Fatal("a socket that nobody reads has taken a gigabyte")
		}
	}
	for range 3 { // behind what is left
		if all, err := c.Send(acquire("y")); all || err != nil {
			t.Fatalf("Send to a full socket: %t, %v; want that not all was sent", all, err)
		}
		sent++
	}
	flushed := make(chan error, 1)
	go func() { flushed <- c.Flush() }()
	reader := bufio.NewReader(there)
	for i := range sent {
		got := new(clientv1.ClientFrame)
		if err := protodelim.UnmarshalFrom(reader, got); err != nil {
			t.Fatalf("frame %d of %d: %v", i+1, sent, err)
		}
		want := strings.Repeat("x", 1000)
		if i >= sent-3 {
			want = "y"
		}
		if lock := got.GetMessages()[0].GetAcquire().GetLock(); lock != want {
			t.Fatalf("frame %d of %d: a lock of %d bytes", i+1, sent, len(lock))
		}
	}
	if err := <-flushed; err != nil {
		t.Error(err)
	}
	if all, err := c.Send(acquire("z")); !all || err != nil {
		t.Errorf("Send to a socket that was read: %t, %v", all, err)
	}
}

func TestSendToWhoIsGone(t *testing.T) {
	here, there := sockets(t)
	if err := there.Close(); err != nil {
		t.Fatal(err)
	}
	if _, err := NewClient(here, most).Send(acquire("x")); err == nil {
		t.Error("Send to a socket whose other end is closed: no error")
	}
}

// FuzzReceive: whatever comes, in whatever pieces, the same frames are read as by
// protobuf's own library, and no more room is taken than for two of the longest.
func FuzzReceive(f *testing.F) {
	f.Add(written(f, acquire("a"), acquire("b")), 1)
	f.Add(written(f, acquire(strings.Repeat("x", 3000)), acquire("b")), 100)
	f.Add([]byte{0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x01}, 3)
	f.Add([]byte{0, 0, 5, 1, 2}, 2)
	f.Fuzz(func(t *testing.T, all []byte, size int) {
		if size < 1 {
			return
		}
		c := NewConn(inPieces(all, size), most)
		library := bufio.NewReader(bytes.NewReader(all))
		for {
			got, want := new(clientv1.ClientFrame), new(clientv1.ClientFrame)
			err := c.Receive(got)
			wrong := protodelim.UnmarshalOptions{MaxSize: most}.UnmarshalFrom(library, want)
			if (err == nil) != (wrong == nil) {
				t.Fatalf("got %v; the library says %v", err, wrong)
			}
			if cap(c.in) > 2*most+readBytes {
				t.Fatalf("room for %d bytes", cap(c.in))
			}
			if err != nil {
				return
			}
			if !proto.Equal(got, want) {
				t.Fatalf("got %v; the library reads %v", got, want)
			}
		}
	})
}
