// Package telemetry is the log, and one line in it for every delivery. What is
// counted is the matter of the packages below.
package telemetry

import (
	"context"
	"io"
	"log/slog"
	"math"
	"time"

	"github.com/usher365/usher/shared/step"
)

// LogOptions of NewLogger.
type LogOptions struct {
	// JSON writes a JSON object a line, for machines; otherwise text for people.
	JSON bool
	// Level is the least level written. Nil means info.
	Level slog.Leveler
}

// NewLogger makes a logger. Durations are seconds with milliseconds in JSON (1.25)
// and readable in text (1.25s); text leaves empty values out.
func NewLogger(w io.Writer, o LogOptions) *slog.Logger {
	if o.JSON {
		return slog.New(slog.NewJSONHandler(w, &slog.HandlerOptions{Level: o.Level, ReplaceAttr: forMachines}))
	}
	return slog.New(slog.NewTextHandler(w, &slog.HandlerOptions{Level: o.Level, ReplaceAttr: forPeople}))
}

func forMachines(_ []string, a slog.Attr) slog.Attr {
	if a.Value.Kind() == slog.KindDuration {
		return slog.Float64(a.Key, math.Round(a.Value.Duration().Seconds()*1000)/1000)
	}
	return a
}

func forPeople(_ []string, a slog.Attr) slog.Attr {
	switch {
	case a.Value.Kind() == slog.KindDuration:
		return slog.String(a.Key, a.Value.Duration().Round(time.Millisecond).String())
	case a.Value.Kind() == slog.KindString && a.Value.String() == "":
		return slog.Attr{}
	}
	return a
}

// Counter counts deliveries.
type Counter interface{ Delivered(l step.Line) }

// Deliveries makes an observer of the runner that writes one line for each delivery
// and counts it. The keys of the line are contract: request, tenant, account,
// function, step, attempt, waited, outcome, fault_code, fault, duration, and next_try
// where the step is tried again. A nil counter counts nothing.
func Deliveries(log *slog.Logger, count Counter) step.Observer {
	return func(ctx context.Context, l step.Line) {
		if count != nil {
			count.Delivered(l)
		}
		attrs := []slog.Attr{
			slog.String("request", l.Request), slog.String("tenant", l.Tenant), slog.String("account", l.Account),
			slog.String("function", l.Function), slog.String("step", l.Step), slog.Int("attempt", l.Attempt),
			slog.Duration("waited", l.Waited), slog.String("outcome", l.Outcome),
			slog.String("fault_code", l.FaultCode), slog.String("fault", l.Fault), slog.Duration("duration", l.Duration),
		}
		if !l.NextTry.IsZero() {
			attrs = append(attrs, slog.Time("next_try", l.NextTry.UTC()))
		}
		log.LogAttrs(ctx, levelOf(l.Outcome), "delivery", attrs...)
	}
}

func levelOf(outcome string) slog.Level {
	switch outcome {
	case step.OutcomeDone, step.OutcomeWaiting, step.OutcomeSkipped:
		return slog.LevelInfo
	case step.OutcomeFailed:
		return slog.LevelError
	}
	return slog.LevelWarn
}
