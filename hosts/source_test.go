package hosts

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"testing"

	"pgregory.net/rapid"
)

func TestFlagSplitsAllValuesIntoOneSource(t *testing.T) {
	for _, test := range []struct {
		values []string
		want   []string
	}{
		{nil, nil},
		{[]string{"a:1"}, []string{"a:1"}},
		{[]string{"a:1,b:2", "c:3"}, []string{"a:1", "b:2", "c:3"}},
		{[]string{"[::1]:1,b:2"}, []string{"[::1]:1", "b:2"}},
		// Left for List to refuse.
		{[]string{""}, []string{""}},
		{[]string{"a:1,"}, []string{"a:1", ""}},
		{[]string{"a:1, b:2"}, []string{"a:1", " b:2"}},
	} {
		var want Source
		for _, text := range test.want {
			want = append(want, Entry{Address: text, Where: "--peers"})
		}
		if got := Flag("--peers", test.values...); !reflect.DeepEqual(got, want) {
			t.Errorf("Flag of %q = %q; want %q", test.values, got, want)
		}
	}
}

func TestParseFile(t *testing.T) {
	for _, test := range []struct {
		name, text string
		want       Source
	}{
		{"nothing", "", nil},
		{"no address", "# none yet\n\n \t\n#", nil},
		{"no newline at the end", "a:1", Source{{"a:1", "f:1"}}},
		{"comments and blanks", "# all\n\na:1 # first\n\t b:2\t\nc:3#third\n", Source{{"a:1", "f:3"}, {"b:2", "f:4"}, {"c:3", "f:5"}}},
		{"CRLF", "a:1\r\n\r\nb:2 # x\r\nc:3\r", Source{{"a:1", "f:1"}, {"b:2", "f:3"}, {"c:3", "f:4"}}},
		{"byte order mark", "\ufeffa:1\n", Source{{"a:1", "f:1"}}},
		{"comment in another encoding", "# B\xfccher\na:1\n", Source{{"a:1", "f:2"}}},
		{"left for List to refuse", "a:1, b:2\n\xff\n", Source{{"a:1, b:2", "f:1"}, {"\xff", "f:2"}}},
	} {
		t.Run(test.name, func(t *testing.T) {
			got, err := parseFile("f", test.text)
			if err != nil || !reflect.DeepEqual(got, test.want) {
				t.Errorf("parseFile of %q = %q, %v; want %q", test.text, got, err, test.want)
			}
		})
	}
}

func TestParseFileRefusesControlCharacters(t *testing.T) {
	for _, text := range []string{
		"# one\na:1\x00\n",
		"# one\n# old line ends\ra:1\rb:2\n",
		"# one\n\x1b[2J\n",
		"# one\n# \x7f\n",
		"# one\na\x00:\x001\x00\n",
	} {
		got, err := parseFile("f", text)
		if !errors.Is(err, ErrFile) || !strings.HasPrefix(err.Error(), "f:2: ") {
			t.Errorf("parseFile of %q = %q, %v; want ErrFile at f:2", text, got, err)
		}
	}
}

func TestReadFile(t *testing.T) {
	path := filepath.Join(t.TempDir(), "hosts.txt")
	write(t, path, "a:1\n\nb:2\n")
	got, err := ReadFile(path)
	want := Source{{"a:1", path + ":1"}, {"b:2", path + ":3"}}
	if err != nil || !reflect.DeepEqual(got, want) {
		t.Errorf("ReadFile = %q, %v; want %q", got, err, want)
	}
}

func TestReadFileRefusesWhatItCannotRead(t *testing.T) {
	dir := t.TempDir()
	missing := filepath.Join(dir, "missing")
	if _, err := ReadFile(missing); !errors.Is(err, fs.ErrNotExist) || !strings.Contains(err.Error(), missing) {
		t.Errorf("ReadFile of a missing file: %v; want fs.ErrNotExist with the path", err)
	}
	if _, err := ReadFile(dir); err == nil || !strings.Contains(err.Error(), dir) {
		t.Errorf("ReadFile of a directory: %v; want an error with the path", err)
	}
}

func TestReadFileRefusesMoreThanMaxFileBytes(t *testing.T) {
	path := filepath.Join(t.TempDir(), "hosts.txt")
	full := strings.Repeat("# padding\n", MaxFileBytes/10) + "a:1\n"
	full = strings.Repeat("\n", MaxFileBytes-len(full)%MaxFileBytes) + full
	full = full[len(full)-MaxFileBytes:]
	write(t, path, full)
	if got, err := ReadFile(path); err != nil || len(got) != 1 {
		t.Errorf("ReadFile of %d bytes = %q, %v; want one address", len(full), got, err)
	}
	write(t, path, full+"\n")
	if got, err := ReadFile(path); !errors.Is(err, ErrFile) || !strings.Contains(err.Error(), path) {
		t.Errorf("ReadFile of %d bytes = %q, %v; want ErrFile with the path", len(full)+1, got, err)
	}
}

func write(t *testing.T, path, text string) {
	t.Helper()
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
}

func TestParseFileReadsWhatWasWritten(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		address := rapid.StringMatching(`[!-"$-~]([ -"$-~]*[!-"$-~])?`)
		blank := rapid.StringMatching(`[ \t]{0,3}`)
		comment := rapid.StringMatching(`(#[ -~]{0,10})?`)
		addresses := rapid.SliceOf(rapid.OneOf(address, rapid.Just(""))).Draw(t, "addresses")
		var text strings.Builder
		var want []string
		for _, a := range addresses {
			text.WriteString(blank.Draw(t, "before") + a + blank.Draw(t, "after") + comment.Draw(t, "comment"))
			text.WriteString(rapid.SampledFrom([]string{"\n", "\r\n"}).Draw(t, "end"))
			if a != "" {
				want = append(want, a)
			}
		}
		source, err := parseFile("f", text.String())
		if err != nil {
			t.Fatalf("parseFile of %q: %v", text.String(), err)
		}
		var got []string
		for _, entry := range source {
			got = append(got, entry.Address)
		}
		if !reflect.DeepEqual(got, want) {
			t.Fatalf("parseFile of %q = %q; want %q", text.String(), got, want)
		}
	})
}

func FuzzParseFile(f *testing.F) {
	for _, seed := range []string{
		"", "\n", "a:1", "a:1\nb:2\n", "a:1\r\nb:2\r\n", "# c\na:1 # d\n", "\ufeffa:1", "\ufeff\ufeffa:1", "a:1\rb:2", "\x00a", "\xff\xfea\x00", " \t\n#",
	} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, text string) {
		source, err := parseFile("f", text)
		if err != nil {
			if !errors.Is(err, ErrFile) {
				t.Errorf("parseFile of %q: %v; want ErrFile", text, err)
			}
			return
		}
		// Written out again, the source reads as before, but for the line
		// numbers. The comment keeps an address that begins with a byte
		// order mark, which is List's to refuse, from the file's beginning.
		var written strings.Builder
		written.WriteString("# again\n")
		for _, entry := range source {
			if entry.Address == "" || strings.ContainsAny(entry.Address, "#\r\n") {
				t.Errorf("parseFile of %q has the address %q", text, entry.Address)
			}
			written.WriteString(entry.Address + "\n")
		}
		again, err := parseFile("f", written.String())
		if err != nil || len(again) != len(source) {
			t.Fatalf("parseFile of %q = %q, and of that %q, %v", text, source, again, err)
		}
		for i, entry := range again {
			if entry.Address != source[i].Address {
				t.Errorf("parseFile of %q: address %d is %q, and read again %q", text, i, source[i].Address, entry.Address)
			}
		}
	})
}
