// Package notify tells the ticketing system how a request stands.
package notify

import (
	"context"
	"time"

	"github.com/usher365/usher/events"
	"github.com/usher365/usher/shared/step"
)

// Ticket takes a status event: a signed call-back, or the log when none is configured.
type Ticket interface {
	Tell(ctx context.Context, s events.Status) error
}

// Policy is how patient the function is: about a day of growing pauses, longer than
// most ticketing systems are down.
var Policy = step.Policy{MaxFailures: 150, Timeout: 30 * time.Second}

// Handler tells tickets.
type Handler struct{ ticket Ticket }

// New makes the handler.
func New(t Ticket) *Handler { return &Handler{t} }

// Handle delivers one status event. The runner keeps the order and retries.
func (h *Handler) Handle(ctx context.Context, s events.Status) error { return h.ticket.Tell(ctx, s) }
