package tenantfake_test

import (
	"bytes"
	"encoding/json"
	"io"
	"math/rand/v2"
	"net/http"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/usher365/usher/shared/tenantfake"
)

const (
	graphURL    = "https://graph.microsoft.com/v1.0"
	graphScope  = "https://graph.microsoft.com/.default"
	exoScope    = "https://outlook.office365.com/.default"
	loginURL    = "https://login.microsoftonline.com/"
	security    = "194ae4cb-b126-40b2-bd5b-6091b380977d"
	usableOne   = "xWwvJ]6NMw+bWH-d"
	viewOnly    = "View-Only Organization Management"
	defaultUser = "0e0e0000-0000-4000-8000-000000000001"
)

// clock is a virtual clock.
type clock struct{ t time.Time }

func (c *clock) now() time.Time          { return c.t }
func (c *clock) advance(d time.Duration) { c.t = c.t.Add(d) }

// client is a strict server with the default tenant, and a caller that holds tokens.
type client struct {
	t      *testing.T
	server *tenantfake.Server
	tenant *tenantfake.Tenant
	clock  *clock
	http   *http.Client
	graph  string // tokens
	exo    string
	header http.Header
}

// newClient starts from the default tenant, changed by edit. At the end nothing may have violated Microsoft's schema.
func newClient(t *testing.T, edit ...func(*tenantfake.TenantSpec)) *client {
	t.Helper()
	return newClientOf(t, tenantfake.Options{}, edit...)
}

// newClientOf is newClient with options; the clock, the random source and strictness are newClient's.
func newClientOf(t *testing.T, o tenantfake.Options, edit ...func(*tenantfake.TenantSpec)) *client {
	t.Helper()
	spec := tenantfake.DefaultTenant()
	for _, e := range edit {
		e(&spec)
	}
	ck := &clock{t: time.Date(2026, 11, 21, 12, 0, 0, 0, time.UTC)}
	o.Now, o.Rand, o.Strict = ck.now, rand.NewChaCha8([32]byte{1}), true
	s := tenantfake.New(o)
	c := &client{t: t, server: s, clock: ck, http: &http.Client{Transport: s.Transport()}, header: http.Header{}}
	c.tenant = s.AddTenant(spec)
	c.login()
	t.Cleanup(func() { require.Empty(t, s.SchemaViolations()) })
	return c
}

func (c *client) login() {
	c.graph, c.exo = c.token(graphScope), c.token(exoScope)
}

func (c *client) token(scope string) string {
	c.t.Helper()
	status, body := c.tokenRequest(tenantfake.DefaultTenantID, url.Values{"client_id": {tenantfake.DefaultClientID},
		"client_secret": {tenantfake.DefaultClientSecret}, "grant_type": {"client_credentials"}, "scope": {scope + " openid offline_access profile"}})
	require.Equal(c.t, 200, status, body)
	return body["access_token"].(string)
}

func (c *client) tokenRequest(tenant string, form url.Values) (int, map[string]any) {
	c.t.Helper()
	resp, err := c.http.PostForm(loginURL+tenant+"/oauth2/v2.0/token", form)
	require.NoError(c.t, err)
	return resp.StatusCode, readJSON(c.t, resp)
}

func readJSON(t *testing.T, resp *http.Response) map[string]any {
	t.Helper()
	defer resp.Body.Close()
	raw, err := io.ReadAll(resp.Body)
	require.NoError(t, err)
	out := map[string]any{}
	if len(raw) > 0 {
		require.NoError(t, json.Unmarshal(raw, &out), string(raw))
	}
	return out
}

