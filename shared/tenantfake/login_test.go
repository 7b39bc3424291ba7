package tenantfake_test

import (
	"encoding/base64"
	"encoding/json"
	"net/http"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/usher365/usher/shared/tenantfake"
)

func TestTokenErrors(t *testing.T) {
	good := url.Values{"client_id": {tenantfake.DefaultClientID}, "client_secret": {tenantfake.DefaultClientSecret},
		"grant_type": {"client_credentials"}, "scope": {graphScope}}
	with := func(name, value string) url.Values {
		out := url.Values{}
		for k, v := range good {
			out[k] = v
		}
		out.Set(name, value)
		return out
	}
	tests := []struct {
		name   string
		tenant string
		form   url.Values
		set    func(*client)
		status int
		code   string
		aadsts float64
	}{
		{name: "wrong secret", form: with("client_secret", "x"), status: 401, code: "invalid_client", aadsts: 7000215},
		{name: "no secret", form: with("client_secret", ""), status: 401, code: "invalid_client", aadsts: 7000218},
		{name: "unknown app", form: with("client_id", "x"), status: 400, code: "unauthorized_client", aadsts: 700016},
		{name: "no client", form: with("client_id", ""), status: 400, code: "invalid_request", aadsts: 900144},
		{name: "unknown tenant", tenant: "fabrikam.com", form: good, status: 400, code: "invalid_request", aadsts: 90002},
		{name: "grant", form: with("grant_type", "password"), status: 400, code: "unsupported_grant_type", aadsts: 70003},
		{name: "scope without default", form: with("scope", "https://graph.microsoft.com/User.Read"), status: 400, code: "invalid_scope", aadsts: 1002012},
		{name: "unknown resource", form: with("scope", "https://example.com/.default"), status: 400, code: "invalid_resource", aadsts: 500011},
		{name: "other cloud's resource", form: with("scope", "https://graph.microsoft.us/.default"), status: 400, code: "invalid_resource", aadsts: 500011},
		{name: "bad assertion", form: with("client_assertion", "x"), status: 400, code: "invalid_request", aadsts: 900144},
		{name: "expired secret", form: good, set: setError(7000222), status: 401, code: "invalid_client", aadsts: 7000222},
		{name: "transient", form: good, set: setError(90033), status: 503, code: "temporarily_unavailable", aadsts: 90033},
		{name: "throttled", form: good, set: setError(90055), status: 429, code: "temporarily_unavailable", aadsts: 90055},
		{name: "no consent", form: good, set: setError(65001), status: 400, code: "invalid_grant", aadsts: 65001},
		{name: "disabled", form: good, set: setError(7000112), status: 400, code: "unauthorized_client", aadsts: 7000112},
		{name: "no service principal", form: good, set: setError(7000229), status: 401, code: "unauthorized_client", aadsts: 7000229},
		{name: "not subscribed", form: good, set: setError(650052), status: 400, code: "invalid_request", aadsts: 650052},
		{name: "conditional access", form: good, set: setError(53003), status: 400, code: "access_denied", aadsts: 53003},
		{name: "any other", form: good, set: setError(12345), status: 401, code: "invalid_client", aadsts: 12345},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			c := newClient(t)
			if tt.set != nil {
				tt.set(c)
			}
			if tt.tenant == "" {
				tt.tenant = tenantfake.DefaultTenantID
			}
			status, body := c.tokenRequest(tt.tenant, tt.form)
			require.Equal(t, tt.status, status, body)
			require.Equal(t, tt.code, body["error"])
			require.Equal(t, []any{tt.aadsts}, body["error_codes"])
			require.Contains(t, body["error_description"], "Correlation ID: ")
		})
	}
}

func setError(aadsts int) func(*client) {
	return func(c *client) { c.tenant.SetTokenError(tenantfake.DefaultClientID, aadsts) }
}

func TestTokenClaimsAreFrozen(t *testing.T) {
	c := newClient(t)
	claims := decodeClaims(t, c.graph)
	require.Equal(t, "https://graph.microsoft.com", claims["aud"])
	require.Equal(t, tenantfake.DefaultTenantID, claims["tid"])
	require.Equal(t, tenantfake.DefaultClientID, claims["appid"])
	require.Contains(t, claims["roles"], "User.ReadWrite.All")
	require.Equal(t, []any{"29232cdf-9323-42fd-ade2-1d097af3e4de", "fe930be7-5e62-47db-91af-98c3a49a38b1"}, claims["wids"])
	require.Equal(t, []any{"Exchange.ManageAsApp"}, decodeClaims(t, c.exo)["roles"])

	require.True(t, c.tenant.SetPermissions(tenantfake.DefaultClientID, nil, nil))
	c.get("/users")
	c.login()
	require.NotContains(t, decodeClaims(t, c.graph), "roles", "a token is issued although nothing is granted")
	require.Equal(t, "Authorization_RequestDenied", errorCode(c.call(403, "GET", "/users", nil)))
}

