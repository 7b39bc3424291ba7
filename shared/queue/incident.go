package queue

import (
	"errors"
	"log/slog"
)

var (
	// ErrLockLost says that a delivery was not ours any more when it was to be settled or
	// renewed: its outcome was thrown away, and the message comes again.
	ErrLockLost = errors.New("queue: the lock of the delivery is lost")
	// ErrPanicked says that a handler panicked; the delivery was abandoned.
	ErrPanicked = errors.New("queue: the handler panicked")
)

// Incident is something that went wrong between an engine and a handler. Nothing is
// lost by it: the message comes again, or is a dead letter.
type Incident struct {
	Queue string
	// ID and Count name the delivery; empty and 0 when the queue could not be read.
	ID    string
	Count int
	Err   error
}

// LogValue gives the incident as log attributes. Bodies are not part of it.
func (i Incident) LogValue() slog.Value {
	return slog.GroupValue(slog.String("queue", i.Queue), slog.String("id", i.ID), slog.Int("count", i.Count), slog.Any("error", i.Err))
}

// LogIncident writes an incident to slog.Default: what engines do that were told nothing else.
func LogIncident(i Incident) { slog.Warn("queue", "incident", i) }