// do makes a Graph call; path may be a whole URL, as links are.
func (c *client) do(method, path string, body any) (*http.Response, error) {
	c.t.Helper()
	var r io.Reader
	if body != nil {
		raw, err := json.Marshal(body)
		require.NoError(c.t, err)
		r = bytes.NewReader(raw)
	}
	if !strings.HasPrefix(path, "https://") {
		path = graphURL + path
	}
	req, err := http.NewRequestWithContext(c.t.Context(), method, path, r)
	require.NoError(c.t, err)
	req.Header = c.header.Clone()
	req.Header.Set("Authorization", "Bearer "+c.graph)
	if body != nil {
		req.Header.Set("Content-Type", "application/json")
	}
	return c.http.Do(req)
}

// call makes a Graph call that must be answered with this status.
func (c *client) call(status int, method, path string, body any) map[string]any {
	c.t.Helper()
	resp, err := c.do(method, path, body)
	require.NoError(c.t, err)
	out := readJSON(c.t, resp)
	require.Equal(c.t, status, resp.StatusCode, "%s %s: %v", method, path, out)
	return out
}

func (c *client) get(path string) map[string]any {
	c.t.Helper()
	return c.call(200, "GET", path, nil)
}

// advanced makes the calls of fn as advanced queries.
func (c *client) advanced(fn func()) {
	c.header.Set("ConsistencyLevel", "eventual")
	defer c.header.Del("ConsistencyLevel")
	fn()
}

func newUser(name string) map[string]any {
	return map[string]any{
		"accountEnabled": true, "displayName": "Service " + name, "mailNickname": name, "userPrincipalName": name + "@contoso.onmicrosoft.com",
		"usageLocation": "GB", "passwordPolicies": "DisablePasswordExpiration",
		"passwordProfile": map[string]any{"password": usableOne, "forceChangePasswordNextSignIn": false},
	}
}

// create makes a user and returns its id.
func (c *client) create(name string) string {
	c.t.Helper()
	return c.call(201, "POST", "/users", newUser(name))["id"].(string)
}

func (c *client) assign(user, role string) string {
	c.t.Helper()
	return c.call(201, "POST", "/roleManagement/directory/roleAssignments", assignment(user, role))["id"].(string)
}

func assignment(user, role string) map[string]any {
	return map[string]any{"@odata.type": "#microsoft.graph.unifiedRoleAssignment", "principalId": user, "roleDefinitionId": role, "directoryScopeId": "/"}
}

// invoke runs a cmdlet and returns status and raw body.
func (c *client) invoke(name string, params any) (int, []byte) {
	c.t.Helper()
	return c.invokeAt("https://outlook.office365.com/adminapi/beta/"+tenantfake.DefaultTenantID+"/InvokeCommand", name, params)
}

func (c *client) invokeAt(link, name string, params any) (int, []byte) {
	c.t.Helper()
	raw, err := json.Marshal(map[string]any{"CmdletInput": map[string]any{"CmdletName": name, "Parameters": params}})
	require.NoError(c.t, err)
	req, err := http.NewRequestWithContext(c.t.Context(), "POST", link, bytes.NewReader(raw))
	require.NoError(c.t, err)
	req.Header = c.header.Clone()
	req.Header.Set("Authorization", "Bearer "+c.exo)
	req.Header.Set("Content-Type", "application/json")
	resp, err := c.http.Do(req)
	require.NoError(c.t, err)
	defer resp.Body.Close()
	body, err := io.ReadAll(resp.Body)
	require.NoError(c.t, err)
	return resp.StatusCode, body
}

// rows runs a cmdlet that must succeed and returns what it puts out.
func (c *client) rows(name string, params any) []map[string]any {
	c.t.Helper()
	status, body := c.invoke(name, params)
	require.Equal(c.t, 200, status, string(body))
	var out struct{ Value []map[string]any }
	require.NoError(c.t, json.Unmarshal(body, &out))
	return out.Value
}

func errorCode(body map[string]any) string {
	e, _ := body["error"].(map[string]any)
	code, _ := e["code"].(string)
	return code
}

func names(list any, property string) []string {
	var out []string
	items, _ := list.([]any)
	for _, item := range items {
		s, _ := item.(map[string]any)[property].(string)
		out = append(out, s)
	}
	return out
}
