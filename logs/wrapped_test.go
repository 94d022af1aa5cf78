package logs

import (
	"bytes"
	"compress/gzip"
	"encoding/json"
	"fmt"
	"io"
	"strings"
	"testing"
	"unicode/utf16"
)

// eachLine applies a change to each line of a log.
func eachLine(text string, change func(line string) string) string {
	var b strings.Builder
	for line := range strings.Lines(text) {
		b.WriteString(change(strings.TrimSuffix(line, "\n")))
	}
	return b.String()
}

func zipped(text string) string {
	var b bytes.Buffer
	w := gzip.NewWriter(&b)
	_, _ = io.WriteString(w, text) // a buffer never fails
	_ = w.Close()
	return b.String()
}

func wide(text, mark string, low, high int) string {
	var b strings.Builder
	b.WriteString(mark)
	for _, unit := range utf16.Encode([]rune(text)) {
		two := [2]byte{}
		two[low], two[high] = byte(unit), byte(unit>>8)
		b.Write(two[:])
	}
	return b.String()
}

// quoted returns a text as a JSON string.
func quoted(text string) string {
	raw, err := json.Marshal(text)
	if err != nil {
		panic(err) // a text can always be encoded
	}
	return string(raw)
}

// collected are the forms in which collectors deliver logs.
var collected = []struct {
	name string
	wrap func(text string) string
	note string // the note about it; empty: none
}{
	{"byte order mark", func(text string) string { return markUTF8 + text }, ""},
	{"byte order mark in the midst", func(text string) string { return strings.Replace(text, "\n", "\n"+markUTF8, 1) }, ""},
	{"line ends of Windows", func(text string) string { return strings.ReplaceAll(text, "\n", "\r\n") }, ""},
	{"PowerShell", func(text string) string { return wide(text, markLittleEndian, 0, 1) }, "UTF-16"},
	{"UTF-16, big end first", func(text string) string { return wide(text, markBigEndian, 1, 0) }, "UTF-16"},
	{"UTF-16 without a mark", func(text string) string { return wide(text, "", 0, 1) }, "UTF-16"},
	{"UTF-16, big end first, without a mark", func(text string) string { return wide(text, "", 1, 0) }, "UTF-16"},
	{"gzip", zipped, "compressed by gzip"},
	{"gzip of PowerShell", func(text string) string { return zipped(wide(text, markLittleEndian, 0, 1)) }, "it is text in UTF-16"},
	{"gzip, several members", func(text string) string {
		first, rest, _ := strings.Cut(text, "\n")
		return zipped(first+"\n") + zipped(rest)
	}, "compressed by gzip"},
	{"docker compose logs", func(text string) string {
		return "Attaching to node1-1, node2-1\nnode1-1  | conch: caution: no TLS\n" +
			eachLine(text, func(line string) string { return "node1-1  | " + line + "\n" }) + "node1-1 exited with code 0\n"
	}, "docker compose logs"},
	{"docker compose logs, with colours", func(text string) string {
		return eachLine(text, func(line string) string { return "\x1b[36mnode1-1  | \x1b[0m" + line + "\n" })
	}, "docker compose logs"},
	{"docker compose logs --no-log-prefix", func(text string) string {
		return eachLine(text, func(line string) string { return " " + line + "\n" })
	}, ""},
	{"docker logs --timestamps", func(text string) string {
		return eachLine(text, func(line string) string { return "2026-11-22T12:00:00.123456789Z " + line + "\n" })
	}, "docker logs --timestamps"},
	{"docker's json-file", func(text string) string {
		return `{"log":"conch: caution: no TLS\n","stream":"stderr","time":"2026-11-22T12:00:00Z"}` + "\n" +
			eachLine(text, func(line string) string {
				return fmt.Sprintf(`{"log":%s,"stream":"stdout","time":"2026-11-22T12:00:00Z"}`+"\n", quoted(line+"\n"))
			})
	}, "json-file"},
	{"docker's json-file, in parts", func(text string) string {
		return eachLine(text, func(line string) string {
			at := len(line) / 2
			return fmt.Sprintf(`{"log":%s,"stream":"stdout"}`+"\n"+`{"log":"conch: x\n","stream":"stderr"}`+"\n"+`{"log":%s,"stream":"stdout"}`+"\n", quoted(line[:at]), quoted(line[at:]+"\n"))
		})
	}, "json-file"},
	{"a Kubernetes node", func(text string) string {
		return "2026-11-22T12:00:00.1Z stderr F conch: caution: no TLS\n" +
			eachLine(text, func(line string) string {
				at := len(line) / 3
				return "2026-11-22T12:00:00.123456789+01:00 stdout P " + line[:at] + "\n2026-11-22T12:00:00.2Z stdout F " + line[at:] + "\n"
			})
	}, "Kubernetes node"},
	{"kubectl logs --prefix", func(text string) string {
		return eachLine(text, func(line string) string { return "[pod/conch-0/conch] " + line + "\n" })
	}, "kubectl logs --prefix"},
	{"journalctl", func(text string) string {
		return "-- Boot 0123456789abcdef --\nNov 22 12:00:00 host systemd[1]: Started conch.service - conch.\nNov 22 12:00:00 host conch[123]: conch: caution: no TLS\n" +
			eachLine(text, func(line string) string { return "Nov 22 12:00:01 host conch[123]: " + line + "\n" })
	}, "journalctl"},
	{"journalctl -o short-iso", func(text string) string {
		return "2026-11-22T12:00:00+0100 host systemd[1]: Started conch.service - conch.\n" +
			eachLine(text, func(line string) string { return "2026-11-22T12:00:01+0100 host conch[123]: " + line + "\n" })
	}, "journalctl"},
	{"journalctl -o json", func(text string) string {
		return eachLine(text, func(line string) string {
			return fmt.Sprintf(`{"__CURSOR":"s=1","MESSAGE":%s,"_PID":"123"}`+"\n", quoted(line))
		})
	}, "journalctl -o json"},
}

