package draw

import (
	"bytes"
	"errors"
	"flag"
	"fmt"
	"math"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"gonum.org/v1/plot/vg/recorder"

	"conch/logs"
)

var update = flag.Bool("update", false, "rewrite the golden files; review the diff")

func open(t *testing.T, scene string) *logs.Run {
	t.Helper()
	run, err := logs.Open(filepath.Join("..", "testdata", scene+".merged.jsonl"))
	if err != nil {
		t.Fatal(err)
	}
	return run
}

func picture(t *testing.T, scene string, o Options) *Picture {
	t.Helper()
	p, err := Draw(open(t, scene), o)
	if err != nil {
		t.Fatal(err)
	}
	return p
}

// text returns the elements as a golden file has them.
func text(p *Picture) string {
	var b strings.Builder
	fmt.Fprintf(&b, "%.0f by %.0f, lines %d to %d of %d, %d messages\n", p.Width, p.Height, p.From, p.To, p.Lines, p.Messages)
	for _, e := range p.Elements {
		fmt.Fprintf(&b, "%s", e.Role)
		for _, at := range e.Points {
			fmt.Fprintf(&b, " %.0f,%.0f", at.X, at.Y)
		}
		if e.Text != "" {
			fmt.Fprintf(&b, " %q", e.Text)
		}
		b.WriteByte('\n')
	}
	return b.String()
}

var choices = []struct {
	name, scene string
	o           Options
}{
	{"contended", "contended", Options{}},
	{"contended.time", "contended", Options{By: ByTime}},
	{"recovery", "recovery", Options{Lock: "cs"}},
	{"recovery.window", "recovery", Options{From: 40, To: 100}},
	{"streams-cut", "streams-cut", Options{}},
}

func TestGolden(t *testing.T) {
	for _, c := range choices {
		t.Run(c.name, func(t *testing.T) {
			got := text(picture(t, c.scene, c.o))
			path := filepath.Join("testdata", c.name+".txt")
			if *update {
				if err := os.WriteFile(path, []byte(got), 0o644); err != nil {
					t.Fatal(err)
				}
				return
			}
			want, err := os.ReadFile(path)
			if err != nil {
				t.Fatal(err)
			}
			if got != string(want) {
				t.Errorf("%s differs from what is drawn now; run go test ./logs/draw -update and review the diff. Got:\n%s", path, got)
			}
		})
	}
}

func count(p *Picture, role Role) int {
	n := 0
	for _, e := range p.Elements {
		if e.Role == role {
			n++
		}
	}
	return n
}

// TestEveryMessageIsDrawn compares the numbers of drawn messages, sections and crashes with
// the lines of the logs.
func TestEveryMessageIsDrawn(t *testing.T) {
	for _, scene := range []string{"contended", "recovery", "streams-cut"} {
		run := open(t, scene)
		p, err := Draw(run, Options{From: 1})
		if err != nil {
			t.Fatal(err)
		}
		want := make(map[Role]int)
		for _, e := range run.Merge() {
			switch {
			case e.Lock != "cs":
			case e.Kind == logs.RequestSent:
				want[RequestSent]++
			case e.Kind == logs.TokenSent:
				want[TokenSent]++
			case e.Sent():
				want[RoundSent]++
			case e.Kind == logs.Enter:
				want[Section]++
			}
			if e.Sent() && e.Lock == "cs" {
				if e.Receipt == nil {
					want[MessageLost] += 2 // a cross is two strokes
				} else {
					want[Arrowhead]++
				}
			}
		}
		for _, life := range run.Lives {
			if life.End == logs.Crashed {
				want[Crash] += 2
			}
		}
		for _, role := range []Role{RequestSent, TokenSent, RoundSent, Section, MessageLost, Arrowhead, Crash} {
			got := count(p, role)
			if role == Arrowhead {
				got -= legendHeads(p)
			}
			if got != want[role] {
				t.Errorf("%s: %d of %q, want %d", scene, got, role, want[role])
			}
		}
	}
}

// legendHeads returns the number of arrows in the legend.
func legendHeads(p *Picture) int {
	heads := 2
	if p.hasRole(RoundSent) {
		heads++
	}
	return heads
}

// TestArrowsPointDown: in causal order every message arrives below the point where it was
// sent.
func TestArrowsPointDown(t *testing.T) {
	for _, c := range choices {
		if c.o.By == ByTime {
			continue
		}
		for _, e := range picture(t, c.scene, c.o).Elements {
			switch e.Role {
			case RequestSent, TokenSent, RoundSent:
				if e.Points[1].Y < e.Points[0].Y {
					t.Errorf("%s: a %s goes from %v up to %v", c.name, e.Role, e.Points[0], e.Points[1])
				}
			}
		}
	}
}

