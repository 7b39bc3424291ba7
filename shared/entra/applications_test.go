package entra_test

import (
	"net/http"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/usher365/usher/shared/entra"
	"github.com/usher365/usher/shared/fault"
	"github.com/usher365/usher/shared/tenantfake"
)

const (
	graphAPI    = "00000003-0000-0000-c000-000000000000"
	exchangeAPI = "00000002-0000-0ff1-ce00-000000000000"
)

func settings() entra.AppSettings {
	return entra.AppSettings{
		DisplayName: "Usher's sync", SignInAudience: "AzureADMultipleOrgs", Tags: []string{"mark"}, RedirectURIs: []string{"https://landing.example"},
		Asks: []entra.Asked{
			{ResourceAppID: graphAPI, PermissionID: "df021288-bdef-4463-88db-98f22de89214"},
			{ResourceAppID: exchangeAPI, PermissionID: "dc50a0fb-09a3-484d-be87-e023b12c6440"},
			{ResourceAppID: graphAPI, PermissionID: "e1fe6dd8-ba31-4d61-89e7-88639da4683d", Delegated: true},
		},
	}
}

func TestWholeLifeOfAnApplication(t *testing.T) {
	server, world, c := contoso(t)
	world.SetPermissions(tenantfake.DefaultClientID, []string{"Application.ReadWrite.All", "AppRoleAssignment.ReadWrite.All"}, nil)
	const name = "o'usher-sync"
	_, found, err := c.Application(ctx, tenant, name)
	require.NoError(t, err)
	assert.False(t, found)
	for range 2 {
		require.NoError(t, c.PutApplication(ctx, tenant, name, settings()))
	}
	require.Len(t, world.Registrations(), 1)
	a, found, err := c.Application(ctx, tenant, name)
	require.NoError(t, err)
	assert.True(t, found)
	want := settings()
	want.Asks[1], want.Asks[2] = want.Asks[2], want.Asks[1] // grouped by their API
	assert.Equal(t, want, a.AppSettings)

	require.NoError(t, c.PutApplication(ctx, tenant, name, entra.AppSettings{DisplayName: "bare", SignInAudience: "AzureADMyOrg"}))
	bare, _, err := c.Application(ctx, tenant, name)
	require.NoError(t, err)
	assert.Empty(t, bare.Asks, "an empty list is written too")
	assert.Empty(t, bare.Tags)

	principalOf(t, c, a.AppID)
	credentials(t, c, a.ObjectID)
	assert.Empty(t, server.SchemaViolations())
}

func principalOf(t *testing.T, c *entra.Client, appID string) {
	_, found, err := c.ServicePrincipal(ctx, tenant, appID)
	require.NoError(t, err)
	assert.False(t, found)
	for range 2 {
		require.NoError(t, c.PutServicePrincipal(ctx, tenant, appID))
	}
	p, found, err := c.ServicePrincipal(ctx, tenant, appID)
	require.NoError(t, err)
	require.True(t, found)

	api, _, err := c.ServicePrincipal(ctx, tenant, graphAPI)
	require.NoError(t, err)
	permission := api.Permissions["User.Read.All"]
	for range 2 {
		require.NoError(t, c.GivePermission(ctx, tenant, p.ObjectID, api.ObjectID, permission))
	}
	held, err := c.Grants(ctx, tenant, p.ObjectID)
	require.NoError(t, err)
	require.Len(t, held, 1)
	assert.True(t, held[0].Same(entra.Grant{ResourceID: api.ObjectID, PermissionID: permission}))
	assert.Equal(t, "Microsoft Graph", held[0].ResourceName)
	for range 2 {
		require.NoError(t, c.WithdrawPermission(ctx, tenant, held[0]))
	}
}

func credentials(t *testing.T, c *entra.Client, application string) {
	want := entra.FederatedCredential{Name: "usher-1", Description: "d", Issuer: "https://sts.example", Subject: "role/usher", Audiences: []string{"api://AzureADTokenExchange"}}
	for range 2 {
		require.NoError(t, c.PutFederatedCredential(ctx, tenant, application, want))
	}
	all, err := c.FederatedCredentials(ctx, tenant, application)
	require.NoError(t, err)
	require.Len(t, all, 1)
	want.ID = all[0].ID
	assert.Equal(t, want, all[0])
	for range 2 {
		require.NoError(t, c.RemoveFederatedCredential(ctx, tenant, application, want.ID))
	}
}

