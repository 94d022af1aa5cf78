package datadir

import (
	"bytes"
	"os"
	"strings"
	"testing"

	"conch/token"
)

// goldenRecord is what testdata/state.json holds, and markedRecord what
// testdata/clients.json does.
var (
	goldenRecord = record{Version: 2, Member: "127.0.0.1:7401", Session: 1790000000000004, Promised: 5905580032}
	markedRecord = record{Version: 2, Member: "127.0.0.1:7401", Session: 1790000000000004, Promised: 5905580032, Clients: true}
)

// Version 1 counted seconds, and is read as the end of the second: a token that it promised
// has fences up to there.
func TestVersionOneIsRead(t *testing.T) {
	line := seal([]byte(`{"version":1,"member":"127.0.0.1:7401","session":1790000000000004,"promised":23068671`))
	want := goldenRecord
	want.Promised--
	if got, err := decode(line); err != nil || got != want {
		t.Errorf("decode = %+v, %v; want %+v", got, err, want)
	}
	if fence, after := uint64(23068671)<<32+1<<32-1, (want.Promised+1)<<token.FenceBits; after != fence+1 {
		t.Errorf("the next token has fences from %d, want %d", after, fence+1)
	}
}

// TestFormatIsTheGoldenFile: a change of the format needs a new version, and a
// program must read what its predecessors wrote.
func TestFormatIsTheGoldenFile(t *testing.T) {
	for path, golden := range map[string]record{"testdata/state.json": goldenRecord, "testdata/clients.json": markedRecord} {
		want, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		if got := encode(golden); !bytes.Equal(got, want) {
			t.Errorf("encode wrote\n%swant, as in %s,\n%s", got, path, want)
		}
		if got, err := decode(want); err != nil || got != golden {
			t.Errorf("decode of %s = %+v, %v; want %+v", path, got, err, golden)
		}
	}
}

func TestDecodeRefuses(t *testing.T) {
	good := string(encode(goldenRecord))
	for _, test := range []struct{ name, line, says string }{
		{"empty", "", "empty"},
		{"a few bytes", "{}\n", "torn"},
		{"zeros, as some file systems leave after a crash", strings.Repeat("\x00", len(good)), "torn or was changed"},
		{"no end of line", strings.TrimSuffix(good, "\n"), "torn or was changed"},
		{"trailing bytes", good + " ", "torn or was changed"},
		{"two lines", good + good, "torn or was changed"},
		{"a line ending of Windows", strings.TrimSuffix(good, "\n") + "\r\n", "torn or was changed"},
		{"upper-case checksum", strings.Replace(good, `"crc32c":"`, `"crc32c":"A`, 1), "torn or was changed"},
		{"an edited number", strings.Replace(good, "5905580032", "6905580032", 1), "torn or was changed"},
		{"too long", string(seal([]byte(`{"version":1,"member":"` + strings.Repeat("a", maxStateBytes)))), "longer than 4096"},
		{"no JSON", string(seal([]byte("version 1"))), "not a node's state"},
		{"a list", string(seal([]byte(`[1`))), "not a node's state"},
		{"a later version", string(seal([]byte(`{"version":3,"session":"7"`))), "got version 3 of the format, want 2"},
		{"no version", string(seal([]byte(`{"member":"a:1","session":1,"promised":1`))), "got version 0"},
		{"a negative number", string(seal([]byte(`{"version":2,"member":"a:1","session":-1,"promised":1`))), "not a node's state"},
		{"a number of 65 bits", string(seal([]byte(`{"version":2,"member":"a:1","session":18446744073709551616,"promised":1`))), "not a node's state"},
		{"a space", string(seal([]byte(`{"version":2, "member":"a:1","session":1,"promised":1`))), "its form differs"},
		{"a field more", string(seal([]byte(`{"version":2,"member":"a:1","session":1,"promised":1,"more":1`))), "its form differs"},
		{"a mark that says no", string(seal([]byte(`{"version":2,"member":"a:1","session":1,"promised":1,"clients":false`))), "its form differs"},
		{"a mark that is no boolean", string(seal([]byte(`{"version":2,"member":"a:1","session":1,"promised":1,"clients":1`))), "not a node's state"},
		{"a field twice", string(seal([]byte(`{"version":2,"member":"a:1","session":9,"session":1,"promised":1`))), "its form differs"},
	} {
		t.Run(test.name, func(t *testing.T) {
			got, err := decode([]byte(test.line))
			if err == nil || !strings.Contains(err.Error(), test.says) {
				t.Errorf("decode(%.200q) = %+v, %v; want an error that says %q", test.line, got, err, test.says)
			}
		})
	}
}

// TestDecodeRefusesWhatIsTorn cuts the line at every byte and flips every bit.
func TestDecodeRefusesWhatIsTorn(t *testing.T) {
	for _, r := range []record{goldenRecord, markedRecord} {
		good := encode(r)
		for n := range good {
			if got, err := decode(good[:n]); err == nil {
				t.Errorf("the first %d bytes of %d were read as %+v", n, len(good), got)
			}
			for bit := range 8 {
				bad := bytes.Clone(good)
				bad[n] ^= 1 << bit
				if got, err := decode(bad); err == nil {
					t.Errorf("with bit %d of byte %d flipped, the line was read as %+v", bit, n, got)
				}
			}
		}
	}
}

// TestLongestStateFits: what Save writes, Open can read.
func TestLongestStateFits(t *testing.T) {
	name := strings.Repeat(strings.Repeat("a", 63)+".", 3) + strings.Repeat("b", 61)
	longest := record{Version: formatVersion, Member: name + ":65535", Session: 1<<64 - 1, Promised: 1<<64 - 1, Clients: true}
	if err := checkMember(longest.Member); err != nil {
		t.Fatal(err)
	}
	if got, err := decode(encode(longest)); err != nil || got != longest {
		t.Errorf("decode(encode(%+v)) = %+v, %v", longest, got, err)
	}
}

// FuzzDecode: whatever is read is what encode writes for it, and nothing panics.
func FuzzDecode(f *testing.F) {
	good := encode(goldenRecord)
	f.Add(good)
	f.Add(encode(markedRecord))
	f.Add([]byte(`{"version":1,"member":"a:1","session":1,"promised":1,"clients":true`))
	f.Add(good[:len(good)-1])
	f.Add(bytes.TrimRight(good, "}\n"))
	f.Add([]byte{})
	f.Add([]byte("\n"))
	f.Add([]byte(`{"version":3`))
	f.Add([]byte(`{"version":2,"member":"a:1","session":1,"promised":1`))
	f.Add([]byte(`{"version":1,"member":"a:1","session":1,"promised":1`))
	f.Add([]byte(`{"version":1,"member":"\u0061:1","session":1,"promised":1`))
	f.Add([]byte(`{"version":1,"version":1,"member":"a:1","session":1e3,"promised":1`))
	f.Add([]byte(`[{"version":1`))
	f.Fuzz(func(t *testing.T, data []byte) {
		// A fuzzer does not find checksums; so each input is read with one as well.
		for _, line := range [][]byte{data, seal(data)} {
			r, err := decode(line)
			if err == nil && bytes.HasPrefix(line, []byte(`{"version":1`)) {
				line = encode(r) // it is upgraded
				r, err = decode(line)
			}
			if err == nil && !bytes.Equal(encode(r), line) {
				t.Errorf("%q was read as %+v, which is written %q", line, r, encode(r))
			}
		}
	})
}