// TestTextsDoNotOverlap: no text overlaps another or leaves the picture.
func TestTextsDoNotOverlap(t *testing.T) {
	type box struct {
		left, top, right, bottom float64
		text                     string
	}
	for _, c := range choices {
		p := picture(t, c.scene, c.o)
		var boxes []box
		for _, e := range p.Elements {
			if e.Shape != Text {
				continue
			}
			width := TextWidth(e.Text, e.Size)
			left := e.Points[0].X - e.Align*width
			b := box{left, e.Points[0].Y - 0.72*e.Size, left + width, e.Points[0].Y + 0.2*e.Size, e.Text}
			if b.left < 0 || b.top < 0 || b.right > p.Width || b.bottom > p.Height {
				t.Errorf("%s: %q reaches beyond the edge", c.name, b.text)
			}
			for _, other := range boxes {
				if math.Min(b.right, other.right) > math.Max(b.left, other.left) && math.Min(b.bottom, other.bottom) > math.Max(b.top, other.top) {
					t.Errorf("%s: %q and %q overlap", c.name, b.text, other.text)
				}
			}
			boxes = append(boxes, b)
		}
	}
}

// TestFormatsPaintAllElements: all formats get one list of calls, one for each element.
func TestFormatsPaintAllElements(t *testing.T) {
	p := picture(t, "recovery", Options{})
	var calls recorder.Canvas
	p.Paint(&calls)
	painted := 0
	for _, a := range calls.Actions {
		switch a.(type) {
		case *recorder.Stroke, *recorder.Fill, *recorder.FillString:
			painted++
		}
	}
	if painted != len(p.Elements) {
		t.Errorf("painted %d, want %d elements", painted, len(p.Elements))
	}
	p = picture(t, "contended", Options{From: 10, To: 20}) // few lines, since drawing pixels takes long
	for format, begins := range map[string]string{"svg": "<?xml", "png": "\x89PNG", "pdf": "%PDF-"} {
		var b bytes.Buffer
		if err := p.Write(&b, format); err != nil || !strings.HasPrefix(b.String(), begins) {
			t.Errorf("%s: begins with %.8q (%v)", format, b.String(), err)
		}
	}
	if err := p.Write(&bytes.Buffer{}, "gif"); err == nil || !strings.Contains(err.Error(), `got "gif"`) {
		t.Errorf("gif: got the error %v", err)
	}
}

func TestWindows(t *testing.T) {
	run := open(t, "contended")
	lines := len(run.Merge())
	for _, c := range []struct {
		o        Options
		from, to int
		overview bool
	}{
		{Options{}, 1, lines, false},
		{Options{From: 10, To: 20}, 10, 20, true},
		{Options{From: 10}, 10, lines, true},
		{Options{To: 9999}, 1, lines, false},
	} {
		p, err := Draw(run, c.o)
		if err != nil {
			t.Fatal(err)
		}
		if p.From != c.from || p.To != c.to || (count(p, Window) > 0) != c.overview {
			t.Errorf("%+v: lines %d to %d, overview %t; want %d to %d, %t", c.o, p.From, p.To, count(p, Window) > 0, c.from, c.to, c.overview)
		}
	}
	p, err := Draw(run, Options{Fence: 3})
	if err != nil {
		t.Fatal(err)
	}
	if !strings.Contains(text(p), `label`) || p.From == 1 && p.To == lines {
		t.Errorf("fence 3: lines %d to %d", p.From, p.To)
	}
	for _, o := range []Options{{Lock: "none"}, {From: lines + 1}, {Fence: 99999}} {
		if _, err := Draw(run, o); !errors.Is(err, ErrNothing) {
			t.Errorf("%+v: got the error %v", o, err)
		}
	}
}

// TestLapseIsMarked: when a holder's session lapses, the bars of the token and of the
// critical section end with a mark.
func TestLapseIsMarked(t *testing.T) {
	const a, b = "10.0.0.1:1", "10.0.0.2:1"
	var lines strings.Builder
	write := func(node, event, more string) {
		fmt.Fprintf(&lines, `{"level":"info","node":%q,"time":"2026-11-22T12:00:00.%06dZ","event":%q,%s"message":"x"}`+"\n", node, lines.Len(), event, more)
	}
	for _, node := range []string{a, b} {
		write(node, logs.NodeStarted, fmt.Sprintf(`"members":[%q,%q],"incarnation":"%032d","version":"test","session":"1",`, a, b, len(node)))
	}
	token := `"lock":"cs","request_numbers":["0.0","0.0"],"last_granted":["0.0","0.0"],"queue":[],"epoch":"1.0","hop":"0","fence":"7",`
	write(a, logs.TokenMade, token)
	write(a, logs.Enter, token)
	write(a, logs.SessionLapsed, `"session":"1","reason":"no quorum",`)
	write(b, logs.NodeStopped, "")
	write(a, logs.NodeStopped, "")
	file, err := logs.Read("lapse.log", strings.NewReader(lines.String()))
	if err != nil {
		t.Fatal(err)
	}
	run, err := logs.NewRun(file)
	if err != nil {
		t.Fatal(err)
	}
	p, err := Draw(run, Options{})
	if err != nil {
		t.Fatal(err)
	}
	var mark, section, stop float64
	for _, e := range p.Elements {
		switch {
		case e.Role == Lapse:
			mark = (e.Points[0].Y + e.Points[2].Y) / 2
		case e.Role == Section:
			section = e.Points[2].Y
		case e.Role == Label && e.Text == "stop":
			stop = e.Points[0].Y
		}
	}
	if mark == 0 || math.Abs(section-mark) > 1 || section > stop {
		t.Errorf("the mark is at %.1f, the end of the section at %.1f, the stop at %.1f", mark, section, stop)
	}
	if !strings.Contains(text(p), `"session lapses"`) {
		t.Error("no label says so")
	}
}
