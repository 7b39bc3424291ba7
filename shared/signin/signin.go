// Package signin classifies the failures of Entra's token endpoint, once for every
// adapter that signs in.
package signin

import (
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"time"

	"github.com/Azure/azure-sdk-for-go/sdk/azcore/runtime"
	"github.com/Azure/azure-sdk-for-go/sdk/azidentity"

	"github.com/usher365/usher/shared/fault"
)

// Classify turns an error of TokenCredential.GetToken into a fault: credential
// invalid, consent missing, tenant not found (permanent), or the service unavailable,
// throttled or unreachable (transient). An error that carries a fault already is
// given back as it is, and nil stays nil.
//
// It decides on the member "error", which is the contract, and uses the AADSTS number
// to be more exact (source: Microsoft identity platform, "Microsoft Entra
// authentication and authorization error codes"). An answer it does not know is
// transient, and so bounded by the runner.
func Classify(err error) error {
	if err == nil {
		return nil
	}
	if _, ok := errors.AsType[*fault.Error](err); ok {
		return err
	}
	failed, ok := errors.AsType[*azidentity.AuthenticationFailedError](err)
	if ok && failed.RawResponse != nil {
		return ofAnswer(failed.RawResponse, time.Now())
	}
	if _, final := errors.AsType[nonRetriable](err); final && !ok {
		return fault.Stop(fault.CredentialInvalid, fmt.Errorf("sign in: no credential to sign in with; set AZURE_CLIENT_ID and one of the AZURE_CLIENT_* or AZURE_FEDERATED_TOKEN_FILE variables: %w", err))
	}
	return fault.Retry(fault.Unreachable, 0, fmt.Errorf("sign in: no answer from the token endpoint: %w", err))
}

// nonRetriable is how azidentity marks a credential that lacks its data.
type nonRetriable interface {
	error
	NonRetriable()
}

// refusal is the error body of the token endpoint.
type refusal struct {
	Error       string `json:"error"`
	SubError    string `json:"suberror"`
	Description string `json:"error_description"`
	Codes       []int  `json:"error_codes"`
}

func ofAnswer(resp *http.Response, now time.Time) error {
	body, err := runtime.Payload(resp)
	if err != nil {
		return fault.Retry(fault.Unreachable, 0, fmt.Errorf("sign in: read the answer of the token endpoint: %w", err))
	}
	var said refusal
	understood := json.Unmarshal(body, &said) == nil && said.Error != ""
	after := fault.ParseRetryAfter(resp.Header.Get("Retry-After"), now)
	switch {
	case resp.StatusCode == http.StatusTooManyRequests:
		return fault.Retry(fault.Throttled, after, said.in(resp.StatusCode, "the token endpoint asks for a pause"))
	case resp.StatusCode >= 500, said.Error == "temporarily_unavailable":
		return fault.Retry(fault.ServiceUnavailable, after, said.in(resp.StatusCode, "the token endpoint is not available"))
	case !understood:
		return fault.Retry(fault.AnswerNotUnderstood, after, said.in(resp.StatusCode, "the answer is not the token endpoint's; check the login endpoint"))
	}
	return said.classify(resp.StatusCode)
}

// rule is one row of the table: it applies when a code or an error matches.
type rule struct {
	codes  []int
	errors []string
	fault  func(error) error
	remedy string
}

func stop(code fault.Code) func(error) error {
	return func(err error) error { return fault.Stop(code, err) }
}

// assertionPause is how long a new certificate needs before its assertions are taken.
const assertionPause = 10 * time.Second

// rules are read from the top: the exact numbers first, the contractual words after.
var rules = []rule{
	{codes: []int{700027, 7000272, 50013}, remedy: "the signature of the assertion is not accepted (yet): check the certificate, or the issuer's published keys",
		fault: func(err error) error { return fault.Retry(fault.CredentialInvalid, assertionPause, err) }},
	{codes: []int{700024}, remedy: "the assertion is not valid at this time: check the clock of this machine",
		fault: func(err error) error { return fault.Retry(fault.CredentialInvalid, assertionPause, err) }},
	{codes: []int{90061, 501661}, remedy: "Entra cannot read the keys of the assertion's issuer",
		fault: func(err error) error { return fault.Retry(fault.ServiceUnavailable, 0, err) }},
	{codes: []int{70021, 700211, 700212, 700213, 7002138}, fault: stop(fault.CredentialInvalid),
		remedy: "no federated credential of the application matches issuer, subject and audience, letter by letter; a new one needs some minutes"},
	{codes: []int{90002, 90038}, errors: []string{"invalid_tenant"}, fault: stop(fault.TenantNotFound),
		remedy: "check the tenant id, and that the cloud is the tenant's"},
	{codes: []int{7000112, 70001}, fault: stop(fault.ConsentMissing),
		remedy: "the application is disabled in the tenant: enable it under Enterprise applications"},
	{codes: []int{500011, 650052}, errors: []string{"invalid_resource"}, fault: stop(fault.ConsentMissing),
		remedy: "the tenant has no service principal for the resource: check that it has subscribed to the service, then give admin consent again"},
	{codes: []int{700016, 7000229, 65001, 650056}, errors: []string{"unauthorized_client"}, fault: stop(fault.ConsentMissing),
		remedy: "the application is not in the tenant: let its administrator give admin consent"},
	{codes: []int{7000222}, fault: stop(fault.CredentialInvalid), remedy: "the client secret has expired: make a new one"},
	{errors: []string{"invalid_client"}, fault: stop(fault.CredentialInvalid),
		remedy: "check AZURE_CLIENT_ID and the secret's value (not its id), certificate or federated token"},
	{errors: []string{"invalid_grant", "interaction_required", "access_denied"}, fault: stop(fault.CredentialInvalid),
		remedy: "a policy of the tenant refuses the sign-in: see its sign-in log, and Conditional Access for workload identities"},
	{errors: []string{"invalid_request", "invalid_scope", "unsupported_grant_type"}, fault: stop(fault.CredentialInvalid),
		remedy: "the sign-in request is not accepted: check the tenant id, client id and the cloud's endpoints"},
}

func (r refusal) classify(status int) error {
	for _, row := range rules {
		if slices.ContainsFunc(r.Codes, func(c int) bool { return slices.Contains(row.codes, c) }) {
			return row.fault(r.in(status, row.remedy))
		}
	}
	if r.SubError == "consent_required" {
		return fault.Stop(fault.ConsentMissing, r.in(status, "let the tenant's administrator give admin consent"))
	}
	for _, row := range rules {
		if slices.Contains(row.errors, r.Error) {
			return row.fault(r.in(status, row.remedy))
		}
	}
	return fault.Retry(fault.Unexpected, 0, r.in(status, "the token endpoint gave a reason that is not known here"))
}

const maxDescription = 300

// in words: the machine fields, the first sentence of the description, the remedy.
func (r refusal) in(status int, remedy string) error {
	text, _, _ := strings.Cut(r.Description, "Trace ID:")
	text = strings.Join(strings.Fields(text), " ")
	if len(text) > maxDescription {
		text = strings.ToValidUTF8(text[:maxDescription], "") + "…"
	}
	if text == "" {
		return fmt.Errorf("sign in: status %d %s: %s", status, r.Error, remedy)
	}
	return fmt.Errorf("sign in: status %d %s: %s (the service says: %q)", status, r.Error, remedy, text)
}