// TestCollectedLogs: logs from a collector have the verdict of the lines themselves, and
// merge to the same lines.
func TestCollectedLogs(t *testing.T) {
	plain := busyCluster(3, 3).files()
	want := mergedText(readAll(t, plain...))
	for _, c := range collected {
		t.Run(c.name, func(t *testing.T) {
			var files []string
			for _, text := range plain {
				files = append(files, c.wrap(text))
			}
			run := readAll(t, files...)
			report := Check(run)
			text := reportText(report)
			if report.Verdict() != Holds {
				t.Fatalf("the verdict is %v, want holds:\n%s", report.Verdict(), text)
			}
			if c.note == "" && strings.Contains(text, "something around") || !strings.Contains(text, c.note) {
				t.Errorf("want a note that says %q:\n%s", c.note, text)
			}
			if got := mergedText(run); got != want {
				t.Errorf("merged, the lines are not those of the nodes; they begin:\n%.400s", got)
			}
		})
	}
}

func mergedText(run *Run) string {
	var b strings.Builder
	for _, e := range run.Merge() {
		fmt.Fprintf(&b, "%s\n", e.Raw)
	}
	return b.String()
}

// TestCollectedWithDamage: a line that a collector lost is a gap; a torn last line is not.
func TestCollectedWithDamage(t *testing.T) {
	files := busyCluster(3, 3).files()
	packed := zipped(files[0])
	for _, c := range []struct{ name, text, says string }{
		{"a compressed file that is cut", packed[:len(packed)/2], "cannot be decompressed from here on"},
		{"a compressed file that is damaged", packed[:len(packed)/2] + "\xff\xff\xff\xff" + packed[len(packed)/2+4:], "no line of it is used"},
		{"a compressed file without its head", "\x1f\x8b\x08", "cannot be decompressed from here on"},
		{"a line of the collector's own", "node1-1  | " + strings.Replace(files[0], "\n", "\nnode1-1  | log line lost\nnode1-1  | ", 1), "is not a line of JSON"},
		{"a part that lacks its end", files[0] + "2026-11-22T12:00:00Z stdout P {\"level\":\n", "had written a part"},
	} {
		t.Run(c.name, func(t *testing.T) {
			report := Check(readAll(t, c.text, files[1], files[2]))
			text := reportText(report)
			if report.Verdict() == Violated || !strings.Contains(text, c.says) {
				t.Errorf("the verdict is %v, want no violation and %q:\n%s", report.Verdict(), c.says, text)
			}
		})
	}
}

// TestNotLogs: for a file without a log line, the finding says what the file seems to be,
// and what to do.
func TestNotLogs(t *testing.T) {
	for _, c := range []struct{ name, text, says string }{
		{"nothing", "", "is empty"},
		{"people's format", "12:00:01 INF enter lock=cs\n", "has the form for people"},
		{"people's format in compose's", "node1-1  | 2026-11-22T12:00:01.1Z INF enter lock=cs\n", "has the form for people"},
		{"the shared file", "enter a:1 1\nleave a:1 1\n", "is a file of --cs-file"},
		{"zstd", "\x28\xb5\x2f\xfd\x00\x00", "zstdcat a.log"},
		{"xz", "\xfd7zXZ\x00", "xzcat a.log"},
		{"bzip2", "BZh91AY&SY", "bzcat a.log"},
		{"zip", "PK\x03\x04", "unzip a.log"},
		{"tar", strings.Repeat("\x00", 257) + "ustar\x0000", "tar -xf a.log"},
		{"a journal", "LPKSHHRH\x00", "journalctl --file a.log -o cat"},
		{"bytes", "\x00\x01\x02", "is not text"},
		{"another program's JSON in docker's", `{"log":"{\"msg\":1}\n"}`, "has lines as in docker's json-file driver, and none in them"},
		{"a text", "hello\n", "has no line of a conch log"},
	} {
		t.Run(c.name, func(t *testing.T) {
			file, err := Read("a.log", strings.NewReader(c.text))
			if err != nil {
				t.Fatal(err)
			}
			if _, err := NewRun(file); err == nil || !strings.Contains(err.Error(), c.says) {
				t.Errorf("got the error %v, want one that says %q", err, c.says)
			}
		})
	}
}
