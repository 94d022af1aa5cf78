package delimited

import (
	"errors"
	"io"
	"testing"

	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"

	"conch/internal/verify/memconn"
	clientv1 "conch/proto/conch/client/v1"
)

// The end of a stream is told as gRPC tells it.
func TestEndIsToldAsByGRPC(t *testing.T) {
	detailed, err := status.New(codes.ResourceExhausted, "too much").WithDetails(&clientv1.Error{Code: clientv1.Code_CODE_NOT_READ, Message: "too much"})
	if err != nil {
		t.Fatal(err)
	}
	for _, want := range []error{nil, status.Error(codes.Aborted, "replaced"), detailed.Err(), errors.New("odd")} {
		got := endError(endOf(want))
		if want == nil {
			if !errors.Is(got, io.EOF) {
				t.Errorf("peace: %v; want io.EOF", got)
			}
			continue
		}
		a, b := status.Convert(got), status.Convert(want)
		if a.Code() != b.Code() || a.Message() != b.Message() || len(a.Details()) != len(b.Details()) {
			t.Errorf("got %v %v, want %v %v", a, a.Details(), b, b.Details())
		}
	}
}

// A server that closes the connection, or answers otherwise, does not know the preamble.
func TestOpenFindsOutWhoDoesNotKnow(t *testing.T) {
	for name, answer := range map[string]string{
		"nothing":      "",
		"HTTP/2":       "\x00\x00\x0c\x04\x00\x00\x00\x00\x00 and what follows it",
		"a part of it": Preamble[:10],
	} {
		here, there := memconn.Pipe(1 << 10)
		if _, err := io.WriteString(there, answer); err != nil {
			t.Fatal(err)
		}
		if err := there.CloseWrite(); err != nil {
			t.Fatal(err)
		}
		if err := Open(here); !errors.Is(err, ErrUnknown) {
			t.Errorf("%s: %v; want ErrUnknown", name, err)
		}
	}
}

// What does not begin with the preamble is read again by whoever is to serve it, as soon as
// it differs.
func TestSortKeepsWhatItReads(t *testing.T) {
	for _, said := range []string{"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", "x", Preamble[:20] + "y", ""} {
		here, there := memconn.Pipe(1 << 10)
		if _, err := io.WriteString(here, said); err != nil {
			t.Fatal(err)
		}
		if said == "" {
			_ = here.Close()
		}
		conn, framed, err := Sort(there)
		if said == "" {
			if err == nil || framed {
				t.Errorf("a connection that ends at once: framed %t, %v; want an error", framed, err)
			}
			continue
		}
		if err != nil || framed {
			t.Errorf("%q: framed %t, %v; want neither", said, framed, err)
			continue
		}
		again := make([]byte, len(said))
		if _, err := io.ReadFull(conn, again); err != nil || string(again) != said {
			t.Errorf("%q is read again as %q, %v", said, again, err)
		}
	}
}
