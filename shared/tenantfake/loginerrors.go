package tenantfake

import (
	"fmt"
	"net/http"
	"strconv"
)

// tokenError is an error of the token endpoint.
type tokenError struct {
	number   int
	code     string // the contractual `error` member
	suberror string
	status   int
	text     string
}

func aadsts(number int, code string, status int, text string) *tokenError {
	return &tokenError{number: number, code: code, status: status, text: text}
}

// catalogue returns one of the known errors of the token endpoint for an app (reference: Microsoft Entra docs, authentication error
// codes). A number that is not in it is a transient failure when it begins with 9, and a refused client otherwise.
func catalogue(number int, clientID string) *tokenError {
	switch number {
	case 7000215:
		return aadsts(number, "invalid_client", http.StatusUnauthorized, fmt.Sprintf(
			"Invalid client secret provided. Ensure the secret being sent in the request is the client secret value, not the client secret ID, for a secret added to app '%s'.", clientID))
	case 7000222:
		return aadsts(number, "invalid_client", http.StatusUnauthorized, fmt.Sprintf(
			"The provided client secret keys for app '%s' are expired. Visit the Azure portal to create new keys for your app: https://aka.ms/NewClientSecret, or consider using certificate credentials for added security: https://aka.ms/certCreds.", clientID))
	case 7000218:
		return aadsts(number, "invalid_client", http.StatusUnauthorized,
			"The request body must contain the following parameter: 'client_assertion' or 'client_secret'.")
	case 700027:
		return aadsts(number, "invalid_client", http.StatusUnauthorized,
			"The certificate with identifier used to sign the client assertion is not registered on application. [Reason - The key was not found.]")
	case 7000112:
		return aadsts(number, "unauthorized_client", http.StatusBadRequest, fmt.Sprintf("Application '%s' is disabled.", clientID))
	case 7000229:
		return aadsts(number, "unauthorized_client", http.StatusUnauthorized, fmt.Sprintf(
			"The client application %s is missing service principal in the tenant.", clientID))
	case 65001, 650056:
		e := aadsts(number, "invalid_grant", http.StatusBadRequest, fmt.Sprintf(
			"The user or administrator has not consented to use the application with ID '%s'. Send an interactive authorization request for this user and resource.", clientID))
		e.suberror = "consent_required"
		return e
	case 650052:
		return aadsts(number, "invalid_request", http.StatusBadRequest, "The app needs access to a service that your organization has not subscribed to or enabled.")
	case 53003:
		return aadsts(number, "access_denied", http.StatusBadRequest, "Access has been blocked by Conditional Access policies. The access policy does not allow token issuance.")
	case 90055:
		return aadsts(number, "temporarily_unavailable", http.StatusTooManyRequests, "The server is terminating the client request because of excessive request rate.")
	}
	if number/10000 == 9 || number == 50033 || number == 50087 {
		return aadsts(number, "temporarily_unavailable", http.StatusServiceUnavailable, "A transient error has occurred. Please try again.")
	}
	return aadsts(number, "invalid_client", http.StatusUnauthorized, "The client could not be authenticated.")
}

// fail answers an error in the token endpoint's shape.
func (c *loginCall) fail(e *tokenError) *response {
	now := c.s.now().UTC().Format("2006-01-02 15:04:05Z")
	correlation := c.r.Header.Get("Client-Request-Id")
	if correlation == "" {
		correlation = c.s.guid()
	}
	body := map[string]any{
		"error": e.code,
		"error_description": fmt.Sprintf("AADSTS%d: %s\r\nTrace ID: %s\r\nCorrelation ID: %s\r\nTimestamp: %s",
			e.number, e.text, c.id, correlation, now),
		"error_codes": []int{e.number}, "timestamp": now, "trace_id": c.id, "correlation_id": correlation,
		"error_uri": "https://login.microsoftonline.com/error?code=" + strconv.Itoa(e.number),
	}
	if e.suberror != "" {
		body["suberror"] = e.suberror
	}
	return jsonResponse(e.status, body)
}

// refuse answers an injected fault.
func (c *loginCall) refuse(d Decision) *response {
	e := aadsts(90033, "temporarily_unavailable", d.status(), "A transient error has occurred. Please try again.")
	if d.Code != "" {
		e.code, e.text = d.Code, d.Message
	}
	resp := c.fail(e)
	retryAfter(resp, d)
	return resp
}
