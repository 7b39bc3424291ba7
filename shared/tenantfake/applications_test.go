package tenantfake_test

import (
	"bytes"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/usher365/usher/shared/tenantfake"
)

const graphAppID = "00000003-0000-0000-c000-000000000000"

// administrator gives the default app what administering applications needs, in a new token.
func administrator(t *testing.T) *client {
	c := newClient(t)
	c.tenant.SetPermissions(tenantfake.DefaultClientID, []string{"Application.ReadWrite.All", "AppRoleAssignment.ReadWrite.All", "RoleManagement.ReadWrite.Directory"}, nil)
	c.login()
	return c
}

const (
	byUniqueName = "/applications(uniqueName='usher-sync')"
	domainRead   = "dbb9058a-0e50-45d7-ae91-66909b5d4664"
)

// upsert makes a PATCH that may create.
func (c *client) upsert(status int, path string, body map[string]any) map[string]any {
	c.header.Set("Prefer", "create-if-missing")
	defer c.header.Del("Prefer")
	return c.call(status, "PATCH", path, body)
}

func newApplication() map[string]any {
	return map[string]any{"displayName": "Usher sync", "signInAudience": "AzureADMultipleOrgs", "tags": []any{"usher-sync"},
		"web":                    map[string]any{"redirectUris": []any{"https://landing.example"}},
		"requiredResourceAccess": []any{map[string]any{"resourceAppId": graphAppID, "resourceAccess": []any{map[string]any{"id": domainRead, "type": "Role"}}}}}
}

func TestApplicationByUniqueName(t *testing.T) {
	c := administrator(t)
	c.call(404, "PATCH", byUniqueName, newApplication())
	made := c.upsert(201, byUniqueName, newApplication())
	require.Equal(t, "usher-sync", made["uniqueName"])
	c.upsert(204, byUniqueName, map[string]any{"displayName": "Other"})
	require.Equal(t, "Other", c.get(byUniqueName + "?$select=displayName,id")["displayName"])
	require.Len(t, c.get("/applications?$filter=appId%20eq%20'" + made["appId"].(string) + "'")["value"], 1)
	require.Equal(t, []string{"usher-sync"}, c.tenant.Registrations()[0].Tags)

	c.call(400, "PATCH", byUniqueName, map[string]any{"uniqueName": "other"})
	c.call(400, "PATCH", byUniqueName, map[string]any{"passwordCredentials": []any{map[string]any{"displayName": "x"}}})
	c.call(400, "POST", "/applications", map[string]any{"signInAudience": "AzureADMyOrg"})
	c.call(201, "POST", "/applications", map[string]any{"displayName": "Other"})
	c.call(204, "DELETE", byUniqueName, nil)
	c.call(404, "GET", byUniqueName, nil)
	require.Len(t, c.tenant.Registrations(), 1)
}

// An application that was just made is not everywhere at once, and neither is its service principal.
func TestNewApplicationArrivesLater(t *testing.T) {
	c := administrator(t)
	for path, after := range map[tenantfake.Path]time.Duration{tenantfake.ReadByID: 10 * time.Second, tenantfake.ReadBacking: 20 * time.Second, tenantfake.ReadPrincipal: 30 * time.Second} {
		c.tenant.SetConsistency(path, tenantfake.Consistency{VisibleAfter: after})
	}
	made := c.upsert(201, byUniqueName, newApplication())
	c.upsert(204, byUniqueName, newApplication())
	c.call(404, "GET", byUniqueName, nil)
	c.clock.advance(10 * time.Second)
	c.get(byUniqueName)

	body := map[string]any{"appId": made["appId"]}
	refused := c.call(400, "POST", "/servicePrincipals", body)
	require.Contains(t, refused["error"].(map[string]any)["message"], "does not reference a valid application object")
	c.clock.advance(10 * time.Second)
	principal := c.call(201, "POST", "/servicePrincipals", body)["id"].(string)
	require.Equal(t, "Request_MultipleObjectsWithSameKeyValue", errorCode(c.call(409, "POST", "/servicePrincipals", body)))
	c.upsert(204, "/servicePrincipals(appId='"+made["appId"].(string)+"')", map[string]any{"tags": []any{"usher"}})

	graph := c.get("/servicePrincipals(appId='" + graphAppID + "')")["id"].(string)
	grant := map[string]any{"principalId": principal, "resourceId": graph, "appRoleId": domainRead}
	c.call(404, "POST", "/servicePrincipals/"+graph+"/appRoleAssignedTo", grant)
	c.call(404, "POST", "/roleManagement/directory/roleAssignments", assignment(principal, security))
	c.clock.advance(30 * time.Second)
	c.call(201, "POST", "/servicePrincipals/"+graph+"/appRoleAssignedTo", grant)
	c.call(400, "POST", "/servicePrincipals/"+graph+"/appRoleAssignedTo", grant)
	c.assign(principal, security)
}