// What is too new is waited for; what is not allowed names the right of a person too.
func TestRefusalsAboutApplications(t *testing.T) {
	put := func(c *entra.Client) error { return c.PutServicePrincipal(ctx, tenant, graphAPI) }
	grant := func(c *entra.Client) error { return c.GivePermission(ctx, tenant, userID, userID, roleID) }
	for name, refused := range map[string]struct {
		do     func(*entra.Client) error
		status int
		body   string
		class  fault.Class
		code   fault.Code
		says   string
	}{
		"no application yet, by its code": {put, 400, `{"error":{"code":"Request_BadRequest","message":"x","details":[{"code":"NoBackingApplicationObject"}]}}`, fault.Waiting, fault.IdentityNotFound, "wait"},
		"no application yet, by its text": {put, 400, graphError("Request_BadRequest", "The appId 'x' of the service principal does not reference a valid application object."), fault.Waiting, fault.IdentityNotFound, "wait"},
		"no application yet, as 403":      {put, 403, graphError("Authorization_RequestDenied", "When using this permission, the backing application of the service principal being created must in the local tenant"), fault.Waiting, fault.IdentityNotFound, "wait"},
		"no principal yet":                {grant, 404, graphError("Request_ResourceNotFound", "does not exist"), fault.Waiting, fault.IdentityNotFound, "not yet"},
		"may not register":                {put, 403, graphError("Authorization_RequestDenied", "Insufficient privileges"), fault.Permanent, fault.PermissionMissing, "Application Administrator"},
		"may not grant":                   {grant, 403, graphError("Authorization_RequestDenied", "Insufficient privileges"), fault.Permanent, fault.PermissionMissing, "Privileged Role Administrator"},
		"names no permission":             {grant, 400, graphError("Request_BadRequest", "Permission being assigned was not found on application"), fault.Transient, fault.GraphRequestRejected, "correct the request"},
	} {
		t.Run(name, func(t *testing.T) {
			err := refused.do(newGraph(t, answer(refused.status, refused.body)).client(t))
			require.Error(t, err)
			assert.Equal(t, refused.class, fault.ClassOf(err))
			assert.Equal(t, refused.code, fault.CodeOf(err))
			assert.Contains(t, err.Error(), refused.says)
		})
	}
}

func TestDamagedAnswersAboutApplications(t *testing.T) {
	for _, body := range []string{`{}`, `{"id":"x"}`, `{"value":[{}]}`, `nothing`} {
		c := newGraph(t, answer(200, body)).client(t)
		_, _, err := c.Application(ctx, tenant, "usher-sync")
		assert.Equal(t, fault.Transient, fault.ClassOf(err), body)
		_, err = c.Grants(ctx, tenant, userID)
		assert.Equal(t, fault.Transient, fault.ClassOf(err), body)
	}
	_, _, err := newGraph(t, answer(200, `{"appId":"x"}`)).client(t).ServicePrincipal(ctx, tenant, graphAPI)
	assert.ErrorContains(t, err, "without an id")
	_, err = mustClient(t, newGraph(t, answer(200, `{}`)).options()).Grants(ctx, tenant, "")
	assert.True(t, fault.Is(err, fault.MalformedCommand), "an empty id means the whole list")
}

// On the wire: an upsert says so, a grant is a POST, and keys of an application are read.
func TestApplicationsOnTheWire(t *testing.T) {
	g := newGraph(t, answer(http.StatusNoContent, ""))
	c := g.client(t)
	require.NoError(t, c.PutApplication(ctx, tenant, "usher-sync", entra.AppSettings{DisplayName: "x"}))
	last := g.last(t)
	assert.Equal(t, "PATCH /v1.0/applications(uniqueName='usher-sync')", last.Method+" "+last.URL.Path)
	assert.Equal(t, "create-if-missing", last.Header.Get("Prefer"))
	assert.JSONEq(t, `{"displayName":"x","signInAudience":"","tags":[],"web":{"redirectUris":[]},"requiredResourceAccess":[]}`, last.body)

	c = newGraph(t, answer(200, `{"id":"o","appId":"a","passwordCredentials":[{"keyId":"k","displayName":"old","endDateTime":"2027-01-02T03:04:05Z"}],"keyCredentials":[{"keyId":"c"}]}`)).client(t)
	a, _, err := c.Application(ctx, tenant, "usher-sync")
	require.NoError(t, err)
	assert.Equal(t, []entra.Key{{ID: "k", Name: "old", Ends: time.Date(2027, 1, 2, 3, 4, 5, 0, time.UTC)}}, a.Secrets)
	assert.Equal(t, []entra.Key{{ID: "c"}}, a.Certificates)
}
