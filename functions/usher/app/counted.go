package app

import (
	"context"
	"errors"
	"net/http"

	"github.com/usher365/usher/functions/intake"
	"github.com/usher365/usher/shared/fault"
	"github.com/usher365/usher/shared/telemetry/metrics"
	"github.com/usher365/usher/shared/webhook"
)

// countedDesk counts what becomes of documents.
type countedDesk struct {
	intake.Acceptor
	count func(result string)
}

func (d countedDesk) Accept(ctx context.Context, body []byte, from intake.Source) (intake.Answer, error) {
	answer, err := d.Acceptor.Accept(ctx, body, from)
	switch {
	case err != nil:
		d.count(metrics.WebhookUnavailable)
	case answer.Duplicate:
		d.count(metrics.WebhookDuplicate)
	case answer.Code == fault.RequestInvalid:
		d.count(metrics.WebhookMalformed)
	case answer.Status == intake.Refused:
		d.count(metrics.WebhookRefused)
	default:
		d.count(metrics.WebhookAccepted)
	}
	return answer, err
}

// countedVerifier counts what is not believed.
type countedVerifier struct {
	intake.Verifier
	count func(result string)
}

func (v countedVerifier) Verify(h http.Header, body []byte) (webhook.Delivery, error) {
	from, err := v.Verifier.Verify(h, body)
	switch {
	case errors.Is(err, webhook.ErrStale):
		v.count(metrics.WebhookStale)
	case err != nil:
		v.count(metrics.WebhookForged)
	}
	return from, err
}

// countedDoor counts what is too large to be looked at.
func countedDoor(next http.Handler, count func(result string)) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		seen := &statusWriter{ResponseWriter: w}
		next.ServeHTTP(seen, r)
		if seen.status == http.StatusRequestEntityTooLarge {
			count(metrics.WebhookTooLarge)
		}
	})
}

type statusWriter struct {
	http.ResponseWriter
	status int
}

func (w *statusWriter) WriteHeader(status int) {
	w.status = status
	w.ResponseWriter.WriteHeader(status)
}

// Unwrap lets http.MaxBytesReader and http.ResponseController reach the connection.
func (w *statusWriter) Unwrap() http.ResponseWriter { return w.ResponseWriter }
