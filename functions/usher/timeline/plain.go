package timeline

import (
	"fmt"
	"time"

	"github.com/usher365/usher/functions/console"
	"github.com/usher365/usher/shared/account"
)

// Changes gives one plain line for each step that changed between two looks at a
// request. A zero before is "nothing seen yet".
func Changes(before, after console.Request, now time.Time) (lines []string) {
	v := View{Request: after, Now: now}
	for i, s := range after.Steps {
		if i < len(before.Steps) && !changed(before.Steps[i], s) {
			continue
		}
		if what := v.plain(s); what != "" {
			lines = append(lines, fmt.Sprintf("%10s  %-9s  %s%s", v.since(s), s.State, s.Title, what))
		}
	}
	return lines
}

// since is when the change happened, counted from when the request came.
func (v View) since(s console.Step) string {
	at := v.Now
	if !s.FinishedAt.IsZero() {
		at = s.FinishedAt
	}
	return console.Span(at.Sub(v.Request.CreatedAt))
}

func changed(before, after console.Step) bool {
	return before.State != after.State || before.Attempts != after.Attempts || !before.NextTry.Equal(after.NextTry)
}

// plain says what a line tells beside state and title; empty for a change not worth a line.
func (v View) plain(s console.Step) string {
	since := fmt.Sprintf(" (%s, %s)", tries(s.Attempts), console.Span(v.waited(s)))
	switch s.State {
	case account.StepDone:
		return ": " + s.Detail + since
	case account.StepWaiting:
		if s.StartedAt.IsZero() {
			return ": starts in " + console.Span(s.NextTry.Sub(v.Now))
		}
		return ": " + meaning(s.FaultCode) + " Next try in " + console.Span(s.NextTry.Sub(v.Now)) + since
	case account.StepRetrying:
		return ": " + s.Fault + "; next try in " + console.Span(s.NextTry.Sub(v.Now)) + since
	case account.StepFailed:
		return ": " + s.Fault + since
	case account.StepSkipped:
		return ": not done"
	default:
		return ""
	}
}
