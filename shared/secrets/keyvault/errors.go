package keyvault

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"time"

	"github.com/Azure/azure-sdk-for-go/sdk/azcore"
	"github.com/Azure/azure-sdk-for-go/sdk/azcore/runtime"

	"github.com/usher365/usher/shared/fault"
	"github.com/usher365/usher/shared/secrets/sealed"
)

// The inner codes that decide what happens next (source: Azure Key Vault REST API error
// codes, and "Azure Key Vault soft-delete overview").
const (
	innerDeleted  = "ObjectIsDeletedButRecoverable"
	innerDeleting = "ObjectIsBeingDeleted"
	innerDisabled = "SecretDisabled"
)

// callError is a refusal of the service in our own words, for the service's may quote
// what was sent.
type callError struct {
	status int
	inner  string
	text   string
}

func (e *callError) Error() string { return e.text }

// statusOf gives the status of a failed call, zero when the service did not answer.
func statusOf(err error) int {
	if e, ok := errors.AsType[*callError](err); ok {
		return e.status
	}
	return 0
}

func innerOf(err error) string {
	if e, ok := errors.AsType[*callError](err); ok {
		return e.inner
	}
	return ""
}

// classify says what a failed call means.
func classify(ctx context.Context, action, what string, err error) error {
	switch {
	case err == nil:
		return nil
	case ctx.Err() != nil:
		return sealed.Unavailable("%s %s: %w", action, what, ctx.Err())
	}
	answer, answered := errors.AsType[*azcore.ResponseError](err)
	if _, ours := errors.AsType[*fault.Error](err); ours {
		return fmt.Errorf("%s %s: %w", action, what, err)
	}
	if !answered {
		return sealed.Unavailable("%s %s: Key Vault did not answer: %w", action, what, err)
	}
	e := &callError{status: answer.StatusCode, inner: innerCode(answer.RawResponse)}
	e.text = fmt.Sprintf("Key Vault answers %d %s%s to: %s %s", e.status, answer.ErrorCode, inBrackets(e.inner), action, what)
	switch {
	case e.status == http.StatusTooManyRequests:
		return sealed.UnavailableFor(fault.ParseRetryAfter(answer.RawResponse.Header.Get("Retry-After"), serverTime(answer.RawResponse)), "%w", e)
	case e.inner == innerDisabled:
		// Replaced or discarded between two calls of ours.
		return sealed.Unavailable("%w", e)
	case e.status == http.StatusUnauthorized || e.status == http.StatusForbidden:
		e.text += "; give our identity the role Key Vault Secrets Officer on the vault (Key Vault Secrets User to read settings), and look at its firewall"
		return sealed.Refused("%w", e)
	case e.status == http.StatusConflict || e.status == http.StatusRequestTimeout || e.status >= http.StatusInternalServerError:
		return sealed.Unavailable("%w", e)
	}
	return sealed.Refused("%w", e)
}

func inBrackets(code string) string {
	if code == "" {
		return ""
	}
	return " (" + code + ")"
}

// innerCode reads the more exact code of an error; empty when there is none.
func innerCode(r *http.Response) string {
	var doc struct {
		Error struct {
			Inner struct{ Code string } `json:"innererror"`
		}
	}
	body, err := runtime.Payload(r)
	if err != nil || json.Unmarshal(body, &doc) != nil {
		return ""
	}
	return doc.Error.Inner.Code
}

// serverTime is the service's clock when it answered, in whole seconds; zero when it did not say.
func serverTime(r *http.Response) time.Time {
	if r == nil {
		return time.Time{}
	}
	at, err := http.ParseTime(r.Header.Get("Date"))
	if err != nil {
		return time.Time{}
	}
	return at
}
