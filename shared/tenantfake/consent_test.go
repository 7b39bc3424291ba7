package tenantfake_test

import (
	"bytes"
	"net/http"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/usher365/usher/shared/tenantfake"
)

const (
	vendorApp   = "77777777-aaaa-4bbb-8ccc-dddddddddddd"
	callBack    = "https://usher.example/consent?of=us"
	mailRead    = "810c84a8-4a9e-49e6-bf7d-12d183f40d01"
	mailReadFor = "570282fd-fa5c-430d-a7fd-fc8dc98a9dca"
)

// consenting is an administrator of applications, with a vendor's tenant beside.
func consenting(t *testing.T) *client {
	c := newClient(t)
	c.tenant.SetPermissions(tenantfake.DefaultClientID, []string{"Application.ReadWrite.All", "AppRoleAssignment.ReadWrite.All",
		"DelegatedPermissionGrant.ReadWrite.All", "Policy.ReadWrite.ConsentRequest"}, nil)
	c.login()
	c.http.CheckRedirect = func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }
	c.server.AddTenant(tenantfake.TenantSpec{InitialDomain: "vendor.onmicrosoft.com", DisplayName: "Vendor"}).Register(tenantfake.Registration{
		ClientID: vendorApp, DisplayName: "Connector", SignInAudience: "AzureADMultipleOrgs", RedirectURIs: []string{callBack},
		Permissions: map[string][]string{graphAppID: {mailRead}}, Delegated: map[string][]string{graphAppID: {mailReadFor}},
	})
	return c
}

// page opens the consent page and returns where it leads.
func (c *client) page(path string, q url.Values) url.Values {
	c.t.Helper()
	resp, err := c.http.Get(loginURL + path + "?" + q.Encode())
	require.NoError(c.t, err)
	require.NoError(c.t, resp.Body.Close())
	require.Equal(c.t, http.StatusFound, resp.StatusCode)
	to := resp.Header.Get("Location")
	require.True(c.t, strings.HasPrefix(to, callBack+"&"), to)
	u, err := url.Parse(to)
	require.NoError(c.t, err)
	return u.Query()
}

func consentQuery() url.Values {
	return url.Values{"client_id": {vendorApp}, "redirect_uri": {callBack}, "scope": {graphScope}, "state": {"s3cret"}}
}

func TestAdminConsentPage(t *testing.T) {
	c := consenting(t)
	for _, path := range []string{tenantfake.DefaultTenantID + "/v2.0/adminconsent", "contoso.onmicrosoft.com/adminconsent"} {
		got := c.page(path, consentQuery())
		assert.Equal(t, []string{"True", tenantfake.DefaultTenantID, "s3cret"}, []string{got.Get("admin_consent"), got.Get("tenant"), got.Get("state")})
		require.Len(t, c.tenant.DelegatedGrants(), 1)
		assert.Equal(t, "Mail.Read", c.tenant.DelegatedGrants()[0].Scope)
		held := c.get("/servicePrincipals(appId='" + vendorApp + "')/appRoleAssignments")
		assert.Equal(t, []string{mailRead}, names(held["value"], "appRoleId"))
		require.True(t, c.tenant.RemoveApp(vendorApp))
		assert.Empty(t, c.tenant.DelegatedGrants())
	}
	q := consentQuery()
	q.Set("scope", "https://graph.microsoft.com/Calendars.Read")
	c.page(tenantfake.DefaultTenantID+"/v2.0/adminconsent", q)
	assert.Equal(t, "Calendars.Read", c.tenant.DelegatedGrants()[0].Scope)
	for _, call := range c.server.Log() {
		assert.NotContains(t, call.Query, "s3cret")
	}
}

