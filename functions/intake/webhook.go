package intake

import (
	"context"
	"errors"
	"log/slog"
	"net/http"
	"time"

	"github.com/usher365/usher/shared/webhook"
)

// Path is where requests are posted.
const Path = "/webhooks/standard"

// MaxBody is the largest request document, in bytes.
const MaxBody = 256 << 10

// The answers that ask a sender to come back, in seconds.
const (
	afterOutage = 30
	afterRush   = 1
)

// Verifier checks a message's signature and age; see webhook.Verifier.
type Verifier interface {
	Verify(h http.Header, body []byte) (webhook.Delivery, error)
}

// Acceptor takes verified documents; see Desk.
type Acceptor interface {
	Accept(ctx context.Context, body []byte, from Source) (Answer, error)
}

// WebhookOptions build a Webhook.
type WebhookOptions struct {
	Desk     Acceptor
	Verifier Verifier
	// MaxInFlight is how many deliveries are worked on at once; more are asked to come
	// back in a second. Zero means 64.
	MaxInFlight int
	// Timeout ends one delivery's transaction. Zero means 10 seconds.
	Timeout time.Duration
	// Log hears of refused signatures and of a ledger that cannot be written. Nil hears nothing.
	Log *slog.Logger
}

// Webhook answers POST /webhooks/standard, in JSON always. The order of work is:
// size, signature over the raw bytes, freshness, and only then the content.
type Webhook struct {
	WebhookOptions
	slots chan struct{}
}

// NewWebhook makes the handler. Desk and Verifier are required.
func NewWebhook(o WebhookOptions) (*Webhook, error) {
	if o.Desk == nil || o.Verifier == nil {
		return nil, errors.New("intake: the webhook needs a desk and a verifier")
	}
	if o.MaxInFlight <= 0 {
		o.MaxInFlight = 64
	}
	if o.Timeout <= 0 {
		o.Timeout = 10 * time.Second
	}
	if o.Log == nil {
		o.Log = slog.New(slog.DiscardHandler)
	}
	return &Webhook{o, make(chan struct{}, o.MaxInFlight)}, nil
}
