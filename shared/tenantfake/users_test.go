package tenantfake_test

import (
	"bytes"
	"compress/gzip"
	"fmt"
	"net/http"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/usher365/usher/shared/tenantfake"
)

func TestCreateRefuses(t *testing.T) {
	tests := []struct {
		name    string
		change  map[string]any
		message string
	}{
		{"taken name", map[string]any{"userPrincipalName": "ADELEV@contoso.com"}, "Another object with the same value for property userPrincipalName already exists."},
		{"foreign domain", map[string]any{"userPrincipalName": "a@example.com"}, "The domain portion of the userPrincipalName property is invalid."},
		{"unverified domain", map[string]any{"userPrincipalName": "a@new.contoso.com"}, "The domain portion of the userPrincipalName property is invalid."},
		{"illegal character", map[string]any{"userPrincipalName": "a b@contoso.com"}, "Property userPrincipalName is invalid."},
		{"no domain", map[string]any{"userPrincipalName": "ab"}, "Property userPrincipalName is invalid."},
		{"federated domain", map[string]any{"userPrincipalName": "a@fed.contoso.com"}, "A value is required for property 'onPremisesImmutableId'"},
		{"no display name", map[string]any{"displayName": nil}, "A value is required for property 'displayName'"},
		{"no password", map[string]any{"passwordProfile": nil}, "A password must be specified to create a new user."},
		{"weak password", map[string]any{"passwordProfile": map[string]any{"password": "aaaaaaaaaa"}}, "The specified password does not comply"},
		{"short password", map[string]any{"passwordProfile": map[string]any{"password": "aA1!"}}, "The specified password does not comply"},
		{"password with the name", map[string]any{"passwordProfile": map[string]any{"password": "Svc-Test.2026!"}}, "The specified password does not comply"},
		{"password outside ASCII", map[string]any{"passwordProfile": map[string]any{"password": "Größeres-1Wort"}}, "The specified password does not comply"},
		{"bad nickname", map[string]any{"mailNickname": "a@b"}, "One or more properties contains invalid values."},
		{"read-only property", map[string]any{"createdDateTime": "2026-01-01T00:00:00Z"}, "One or more properties contains invalid values."},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			c := newClient(t, func(spec *tenantfake.TenantSpec) {
				spec.Domains = append(spec.Domains, tenantfake.Domain{Name: "new.contoso.com", Unverified: true})
			})
			before := len(c.tenant.Users())
			body := newUser("svc-test")
			for k, v := range tt.change {
				body[k] = v
			}
			answer := c.call(400, "POST", "/users", body)
			require.Equal(t, "Request_BadRequest", errorCode(answer))
			require.True(t, strings.HasPrefix(answer["error"].(map[string]any)["message"].(string), tt.message), answer)
			require.Len(t, c.tenant.Users(), before)
		})
	}
}

func TestDuplicateNamesBothShapes(t *testing.T) {
	c := newClient(t)
	details := c.call(400, "POST", "/users", func() any {
		body := newUser("a")
		body["userPrincipalName"] = "AdeleV@contoso.com"
		return body
	}())["error"].(map[string]any)["details"]
	require.Equal(t, []string{"ObjectConflict", "ConflictingObjects"}, names(details, "code"))
	require.Equal(t, []string{"userPrincipalName", "User_" + defaultUser}, names(details, "target"))
}

func TestOtherConflicts(t *testing.T) {
	c := newClient(t)
	c.tenant.SetTerseConflicts(true)
	c.create("svc-x")
	details := c.call(400, "POST", "/users", newUser("svc-x"))["error"].(map[string]any)["details"]
	require.Equal(t, []any{map[string]any{"code": "ObjectConflict", "target": "userPrincipalName"}}, details)
	c.tenant.SetTerseConflicts(false)
	federated := func(name string) map[string]any {
		body := newUser(name)
		body["userPrincipalName"], body["onPremisesImmutableId"] = name+"@fed.contoso.com", "AAAA"
		return body
	}
	c.call(201, "POST", "/users", federated("svc-y"))
	details = c.call(400, "POST", "/users", federated("svc-z"))["error"].(map[string]any)["details"]
	require.Equal(t, []string{"onPremisesImmutableId", "User_" + userOf(t, c, "svc-y@fed.contoso.com").ID}, names(details, "target"))
}

