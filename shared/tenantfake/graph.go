package tenantfake

import (
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"time"
)

// graphCall is one Graph request while its tenant is locked.
type graphCall struct {
	s       *Server
	t       *Tenant
	r       *http.Request
	base    string // scheme and host
	version string // "v1.0" or "beta"
	path    string // below the version, as called
	route   *route
	params  map[string]string
	query   url.Values
	body    []byte
	claims  *claims
	authErr error
	now     time.Time
	stale   bool
	batched bool
	used    float64 // share of the throttling limit
	// abroad are the applications of other tenants, for a route that looks there.
	abroad []Registration

	requestID, clientRequestID string
}

// routeGraph prepares a Graph request below /v1.0 or /beta.
func (s *Server) routeGraph(r *http.Request, body []byte, version string, segs []string) *inbound {
	c := &graphCall{s: s, r: r, base: baseURL(r), version: version, body: body, requestID: s.guid(), clientRequestID: r.Header.Get("client-request-id")}
	return c.inbound(segs)
}

// inbound looks up token and route; what it finds wrong is answered when the request runs.
func (c *graphCall) inbound(segs []string) *inbound {
	c.path = "/" + strings.Join(segs, "/")
	c.t, c.claims, c.authErr = c.s.authenticate(c.r.Header.Get("Authorization"), func(cl Cloud) string { return cloudHosts[cl].graph })
	var allowed bool
	c.route, c.params, allowed = findRoute(c.r.Method, segs)
	in := &inbound{call: Call{
		Service: Graph, Method: c.r.Method, Path: c.path, Query: c.r.URL.RawQuery, Body: redact(c.body), Batched: c.batched,
		RequestID: c.requestID, ClientRequestID: c.clientRequestID,
	}}
	if c.t != nil {
		in.call.Tenant = c.t.ID()
	}
	if c.route != nil {
		in.call.Template = c.route.pattern
	}
	in.refuse = c.refuse
	in.run = func(stale bool) *response {
		c.stale = stale
		return c.finish(c.serve(allowed))
	}
	return in
}

// serve makes the checks that precede every handler.
func (c *graphCall) serve(methodAllowed bool) *response {
	switch {
	case c.authErr != nil:
		return c.fail(http.StatusUnauthorized, "InvalidAuthenticationToken", c.authErr.Error())
	case c.route == nil && methodAllowed, c.route != nil && c.route.preview && c.version != "beta":
		return c.fail(http.StatusBadRequest, "BadRequest", fmt.Sprintf("Resource not found for the segment '%s'.", strings.Split(c.path, "/")[1]))
	case c.route == nil:
		return c.fail(http.StatusMethodNotAllowed, "Request_BadRequest", "Specified HTTP method is not allowed for the request target.")
	case strings.ContainsAny(c.r.URL.RawQuery, " \""):
		return c.fail(http.StatusBadRequest, "BadRequest", "The query specified in the URI is not valid.")
	}
	if c.route.batch != nil {
		return c.route.batch(c)
	}
	if c.route.abroad {
		c.abroad = c.s.offersElsewhere(c.t)
	}
	c.now = c.t.lock()
	defer c.t.mu.Unlock()
	if c.t.app(c.claims.AppID) == nil {
		return c.fail(http.StatusUnauthorized, "Authorization_IdentityNotFound", "The identity of the calling application could not be established.")
	}
	if c.t.staleReads > 0 && c.r.Method == http.MethodGet {
		c.t.staleReads--
		c.stale = true
	}
	if resp := c.t.throttle.graph(c); resp != nil {
		return resp
	}
	return c.authorised()
}

// authorised checks permission, query and body, and calls the handler.
func (c *graphCall) authorised() *response {
	if !c.may(c.route.permissions...) {
		return c.denied()
	}
	query, err := url.ParseQuery(c.r.URL.RawQuery)
	if err != nil {
		return c.fail(http.StatusBadRequest, "BadRequest", "The query specified in the URI is not valid.")
	}
	c.query = query
	if resp := c.checkBody(); resp != nil {
		return resp
	}
	return c.route.handle(c)
}

// may reports whether the token carries one of the permissions.
func (c *graphCall) may(permissions ...string) bool {
	return slices.ContainsFunc(permissions, func(p string) bool { return slices.Contains(c.claims.Roles, p) })
}

func (c *graphCall) denied() *response {
	return c.fail(http.StatusForbidden, "Authorization_RequestDenied", "Insufficient privileges to complete the operation.")
}

// option returns a query option, which Graph takes with and without the dollar sign.
func (c *graphCall) option(name string) string {
	if v := c.query.Get("$" + name); v != "" {
		return v
	}
	return c.query.Get(name)
}

