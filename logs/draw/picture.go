package draw

import "image/color"

// Point is a place in a picture, in points of 1/72 inch from the upper left corner.
type Point struct{ X, Y float64 }

// Shape says how an element is painted.
type Shape int

const (
	// Line is a stroke through all points.
	Line Shape = iota
	// Area is a filled polygon.
	Area
	// Text stands on a line that begins, or ends, or is centred, at its one point.
	Text
)

// Role says what an element stands for.
type Role string

// The roles. Those of messages are the role of the line; its head has the same with
// a suffix of its own.
const (
	Heading     Role = "heading"      // a node's name, the title
	Lifeline    Role = "lifeline"     // a node's process runs
	Absence     Role = "absence"      // it does not
	TokenHere   Role = "token here"   // the token is at the node
	Waiting     Role = "waiting"      // from a request to its grant
	Section     Role = "section"      // a critical section
	Shared      Role = "shared"       // one that others share
	RequestSent Role = "request"      // REQUEST, from send to receipt
	TokenSent   Role = "token"        // TOKEN
	RoundSent   Role = "recovery"     // probes, ballots, answers, aborts
	RecallSent  Role = "recall"       // RECALL and DONE
	SaySent     Role = "say"          // SAY, by which a leader says a value
	WitnessSent Role = "witness"      // WITNESS and its answers
	MessageLost Role = "message lost" // the end of a message that did not come
	Arrowhead   Role = "arrowhead"
	Dot         Role = "event"      // something happened at a node
	Crash       Role = "crash"      // a process ended without a word
	Lapse       Role = "lapse"      // a session lapsed
	Membership  Role = "membership" // the members change
	Label       Role = "label"      // what happened
	Halo        Role = "halo"       // white behind a label
	RowNumber   Role = "row"        // the merged line, or the time, of a row
	Overview    Role = "overview"   // the strip of the whole run
	Window      Role = "window"     // which part of it the picture shows
	Legend      Role = "legend"
)

// Element is one thing to paint. Elements are painted in their order, later ones
// over earlier ones.
type Element struct {
	Role   Role
	Shape  Shape
	Points []Point
	Colour color.NRGBA
	Width  float64   // of a Line's stroke, in points
	Dash   []float64 // of a Line: lengths of dashes and gaps; nil: no gaps
	Text   string
	Size   float64 // of a Text, in points
	Align  float64 // of a Text: 0 begins at the point, 0.5 is centred, 1 ends there
}

// Picture is a diagram that is laid out.
type Picture struct {
	Width, Height float64 // in points
	Elements      []Element
	From, To      int // the lines of the merged logs that it shows, from 1
	Lines         int // how many lines there are
	Messages      int // drawn
}

// The colours tell apart for most of those who do not see all colours; dashes and
// widths tell the same once more.
var (
	black     = color.NRGBA{A: 255}
	white     = color.NRGBA{R: 255, G: 255, B: 255, A: 255}
	grey      = color.NRGBA{R: 120, G: 120, B: 120, A: 255}
	pale      = color.NRGBA{R: 205, G: 205, B: 205, A: 255}
	requestC  = color.NRGBA{R: 40, G: 100, B: 180, A: 255}
	tokenC    = color.NRGBA{R: 205, G: 85, B: 10, A: 255}
	sharedC   = color.NRGBA{R: 95, G: 175, B: 130, A: 255}
	recallC   = color.NRGBA{R: 0, G: 115, B: 75, A: 255}
	sectionC  = color.NRGBA{R: 240, G: 145, B: 60, A: 255}
	waitingC  = color.NRGBA{R: 250, G: 225, B: 150, A: 255}
	recoveryC = color.NRGBA{R: 130, G: 60, B: 170, A: 255}
	sayC      = color.NRGBA{R: 90, G: 90, B: 90, A: 255}
	witnessC  = color.NRGBA{R: 0, G: 130, B: 130, A: 255}
	memberC   = color.NRGBA{R: 150, G: 110, B: 0, A: 255}
	crashC    = color.NRGBA{R: 200, G: 20, B: 30, A: 255}
)

func (p *Picture) add(e Element) { p.Elements = append(p.Elements, e) }

func (p *Picture) line(role Role, c color.NRGBA, width float64, dash []float64, points ...Point) {
	p.add(Element{Role: role, Shape: Line, Points: points, Colour: c, Width: width, Dash: dash})
}

func (p *Picture) box(role Role, c color.NRGBA, left, top, right, bottom float64) {
	p.add(Element{Role: role, Shape: Area, Colour: c, Points: []Point{{left, top}, {right, top}, {right, bottom}, {left, bottom}}})
}

func (p *Picture) text(role Role, c color.NRGBA, size, align, x, y float64, text string) {
	p.add(Element{Role: role, Shape: Text, Points: []Point{{x, y}}, Colour: c, Text: text, Size: size, Align: align})
}
