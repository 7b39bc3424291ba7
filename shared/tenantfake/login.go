package tenantfake

import (
	"encoding/json"
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"strings"
)

// loginCall is one request to the sign-in service.
type loginCall struct {
	s    *Server
	t    *Tenant
	r    *http.Request
	form url.Values
	base string
	id   string // trace id
}

// cloudHosts are the hosts of each cloud (reference: Microsoft Graph docs, national cloud deployments).
var cloudHosts = map[Cloud]struct{ login, graph, exchange string }{
	Public:   {"login.microsoftonline.com", "graph.microsoft.com", "outlook.office365.com"},
	USGov:    {"login.microsoftonline.us", "graph.microsoft.us", "outlook.office365.us"},
	USGovDoD: {"login.microsoftonline.us", "dod-graph.microsoft.us", "outlook-dod.office365.us"},
	China:    {"login.chinacloudapi.cn", "microsoftgraph.chinacloudapi.cn", "outlook.office365.cn"},
}

// routeLogin serves discovery and the token endpoint; every other path is unknown to all three services.
func (s *Server) routeLogin(r *http.Request, body []byte, segs []string) *inbound {
	form, err := url.ParseQuery(string(body))
	if err != nil {
		form = url.Values{}
	}
	c := &loginCall{s: s, r: r, form: form, base: baseURL(r), id: s.guid()}
	in := &inbound{call: Call{
		Service: Login, Method: r.Method, Path: "/" + strings.Join(segs, "/"), Query: withoutState(r.URL.Query()),
		RequestID: c.id, ClientRequestID: r.Header.Get("Client-Request-Id"),
	}}
	in.refuse = c.refuse
	in.run = func(bool) *response { return c.serve(segs) }
	if len(segs) > 0 {
		c.t = s.Tenant(segs[0])
		in.call.Template = "/{tenant}/" + strings.Join(segs[1:], "/")
	}
	if c.t != nil {
		in.call.Tenant = c.t.ID()
	}
	if len(form) > 0 {
		in.call.Body = fmt.Sprintf("grant_type=%s&client_id=%s&scope=%s", form.Get("grant_type"), form.Get("client_id"), form.Get("scope"))
	}
	return in
}

// withoutState is a query for the log: the state of a consent link opens something.
func withoutState(q url.Values) string {
	if q.Has("state") {
		q.Set("state", "[redacted]")
	}
	return q.Encode()
}

func (c *loginCall) serve(segs []string) *response {
	if len(segs) == 3 && segs[0] == "common" && segs[1] == "discovery" && segs[2] == "instance" {
		return c.instanceDiscovery()
	}
	rest := ""
	if len(segs) > 1 {
		rest = strings.ToLower(strings.Join(segs[1:], "/"))
	}
	switch c.r.Method + " " + rest {
	case "GET v2.0/.well-known/openid-configuration":
		return c.discovery(segs[0])
	case "GET discovery/v2.0/keys":
		return jsonResponse(http.StatusOK, c.s.publishedKeys())
	case "GET v2.0/adminconsent":
		return c.adminConsent(segs[0], true)
	case "GET adminconsent":
		return c.adminConsent(segs[0], false)
	case "POST oauth2/v2.0/token":
		return c.token(segs[0])
	}
	resp := newResponse(http.StatusNotFound)
	resp.header.Set("Content-Type", "text/plain")
	resp.body = []byte("tenantfake: no service at this path")
	return resp
}

// instanceDiscovery answers azidentity's question whether the authority is a known one: it is, with no alias.
func (c *loginCall) instanceDiscovery() *response {
	u, err := url.Parse(c.r.URL.Query().Get("authorization_endpoint"))
	if err != nil || u.Host == "" {
		return c.fail(aadsts(50049, "invalid_instance", http.StatusBadRequest, "Unknown or invalid instance."))
	}
	tenant := strings.Split(strings.Trim(u.Path, "/"), "/")[0]
	return jsonResponse(http.StatusOK, map[string]any{
		"api-version":               "1.1",
		"tenant_discovery_endpoint": "https://" + u.Host + "/" + tenant + "/v2.0/.well-known/openid-configuration",
		"metadata":                  []any{map[string]any{"preferred_network": u.Host, "preferred_cache": u.Host, "aliases": []string{u.Host}}},
	})
}

func (c *loginCall) discovery(tenant string) *response {
	if e := c.checkTenant(tenant); e != nil {
		e.code = "invalid_tenant"
		return c.fail(e)
	}
	root := c.base + "/" + c.t.ID()
	return jsonResponse(http.StatusOK, map[string]any{
		"issuer":                                root + "/v2.0",
		"authorization_endpoint":                root + "/oauth2/v2.0/authorize",
		"token_endpoint":                        root + "/oauth2/v2.0/token",
		"jwks_uri":                              root + "/discovery/v2.0/keys",
		"token_endpoint_auth_methods_supported": []string{"client_secret_post", "private_key_jwt", "client_secret_basic"},
		"response_types_supported":              []string{"code", "id_token", "code id_token", "id_token token"},
		"subject_types_supported":               []string{"pairwise"},
		"id_token_signing_alg_values_supported": []string{"RS256"},
	})
}

