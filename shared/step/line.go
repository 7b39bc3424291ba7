package step

import (
	"context"
	"time"
)

// Line is what happened to one delivery: one structured log line and one count.
type Line struct {
	Function string
	Request  string
	Tenant   string
	// Account is the user principal name.
	Account string
	Step    string
	Attempt int
	// Deliveries is how often the engine handed this very message over.
	Deliveries int
	// Waited is the time since the step was first tried.
	Waited time.Duration
	// Late is true for the one delivery that raised the alarm of a wait (Policy.Alarm).
	Late bool
	// Outcome is done, waiting, retrying, failed, skipped, abandoned or parked.
	Outcome   string
	FaultCode string
	Fault     string
	// NextTry is when a waiting or retrying step runs again.
	NextTry time.Time
	// Duration is how long the attempt took.
	Duration time.Duration
}

// Observer hears of every delivery. It must not block.
type Observer func(context.Context, Line)

// The outcomes of a Line.
const (
	OutcomeDone      = "done"
	OutcomeWaiting   = "waiting"
	OutcomeRetrying  = "retrying"
	OutcomeFailed    = "failed"
	OutcomeSkipped   = "skipped"
	OutcomeAbandoned = "abandoned"
	// OutcomeParked is a step that waits for a person (Policy.Park).
	OutcomeParked = "parked"
)
