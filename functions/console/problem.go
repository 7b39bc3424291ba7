package console

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"time"

	"github.com/usher365/usher/shared/fault"
	"github.com/usher365/usher/shared/ledger"
	"github.com/usher365/usher/shared/queue"
)

// Problem is the "error" of an error answer, and the fault of a request.
type Problem struct {
	// Code is a fault code, or one of the Code constants of this package.
	Code    fault.Code `json:"code"`
	Message string     `json:"message"`
	// Remedy is what to do next; empty when the message says it all.
	Remedy string `json:"remedy,omitempty"`

	status int
}

// The codes that are about the HTTP call and not about the work.
const (
	CodeUnauthorized fault.Code = "unauthorized"
	CodeForbidden    fault.Code = "forbidden"
	CodeNotFound     fault.Code = "not-found"
	CodeBadRequest   fault.Code = "bad-request"
	CodeNotAllowed   fault.Code = "method-not-allowed"
)

// Error gives the message; a Problem is an error for those who call the API.
func (p *Problem) Error() string { return p.Message }

func problem(status int, code fault.Code, message, remedy string) *Problem {
	return &Problem{Code: code, Message: message, Remedy: remedy, status: status}
}

func badRequest(format string, args ...any) *Problem {
	return problem(http.StatusBadRequest, CodeBadRequest, fmt.Sprintf(format, args...), "")
}

func forbidden(what, remedy string) *Problem {
	return problem(http.StatusForbidden, CodeForbidden, what, remedy)
}

func notFound(what, remedy string) *Problem {
	return problem(http.StatusNotFound, CodeNotFound, what, remedy)
}

// statusOf maps a fault code to the HTTP status of the answer; a code that is not
// here is 409 when it is permanent and 503 when it may pass.
var statusOf = map[fault.Code]int{
	fault.AccountUnknown: http.StatusNotFound,
	fault.UnknownTenant:  http.StatusNotFound,
	fault.UnknownProfile: http.StatusNotFound,
	fault.RequestInvalid: http.StatusBadRequest,
}

// problemOf translates whatever a method behind the API returned.
func problemOf(err error) *Problem {
	if p, ok := errors.AsType[*Problem](err); ok {
		return p
	}
	switch {
	case errors.Is(err, ledger.ErrNotFound):
		return notFound("there is no such request", "'usher list' shows the requests")
	case errors.Is(err, queue.ErrNotFound):
		return notFound("there is no such dead letter (any more)", "'usher dead list' shows them")
	}
	code := fault.CodeOf(err)
	if f, ok := errors.AsType[*fault.Error](err); ok {
		status, known := statusOf[code]
		switch {
		case known:
		case f.Class == fault.Permanent:
			status = http.StatusConflict
		default:
			status = http.StatusServiceUnavailable
		}
		return problem(status, code, f.Err.Error(), fault.Remedy(code))
	}
	return problem(http.StatusServiceUnavailable, fault.LedgerUnavailable, err.Error(), fault.Remedy(fault.LedgerUnavailable))
}

func (p *Problem) write(w http.ResponseWriter) {
	if p.status == http.StatusServiceUnavailable {
		w.Header().Set("Retry-After", "30")
	}
	writeJSON(w, p.status, map[string]*Problem{"error": p})
}

// writeJSON answers. A client that went away meanwhile has no use for an error.
func writeJSON(w http.ResponseWriter, status int, v any) {
	b, err := json.Marshal(v)
	if err != nil {
		status, b = http.StatusInternalServerError, []byte(`{"error":{"code":"unexpected","message":"the answer cannot be written as JSON"}}`)
	}
	w.Header().Set("Content-Type", "application/json")
	w.Header().Set("Cache-Control", "no-store")
	w.WriteHeader(status)
	_, _ = w.Write(append(b, '\n'))
}

// maxBody is the largest order the API reads, in bytes.
const maxBody = 64 << 10

// readJSON reads an order; an empty body is an empty order.
func readJSON(r *http.Request, v any) error {
	b, err := io.ReadAll(io.LimitReader(r.Body, maxBody+1))
	switch {
	case err != nil:
		return badRequest("the body could not be read: %v", err)
	case len(b) > maxBody:
		return problem(http.StatusRequestEntityTooLarge, CodeBadRequest, "the body is larger than 64 KiB", "")
	case len(b) == 0:
		return nil
	}
	dec := json.NewDecoder(bytes.NewReader(b))
	dec.DisallowUnknownFields()
	if err := dec.Decode(v); err != nil {
		if at, ok := errors.AsType[*time.ParseError](err); ok {
			return badRequest("the body is not as expected: %q is no time such as 2027-06-30T00:00:00Z", at.Value)
		}
		return badRequest("the body is not as expected: %v", err)
	}
	if dec.More() {
		return badRequest("the body holds more than one JSON value")
	}
	return nil
}