func TestConsentWithdrawnAndGiven(t *testing.T) {
	c := newClient(t)
	require.True(t, c.tenant.RemoveApp(tenantfake.DefaultClientID))
	require.False(t, c.tenant.RemoveApp(tenantfake.DefaultClientID))
	require.Equal(t, "Authorization_IdentityNotFound", errorCode(c.call(401, "GET", "/users", nil)))
	status, body := c.tokenRequest(tenantfake.DefaultTenantID, url.Values{"client_id": {tenantfake.DefaultClientID}, "grant_type": {"client_credentials"}})
	require.Equal(t, 400, status)
	require.Equal(t, []any{700016.0}, body["error_codes"])
	c.tenant.AddApp(tenantfake.DefaultTenant().Apps[0])
	c.get("/users")
	c.login()
	require.Len(t, c.rows("Get-RoleGroup", map[string]any{"Identity": viewOnly}), 1)
}

// TestSchemaIsEnforced sends what Microsoft's schema does not have. The violations are expected, so the client is not newClient's.
func TestSchemaIsEnforced(t *testing.T) {
	for name, change := range map[string]map[string]any{
		"unknown property": {"acountEnabled": true},
		"wrong type":       {"accountEnabled": "true"},
		"nested":           {"passwordProfile": map[string]any{"passwort": "x"}},
		"not an array":     {"businessPhones": "1"},
		"array item":       {"businessPhones": []any{1}},
	} {
		for _, strict := range []bool{true, false} {
			t.Run(fmt.Sprint(name, strict), func(t *testing.T) {
				c := newClient(t)
				s := tenantfake.New(tenantfake.Options{Strict: strict, Now: c.clock.now})
				s.AddTenant(tenantfake.DefaultTenant())
				c.http = &http.Client{Transport: s.Transport()}
				c.login()
				resp, err := c.do("PATCH", "/users/"+defaultUser, change)
				require.NoError(t, err)
				require.NoError(t, resp.Body.Close())
				require.NotEmpty(t, s.SchemaViolations())
				if strict {
					require.Equal(t, 400, resp.StatusCode)
				}
			})
		}
	}
}

func TestBodies(t *testing.T) {
	c := newClient(t)
	send := func(body []byte, header map[string]string) int {
		req, err := http.NewRequest("POST", graphURL+"/users", bytes.NewReader(body))
		require.NoError(t, err)
		req.Header.Set("Authorization", "Bearer "+c.graph)
		for k, v := range header {
			req.Header.Set(k, v)
		}
		resp, err := c.http.Do(req)
		require.NoError(t, err)
		require.NoError(t, resp.Body.Close())
		return resp.StatusCode
	}
	plain := []byte(`{"accountEnabled":true,"displayName":"Z","mailNickname":"zip","userPrincipalName":"zip@contoso.com","passwordProfile":{"password":"xWwvJ]6NMw"}}`)
	var packed bytes.Buffer
	z := gzip.NewWriter(&packed)
	_, err := z.Write(plain)
	require.NoError(t, err)
	require.NoError(t, z.Close())
	isJSON := map[string]string{"Content-Type": "application/json"}
	require.Equal(t, 400, send(plain, map[string]string{"Content-Type": "application/json", "Content-Encoding": "gzip"}), "labelled gzip, sent plain")
	require.Equal(t, 400, send(plain, map[string]string{"Content-Type": "text/plain"}))
	require.Equal(t, 400, send([]byte("{"), isJSON))
	require.Equal(t, 400, send(nil, isJSON))
	require.Equal(t, 400, send(bytes.Repeat([]byte(" "), 5<<20), isJSON))
	require.Equal(t, 201, send(packed.Bytes(), map[string]string{"Content-Type": "application/json", "Content-Encoding": "gzip"}))
}

