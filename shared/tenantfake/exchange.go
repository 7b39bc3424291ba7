package tenantfake

import (
	"encoding/json"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"time"
)

// ExchangeBehaviour are the choices that Microsoft's documentation leaves open. The zero value is usual.
type ExchangeBehaviour struct {
	// UnknownMemberStatus is the HTTP status for a member that Exchange does not know yet: 404 (zero) or 400.
	UnknownMemberStatus int
	// UnknownIdentityReturnsAll makes Get cmdlets answer everything for an identity that does not exist, as they always do for an empty one.
	UnknownIdentityReturnsAll bool
	// RefusePaging makes every nextLink fail with "Expired or Invalid pagination request".
	RefusePaging bool
	// MaxConcurrent is the number of calls in flight from which on more are refused in plain text; zero means no limit.
	MaxConcurrent int
}

// SetExchange sets how the tenant's Exchange organisation behaves.
func (t *Tenant) SetExchange(b ExchangeBehaviour) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.exchange = b
}

// exchangeCall is one InvokeCommand while its tenant is locked.
type exchangeCall struct {
	s      *Server
	t      *Tenant
	r      *http.Request
	base   string
	tenant string // as called
	query  url.Values
	input  cmdletInput
	claims *claims
	now    time.Time

	requestID string
	authErr   error
	badBody   error
}

type cmdletInput struct {
	CmdletName string
	Parameters map[string]any
}

// parseInvoke reads the body of InvokeCommand.
func parseInvoke(body []byte) (cmdletInput, error) {
	var in struct{ CmdletInput cmdletInput }
	if err := json.Unmarshal(body, &in); err != nil {
		return cmdletInput{}, err
	}
	return in.CmdletInput, nil
}

// routeExchange prepares a request below /adminapi.
func (s *Server) routeExchange(r *http.Request, body []byte, segs []string) *inbound {
	c := &exchangeCall{s: s, r: r, base: baseURL(r), query: r.URL.Query(), requestID: s.guid()}
	c.t, c.claims, c.authErr = s.authenticate(r.Header.Get("Authorization"), func(cl Cloud) string { return cloudHosts[cl].exchange })
	in := &inbound{refuse: c.refuse, call: Call{
		Service: Exchange, Method: r.Method, Path: "/" + strings.Join(segs, "/"), Query: r.URL.RawQuery, Body: redact(body),
		RequestID: c.requestID, ClientRequestID: r.Header.Get("client-request-id"),
	}}
	if c.t != nil {
		in.call.Tenant = c.t.ID()
	}
	if len(segs) != 3 || segs[0] != "beta" || r.Method != http.MethodPost {
		in.run = func(bool) *response { return newResponse(http.StatusNotFound) }
		return in
	}
	c.tenant = segs[1]
	in.call.Template = "/beta/{tenant}/" + segs[2]
	switch {
	case strings.EqualFold(segs[2], "InvokeCommand"):
		c.input, c.badBody = parseInvoke(body)
		in.call.Cmdlet = c.input.CmdletName
		in.run, in.done = c.serve, c.enter()
	case segs[2] == "$batch":
		in.run = func(bool) *response { return c.serveBatch(body) }
	default:
		in.run = func(bool) *response { return newResponse(http.StatusNotFound) }
	}
	return in
}

// enter counts the call as in flight until the returned function is called.
func (c *exchangeCall) enter() (leave func()) {
	if c.t == nil {
		return nil
	}
	c.t.mu.Lock()
	defer c.t.mu.Unlock()
	c.t.inFlight++
	return func() {
		c.t.mu.Lock()
		defer c.t.mu.Unlock()
		c.t.inFlight--
	}
}

