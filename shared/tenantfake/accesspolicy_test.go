package tenantfake_test

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/usher365/usher/shared/tenantfake"
)

func TestUpdateOfAnAccessPolicy(t *testing.T) {
	c := newClient(t, func(spec *tenantfake.TenantSpec) {
		spec.ConditionalAccess = []tenantfake.ConditionalAccessPolicy{{ID: "d7195984-0000-4000-8000-000000000001", DisplayName: "MFA", BuiltInControls: []string{"mfa"}}}
	})
	const path = "/identity/conditionalAccess/policies/d7195984-0000-4000-8000-000000000001"
	users := func(users map[string]any) map[string]any {
		return map[string]any{"conditions": map[string]any{"users": users}}
	}
	require.Nil(t, c.get(path)["modifiedDateTime"])
	for name, body := range map[string]map[string]any{
		"nothing":        {},
		"the state":      {"state": "disabled"},
		"other settings": {"conditions": map[string]any{"users": map[string]any{"includeUsers": []string{"All"}}, "clientAppTypes": []string{"all"}}},
		"nobody":         users(map[string]any{"excludeUsers": []string{defaultUser}}),
		"a stranger":     users(map[string]any{"includeUsers": []string{"All"}, "excludeUsers": []string{"0e0e0000-0000-4000-8000-00000000ffff"}}),
	} {
		t.Run(name, func(*testing.T) { c.call(400, "PATCH", path, body) })
	}
	c.call(404, "PATCH", "/identity/conditionalAccess/policies/d7195984-0000-4000-8000-00000000ffff", users(map[string]any{"includeUsers": []string{"All"}}))
	c.call(404, "GET", "/identity/conditionalAccess/policies/d7195984-0000-4000-8000-00000000ffff", nil)
	c.call(204, "PATCH", path, users(map[string]any{"includeUsers": []string{"All"}, "excludeUsers": []string{defaultUser}}))
	require.Equal(t, []string{defaultUser}, c.tenant.ConditionalAccess()[0].ExcludeUsers)
	require.NotNil(t, c.get(path)["modifiedDateTime"])

	require.True(t, c.tenant.EditConditionalAccessByHand("d7195984-0000-4000-8000-000000000001", func(p *tenantfake.ConditionalAccessPolicy) { p.ExcludeUsers = nil }))
	require.Empty(t, c.tenant.ConditionalAccess()[0].ExcludeUsers)
	require.False(t, c.tenant.EditConditionalAccessByHand("nobody", nil))
	c.tenant.SetPermissions(tenantfake.DefaultClientID, []string{"Policy.Read.All"}, nil)
	c.login()
	c.call(403, "PATCH", path, users(map[string]any{"includeUsers": []string{"All"}}))
}
