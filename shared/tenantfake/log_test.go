package tenantfake_test

import (
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"net/http"
	"strings"
	"sync"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/usher365/usher/shared/tenantfake"
)

func TestLogHoldsNoSecret(t *testing.T) {
	c := newClient(t)
	c.create("svc-log")
	c.tenant.SetDirectoryRoles(tenantfake.DefaultClientID, "Global Administrator")
	c.login()
	c.call(204, "PATCH", "/users/"+defaultUser, map[string]any{"passwordProfile": map[string]any{"password": "Canary-77-x"}})
	c.invoke("Add-RoleGroupMember", map[string]any{"Member": "x", "ClientSecret": "Canary-78-x"})
	raw, err := json.Marshal(c.server.Log())
	require.NoError(t, err)
	for _, secret := range []string{usableOne, "Canary-77-x", "Canary-78-x", tenantfake.DefaultClientSecret, c.graph, c.exo} {
		require.NotContains(t, string(raw), secret)
	}
	require.Contains(t, string(raw), "DisablePasswordExpiration")
	last := c.server.Log()[len(c.server.Log())-1]
	require.Equal(t, "Add-RoleGroupMember", last.Cmdlet)
	require.Equal(t, "/beta/{tenant}/InvokeCommand", last.Template)
	require.Equal(t, tenantfake.DefaultTenantID, last.Tenant)
	require.True(t, last.Write())
	require.Equal(t, last.Seq, len(c.server.Log()))
}

func TestLogFollowsRequestIDs(t *testing.T) {
	c := newClient(t)
	c.header.Set("client-request-id", "mine")
	resp := c.response("GET", "/users/nobody")
	require.Equal(t, "mine", resp.Header.Get("client-request-id"))
	last := c.server.Log()[len(c.server.Log())-1]
	require.Equal(t, "mine", last.ClientRequestID)
	require.Equal(t, resp.Header.Get("request-id"), last.RequestID)
	require.Equal(t, "/users/{id}", last.Template)
	require.Equal(t, "/users/nobody", last.Path)
	require.False(t, last.Write())
}

func TestSubscribersSeeTheEffect(t *testing.T) {
	c := newClient(t)
	var seen []string
	cancel := c.server.Subscribe(func(call tenantfake.Call) {
		_, exists := c.tenant.User("svc-sub@contoso.onmicrosoft.com")
		seen = append(seen, fmt.Sprint(call.Template, " ", call.Status, " ", exists))
	})
	c.create("svc-sub")
	cancel()
	c.get("/users")
	require.Equal(t, []string{"/users 201 true"}, seen)
}

func TestLogLimitAndCounters(t *testing.T) {
	s := tenantfake.New(tenantfake.Options{LogLimit: 10})
	s.AddTenant(tenantfake.DefaultTenant())
	client := &http.Client{Transport: s.Transport()}
	for range 25 {
		resp, err := client.Get("https://graph.microsoft.com/v1.0/users")
		require.NoError(t, err)
		require.NoError(t, resp.Body.Close())
	}
	require.LessOrEqual(t, len(s.Log()), 10)
	require.Equal(t, 25, s.Count(tenantfake.Graph))
	require.Equal(t, 25, s.Log()[len(s.Log())-1].Seq)
	s.ResetLog()
	require.Empty(t, s.Log())
	require.Zero(t, s.Count(tenantfake.Graph))
}

func TestSameSeedSameIDs(t *testing.T) {
	ids := func() string {
		s := tenantfake.New(tenantfake.Options{Rand: rand.NewChaCha8([32]byte{7})})
		tenant := s.AddTenant(tenantfake.TenantSpec{InitialDomain: "a.onmicrosoft.com"})
		tenant.AddUsers(3)
		out := []string{tenant.ID()}
		for _, u := range tenant.Users() {
			out = append(out, u.ID)
		}
		return strings.Join(out, " ")
	}
	require.Equal(t, ids(), ids())
}

func TestConcurrentUse(t *testing.T) {
	c := newClient(t)
	var wg sync.WaitGroup
	for i := range 8 {
		wg.Go(func() {
			name := fmt.Sprintf("svc-%d", i)
			id := c.create(name)
			c.get("/users/" + id)
			c.assign(id, security)
			c.rows("Get-RoleGroup", map[string]any{})
			c.get("/users?$top=5")
			c.tenant.Users()
			c.server.Log()
		})
	}
	wg.Wait()
	require.Len(t, c.tenant.Users(), 13)
}

func TestSpecMistakesPanic(t *testing.T) {
	domain := "a.onmicrosoft.com"
	for name, spec := range map[string]tenantfake.TenantSpec{
		"no domain":          {},
		"app without id":     {InitialDomain: domain, Apps: []tenantfake.App{{}}},
		"unknown role":       {InitialDomain: domain, Apps: []tenantfake.App{{ClientID: "x", DirectoryRoles: []string{"King"}}}},
		"unknown role group": {InitialDomain: domain, Users: []tenantfake.UserSpec{{RoleGroups: []string{"Kings"}}}},
	} {
		t.Run(name, func(t *testing.T) {
			require.Panics(t, func() { tenantfake.New(tenantfake.Options{}).AddTenant(spec) })
		})
	}
}