// serve makes the checks in the order that clients observe: no app role 401, no directory role 403, then the cmdlet.
func (c *exchangeCall) serve(bool) *response {
	if c.authErr != nil || !c.t.answersTo(c.tenant) {
		return newResponse(http.StatusUnauthorized)
	}
	if !slices.Contains(c.claims.Roles, "Exchange.ManageAsApp") {
		return newResponse(http.StatusUnauthorized)
	}
	c.now = c.t.lock()
	defer c.t.mu.Unlock()
	if limit := c.t.exchange.MaxConcurrent; limit > 0 && c.t.inFlight > limit {
		return concurrencyText()
	}
	access := c.access()
	switch {
	case len(c.claims.WIDs) == 0:
		return nulBytes()
	case access == noAccess:
		return c.fail(http.StatusForbidden, "Forbidden", exchangeError{text: "The role assigned to application " + c.claims.AppID +
			" isn't supported in this scenario. Please check online documentation for assigning correct Directory Roles to Azure AD Application for EXO App-Only Authentication."})
	case c.badBody != nil || c.input.CmdletName == "" || c.input.Parameters == nil:
		return c.fail(http.StatusBadRequest, "BadRequest", exchangeError{text: "Invalid Operation"})
	}
	return c.invoke(access)
}

// access is what the app's directory roles let it do in Exchange.
type access int

const (
	noAccess access = iota
	readAccess
	fullAccess
)

// access reads the roles frozen into the token (reference: Exchange docs, app-only authentication, supported roles).
func (c *exchangeCall) access() access {
	best := noAccess
	for _, id := range c.claims.WIDs {
		r := roleNamed(id)
		if r == nil {
			continue
		}
		switch r.Name {
		case "Global Administrator", "Exchange Administrator":
			return fullAccess
		case "Compliance Administrator", "Exchange Recipient Administrator", "Global Reader", "Helpdesk Administrator",
			"Security Administrator", "Security Reader":
			best = readAccess
		}
	}
	return best
}

// nulBytes is the answer to a caller without a directory role: 403 and no JSON.
func nulBytes() *response {
	resp := newResponse(http.StatusForbidden)
	resp.body = make([]byte, 4096)
	return resp
}

func concurrencyText() *response {
	resp := newResponse(http.StatusTooManyRequests)
	resp.header.Set("Content-Type", "text/plain")
	resp.body = []byte("You have reached the maximum number of concurrent requests per tenant. Please wait and try again")
	return resp
}

// exchangeError is the useful part of an Exchange error.
type exchangeError struct {
	ex, typ, text string
	// internal puts type and text into innererror.internalexception too, as parameter errors do.
	internal bool
}

// The exception types of Exchange (reference: Exchange Online error answers).
const (
	typNotFound      = "Microsoft.Exchange.Configuration.Tasks.ManagementObjectNotFoundException"
	typMemberExists  = "Microsoft.Exchange.Management.Tasks.MemberAlreadyExistsException"
	typMemberMissing = "Microsoft.Exchange.Management.Tasks.MemberNotFoundException"
	typParameters    = "Microsoft.Exchange.AdminApi.CommandInvocation.AmbiguousParameterSetException"
	typTransform     = "Microsoft.Exchange.AdminApi.CommandInvocation.ParameterTransformationException"
)

func (c *exchangeCall) fail(status int, code string, e exchangeError) *response {
	message, what := "Error executing cmdlet", "Context"
	inner := map[string]any{"message": message, "type": "Microsoft.Exchange.Admin.OData.Core.ODataServiceException", "stacktrace": ""}
	if e.internal {
		message, what = "Invalid Operation", "Client"
		inner["message"] = message
		inner["internalexception"] = map[string]any{"message": e.text, "type": e.typ, "stacktrace": ""}
	}
	return c.reply(status, map[string]any{"error": map[string]any{
		"code": code, "message": message, "innererror": inner,
		"details": []any{map[string]any{"code": what, "target": "", "message": e.ex + "|" + e.typ + "|" + e.text}},
	}})
}

func (c *exchangeCall) reply(status int, v any) *response {
	resp := jsonResponse(status, v)
	resp.header.Set("request-id", c.requestID)
	return resp
}

// refuse answers an injected fault.
func (c *exchangeCall) refuse(d Decision) *response {
	if d.Kind == ConcurrencyText {
		return concurrencyText()
	}
	e := exchangeError{text: "The server is busy. The issue may be transient, please try again."}
	code := "ServiceUnavailable"
	if d.Kind == Refused {
		code, e.text = d.Code, d.Message
	}
	resp := c.fail(d.status(), code, e)
	retryAfter(resp, d)
	return resp
}
