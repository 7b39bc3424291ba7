package exchange

import (
	"errors"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"time"

	"github.com/usher365/usher/shared/fault"
)

// Exception types of the admin API, without their namespaces. They are what decides:
// the HTTP status does not tell these cases apart.
const (
	// objectNotFound is ambiguous where a cmdlet names two objects: the role group or
	// the member. The methods tell them apart by asking for the role group.
	objectNotFound      = "ManagementObjectNotFoundException"
	memberAlreadyExists = "MemberAlreadyExistsException"
	memberNotFound      = "MemberNotFoundException"
	ambiguousParameters = "AmbiguousParameterSetException"
	parameterNotAllowed = "ParameterTransformationException"
	aadWriteFailed      = "UnableToWriteToAadException"
)

const (
	grantApp = "grant the application role Exchange.ManageAsApp (id dc50a0fb-09a3-484d-be87-e023b12c6440 of \"Office 365 Exchange Online\") with admin consent in this tenant"
	grantDir = "assign the Entra directory role Exchange Administrator to the application's service principal in this tenant (admin consent does not do that); a new assignment takes up to an hour to count"
)

// rule is one row of the classification. Every condition that is set must hold.
type rule struct {
	status    []int
	exception string
	// text is matched only where Microsoft gives nothing else to go by.
	text   string
	class  fault.Class
	code   fault.Code
	remedy string
}

// rules are read from the top; the first that fits decides. Sources: the public code
// of clients of this API, and "App-only authentication in Exchange Online PowerShell".
var rules = []rule{
	{status: []int{http.StatusUnauthorized}, class: fault.Permanent, code: fault.ExchangeAccessMissing, remedy: grantApp},
	{status: []int{http.StatusForbidden}, class: fault.Permanent, code: fault.ExchangeAccessMissing, remedy: grantDir},

	{exception: objectNotFound, class: fault.Waiting, code: fault.ExchangeNotReplicated, remedy: "Exchange does not know the object (yet)"},
	{exception: memberAlreadyExists, class: fault.Transient, code: fault.ExchangeRequestRejected, remedy: "it is a member already"},
	{exception: memberNotFound, class: fault.Transient, code: fault.ExchangeRequestRejected, remedy: "it is not a member"},
	{exception: ambiguousParameters, class: fault.Permanent, code: fault.ExchangeRequestRejected, remedy: "Exchange does not take these parameters; see if a newer Usher does"},
	{exception: parameterNotAllowed, class: fault.Permanent, code: fault.ExchangeRequestRejected, remedy: "Exchange does not take this value; see if a newer Usher does"},
	{exception: aadWriteFailed, class: fault.Transient, code: fault.ServiceUnavailable, remedy: "Exchange could not write to Entra just now"},

	{status: []int{http.StatusTooManyRequests}, class: fault.Transient, code: fault.Throttled, remedy: "too many calls to this tenant's Exchange"},
	{status: []int{http.StatusRequestTimeout, http.StatusServiceUnavailable, http.StatusGatewayTimeout}, class: fault.Transient, code: fault.ServiceUnavailable, remedy: "Exchange is not available just now"},

	{text: "maximum number of concurrent requests", class: fault.Transient, code: fault.Throttled, remedy: "too many calls at once to this tenant's Exchange"},
	{text: "is not present in the role definition", class: fault.Permanent, code: fault.ExchangeAccessMissing, remedy: grantDir},
	{text: "isn't supported in this scenario", class: fault.Permanent, code: fault.ExchangeAccessMissing, remedy: grantDir},
	{text: "issue may be transient", class: fault.Transient, code: fault.ServiceUnavailable, remedy: "Exchange says that it may pass"},
}

// reply is an answer of the service, as far as classification needs it.
type reply struct {
	cmdlet string
	status int
	header http.Header
	body   []byte
}

// answerError is a refusal of the service together with its classification.
type answerError struct {
	// exception is the type that decided, empty when the status or the text did.
	exception string
	fault     error
}

func (e *answerError) Error() string { return e.fault.Error() }
func (e *answerError) Unwrap() error { return e.fault }

// raised reports whether err is Exchange's refusal with the given exception type.
func raised(err error, exception string) bool {
	e, ok := errors.AsType[*answerError](err)
	return ok && e.exception == exception
}

// classify turns a refusal into a fault. What no row knows is transient and so
// bounded by the runner: the service's fault at 5xx, a request it rejects at 4xx,
// and an answer not understood at any other status.
func (r reply) classify(now time.Time) error {
	said, understood := readRefusal(r.body)
	text := said.text()
	if !understood {
		text = string(r.body)
	}
	exceptions := append([]string{shortType(r.header.Get("X-ExceptionType"))}, said.exceptions()...)
	row := r.row(exceptions, text)
	cause := fmt.Errorf("%s: status %d %s: %s%s", r.cmdlet, r.status, firstOf(exceptions), row.remedy, r.trace(text))
	return &answerError{exception: row.exception, fault: &fault.Error{
		Class: row.class, Code: row.code, After: fault.ParseRetryAfter(r.header.Get("Retry-After"), now), Err: cause,
	}}
}

func (r reply) row(exceptions []string, text string) rule {
	for _, row := range rules {
		if (row.status == nil || slices.Contains(row.status, r.status)) &&
			(row.exception == "" || slices.Contains(exceptions, row.exception)) &&
			(row.text == "" || strings.Contains(text, row.text)) {
			return row
		}
	}
	switch {
	case r.status >= 500:
		return rule{code: fault.ServiceUnavailable, remedy: "Exchange failed for a reason that is not known here"}
	case r.status >= 400:
		return rule{code: fault.ExchangeRequestRejected, remedy: "Exchange refused for a reason that is not known here"}
	default:
		return rule{code: fault.AnswerNotUnderstood, remedy: "this is not how Exchange answers; check the endpoint"}
	}
}

// trace gives what a support case needs: the service's words and its request id.
func (r reply) trace(text string) string {
	var b strings.Builder
	if words := quote(text); words != "" {
		fmt.Fprintf(&b, " (Exchange says: %q)", words)
	}
	if id := quote(r.header.Get("request-id")); id != "" {
		fmt.Fprintf(&b, " [request-id %s]", id)
	}
	return b.String()
}

func firstOf(names []string) string {
	for _, n := range names {
		if n != "" {
			return quote(n)
		}
	}
	return "without an exception type"
}
