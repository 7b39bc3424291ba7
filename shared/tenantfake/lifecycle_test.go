package tenantfake_test

import (
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/usher365/usher/shared/tenantfake"
)

// TestLifecycle walks a service account's whole life; strict mode checks each request and answer against Microsoft's schema.
func TestLifecycle(t *testing.T) {
	c := newClient(t)
	id := c.create("svc-sam360")
	upn := "svc-sam360@contoso.onmicrosoft.com"
	require.Equal(t, upn, c.get("/users/" + upn)["userPrincipalName"])
	assigned := c.assign(id, security)
	require.Equal(t, []string{"Security Administrator"}, c.tenant.RolesOf(upn))

	status, body := c.invoke("Add-RoleGroupMember", map[string]any{"Identity": viewOnly, "Member": id})
	require.Equal(t, 404, status)
	require.Contains(t, string(body), "ManagementObjectNotFoundException")
	c.clock.advance(20 * time.Minute)
	require.Empty(t, c.rows("Add-RoleGroupMember", map[string]any{"Identity": viewOnly, "Member": id}))
	require.Equal(t, id, c.rows("Get-RoleGroupMember", map[string]any{"Identity": viewOnly})[0]["ExternalDirectoryObjectId"])

	require.Equal(t, "Authorization_RequestDenied", errorCode(c.call(403, "DELETE", "/users/"+id, nil)))
	require.Empty(t, c.rows("Remove-RoleGroupMember", map[string]any{"Identity": viewOnly, "Member": upn, "Confirm": false}))
	c.call(204, "DELETE", "/roleManagement/directory/roleAssignments/"+assigned, nil)
	c.call(404, "DELETE", "/roleManagement/directory/roleAssignments/"+assigned, nil)
	c.call(204, "PATCH", "/users/"+id, map[string]any{"accountEnabled": false})
	require.Equal(t, true, c.call(200, "POST", "/users/"+id+"/revokeSignInSessions", nil)["value"])
	c.call(204, "DELETE", "/users/"+id, nil)
	c.call(404, "GET", "/users/"+id, nil)

	deleted := c.get("/directory/deletedItems/microsoft.graph.user?$select=id,displayName,userPrincipalName,deletedDateTime")["value"].([]any)
	require.Equal(t, []string{strings.ReplaceAll(id, "-", "") + upn}, names(deleted, "userPrincipalName"))
	require.Len(t, c.get("/directory/deletedItems/graph.user")["value"], 1, "as the SDK writes it")
	require.Equal(t, upn, c.call(200, "POST", "/directory/deletedItems/"+id+"/restore", nil)["userPrincipalName"])
	c.call(204, "DELETE", "/users/"+upn, nil)
	c.call(204, "DELETE", "/directory/deletedItems/"+id, nil)
	c.call(404, "GET", "/directory/deletedItems/"+id, nil)
	require.Empty(t, c.tenant.DeletedUsers())
}

func TestReadOnlyCollections(t *testing.T) {
	c := newClient(t, func(spec *tenantfake.TenantSpec) {
		spec.ConditionalAccess = []tenantfake.ConditionalAccessPolicy{{DisplayName: "MFA", BuiltInControls: []string{"mfa"}}, {AuthenticationStrength: true, DisplayName: "Strength"}}
		spec.Apps[0].Graph = append(spec.Apps[0].Graph, "Application.Read.All")
	})
	require.Equal(t, []string{"contoso.onmicrosoft.com", "contoso.com", "fed.contoso.com"}, names(c.get("/domains")["value"], "id"))
	require.Equal(t, "Federated", c.get("/domains/fed.contoso.com")["authenticationType"])
	require.Equal(t, []string{tenantfake.DefaultTenantID}, names(c.get("/organization")["value"], "id"))
	require.Equal(t, "Contoso", c.get("/organization/" + tenantfake.DefaultTenantID)["displayName"])
	require.Equal(t, []string{"SPE_E3", "EMSPREMIUM"}, names(c.get("/subscribedSkus")["value"], "skuPartNumber"))
	require.EqualValues(t, 3, c.get("/subscribedSkus")["value"].([]any)[0].(map[string]any)["consumedUnits"])
	require.Equal(t, []string{"SPE_E3"}, names(c.get("/users/" + defaultUser + "/licenseDetails")["value"], "skuPartNumber"))
	require.Equal(t, []string{"usher"}, names(c.get("/servicePrincipals?$filter=appId%20eq%20'" + tenantfake.DefaultClientID + "'")["value"], "displayName"))
	require.Equal(t, "usher", c.get("/servicePrincipals(appId='" + tenantfake.DefaultClientID + "')")["displayName"])
	require.Equal(t, false, c.get("/policies/identitySecurityDefaultsEnforcementPolicy")["isEnabled"])
	require.Equal(t, []string{"MFA", "Strength"}, names(c.get("/identity/conditionalAccess/policies")["value"], "displayName"))
	require.Equal(t, []string{"Security Administrator"}, names(c.get("/roleManagement/directory/roleDefinitions?$filter=displayName%20eq%20'Security%20Administrator'")["value"], "displayName"))
	require.Equal(t, security, c.get("/roleManagement/directory/roleDefinitions/" + security)["id"])
	require.Equal(t, "BadRequest", errorCode(c.call(400, "GET", "/nonsense", nil)))
	require.Equal(t, "Request_BadRequest", errorCode(c.call(405, "PUT", "/users", nil)))
}
