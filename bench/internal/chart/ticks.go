package chart

import (
	"math"
	"slices"
	"strconv"

	"gonum.org/v1/plot"

	"conch/bench/internal/growth"
)

// marks puts a mark at each place of the X axis that points stand at.
func marks(c growth.Chart) plot.ConstantTicks {
	var places []float64
	for _, s := range c.Series {
		for _, point := range s.Points {
			places = append(places, point.X)
		}
	}
	slices.Sort(places)
	var ticks plot.ConstantTicks
	for _, x := range slices.Compact(places) {
		ticks = append(ticks, plot.Tick{Value: x, Label: label(x)})
	}
	return ticks
}

// decades marks 1, 2 ... 9 in each decade, and writes numbers beside the powers of ten and
// at both ends; where there are few decades, also at 2 and 5.
type decades struct{}

// Ticks is plot.Ticker's.
func (decades) Ticks(least, most float64) []plot.Tick {
	var ticks []plot.Tick
	for exponent := math.Floor(math.Log10(least)); exponent <= math.Log10(most); exponent++ {
		for digit := 1.0; digit < 10; digit++ {
			value := digit * math.Pow(10, exponent)
			if value < least*(1-slack) || value > most*(1+slack) {
				continue
			}
			end := value <= least*(1+slack) || value >= most*(1-slack)
			tick := plot.Tick{Value: value}
			if digit == 1 || end || most/least <= 200 && (digit == 2 || digit == 5) {
				tick.Label = label(value)
			}
			ticks = append(ticks, tick)
		}
	}
	return ticks
}

// slack is what floating-point numbers may be off by.
const slack = 1e-9

// roundDown returns the highest of 1, 2 and 5 times a power of ten that is not above x.
func roundDown(x float64) float64 {
	power := math.Pow(10, math.Floor(math.Log10(x)))
	for _, digit := range []float64{5, 2} {
		if digit*power <= x {
			return digit * power
		}
	}
	return power
}

// roundUp returns the lowest that is not below x.
func roundUp(x float64) float64 {
	power := math.Pow(10, math.Floor(math.Log10(x)))
	for _, digit := range []float64{1, 2, 5} {
		if digit*power >= x {
			return digit * power
		}
	}
	return 10 * power
}

// label writes a number with its thousands apart.
func label(x float64) string {
	text := strconv.FormatFloat(x, 'g', -1, 64)
	if x >= 1000 {
		text = strconv.FormatFloat(x, 'f', 0, 64)
		for i := len(text) - 3; i > 0; i -= 3 {
			text = text[:i] + "," + text[i:]
		}
	}
	return text
}
