package chart

import (
	"bytes"
	"fmt"
	"image/color"
	"io"
	"strings"

	"gonum.org/v1/plot"
	"gonum.org/v1/plot/plotter"
	"gonum.org/v1/plot/text"
	"gonum.org/v1/plot/vg"
	"gonum.org/v1/plot/vg/draw"
	"gonum.org/v1/plot/vg/vgimg"
	"gonum.org/v1/plot/vg/vgsvg"

	"conch/bench/internal/growth"
)

// Formats are the formats of Write.
var Formats = []string{"svg", "png"}

// The size is that of GitHub's column; a PNG has twice as many dots each way.
const (
	width       = 620
	height      = 330
	legendWidth = 195
	margin      = 8
	dotsPerInch = 192
	// room is how far axes reach beyond what they show, as a factor.
	room = 1.15
)

// Write draws a chart.
func Write(w io.Writer, format string, c growth.Chart) error {
	p, legend, err := layOut(c)
	if err != nil {
		return fmt.Errorf("chart %s: %w", c.Name, err)
	}
	var canvas vg.CanvasSizer
	var out io.WriterTo
	switch format {
	case "svg":
		svg := vgsvg.New(width, height)
		canvas, out = svg, svg
	case "png":
		png := vgimg.NewWith(vgimg.UseWH(width, height), vgimg.UseDPI(dotsPerInch))
		canvas, out = png, vgimg.PngCanvas{Canvas: png}
	default:
		return fmt.Errorf("chart %s: format: got %q, want one of %s", c.Name, format, strings.Join(Formats, ", "))
	}
	all := draw.New(canvas)
	all.FillPolygon(color.White, []vg.Point{{}, {X: width}, {X: width, Y: height}, {Y: height}})
	all = draw.Crop(all, margin, -margin, margin, -margin)
	p.Draw(draw.Crop(all, 0, -legendWidth, 0, 0))
	legend.Draw(draw.Crop(all, width-2*margin-legendWidth+margin, 0, 0, 0))
	var picture bytes.Buffer
	if _, err := out.WriteTo(&picture); err != nil {
		return fmt.Errorf("chart %s: %w", c.Name, err)
	}
	_, err = w.Write(bytes.ReplaceAll(picture.Bytes(), []byte(font), []byte(fonts)))
	return err
}

// font is how an SVG names the font by which it is laid out, and fonts the same with
// others that are as wide, for machines that have it not.
const (
	font  = "font-family:Liberation Sans;"
	fonts = "font-family:Liberation Sans,Arial,Helvetica,sans-serif;"
)

// colours can be told apart by those who see no red or no green.
var colours = []color.Color{
	color.RGBA{R: 0x00, G: 0x72, B: 0xb2, A: 0xff}, // blue
	color.RGBA{R: 0xd5, G: 0x5e, B: 0x00, A: 0xff}, // vermilion
	color.RGBA{R: 0x00, G: 0x9e, B: 0x73, A: 0xff}, // green
	color.RGBA{R: 0x99, G: 0x55, B: 0x88, A: 0xff}, // purple
}

// layOut makes a plot, and the legend that stands beside it.
func layOut(c growth.Chart) (*plot.Plot, *plot.Legend, error) {
	p := plot.New()
	p.X.Label.Text, p.Y.Label.Text = c.X, c.Y
	p.X.Scale, p.Y.Scale = plot.LogScale{}, plot.LogScale{}
	p.X.Tick.Marker, p.Y.Tick.Marker = marks(c), decades{}
	for _, style := range []*text.Style{&p.X.Label.TextStyle, &p.Y.Label.TextStyle, &p.X.Tick.Label, &p.Y.Tick.Label} {
		style.Font.Variant, style.Font.Size = "Sans", 10
	}
	p.X.Label.Padding, p.Y.Label.Padding = 4, 4
	grid := plotter.NewGrid()
	grid.Vertical.Color, grid.Horizontal.Color = color.Gray{0xe4}, color.Gray{0xe4}
	p.Add(grid)

	legend := plot.NewLegend()
	legend.Top, legend.Left = true, true
	legend.TextStyle.Font.Variant, legend.TextStyle.Font.Size = "Sans", 9
	legend.ThumbnailWidth, legend.Padding = 26, 2.5
	for _, s := range c.Series {
		if err := add(p, &legend, s); err != nil {
			return nil, nil, err
		}
	}
	p.X.Min, p.X.Max = p.X.Min/room, p.X.Max*room
	p.Y.Min, p.Y.Max = roundDown(p.Y.Min/room), roundUp(p.Y.Max*room)
	return p, &legend, nil
}

// add adds a series to a plot and its legend.
func add(p *plot.Plot, legend *plot.Legend, s growth.Series) error {
	points := make(plotter.XYs, len(s.Points))
	for i, point := range s.Points {
		points[i] = plotter.XY{X: point.X, Y: point.Y.Median}
	}
	line, dots, err := plotter.NewLinePoints(points)
	if err != nil {
		return err
	}
	colour := colours[s.Of%len(colours)]
	line.Color, dots.Color = colour, colour
	dots.Radius = 3
	switch s.Kind {
	case growth.Theory:
		line.Width, line.Dashes = 1, []vg.Length{5, 3}
		p.Add(line)
		legend.Add(s.Label, line)
		return nil
	case growth.InCore:
		line.Width, line.Dashes = 1, []vg.Length{1, 2}
		dots.Shape = draw.RingGlyph{}
	default:
		line.Width = 1.6
		dots.Shape = draw.CircleGlyph{}
	}
	bars, err := plotter.NewYErrorBars(spreads{points, s.Points})
	if err != nil {
		return err
	}
	bars.Color = colour
	p.Add(line, bars, dots)
	legend.Add(s.Label, line, dots)
	return nil
}

// spreads are points with how far their values reach down and up.
type spreads struct {
	plotter.XYs
	points []growth.Point
}

// YError is plotter.YErrorer's.
func (s spreads) YError(i int) (low, high float64) {
	y := s.points[i].Y
	return y.Median - y.Least, y.Most - y.Median
}
