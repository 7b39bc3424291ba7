package tenantfake_test

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/usher365/usher/shared/tenantfake"
)

func TestConditionsOfAPolicy(t *testing.T) {
	c := newClient(t, func(spec *tenantfake.TenantSpec) {
		spec.ConditionalAccess = []tenantfake.ConditionalAccessPolicy{{
			DisplayName: "Abroad", BuiltInControls: []string{"block"}, ExcludeApplications: []string{"Office365"},
			ExcludeLocations: []string{"AllTrusted"}, TransferMethods: "deviceCodeFlow",
		}, {DisplayName: "Plain", BuiltInControls: []string{"mfa"}}}
	})
	policies := c.get("/identity/conditionalAccess/policies")["value"].([]any)
	conditions := policies[0].(map[string]any)["conditions"].(map[string]any)
	require.Equal(t, map[string]any{"includeLocations": []any{"All"}, "excludeLocations": []any{"AllTrusted"}}, conditions["locations"])
	require.Equal(t, map[string]any{"transferMethods": "deviceCodeFlow"}, conditions["authenticationFlows"])
	require.Equal(t, []any{"Office365"}, conditions["applications"].(map[string]any)["excludeApplications"])
	plain := policies[1].(map[string]any)["conditions"].(map[string]any)
	require.Nil(t, plain["locations"])
	require.Nil(t, plain["authenticationFlows"])
}

func TestMembershipsAndPerUserMFA(t *testing.T) {
	const beta, group = "https://graph.microsoft.com/beta", "5ecf8b5f-0000-4000-8000-000000000001"
	c := newClient(t, func(spec *tenantfake.TenantSpec) {
		spec.Apps[0].Graph = append(spec.Apps[0].Graph, "Policy.ReadWrite.AuthenticationMethod")
	})
	requirements := "/users/" + defaultUser + "/authentication/requirements"
	require.Equal(t, "disabled", c.get(beta + requirements)["perUserMfaState"])
	require.True(t, c.tenant.SetPerUserMFAByHand(defaultUser, "enforced"))
	require.Equal(t, "enforced", c.get(beta + requirements)["perUserMfaState"])
	require.Equal(t, "BadRequest", errorCode(c.call(400, "GET", requirements, nil)), "v1.0 does not have it")
	require.Empty(t, c.get("/users/" + defaultUser + "/transitiveMemberOf")["value"])
	require.True(t, c.tenant.JoinByHand(defaultUser, group))
	require.Equal(t, []string{group}, names(c.get("/users/" + defaultUser + "/transitiveMemberOf")["value"], "id"))
	const nobody = "0e0e0000-0000-4000-8000-00000000ffff"
	c.call(404, "GET", "/users/"+nobody+"/transitiveMemberOf", nil)
	c.call(404, "GET", beta+"/users/"+nobody+"/authentication/requirements", nil)
	require.False(t, c.tenant.JoinByHand(nobody, group))

	c.tenant.SetPermissions(tenantfake.DefaultClientID, []string{"User.Read.All"}, nil)
	c.login()
	c.call(403, "GET", beta+requirements, nil)
	c.call(403, "GET", "/identity/conditionalAccess/policies", nil)
	c.call(403, "GET", "/policies/identitySecurityDefaultsEnforcementPolicy", nil)
	c.get("/users/" + defaultUser + "/transitiveMemberOf")
}