func TestUpdate(t *testing.T) {
	c := newClient(t)
	id := c.create("svc-upd")
	c.call(204, "PATCH", "/users/"+id, map[string]any{"displayName": "New", "department": "IT", "businessPhones": []any{"1"},
		"onPremisesExtensionAttributes": map[string]any{"extensionAttribute15": "usher:1"}})
	u := c.get("/users/" + id + "?%24select=displayName,department,businessPhones,onPremisesExtensionAttributes,assignedLicenses,city")
	require.Equal(t, "New", u["displayName"])
	require.Equal(t, "IT", u["department"])
	require.Equal(t, []any{"1"}, u["businessPhones"])
	require.Equal(t, []any{}, u["assignedLicenses"])
	require.Nil(t, u["city"])
	require.Equal(t, "usher:1", u["onPremisesExtensionAttributes"].(map[string]any)["extensionAttribute15"])
	c.call(204, "PATCH", "/users/"+id, map[string]any{"onPremisesExtensionAttributes": map[string]any{"extensionAttribute15": nil}, "givenName": nil})
	require.Empty(t, userOf(t, c, id).ExtensionAttributes)
	c.call(204, "PATCH", "/users/"+id, map[string]any{"userPrincipalName": "renamed@contoso.com"})
	c.call(404, "GET", "/users/svc-upd@contoso.onmicrosoft.com", nil)
	c.call(200, "GET", "/users('renamed@contoso.com')", nil)
	c.call(400, "PATCH", "/users/"+id, map[string]any{"userPrincipalName": "AdeleV@contoso.com"})
	c.call(404, "PATCH", "/users/nobody", map[string]any{"displayName": "x"})
	c.call(204, "PATCH", "/users/"+id, map[string]any{"@odata.type": "#microsoft.graph.user"})
}

func userOf(t *testing.T, c *client, id string) tenantfake.User {
	t.Helper()
	u, ok := c.tenant.User(id)
	require.True(t, ok)
	return u
}

func TestSelect(t *testing.T) {
	c := newClient(t)
	require.Len(t, c.get("/users/"+defaultUser), 12, "eleven default properties and the context")
	require.Len(t, c.get("/users/"+defaultUser+"?$select=accountEnabled"), 3)
	c.call(400, "GET", "/users/"+defaultUser+"?$select=nonsense", nil)
	c.call(501, "GET", "/users/"+defaultUser+"?$expand=manager", nil)
	require.Nil(t, c.get("/users/" + defaultUser + "?$select=passwordProfile")["passwordProfile"])
}

// TestSensitiveActions holds the table of who may disable whom.
func TestSensitiveActions(t *testing.T) {
	tests := []struct {
		caller, held []string
		allowed      bool
	}{
		{nil, nil, true},
		{nil, []string{"Directory Readers"}, false},
		{nil, []string{"Security Administrator"}, false},
		{[]string{"User Administrator"}, []string{"Reports Reader"}, true},
		{[]string{"User Administrator"}, []string{"Security Administrator"}, false},
		{[]string{"User Administrator"}, []string{"Reports Reader", "Global Administrator"}, false},
		{[]string{"Exchange Administrator"}, []string{"Exchange Administrator"}, false},
		{[]string{"Privileged Authentication Administrator"}, []string{"Global Administrator"}, true},
		{[]string{"Global Administrator"}, []string{"Exchange Administrator"}, true},
	}
	for _, tt := range tests {
		t.Run(strings.Join(tt.caller, ",")+" on "+strings.Join(tt.held, ","), func(t *testing.T) {
			c := newClient(t)
			c.tenant.SetDirectoryRoles(tenantfake.DefaultClientID, tt.caller...)
			c.login()
			id := c.create("svc-target")
			for _, role := range tt.held {
				require.NotEmpty(t, c.tenant.AssignRoleByHand(id, role))
			}
			patch, del := 403, 403
			if tt.allowed {
				patch, del = 204, 204
			}
			c.call(patch, "PATCH", "/users/"+id, map[string]any{"accountEnabled": false})
			require.Equal(t, !tt.allowed, userOf(t, c, id).AccountEnabled)
			c.call(204, "PATCH", "/users/"+id, map[string]any{"displayName": "harmless"})
			c.call(del, "DELETE", "/users/"+id, nil)
		})
	}
}