func TestWhoSitsBeforeTheConsentPage(t *testing.T) {
	c := consenting(t)
	other := c.server.AddTenant(tenantfake.TenantSpec{InitialDomain: "fabrikam.onmicrosoft.com"})
	at := func(answer tenantfake.ConsentAnswer) {
		c.server.OnConsentPage(func(tenantfake.ConsentPrompt) tenantfake.ConsentAnswer { return answer })
	}
	at(tenantfake.ConsentAnswer{Declined: true})
	got := c.page(tenantfake.DefaultTenantID+"/v2.0/adminconsent", consentQuery())
	assert.Equal(t, "access_denied", got.Get("error"))
	assert.Contains(t, got.Get("error_description"), "AADSTS65004")
	assert.Equal(t, "s3cret", got.Get("state"))
	assert.False(t, got.Has("tenant"))

	at(tenantfake.ConsentAnswer{Tenant: "fabrikam.onmicrosoft.com"})
	got = c.page(tenantfake.DefaultTenantID+"/v2.0/adminconsent", consentQuery())
	assert.Contains(t, got.Get("error_description"), "AADSTS50020")
	got = c.page("organizations/v2.0/adminconsent", consentQuery())
	assert.Equal(t, other.ID(), got.Get("tenant"))
	assert.Len(t, other.DelegatedGrants(), 1)
	assert.Empty(t, c.tenant.DelegatedGrants())
}

func TestConsentPageShowsWhatIsWrongWithItsAddress(t *testing.T) {
	c := consenting(t)
	for name, edit := range map[string]func(path *string, q url.Values){
		"AADSTS700016": func(_ *string, q url.Values) { q.Set("client_id", "00000000-0000-4000-8000-00000000dead") },
		"AADSTS50011":  func(_ *string, q url.Values) { q.Set("redirect_uri", "https://evil.example") },
		"AADSTS900144": func(_ *string, q url.Values) { q.Del("scope") },
		"AADSTS90002":  func(path *string, _ url.Values) { *path = "nobody.example" },
	} {
		path, q := tenantfake.DefaultTenantID, consentQuery()
		edit(&path, q)
		resp, err := c.http.Get(loginURL + path + "/v2.0/adminconsent?" + q.Encode())
		require.NoError(t, err)
		var body bytes.Buffer
		_, err = body.ReadFrom(resp.Body)
		require.NoError(t, err)
		assert.Equal(t, http.StatusBadRequest, resp.StatusCode)
		assert.Contains(t, body.String(), name)
	}
}

func TestDelegatedGrantsOnGraph(t *testing.T) {
	c := consenting(t)
	client := c.call(201, "POST", "/servicePrincipals", map[string]any{"appId": vendorApp})["id"].(string)
	graph := c.get("/servicePrincipals(appId='" + graphAppID + "')")["id"].(string)
	grant := func(edit map[string]any) map[string]any {
		g := map[string]any{"clientId": client, "resourceId": graph, "consentType": "AllPrincipals", "scope": "Mail.Read offline_access"}
		for k, v := range edit {
			g[k] = v
		}
		return g
	}
	made := c.call(201, "POST", "/oauth2PermissionGrants", grant(nil))["id"].(string)
	assert.Equal(t, "Request_MultipleObjectsWithSameKeyValue", errorCode(c.call(409, "POST", "/oauth2PermissionGrants", grant(nil))))
	one := map[string]any{"consentType": "Principal", "principalId": defaultUser}
	c.call(201, "POST", "/oauth2PermissionGrants", grant(one))
	for status, edits := range map[int][]map[string]any{
		400: {{"consentType": "Everybody"}, {"principalId": defaultUser}, {"consentType": "Principal"}},
		404: {{"clientId": defaultUser}, {"resourceId": client}, {"consentType": "Principal", "principalId": client}},
	} {
		for _, edit := range edits {
			c.call(status, "POST", "/oauth2PermissionGrants", grant(edit))
		}
	}
	assert.Len(t, c.get("/servicePrincipals/" + client + "/oauth2PermissionGrants")["value"], 2)
	filtered := c.get("/oauth2PermissionGrants?$filter=clientId%20eq%20'" + client + "'%20and%20consentType%20eq%20'Principal'")
	assert.Equal(t, []string{defaultUser}, names(filtered["value"], "principalId"))

	c.call(400, "PATCH", "/oauth2PermissionGrants/"+made, map[string]any{"principalId": defaultUser})
	c.call(204, "PATCH", "/oauth2PermissionGrants/"+made, map[string]any{"scope": "Mail.Read"})
	assert.Equal(t, "Mail.Read", c.get("/oauth2PermissionGrants/" + made)["scope"])
	c.call(204, "DELETE", "/oauth2PermissionGrants/"+made, nil)
	for _, method := range []string{"GET", "DELETE"} {
		c.call(404, method, "/oauth2PermissionGrants/"+made, nil)
	}
	c.call(404, "PATCH", "/oauth2PermissionGrants/"+made, map[string]any{"scope": "Mail.Read"})
	c.call(404, "GET", "/servicePrincipals/"+defaultUser+"/oauth2PermissionGrants", nil)
}

