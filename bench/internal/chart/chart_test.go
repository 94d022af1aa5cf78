package chart

import (
	"bytes"
	"encoding/xml"
	"errors"
	"image/png"
	"io"
	"slices"
	"strings"
	"testing"

	"conch/bench/internal/contest"
	"conch/bench/internal/growth"
)

// sample is a chart with a series of each kind.
func sample() growth.Chart {
	series := func(label string, kind growth.Kind, values ...float64) growth.Series {
		s := growth.Series{Label: label, Kind: kind}
		for i, v := range values {
			s.Points = append(s.Points, growth.Point{X: []float64{3, 50, 1000}[i], Y: contest.Spread{Median: v, Least: v / 2, Most: v * 2, Rounds: 3}})
		}
		return s
	}
	return growth.Chart{
		Name: "sample", X: "nodes", Y: "time a grant, µs",
		Series: []growth.Series{
			series("measured", growth.Measured, 3, 51),
			series("in virtual time", growth.InCore, 0.3, 5, 98),
			series("in theory", growth.Theory, 3, 50, 1000),
		},
	}
}

func TestPNGIsAPictureOfItsSize(t *testing.T) {
	var out bytes.Buffer
	if err := Write(&out, "png", sample()); err != nil {
		t.Fatal(err)
	}
	picture, err := png.Decode(&out)
	if err != nil {
		t.Fatal(err)
	}
	size := picture.Bounds().Size()
	if wide, high := width*dotsPerInch/72, height*dotsPerInch/72; size.X < wide-1 || size.X > wide+1 || size.Y < high-1 || size.Y > high+1 {
		t.Errorf("got %v, want %d by %d", size, wide, high)
	}
}

// An SVG has the titles of the axes, the marks and the legend as text, within its
// bounds, in fonts that any machine has one of.
func TestSVGSaysWhatItShows(t *testing.T) {
	var out bytes.Buffer
	if err := Write(&out, "svg", sample()); err != nil {
		t.Fatal(err)
	}
	var texts []string
	for decoder := xml.NewDecoder(&out); ; {
		token, err := decoder.Token()
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			t.Fatal(err)
		}
		start, ok := token.(xml.StartElement)
		if !ok || start.Name.Local != "text" {
			continue
		}
		for _, a := range start.Attr {
			if a.Name.Local == "style" && !strings.Contains(a.Value, "sans-serif") {
				t.Errorf("a text has the style %q, which names no font that is everywhere", a.Value)
			}
		}
		var text string
		if err := decoder.DecodeElement(&text, &start); err != nil {
			t.Fatal(err)
		}
		texts = append(texts, text)
	}
	for _, want := range []string{"nodes", "time a grant, µs", "3", "50", "1,000", "0.1", "100", "measured", "in virtual time", "in theory"} {
		if !slices.Contains(texts, want) {
			t.Errorf("the chart does not say %q, but %q", want, texts)
		}
	}
}

func TestWriteRefusesAnUnknownFormat(t *testing.T) {
	if err := Write(io.Discard, "gif", sample()); err == nil || !strings.Contains(err.Error(), `"gif"`) {
		t.Errorf("got %v, want an error that names the format", err)
	}
}

func TestAxisIsRounded(t *testing.T) {
	for _, test := range []struct{ x, down, up float64 }{
		{1, 1, 1}, {1.5, 1, 2}, {0.03, 0.02, 0.05}, {700, 500, 1000}, {20_000, 20_000, 20_000},
	} {
		if down, up := roundDown(test.x), roundUp(test.x); down != test.down || up != test.up {
			t.Errorf("%v: got %v and %v, want %v and %v", test.x, down, up, test.down, test.up)
		}
	}
}

func TestMarksOfAnAxis(t *testing.T) {
	labels := func(least, most float64) (all []string) {
		for _, tick := range (decades{}).Ticks(least, most) {
			if tick.Label != "" {
				all = append(all, tick.Label)
			}
		}
		return all
	}
	if got, want := labels(0.5, 2000), []string{"0.5", "1", "10", "100", "1,000", "2,000"}; !slices.Equal(got, want) {
		t.Errorf("many decades: got %q, want %q", got, want)
	}
	if got, want := labels(10_000, 50_000), []string{"10,000", "20,000", "50,000"}; !slices.Equal(got, want) {
		t.Errorf("one decade: got %q, want %q", got, want)
	}
	if n := len((decades{}).Ticks(1, 10)); n != 10 {
		t.Errorf("from 1 to 10: got %d marks, want 10", n)
	}
}