// checkTenant finds out whether the tenant exists and lives in the cloud of the host that was called.
func (c *loginCall) checkTenant(name string) *tokenError {
	if c.t == nil {
		return aadsts(90002, "invalid_request", http.StatusBadRequest, fmt.Sprintf(
			"Tenant '%s' not found. Check to make sure you have the correct tenant ID and are signing into the correct cloud. Check with your subscription administrator, this may happen if there are no active subscriptions for the tenant.", name))
	}
	host := c.r.URL.Hostname()
	if host == "" {
		host = strings.Split(c.r.Host, ":")[0]
	}
	for _, hosts := range cloudHosts {
		if host == hosts.login && host != cloudHosts[c.t.spec.Cloud].login {
			return aadsts(90038, "invalid_request", http.StatusBadRequest, fmt.Sprintf(
				"Tenant '%s' request is being redirected to the National Cloud '%s'.", name, cloudHosts[c.t.spec.Cloud].login))
		}
	}
	return nil
}

// token serves the client credentials grant.
func (c *loginCall) token(tenant string) *response {
	if e := c.checkTenant(tenant); e != nil {
		return c.fail(e)
	}
	sent, wrong := c.assertion()
	if sent != nil && wrong == nil && !sent.own(c.form.Get("client_id")) {
		wrong = c.checkFederated(sent, c.form.Get("client_id"))
	}
	c.t.lock()
	defer c.t.mu.Unlock()
	a, e := c.client(sent, wrong)
	if e != nil {
		return c.fail(e)
	}
	resource, e := c.resource()
	if e != nil {
		return c.fail(e)
	}
	seconds := int(c.t.spec.TokenLifetime.Seconds()) - 1
	return jsonResponse(http.StatusOK, map[string]any{
		"token_type": "Bearer", "expires_in": seconds, "ext_expires_in": seconds,
		"access_token": c.t.issue(a, resource, c.base),
	})
}

// client authenticates the calling app. wrong is what is already known to be wrong with the assertion that was sent, if one was.
func (c *loginCall) client(sent *presented, wrong *tokenError) (*app, *tokenError) {
	id, secret := c.form.Get("client_id"), c.form.Get("client_secret")
	if user, pass, ok := c.r.BasicAuth(); ok {
		id, secret = user, pass
	}
	if id == "" {
		return nil, aadsts(900144, "invalid_request", http.StatusBadRequest, "The request body must contain the following parameter: 'client_id'.")
	}
	if g := c.form.Get("grant_type"); g != "client_credentials" {
		return nil, aadsts(70003, "unsupported_grant_type", http.StatusBadRequest, fmt.Sprintf("The app requested an unsupported grant type '%s'.", g))
	}
	a := c.t.app(id)
	if a == nil {
		return nil, aadsts(700016, "unauthorized_client", http.StatusBadRequest, fmt.Sprintf(
			"Application with identifier '%s' was not found in the directory '%s'. This can happen if the application has not been installed by the administrator of the tenant or consented to by any user in the tenant. You may have sent your authentication request to the wrong tenant.", id, c.t.spec.DisplayName))
	}
	if a.spec.Disabled {
		return nil, catalogue(7000112, id)
	}
	if a.tokenError != 0 {
		return nil, catalogue(a.tokenError, id)
	}
	switch {
	case wrong != nil:
		return a, wrong
	case sent == nil:
		return a, c.checkSecret(a, secret)
	case sent.own(a.spec.ClientID):
		return a, c.checkCertificate(a, sent.raw)
	}
	return a, nil
}

func (c *loginCall) checkSecret(a *app, secret string) *tokenError {
	switch {
	case secret == "":
		return catalogue(7000218, a.spec.ClientID)
	case !a.secret.matches(secret):
		return catalogue(7000215, a.spec.ClientID)
	case !a.spec.SecretExpires.IsZero() && !c.s.now().Before(a.spec.SecretExpires):
		return catalogue(7000222, a.spec.ClientID)
	}
	return nil
}

// resource finds the one resource that the scopes ask for. MSAL adds three OpenID scopes, which are ignored.
func (c *loginCall) resource() (string, *tokenError) {
	var wanted []string
	for _, scope := range strings.Fields(c.form.Get("scope")) {
		if !slices.Contains([]string{"openid", "offline_access", "profile"}, scope) {
			wanted = append(wanted, scope)
		}
	}
	if len(wanted) != 1 || !strings.HasSuffix(wanted[0], "/.default") {
		return "", aadsts(1002012, "invalid_scope", http.StatusBadRequest, fmt.Sprintf(
			"The provided value for scope %s is not valid. Client credential flows must have a scope value with /.default suffixed to the resource identifier (application ID URI).", c.form.Get("scope")))
	}
	name := strings.TrimRight(strings.TrimSuffix(wanted[0], ".default"), "/")
	if resource, ok := c.t.resource(name); ok {
		return resource, nil
	}
	return "", aadsts(500011, "invalid_resource", http.StatusBadRequest, fmt.Sprintf(
		"The resource principal named %s was not found in the tenant named %s. This can happen if the application has not been installed by the administrator of the tenant or consented to by any user in the tenant.", name, c.t.spec.DisplayName))
}

// resource finds a resource of the tenant by its URL, host or application id.
func (t *Tenant) resource(name string) (string, bool) {
	hosts := cloudHosts[t.spec.Cloud]
	switch strings.TrimPrefix(strings.TrimRight(name, "/"), "https://") {
	case hosts.graph, graphAppID:
		return "https://" + hosts.graph, true
	case hosts.exchange, exchangeAppID:
		return "https://" + hosts.exchange, true
	}
	return "", false
}

// jsonResponse is an answer with a JSON body.
func jsonResponse(status int, v any) *response {
	resp := newResponse(status)
	resp.header.Set("Content-Type", "application/json; charset=utf-8")
	resp.body = marshal(v)
	return resp
}

// marshal encodes what the emulator itself composed, which always can be.
func marshal(v any) []byte {
	b, err := json.Marshal(v)
	if err != nil {
		panic(fmt.Errorf("tenantfake: encode answer: %w", err))
	}
	return b
}
