package intake

import (
	"context"
	"encoding/json"
	"errors"
	"io"
	"net/http"
	"strconv"

	"github.com/usher365/usher/shared/fault"
	"github.com/usher365/usher/shared/webhook"
)

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
		h.Log.ErrorContext(r.Context(), "a request could not be taken now", "source", from.Source, "delivery", from.ID, "error", err)
		comeBack(w, http.StatusServiceUnavailable, afterOutage, problem{Status: "unavailable", Code: why(err)})
		return
	}
	answer(w, http.StatusOK, taken)
}

// why is the code of what keeps a request from being taken now: the ledger, if nobody says otherwise.
func why(err error) fault.Code {
	if code := fault.CodeOf(err); code != fault.Unexpected {
		return code
	}
	return fault.LedgerUnavailable
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
