package tenantfake_test

import (
	"context"
	"errors"
	"io"
	"net"
	"net/http"
	"net/url"
	"syscall"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/usher365/usher/shared/tenantfake"
)

func TestFaultKinds(t *testing.T) {
	tests := []struct {
		decision tenantfake.Decision
		status   int // zero: no answer
		applied  bool
		retry    string
	}{
		{tenantfake.Decision{Kind: tenantfake.Throttled, RetryAfter: 1500 * time.Millisecond}, 429, false, "2"},
		{tenantfake.Decision{Kind: tenantfake.ServerError}, 500, false, ""},
		{tenantfake.Decision{Kind: tenantfake.Unavailable, RetryAfter: time.Minute}, 503, false, "60"},
		{tenantfake.Decision{Kind: tenantfake.GatewayTimeout}, 504, false, ""},
		{tenantfake.Decision{Kind: tenantfake.GatewayTimeout, Applied: true}, 504, true, ""},
		{tenantfake.Decision{Kind: tenantfake.Refused, Status: 400, Code: "Request_BadRequest", Message: "One or more property values specified are invalid"}, 400, false, ""},
		{tenantfake.Decision{Kind: tenantfake.DropBefore}, 0, false, ""},
		{tenantfake.Decision{Kind: tenantfake.DropAfter}, 0, true, ""},
		{tenantfake.Decision{Kind: tenantfake.TimeoutBefore}, 0, false, ""},
		{tenantfake.Decision{Kind: tenantfake.TimeoutAfter}, 0, true, ""},
		{tenantfake.Decision{Kind: tenantfake.Truncated}, 201, true, ""},
		{tenantfake.Decision{Kind: tenantfake.HTMLBody}, 503, false, ""},
		{tenantfake.Decision{Kind: tenantfake.HTMLBody, Status: 502, Applied: true}, 502, true, ""},
		{tenantfake.Decision{Kind: tenantfake.ConcurrencyText}, 429, false, ""},
	}
	for _, tt := range tests {
		t.Run(tt.decision.Kind.String(), func(t *testing.T) {
			c := newClient(t)
			c.server.Fault(tenantfake.Fault{Decision: tt.decision, Method: "POST", Path: "/users"})
			resp, err := c.do("POST", "/users", newUser("svc-fault"))
			_, exists := c.tenant.User("svc-fault@contoso.onmicrosoft.com")
			require.Equal(t, tt.applied, exists)
			log := c.server.Log()
			require.Equal(t, tt.decision.Kind, log[len(log)-1].Fault)
			require.Equal(t, tt.status, log[len(log)-1].Status)
			if tt.status == 0 {
				require.Error(t, err)
				timedOut := tt.decision.Kind == tenantfake.TimeoutAfter || tt.decision.Kind == tenantfake.TimeoutBefore
				require.Equal(t, timedOut, err.(net.Error).Timeout())
				require.Equal(t, !timedOut, errors.Is(err, syscall.ECONNRESET))
				return
			}
			require.NoError(t, err)
			defer resp.Body.Close()
			require.Equal(t, tt.status, resp.StatusCode)
			require.Equal(t, tt.retry, resp.Header.Get("Retry-After"))
			_, err = io.ReadAll(resp.Body)
			require.NoError(t, err)
		})
	}
}

func TestFaultMatching(t *testing.T) {
	c := newClient(t)
	status := func(method, path string) int {
		resp, err := c.do(method, path, nil)
		require.NoError(t, err)
		require.NoError(t, resp.Body.Close())
		return resp.StatusCode
	}
	busy := tenantfake.Decision{Kind: tenantfake.Unavailable}
	c.server.Fault(tenantfake.Fault{Decision: busy, Path: "/users/*", Skip: 1, Times: 2, Service: tenantfake.Graph, Tenant: c.tenant.ID()})
	for _, want := range []int{200, 503, 503, 200} {
		require.Equal(t, want, status("GET", "/users/"+defaultUser))
	}
	remove := c.server.Fault(tenantfake.Fault{Decision: busy, Match: func(call tenantfake.Call) bool { return call.Template == "/domains" }, Times: -1})
	require.Equal(t, []int{503, 503, 200}, []int{status("GET", "/domains"), status("GET", "/domains"), status("GET", "/users")})
	remove()
	require.Equal(t, 200, status("GET", "/domains"))

	c.server.OnCall(func(call tenantfake.Call) tenantfake.Decision {
		require.NotEmpty(t, c.server.Log(), "the hook may use the server")
		if call.Write() {
			return busy
		}
		return tenantfake.Decision{}
	})
	require.Equal(t, 200, status("GET", "/domains"))
	require.Equal(t, 503, status("DELETE", "/users/"+defaultUser))
	exo, _ := c.invoke("Add-RoleGroupMember", map[string]any{})
	require.Equal(t, 503, exo)
	require.Equal(t, []map[string]any{}, c.rows("Get-RoleGroupMember", map[string]any{"Identity": viewOnly}))
	c.server.ClearFaults()
	c.server.Fault(tenantfake.Fault{Decision: tenantfake.Decision{Kind: tenantfake.ConcurrencyText}, Cmdlet: "get-user"})
	exo, body := c.invoke("Get-User", map[string]any{})
	require.Equal(t, 429, exo)
	require.Contains(t, string(body), "You have reached the maximum number of concurrent requests per tenant.")
	c.server.Fault(tenantfake.Fault{Decision: tenantfake.Decision{Kind: tenantfake.Refused, Status: 400, Code: "BadRequest", Message: "why"}, Service: tenantfake.Exchange})
	_, body = c.invoke("Get-User", map[string]any{})
	require.Contains(t, string(body), "why")
	c.server.Fault(tenantfake.Fault{Decision: tenantfake.Decision{Kind: tenantfake.Refused, Status: 400, Code: "invalid_scope", Message: "why"}, Service: tenantfake.Login})
	login, answer := c.tokenRequest(tenantfake.DefaultTenantID, url.Values{})
	require.Equal(t, 400, login)
	require.Equal(t, "invalid_scope", answer["error"])
	require.Equal(t, "unknown", tenantfake.Kind(99).String())
}

func TestDelayIsVirtualAndCancellable(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := tenantfake.New(tenantfake.Options{})
		s.AddTenant(tenantfake.DefaultTenant())
		s.Fault(tenantfake.Fault{Decision: tenantfake.Decision{Delay: time.Hour}, Times: -1})
		client := &http.Client{Transport: s.Transport()}
		start := time.Now()
		resp, err := client.Get(loginURL + "contoso.com/v2.0/.well-known/openid-configuration")
		require.NoError(t, err)
		require.NoError(t, resp.Body.Close())
		require.Equal(t, time.Hour, time.Since(start))

		ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
		defer cancel()
		req, err := http.NewRequestWithContext(ctx, "GET", loginURL+"contoso.com/v2.0/.well-known/openid-configuration", nil)
		require.NoError(t, err)
		_, err = client.Do(req)
		require.ErrorIs(t, err, context.DeadlineExceeded)
		require.Len(t, s.Log(), 1, "what never arrived is not in the log")
	})
}