// advanced reports whether the request asks for the advanced query index (reference: Microsoft Graph docs, advanced query capabilities).
func (c *graphCall) advanced() bool {
	return strings.EqualFold(c.r.Header.Get("ConsistencyLevel"), "eventual") && c.option("count") == "true"
}

// reply answers an object.
func (c *graphCall) reply(status int, v any) *response {
	resp := newResponse(status)
	resp.header.Set("Content-Type", "application/json;odata.metadata=minimal;odata.streaming=true;IEEE754Compatible=false;charset=utf-8")
	resp.body = marshal(v)
	return resp
}

// entity answers one object with its context.
func (c *graphCall) entity(status int, context string, object map[string]any) *response {
	object["@odata.context"] = c.context(context)
	return c.reply(status, object)
}

func (c *graphCall) context(of string) string {
	return c.base + "/" + c.version + "/$metadata#" + of
}

// detail is one entry of an error's details.
type detail struct {
	Code    string `json:"code"`
	Message string `json:"message,omitempty"`
	Target  string `json:"target"`
}

// fail answers an error in Graph's shape (reference: Microsoft Graph docs, error responses).
func (c *graphCall) fail(status int, code, message string, details ...detail) *response {
	e := map[string]any{"code": code, "message": message, "innerError": c.innerError()}
	if len(details) > 0 {
		e["details"] = details
	}
	return c.reply(status, map[string]any{"error": e})
}

func (c *graphCall) innerError() map[string]any {
	client := c.clientRequestID
	if client == "" {
		client = c.requestID
	}
	return map[string]any{
		"date": c.s.now().UTC().Format("2006-01-02T15:04:05"), "request-id": c.requestID, "client-request-id": client,
	}
}

func (c *graphCall) notFound(id string) *response {
	return c.fail(http.StatusNotFound, "Request_ResourceNotFound", fmt.Sprintf(
		"Resource '%s' does not exist or one of its queried reference-property objects are not present.", id))
}

func (c *graphCall) badRequest(message string, details ...detail) *response {
	return c.fail(http.StatusBadRequest, "Request_BadRequest", message, details...)
}

// refuse answers an injected fault.
func (c *graphCall) refuse(d Decision) *response {
	code, message := "serviceNotAvailable", "The service is temporarily unavailable. Please try again later."
	switch d.Kind {
	case Throttled, ConcurrencyText:
		code, message = "TooManyRequests", "Too many requests"
	case ServerError:
		code, message = "InternalServerError", "An internal server error occurred."
	case GatewayTimeout:
		code, message = "UnknownError", ""
	case Refused:
		code, message = d.Code, d.Message
	}
	resp := c.finish(c.fail(d.status(), code, message))
	retryAfter(resp, d)
	return resp
}

// finish adds the headers of every Graph answer.
func (c *graphCall) finish(resp *response) *response {
	h := resp.header
	h.Set("request-id", c.requestID)
	if c.clientRequestID != "" {
		h.Set("client-request-id", c.clientRequestID)
	}
	h.Set("x-ms-ags-diagnostic", `{"ServerInfo":{"DataCenter":"Emulator","Slice":"E","Ring":"5","ScaleUnit":"001","RoleInstance":"TENANTFAKE"}}`)
	h.Set("Cache-Control", "no-cache")
	h.Set("Strict-Transport-Security", "max-age=31536000")
	h.Set("OData-Version", "4.0")
	if c.route != nil {
		h.Set("x-ms-resource-unit", strconv.Itoa(int(c.cost())))
	}
	if c.used > warnAbove {
		h.Set("x-ms-throttle-limit-percentage", strconv.FormatFloat(c.used, 'f', 1, 64))
	}
	if c.s.strict {
		c.checkAnswer(resp)
	}
	return resp
}

// getUser reads a user by the path's id or user principal name as this call's replica has it; rec is the true record.
func (c *graphCall) getUser(idOrUPN string) (rec *userRecord, seen *User) {
	if rec := c.t.byID[strings.ToLower(idOrUPN)]; rec != nil {
		return rec, live(c.see(rec, ReadByID))
	}
	for _, rec := range c.t.byUPN[strings.ToLower(idOrUPN)] {
		if u := live(c.see(rec, ReadByID)); u != nil && strings.EqualFold(u.UserPrincipalName, idOrUPN) {
			return rec, u
		}
	}
	return nil, nil
}

func (c *graphCall) see(rec *userRecord, p Path) *User {
	return rec.seen(c.now, p, c.t.consistency[p], c.stale)
}
