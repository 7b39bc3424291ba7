package entra

import (
	"cmp"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"time"

	"github.com/Azure/azure-sdk-for-go/sdk/azcore/runtime"
	"github.com/usher365/usher/shared/fault"
)

// refusal is an answer of Graph that is not a success.
type refusal struct {
	status          int
	code, message   string
	details         []detail
	requestID       string
	clientRequestID string
	// after is Retry-After, zero when it was not given.
	after time.Duration
}

// detail is one of error.details.
type detail struct{ Code, Target, Message string }

// named reports whether the answer is a Graph error and not, say, a proxy's page.
func (r *refusal) named() bool { return r.code != "" || r.message != "" }

// Error gives status, code and message, and the ids that Microsoft's support asks for.
func (r *refusal) Error() string {
	text := fmt.Sprintf("Graph answered %d", r.status)
	if r.code != "" {
		text += " " + r.code
	}
	if r.message != "" {
		text += fmt.Sprintf(" %q", r.message)
	}
	return fmt.Sprintf("%s (request-id %s, client-request-id %s)", text, cmp.Or(r.requestID, "none"), r.clientRequestID)
}

// readRefusal reads an answer that is not a success; ours is the id we sent with it.
func readRefusal(resp *http.Response, ours string, now time.Time) *refusal {
	r := &refusal{status: resp.StatusCode, clientRequestID: ours, after: fault.ParseRetryAfter(resp.Header.Get("Retry-After"), now)}
	// A body that cannot be read leaves a refusal without a name, which has its meaning.
	body, err := runtime.Payload(resp)
	if err == nil {
		r.read(body)
	}
	r.requestID = cmp.Or(resp.Header.Get("request-id"), r.requestID)
	return r
}

// read takes what it can from an error body
// (reference: Microsoft Graph, "Error responses and resource types").
func (r *refusal) read(body []byte) {
	var wire struct {
		Error struct {
			Code       string
			Message    string
			Details    []detail
			InnerError struct { // also written "innererror"; names match in either case
				RequestID string `json:"request-id"`
			}
		}
	}
	err := json.Unmarshal(body, &wire)
	if _, mistyped := errors.AsType[*json.UnmarshalTypeError](err); err != nil && !mistyped {
		return
	}
	// One member of a wrong type does not spoil the others.
	e := wire.Error
	r.code, r.message, r.details, r.requestID = e.Code, e.Message, e.Details, e.InnerError.RequestID
}
