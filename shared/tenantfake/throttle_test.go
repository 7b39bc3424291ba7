package tenantfake_test

import (
	"net/http"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/usher365/usher/shared/tenantfake"
)

func (c *client) response(method, path string) *http.Response {
	c.t.Helper()
	resp, err := c.do(method, path, nil)
	require.NoError(c.t, err)
	require.NoError(c.t, resp.Body.Close())
	return resp
}

func TestThrottle(t *testing.T) {
	c := newClient(t)
	c.tenant.SetThrottle(tenantfake.Throttle{Scale: 0.001}) // 8 units per 10 s, 3 writes per 150 s
	for _, used := range []string{"", "", "", "1.0"} {
		resp := c.response("GET", "/users")
		require.Equal(t, 200, resp.StatusCode)
		require.Equal(t, "2", resp.Header.Get("x-ms-resource-unit"))
		require.Equal(t, used, resp.Header.Get("x-ms-throttle-limit-percentage"))
	}
	resp := c.response("GET", "/users")
	require.Equal(t, 429, resp.StatusCode)
	require.Equal(t, "3", resp.Header.Get("Retry-After"))
	require.Equal(t, "ResourceUnitLimitExceeded", resp.Header.Get("x-ms-throttle-information"))
	require.Contains(t, resp.Header.Get("x-ms-throttle-scope"), "Tenant_Application/ReadWrite/"+tenantfake.DefaultClientID)
	c.clock.advance(3 * time.Second)
	require.Equal(t, 200, c.response("GET", "/users?$select=id").StatusCode)

	c.clock.advance(time.Minute)
	for range 3 {
		require.Equal(t, 404, c.response("DELETE", "/users/nobody").StatusCode)
	}
	resp = c.response("DELETE", "/users/nobody")
	require.Equal(t, 429, resp.StatusCode)
	require.Equal(t, "WriteLimitExceeded", resp.Header.Get("x-ms-throttle-information"))

	c.clock.advance(time.Minute)
	require.Equal(t, 200, c.response("GET", "/identity/conditionalAccess/policies").StatusCode)
	resp = c.response("GET", "/identity/conditionalAccess/policies")
	require.Equal(t, 429, resp.StatusCode)
	require.Empty(t, resp.Header.Get("Retry-After"))

	c.tenant.SetThrottle(tenantfake.Throttle{Scale: 0.0001, HTTPDate: true}) // the least: 5 units
	require.Equal(t, 200, c.response("GET", "/subscribedSkus").StatusCode)
	resp = c.response("GET", "/roleManagement/directory/roleAssignments?$expand=principal&$select=id,principalId")
	require.Equal(t, 200, resp.StatusCode)
	resp = c.response("GET", "/users")
	at, err := http.ParseTime(resp.Header.Get("Retry-After"))
	require.NoError(t, err)
	require.Equal(t, c.clock.now().Add(2*time.Second), at)
	c.tenant.SetThrottle(tenantfake.Throttle{})
	require.Equal(t, 200, c.response("GET", "/users").StatusCode)
}

func TestExchangeConcurrency(t *testing.T) {
	c := newClient(t)
	c.tenant.SetExchange(tenantfake.ExchangeBehaviour{MaxConcurrent: 1})
	var inner int
	c.server.OnCall(func(call tenantfake.Call) tenantfake.Decision {
		if inner == 0 {
			inner = 1
			inner, _ = c.invoke("Get-RoleGroup", map[string]any{}) // while the outer call is in flight
		}
		return tenantfake.Decision{}
	})
	status, _ := c.invoke("Get-RoleGroup", map[string]any{})
	require.Equal(t, 200, status)
	require.Equal(t, 429, inner)
}
