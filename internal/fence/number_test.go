package fence

import (
	"bytes"
	"math"
	"os"
	"strings"
	"testing"
)

// TestFormatIsTheGoldenFile: a program must read what its predecessors wrote.
func TestFormatIsTheGoldenFile(t *testing.T) {
	const number = 120924134203981825
	want, err := os.ReadFile("testdata/job.fence")
	if err != nil {
		t.Fatal(err)
	}
	if got := encode(seen{writer: number}); !bytes.Equal(got, want) {
		t.Errorf("encode wrote %q; want %q, as in testdata/job.fence", got, want)
	}
	if got, err := decode(want); err != nil || got != (seen{writer: number}) {
		t.Errorf("decode of testdata/job.fence = %d, %v; want %d", got, err, number)
	}
	doc, err := os.ReadFile("doc.go")
	if err != nil {
		t.Fatal(err)
	}
	if !strings.Contains(string(doc), "//\t"+string(want)) {
		t.Errorf("doc.go does not show %q", want)
	}
}

func TestDecodeRefuses(t *testing.T) {
	good := string(encode(seen{writer: 17}))
	for _, test := range []struct{ name, line, says string }{
		{"empty", "", "empty"},
		{"a bare number", "17\n", "torn"},
		{"zero", string(encode(seen{})), "no holder's fence"},
		{"an edited number", strings.Replace(good, "17", "16", 1), "torn"},
		{"a leading zero", "0" + good, "torn"},
		{"a sign", "+" + good, "torn"},
		{"a space", " " + good, "torn"},
		{"no end of line", strings.TrimSuffix(good, "\n"), "torn"},
		{"a line ending of Windows", strings.TrimSuffix(good, "\n") + "\r\n", "torn"},
		{"two lines", good + good, "torn"},
		{"zeros, as some file systems leave after a crash", strings.Repeat("\x00", len(good)), "torn"},
		{"a number of 65 bits", "18446744073709551616 crc32c:00000000\n", "torn"},
		{"something long", strings.Repeat("1", 1<<16), "torn"},
	} {
		t.Run(test.name, func(t *testing.T) {
			got, err := decode([]byte(test.line))
			if err == nil || !strings.Contains(err.Error(), test.says) || len(err.Error()) > 500 {
				t.Errorf("decode = %d, %v; want a short error that says %q", got, err, test.says)
			}
		})
	}
}

// TestDecodeRefusesWhatIsTorn cuts the line at every byte and flips every bit.
func TestDecodeRefusesWhatIsTorn(t *testing.T) {
	for _, numbers := range []seen{
		{1, 0}, {17, 0}, {120924134203981825, 0}, {math.MaxUint64, 0},
		{0, 1}, {17, 5}, {120924134203981825, 120924134203981830}, {math.MaxUint64, math.MaxUint64},
	} {
		good := encode(numbers)
		if len(good) > maxBytes {
			t.Errorf("%q is longer than %d bytes", good, maxBytes)
		}
		for i := range good {
			if got, err := decode(good[:i]); err == nil {
				t.Errorf("the first %d bytes of %q were read as %d", i, good, got)
			}
			for bit := range 8 {
				bad := bytes.Clone(good)
				bad[i] ^= 1 << bit
				if got, err := decode(bad); err == nil {
					t.Errorf("with bit %d of byte %d flipped, %q was read as %d", bit, i, good, got)
				}
			}
		}
	}
}

// FuzzDecode: whatever is read is what encode writes for it.
func FuzzDecode(f *testing.F) {
	f.Add(encode(seen{writer: 17}))
	f.Add([]byte("17 crc32c:00000000\n"))
	f.Fuzz(func(t *testing.T, line []byte) {
		if n, err := decode(line); err == nil && !bytes.Equal(encode(n), line) {
			t.Errorf("%q was read as %d, which is written %q", line, n, encode(n))
		}
	})
}
