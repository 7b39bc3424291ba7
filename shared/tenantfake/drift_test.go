package tenantfake_test

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/usher365/usher/shared/tenantfake"
)

func TestDriftByHand(t *testing.T) {
	c := newClient(t, func(spec *tenantfake.TenantSpec) {
		spec.Users = append(spec.Users, tenantfake.UserSpec{User: tenantfake.User{UserPrincipalName: "svc-old@contoso.com", MailNickname: "svc-old", AccountEnabled: true},
			Password: usableOne, Roles: []string{"Exchange Administrator"}, RoleGroups: []string{viewOnly}})
	})
	upn := "svc-old@contoso.com"
	id := userOf(t, c, upn).ID
	require.True(t, c.tenant.CheckPassword(upn, usableOne))
	require.Equal(t, []string{id}, c.tenant.RoleGroupMembers(viewOnly))
	require.Equal(t, []string{"Exchange Administrator"}, c.tenant.RolesOf(id))

	first := c.tenant.AssignRoleByHand(upn, "Global Reader")
	require.Equal(t, first, c.tenant.AssignRoleByHand(upn, "Global Reader"))
	require.Empty(t, c.tenant.AssignRoleByHand(upn, "King"))
	require.True(t, c.tenant.RemoveRoleByHand(upn, "Exchange Administrator"))
	require.False(t, c.tenant.RemoveRoleByHand("nobody", "Exchange Administrator"))
	require.Equal(t, []string{"Global Reader"}, c.tenant.RolesOf(upn))
	require.Nil(t, c.tenant.RolesOf("nobody"))

	require.True(t, c.tenant.LicenseByHand(upn, "b05e124f-c7cc-45a0-a6aa-8cf78c946968"))
	require.Equal(t, []string{"EMSPREMIUM"}, names(c.get("/users/" + id + "/licenseDetails")["value"], "skuPartNumber"))
	require.True(t, c.tenant.RemoveRoleGroupMemberByHand(viewOnly, upn))
	require.False(t, c.tenant.RemoveRoleGroupMemberByHand(viewOnly, upn))
	require.False(t, c.tenant.AddRoleGroupMemberByHand("nonsense", upn))
	require.True(t, c.tenant.DeleteUserByHand(upn))
	require.False(t, c.tenant.DeleteUserByHand(upn))
	require.Empty(t, c.tenant.RolesOf(upn))
	require.Equal(t, "svc-old", c.get("/directory/deletedItems/" + id + "?$select=mailNickname")["mailNickname"])
}

func TestSettings(t *testing.T) {
	c := newClient(t, func(spec *tenantfake.TenantSpec) { spec.Replication = -1 })
	c.create("svc-now")
	require.Len(t, c.rows("Get-User", map[string]any{"Identity": "svc-now"}), 1, "no replication delay")
	c.tenant.SetReplication(time.Minute)
	c.create("svc-later")
	status, _ := c.invoke("Get-User", map[string]any{"Identity": "svc-later"})
	require.Equal(t, 404, status)

	c.tenant.SetSecurityDefaults(true)
	require.Equal(t, true, c.get("/policies/identitySecurityDefaultsEnforcementPolicy")["isEnabled"])
	c.tenant.SetConditionalAccess(tenantfake.ConditionalAccessPolicy{DisplayName: "Admins", IncludeRoles: []string{security}, State: "disabled"})
	policy := c.get("/identity/conditionalAccess/policies?$filter=state%20eq%20'disabled'")["value"].([]any)[0].(map[string]any)
	require.Empty(t, policy["conditions"].(map[string]any)["users"].(map[string]any)["includeUsers"])
	require.True(t, c.tenant.SetSecret(tenantfake.DefaultClientID, "other"))
	require.False(t, c.tenant.SetSecret("nobody", "other"))
	require.Equal(t, "contoso.onmicrosoft.com", c.tenant.InitialDomain())
	c.call(404, "GET", "/domains/example.com", nil)
	c.call(404, "GET", "/organization/nobody", nil)
}
