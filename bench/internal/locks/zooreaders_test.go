package locks

import "testing"

func TestWhoIsInTheWay(t *testing.T) {
	// As the server lists them: in no order, with what the library puts first.
	line := []string{"_c_9-write-0000000004", "_c_1-read-0000000003", "_c_5-write-0000000001", "_c_7-read-0000000002", "_c_3-read-0000000005"}
	for _, test := range []struct{ own, want string }{
		{"_c_5-write-0000000001", ""},
		{"_c_7-read-0000000002", "_c_5-write-0000000001"},
		{"_c_1-read-0000000003", "_c_5-write-0000000001"}, // not the reader before it
		{"_c_9-write-0000000004", "_c_1-read-0000000003"},
		{"_c_3-read-0000000005", "_c_9-write-0000000004"},
	} {
		if got, err := inTheWay(test.own, line); err != nil || got != test.want {
			t.Errorf("%s waits for %q, %v; want %q", test.own, got, err, test.want)
		}
	}
	if got, err := inTheWay("_c_1-read-0000000003", []string{"_c_1-read-0000000003", "_c_7-read-0000000002"}); err != nil || got != "" {
		t.Errorf("a reader among readers waits for %q, %v; want nobody", got, err)
	}
	if _, err := inTheWay("_c_1-read-0000000003", []string{"strange"}); err == nil {
		t.Error("a node of another kind is no error")
	}
}