func TestGrantsOfAServicePrincipal(t *testing.T) {
	c := administrator(t)
	made := c.upsert(201, byUniqueName, newApplication())
	principal := c.upsert(201, "/servicePrincipals(appId='"+made["appId"].(string)+"')", map[string]any{"tags": []any{}})["id"].(string)
	graph := c.get("/servicePrincipals(appId='" + graphAppID + "')")["id"].(string)
	grant := map[string]any{"principalId": principal, "resourceId": graph, "appRoleId": domainRead}
	given := c.call(201, "POST", "/servicePrincipals/"+principal+"/appRoleAssignments", grant)
	require.Len(t, c.get("/servicePrincipals/" + principal + "/appRoleAssignments")["value"], 1)
	require.NotEmpty(t, c.get("/servicePrincipals/" + graph + "/appRoleAssignedTo")["value"])
	c.call(404, "GET", "/servicePrincipals/00000000-0000-4000-8000-00000000dead/appRoleAssignments", nil)
	c.call(400, "POST", "/servicePrincipals/"+graph+"/appRoleAssignedTo", map[string]any{"principalId": principal, "resourceId": graph, "appRoleId": security})

	c.call(204, "DELETE", "/servicePrincipals/"+graph+"/appRoleAssignedTo/"+given["id"].(string), nil)
	c.call(404, "DELETE", "/servicePrincipals/"+graph+"/appRoleAssignedTo/"+given["id"].(string), nil)
	c.call(204, "DELETE", "/servicePrincipals/"+principal, nil)
	c.call(404, "GET", "/servicePrincipals/"+principal, nil)
}

func TestFederatedCredentialsThroughGraph(t *testing.T) {
	c := administrator(t)
	made := c.upsert(201, byUniqueName, newApplication())
	body := map[string]any{"issuer": "https://sts.example", "subject": "role/usher", "audiences": []any{tenantfake.TokenExchange}}
	base := "/applications/" + made["id"].(string) + "/federatedIdentityCredentials"
	c.call(404, "PATCH", base+"(name='aws')", body)
	c.upsert(201, base+"(name='aws')", body)
	c.upsert(204, base+"(name='aws')", map[string]any{"description": "changed"})
	c.upsert(409, base+"(name='again')", body)
	c.call(409, "POST", base, map[string]any{"name": "again", "issuer": "https://sts.example", "subject": "role/usher", "audiences": []any{tenantfake.TokenExchange}})
	kept := c.server.FederatedCredentials(made["appId"].(string))
	require.Len(t, kept, 1, "the store of the sign-in")
	require.Equal(t, "changed", kept[0].Description)
	require.Equal(t, "role/usher", c.get(base + "(name='aws')")["subject"])
	require.Len(t, c.get(base)["value"], 1)
	c.call(204, "DELETE", base+"/"+kept[0].ID, nil)
	c.call(404, "DELETE", base+"/"+kept[0].ID, nil)
	require.Empty(t, c.server.FederatedCredentials(made["appId"].(string)))
}

func TestConsentGrantsWhatTheRegistrationAsksFor(t *testing.T) {
	c := administrator(t)
	made := c.upsert(201, byUniqueName, newApplication())
	customer := c.server.AddTenant(tenantfake.TenantSpec{InitialDomain: "fabrikam.onmicrosoft.com"})
	require.False(t, customer.Consent("00000000-0000-4000-8000-00000000dead"))
	require.True(t, customer.Consent(made["appId"].(string)))
	require.True(t, customer.Consent(made["appId"].(string)), "again")
}

func TestRegistrationsAreSaved(t *testing.T) {
	c := administrator(t)
	c.tenant.Register(tenantfake.Registration{DisplayName: "By hand", UniqueName: "by-hand", Secrets: []string{"old"}, Permissions: map[string][]string{graphAppID: {domainRead}}})
	var b bytes.Buffer
	require.NoError(t, c.server.Save(&b))
	other := tenantfake.New(tenantfake.Options{})
	require.NoError(t, other.Load(&b))
	require.Equal(t, c.tenant.Registrations(), other.Tenants()[0].Registrations())
}
