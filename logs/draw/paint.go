package draw

import (
	"fmt"
	"io"
	"strings"
	"sync"

	"gonum.org/v1/plot/font"
	"gonum.org/v1/plot/font/liberation"
	"gonum.org/v1/plot/vg"
	"gonum.org/v1/plot/vg/vgimg"
	"gonum.org/v1/plot/vg/vgpdf"
	"gonum.org/v1/plot/vg/vgsvg"
)

// dotsPerInch is the resolution of PNG pictures.
const dotsPerInch = 200

// Formats are the formats of Write.
var Formats = []string{"svg", "png", "pdf"}

// Write paints the picture in one of Formats. The error names a format that is
// none of them, or is one of w.
func (p *Picture) Write(w io.Writer, format string) error {
	width, height := vg.Length(p.Width), vg.Length(p.Height)
	var canvas vg.Canvas
	var out io.WriterTo
	switch format {
	case "svg":
		c := vgsvg.New(width, height)
		canvas, out = c, c
	case "pdf":
		c := vgpdf.New(width, height)
		canvas, out = c, c
	case "png":
		c := vgimg.NewWith(vgimg.UseWH(width, height), vgimg.UseDPI(dotsPerInch))
		canvas, out = c, vgimg.PngCanvas{Canvas: c}
	default:
		return fmt.Errorf("format: got %q, want one of %s", format, strings.Join(Formats, ", "))
	}
	p.Paint(canvas)
	_, err := out.WriteTo(w)
	return err
}

// Paint paints the picture on a canvas of its size.
func (p *Picture) Paint(canvas vg.Canvas) {
	vg.Initialize(canvas)
	place := func(at Point) vg.Point { // a canvas counts from below
		return vg.Point{X: vg.Length(at.X), Y: vg.Length(p.Height - at.Y)}
	}
	for _, e := range p.Elements {
		canvas.SetColor(e.Colour)
		if e.Shape == Text {
			at := e.Points[0]
			at.X -= e.Align * TextWidth(e.Text, e.Size)
			canvas.FillString(face(e.Size), place(at), e.Text)
			continue
		}
		var path vg.Path
		path.Move(place(e.Points[0]))
		for _, at := range e.Points[1:] {
			path.Line(place(at))
		}
		if e.Shape == Area {
			path.Close()
			canvas.Fill(path)
			continue
		}
		var dash []vg.Length
		for _, length := range e.Dash {
			dash = append(dash, vg.Length(length))
		}
		canvas.SetLineDash(dash, 0)
		canvas.SetLineWidth(vg.Length(e.Width))
		canvas.Stroke(path)
	}
}

// fonts parses the fonts once.
var fonts = sync.OnceValue(func() *font.Cache { return font.NewCache(liberation.Collection()) })

func face(size float64) font.Face {
	return fonts().Lookup(font.Font{Typeface: "Liberation", Variant: "Sans"}, vg.Length(size))
}

// TextWidth is how wide a text is, in points, in the font of the pictures,
// Liberation Sans.
func TextWidth(text string, size float64) float64 {
	f := face(size)
	return float64(f.Width(text))
}
