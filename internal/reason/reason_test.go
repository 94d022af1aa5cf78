package reason_test

import (
	"errors"
	"strings"
	"testing"

	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"

	"conch/internal/reason"
)

func TestOf(t *testing.T) {
	for _, test := range []struct {
		err  error
		want string
	}{
		{errors.New("no route"), "no route"},
		{status.Error(codes.NotFound, "not a member"), "not a member"},
		{status.Error(codes.Unavailable, `connection error: desc = "transport: Error while dialing: dial tcp: connection refused"`), "dial tcp: connection refused"},
		{status.Error(codes.Unavailable, "it\x1b[31m says"), `"it\x1b[31m says"`},
	} {
		if got := reason.Of(test.err); got != test.want {
			t.Errorf("Of(%v) = %s; want %s", test.err, got, test.want)
		}
	}
}

func TestPrintable(t *testing.T) {
	for text, want := range map[string]string{
		"Zürich":                       "Zürich",
		"two\nlines":                   `"two\nlines"`,
		"\xff":                         `"\xff"`,
		strings.Repeat("é", 200):       strings.Repeat("é", 150) + "…",
		"a" + strings.Repeat("é", 200): "a" + strings.Repeat("é", 149) + "…",
	} {
		if got := reason.Printable(text); got != want {
			t.Errorf("Printable(%q) = %s; want %s", text, got, want)
		}
	}
}