// What is granted and withdrawn shows later on the read path of grants.
func TestGrantsShowLater(t *testing.T) {
	c := consenting(t)
	client := c.call(201, "POST", "/servicePrincipals", map[string]any{"appId": vendorApp})["id"].(string)
	graph := c.get("/servicePrincipals(appId='" + graphAppID + "')")["id"].(string)
	c.tenant.SetConsistency(tenantfake.ReadGrants, tenantfake.Consistency{VisibleAfter: time.Minute})
	shown := func() (int, int) {
		return len(c.get("/servicePrincipals/" + client + "/appRoleAssignments")["value"].([]any)), len(c.get("/oauth2PermissionGrants")["value"].([]any))
	}
	assertShown := func(want int) {
		t.Helper()
		app, delegated := shown()
		assert.Equal(t, []int{want, want}, []int{app, delegated})
	}
	role := c.call(201, "POST", "/servicePrincipals/"+graph+"/appRoleAssignedTo", map[string]any{"principalId": client, "resourceId": graph, "appRoleId": mailRead})["id"].(string)
	scope := c.call(201, "POST", "/oauth2PermissionGrants", map[string]any{"clientId": client, "resourceId": graph, "consentType": "AllPrincipals", "scope": "Mail.Read"})["id"].(string)
	assertShown(0)
	c.clock.advance(time.Minute)
	assertShown(1)
	c.call(204, "DELETE", "/servicePrincipals/"+graph+"/appRoleAssignedTo/"+role, nil)
	c.call(204, "DELETE", "/oauth2PermissionGrants/"+scope, nil)
	assertShown(1)
	c.tenant.Replicate()
	assertShown(0)
}

func TestConsentPolicyOnGraph(t *testing.T) {
	c := consenting(t)
	const path = "/policies/adminConsentRequestPolicy"
	want := map[string]any{"isEnabled": true, "notifyReviewers": true, "remindersEnabled": true, "requestDurationInDays": 30,
		"reviewers": []any{map[string]any{"query": "/users/" + defaultUser, "queryType": "MicrosoftGraph"}}}
	assert.Equal(t, false, c.get(path)["isEnabled"])
	c.tenant.SetConsistency(tenantfake.ReadPolicies, tenantfake.Consistency{VisibleAfter: time.Minute})
	c.call(204, "PUT", path, want)
	assert.Equal(t, false, c.get(path)["isEnabled"])
	c.clock.advance(time.Minute)
	got := c.get(path)
	assert.Equal(t, []any{true, float64(30), float64(1)}, []any{got["isEnabled"], got["requestDurationInDays"], got["version"]})
	assert.Equal(t, []string{"/users/" + defaultUser}, names(got["reviewers"], "query"))
	for name, wrong := range map[string]any{"requestDurationInDays": 61, "reviewers": []any{}} {
		bad := map[string]any{}
		for k, v := range want {
			bad[k] = v
		}
		bad[name] = wrong
		c.call(400, "PUT", path, bad)
		delete(bad, name)
		c.call(400, "PUT", path, bad)
	}
	c.tenant.SetPermissions(tenantfake.DefaultClientID, []string{"Policy.Read.All"}, nil)
	c.login()
	c.call(403, "PUT", path, want)
	c.get(path)
}

func TestConsentsAreSaved(t *testing.T) {
	c := consenting(t)
	c.tenant.SetConsentPolicy(tenantfake.ConsentPolicy{Enabled: true, Days: 3, Reviewers: []string{"/users/" + defaultUser}})
	require.True(t, c.tenant.Consent(vendorApp))
	require.True(t, c.tenant.UserConsents(vendorApp, defaultUser, "Calendars.Read"))
	assert.False(t, c.tenant.UserConsents(vendorApp, "nobody"))
	var b bytes.Buffer
	require.NoError(t, c.server.Save(&b))
	other := tenantfake.New(tenantfake.Options{})
	require.NoError(t, other.Load(&b))
	again := other.Tenant(tenantfake.DefaultTenantID)
	assert.Equal(t, c.tenant.DelegatedGrants(), again.DelegatedGrants())
	assert.Equal(t, c.tenant.ConsentPolicy(), again.ConsentPolicy())
}
