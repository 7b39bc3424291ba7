package intake

import (
	"context"
	"encoding/json"
	"errors"
	"io"
	"log/slog"
	"net/http"
	"strconv"
	"time"

	"github.com/usher365/usher/shared/fault"
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

// ServeHTTP answers one delivery.
func (h *Webhook) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	switch {
	case r.URL.Path != Path:
		answer(w, http.StatusNotFound, problem{Status: "not-found"})
		return
	case r.Method != http.MethodPost:
		w.Header().Set("Allow", http.MethodPost)
		answer(w, http.StatusMethodNotAllowed, problem{Status: "method-not-allowed"})
		return
	}
	select {
	case h.slots <- struct{}{}:
		defer func() { <-h.slots }()
		h.deliver(w, r)
	default:
		comeBack(w, http.StatusTooManyRequests, afterRush, problem{Status: "busy"})
	}
}

func (h *Webhook) deliver(w http.ResponseWriter, r *http.Request) {
	body, err := io.ReadAll(http.MaxBytesReader(w, r.Body, MaxBody))
	if _, tooLarge := errors.AsType[*http.MaxBytesError](err); tooLarge {
		answer(w, http.StatusRequestEntityTooLarge, problem{Status: "too-large", Reason: "the body may have 256 KiB"})
		return
	}
	if err != nil {
		answer(w, http.StatusBadRequest, problem{Status: "unreadable", Reason: "the body ended early"})
		return
	}
	from, err := h.Verifier.Verify(r.Header, body)
	if err != nil {
		h.distrust(r, from, err)
		answer(w, http.StatusUnauthorized, problem{Status: "unauthorized"})
		return
	}
	ctx, cancel := context.WithTimeout(r.Context(), h.Timeout)
	defer cancel()
	taken, err := h.Desk.Accept(ctx, body, Source{Name: from.Source, Delivery: from.ID})
	if err != nil {
		h.Log.ErrorContext(r.Context(), "a request could not be written to the ledger", "source", from.Source, "delivery", from.ID, "error", err)
		comeBack(w, http.StatusServiceUnavailable, afterOutage, problem{Status: "unavailable", Code: fault.LedgerUnavailable})
		return
	}
	answer(w, http.StatusOK, taken)
}

// distrust logs why a delivery was not believed. A stale one is genuine: a clock is
// wrong, or a retry came late. A forged one is an attack or a wrong secret.
func (h *Webhook) distrust(r *http.Request, from webhook.Delivery, err error) {
	message := "webhook with a forged or missing signature"
	if errors.Is(err, webhook.ErrStale) {
		message = "webhook with a genuine signature that is too old or too new"
	}
	h.Log.WarnContext(r.Context(), message, "source", from.Source, "delivery", from.ID, "remote", r.RemoteAddr, "error", err)
}

// problem is the body of an answer that took nothing.
type problem struct {
	Status string     `json:"status"`
	Code   fault.Code `json:"code,omitempty"`
	Reason string     `json:"reason,omitempty"`
}

func comeBack(w http.ResponseWriter, status, seconds int, p problem) {
	w.Header().Set("Retry-After", strconv.Itoa(seconds))
	answer(w, status, p)
}

func answer(w http.ResponseWriter, status int, body any) {
	text, err := json.Marshal(body)
	if err != nil {
		// Answers are strings and booleans only.
		panic("intake: answer cannot be written: " + err.Error())
	}
	w.Header().Set("Content-Type", "application/json")
	w.Header().Set("Cache-Control", "no-store")
	w.WriteHeader(status)
	_, _ = w.Write(append(text, '\n')) // a sender that has gone comes again
}
