package patience

import (
	"math"
	"slices"
	"time"
)

// curve says how dense the tries are over the time waited.
//
// Time is taken as its logarithm x, because lateness matters in proportion to the wait:
// with tries ν(x) per unit of x, one that falls between two of them is late by about
// 1/2ν of its wait. To make the mean of that least for a given mean number of tries,
// ν must be proportional to the square root of the hazard (the chance that it is now,
// given that it was not before). This is the classic answer to how often to inspect
// something that will fail at an unknown time (Keller, "Optimum checking schedules",
// 1974). The factor follows from the number of tries we allow, in closed form.
type curve struct {
	// tries[i] is the number of tries up to the lower end of cell i.
	tries [cells + 1]float64
	// observed counts the observations the curve was made from.
	observed int
}

const (
	// budget is the mean number of tries before success, besides the first and the last.
	budget = 12.5
	// cellWidth is the width of a cell, in units of ln(time).
	cellWidth = 0.04
	// cells cover 1 s to 24 h: ln(86400) = 11.37.
	cells = 285
	// blur is the standard deviation by which an observation is spread, in ln(time): a
	// handful of them says no more, and we see success later than it came.
	blur = 0.25
	// faith is how many observations the prior counts for.
	faith = 3.0
	// The prior: usually log-normal around 8 minutes, sometimes anything.
	priorMedian = 8 * time.Minute
	priorSpread = 1.0
	priorOdd    = 0.15
)

func cellOf(d time.Duration) float64 {
	return min(math.Log(max(d.Seconds(), 1))/cellWidth, cells)
}

func timeOf(cell float64) time.Duration {
	return time.Duration(math.Exp(cell*cellWidth) * float64(time.Second))
}

// newCurve computes the curve from a tenant's own observations and, at a lower weight,
// those of others.
func newCurve(own, others []time.Duration, weight float64) *curve {
	var due [cells]float64
	for i := range due {
		due[i] = faith * (priorOdd/cells + (1-priorOdd)*normal(float64(i)+0.5, cellOf(priorMedian), priorSpread/cellWidth))
	}
	for _, waited := range own {
		count(&due, waited, 1)
	}
	for _, waited := range others {
		count(&due, waited, weight)
	}
	return fromHazard(hazard(&due), len(own)+len(others))
}

// count adds an observation: one more is due around its time.
func count(due *[cells]float64, waited time.Duration, weight float64) {
	at := cellOf(waited)
	const reach = 4 * blur / cellWidth
	for i := max(0, int(at-reach)); i < min(cells, int(at+reach)+1); i++ {
		due[i] += weight * normal(float64(i)+0.5, at, blur/cellWidth)
	}
}

func normal(x, mean, spread float64) float64 {
	z := (x - mean) / spread
	return math.Exp(-z*z/2) / (spread * math.Sqrt(2*math.Pi))
}

// hazard gives, per cell, the share of those still waiting that are due in it.
func hazard(due *[cells]float64) [cells]float64 {
	var h [cells]float64
	waiting := 0.0
	for i := cells - 1; i >= 0; i-- {
		waiting += due[i]
		h[i] = due[i] / waiting
	}
	return h
}

// fromHazard spreads the budget by the square root of the hazard.
func fromHazard(h [cells]float64, observed int) *curve {
	c := &curve{observed: observed}
	spent, waiting := 0.0, 1.0
	for i := range h {
		root := math.Sqrt(h[i])
		spent += waiting * root
		waiting *= 1 - h[i]
		c.tries[i+1] = root
	}
	for i := range h {
		c.tries[i+1] = c.tries[i] + c.tries[i+1]*budget/spent
	}
	return c
}

// triesBy gives how many tries come due until this long waited.
func (c *curve) triesBy(waited time.Duration) float64 {
	at := cellOf(waited)
	i := min(int(at), cells-1)
	return c.tries[i] + (at-float64(i))*(c.tries[i+1]-c.tries[i])
}

// pause is the time in which the given number of tries comes due.
func (c *curve) pause(waited time.Duration, tries float64) time.Duration {
	target := c.triesBy(waited) + tries
	i, found := slices.BinarySearch(c.tries[:], target)
	if i > cells {
		return MaxPause
	}
	at := float64(i)
	if !found {
		at -= (c.tries[i] - target) / (c.tries[i] - c.tries[i-1])
	}
	return timeOf(at) - waited
}
