// Package notify tells the ticketing system how a request stands, and people by mail what
// they should know.
package notify

import (
	"context"
	"time"

	"github.com/usher365/usher/events"
	"github.com/usher365/usher/shared/ledger"
	"github.com/usher365/usher/shared/mail"
	"github.com/usher365/usher/shared/step"
)

// Ticket takes a status event: a signed call-back, or the log when none is configured.
type Ticket interface {
	Tell(ctx context.Context, s events.Status) error
}

// Post takes a letter.
type Post interface {
	Send(ctx context.Context, l mail.Letter) error
}

// Policy is how patient the function is: about a day of growing pauses, longer than
// most ticketing systems and mail servers are down.
var Policy = step.Policy{MaxFailures: 150, Timeout: 30 * time.Second}

// Handler tells tickets and mails notices.
type Handler struct {
	ticket Ticket
	post   Post
}

// New makes the handler. A nil post mails nothing.
func New(t Ticket, p Post) *Handler { return &Handler{t, p} }

// Handle delivers one status event. The runner keeps the order and retries.
func (h *Handler) Handle(ctx context.Context, s events.Status) error { return h.ticket.Tell(ctx, s) }

// Mailer mails notices; nil where no mail is configured. The runner sees to it that each
// address gets each notice once, unless the process dies between the mail and the note of it.
func (h *Handler) Mailer() step.Mailer {
	if h.post == nil {
		return nil
	}
	return func(ctx context.Context, n ledger.Notice, tenant, to string) error {
		return h.post.Send(ctx, LetterOf(n, tenant, to))
	}
}