func decodeClaims(t *testing.T, token string) map[string]any {
	t.Helper()
	raw, err := base64.RawURLEncoding.DecodeString(strings.Split(token, ".")[1])
	require.NoError(t, err)
	out := map[string]any{}
	require.NoError(t, json.Unmarshal(raw, &out))
	return out
}

func TestBearerTokens(t *testing.T) {
	tests := []struct {
		name string
		set  func(*client)
		text string
	}{
		{"none", func(c *client) { c.graph = "" }, "Access token is empty."},
		{"nonsense", func(c *client) { c.graph = "x.y.z" }, "CompactToken parsing failed with error code: 80049217"},
		{"Exchange's", func(c *client) { c.graph = c.exo }, "Access token validation failure. Invalid audience."},
		{"expired", func(c *client) { c.clock.advance(time.Hour + time.Second) }, "Access token has expired or is not yet valid."},
		{"revoked", func(c *client) { c.tenant.RevokeTokens() }, "Access token has expired or is not yet valid."},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			c := newClient(t)
			tt.set(c)
			body := c.call(401, "GET", "/users", nil)
			require.Equal(t, "InvalidAuthenticationToken", errorCode(body))
			require.Equal(t, tt.text, body["error"].(map[string]any)["message"])
		})
	}
}

func TestDiscovery(t *testing.T) {
	c := newClient(t)
	get := func(link string) (int, map[string]any) {
		resp, err := c.http.Get(link)
		require.NoError(t, err)
		return resp.StatusCode, readJSON(t, resp)
	}
	status, doc := get(loginURL + "contoso.com/v2.0/.well-known/openid-configuration")
	require.Equal(t, 200, status)
	require.Equal(t, loginURL+tenantfake.DefaultTenantID+"/oauth2/v2.0/token", doc["token_endpoint"])
	status, doc = get("https://login.microsoftonline.us/contoso.com/v2.0/.well-known/openid-configuration")
	require.Equal(t, 400, status, "the tenant lives in another cloud")
	require.Equal(t, []any{90038.0}, doc["error_codes"])
	status, doc = get(loginURL + "nobody/v2.0/.well-known/openid-configuration")
	require.Equal(t, 400, status)
	require.Equal(t, "invalid_tenant", doc["error"])
	status, doc = get(loginURL + "common/discovery/instance?api-version=1.1&authorization_endpoint=https%3A%2F%2Fhost%2Ftid%2Foauth2%2Fv2.0%2Fauthorize")
	require.Equal(t, 200, status)
	require.Equal(t, "https://host/tid/v2.0/.well-known/openid-configuration", doc["tenant_discovery_endpoint"])
	resp, err := c.http.Get(loginURL + "elsewhere")
	require.NoError(t, err)
	require.Equal(t, http.StatusNotFound, resp.StatusCode)
	require.NoError(t, resp.Body.Close())
}

func TestSeveralTenants(t *testing.T) {
	c := newClient(t)
	other := c.server.AddTenant(tenantfake.TenantSpec{DisplayName: "Fabrikam", InitialDomain: "fabrikam.onmicrosoft.com", Cloud: tenantfake.USGov,
		Apps: []tenantfake.App{{ClientID: tenantfake.DefaultClientID, Secret: "s2", SecretExpires: c.clock.now().Add(time.Hour), Graph: []string{"User.Read.All"}}}})
	form := url.Values{"client_id": {tenantfake.DefaultClientID}, "client_secret": {"s2"}, "grant_type": {"client_credentials"}, "scope": {"https://graph.microsoft.us/.default"}}
	post := func() (int, map[string]any) {
		resp, err := c.http.PostForm("https://login.microsoftonline.us/"+other.ID()+"/oauth2/v2.0/token", form)
		require.NoError(t, err)
		return resp.StatusCode, readJSON(t, resp)
	}
	status, body := post()
	require.Equal(t, 200, status, body)
	c.graph = body["access_token"].(string)
	require.Empty(t, c.get("/users")["value"], "the token decides about the tenant")
	require.Equal(t, other, c.server.Tenant("FABRIKAM.onmicrosoft.com"))
	c.clock.advance(time.Hour)
	status, body = post()
	require.Equal(t, 401, status)
	require.Equal(t, []any{7000222.0}, body["error_codes"])
}