func TestPasswords(t *testing.T) {
	c := newClient(t)
	id := c.create("svc-pw")
	upn := "svc-pw@contoso.onmicrosoft.com"
	require.True(t, c.tenant.CheckPassword(upn, usableOne))
	require.False(t, c.tenant.CheckPassword(upn, "wrong"))
	require.False(t, c.tenant.CheckPassword("nobody@contoso.com", usableOne))
	reset := map[string]any{"passwordProfile": map[string]any{"password": "Another-One-2", "forceChangePasswordNextSignIn": false}}
	c.tenant.SetDirectoryRoles(tenantfake.DefaultClientID, "Exchange Administrator")
	c.login()
	c.call(403, "PATCH", "/users/"+id, reset)
	c.tenant.SetDirectoryRoles(tenantfake.DefaultClientID, "User Administrator")
	c.login()
	c.call(204, "PATCH", "/users/"+id, reset)
	require.True(t, c.tenant.CheckPassword(upn, "Another-One-2"))
	c.call(204, "PATCH", "/users/"+id, map[string]any{"passwordProfile": map[string]any{"password": "Another-One-3"}})
	require.False(t, c.tenant.CheckPassword(upn, "Another-One-3"), "a change at the next sign-in is the default")
	require.True(t, c.tenant.DisableByHand(id))
	require.False(t, c.tenant.CheckPassword(upn, "Another-One-3"))
	c.call(400, "PATCH", "/users/"+id, map[string]any{"passwordProfile": map[string]any{"password": "weak"}})
}

func TestNarrowPermissions(t *testing.T) {
	c := newClient(t)
	c.tenant.SetPermissions(tenantfake.DefaultClientID, []string{"User.EnableDisableAccount.All", "User.Read.All"}, nil)
	c.login()
	c.call(403, "POST", "/users", newUser("x"))
	c.call(403, "PATCH", "/users/"+defaultUser, map[string]any{"displayName": "x"})
	c.call(204, "PATCH", "/users/"+defaultUser, map[string]any{"accountEnabled": false})
}

func TestSyncedUsers(t *testing.T) {
	c := newClient(t, func(spec *tenantfake.TenantSpec) {
		spec.Users = append(spec.Users, tenantfake.UserSpec{User: tenantfake.User{UserPrincipalName: "synced@contoso.com", OnPremisesSync: true, OnPremisesImmutableID: "AAAA"}})
	})
	c.call(400, "PATCH", "/users/synced@contoso.com", map[string]any{"displayName": "x"})
	require.Equal(t, true, c.get("/users/synced@contoso.com?$select=onPremisesSyncEnabled")["onPremisesSyncEnabled"])
}

func TestRestoreConflictAndPurge(t *testing.T) {
	c := newClient(t)
	first := c.create("svc-twice")
	c.call(204, "DELETE", "/users/"+first, nil)
	second := c.create("svc-twice")
	require.NotEqual(t, first, second)
	body := c.call(400, "POST", "/directory/deletedItems/"+first+"/restore", nil)
	require.Equal(t, []string{"ObjectConflict", "ConflictingObjects"}, names(body["error"].(map[string]any)["details"], "code"))
	c.call(200, "POST", "/directory/deletedItems/"+first+"/restore", map[string]any{"newUserPrincipalName": "svc-first@contoso.com"})
	c.call(404, "POST", "/directory/deletedItems/"+first+"/restore", nil)

	c.call(204, "DELETE", "/users/"+second, nil)
	c.clock.advance(30*24*time.Hour - time.Second)
	require.Len(t, c.tenant.DeletedUsers(), 1)
	c.clock.advance(time.Second)
	require.Empty(t, c.tenant.DeletedUsers(), "purged after thirty days")
	c.login()
	c.call(404, "DELETE", "/directory/deletedItems/"+second, nil)
}
