package entra_test

import (
	"slices"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/usher365/usher/shared/account"
	"github.com/usher365/usher/shared/entra"
	"github.com/usher365/usher/shared/fault"
	"github.com/usher365/usher/shared/tenantfake"
)

const vendorApp = "77777777-aaaa-4bbb-8ccc-dddddddddddd"

// withVendor is a tenant whose administrator we are, and a vendor's tenant that offers an application.
func withVendor(t *testing.T) (*tenantfake.Server, *tenantfake.Tenant, *entra.Client) {
	server, world, c := contoso(t)
	world.SetPermissions(tenantfake.DefaultClientID, []string{"Application.ReadWrite.All", "AppRoleAssignment.ReadWrite.All",
		"DelegatedPermissionGrant.ReadWrite.All", "Policy.Read.All", "Policy.ReadWrite.ConsentRequest"}, nil)
	vendor := server.AddTenant(tenantfake.TenantSpec{InitialDomain: "vendor.onmicrosoft.com"})
	vendor.Register(tenantfake.Registration{ClientID: vendorApp, DisplayName: "Vendor's connector", SignInAudience: "AzureADMultipleOrgs"})
	vendor.Register(tenantfake.Registration{ClientID: "88888888-aaaa-4bbb-8ccc-dddddddddddd", DisplayName: "For the vendor only", SignInAudience: "AzureADMyOrg"})
	return server, world, c
}

func TestServicePrincipalOfAVendor(t *testing.T) {
	server, world, c := withVendor(t)
	for range 2 {
		require.NoError(t, c.MakeServicePrincipal(ctx, tenant, vendorApp))
	}
	p, found, err := c.ServicePrincipal(ctx, tenant, vendorApp)
	require.NoError(t, err)
	require.True(t, found)
	assert.Equal(t, "Vendor's connector", p.DisplayName)
	for _, private := range []string{"88888888-aaaa-4bbb-8ccc-dddddddddddd", "99999999-aaaa-4bbb-8ccc-dddddddddddd"} {
		err := c.MakeServicePrincipal(ctx, tenant, private)
		assert.True(t, fault.Is(err, fault.ApplicationUnknown), err)
		assert.Equal(t, fault.Permanent, fault.ClassOf(err))
	}
	require.True(t, world.UserConsents(vendorApp, "AdeleV@contoso.com", "Mail.Read"))
	for range 2 {
		require.NoError(t, c.RemoveServicePrincipal(ctx, tenant, p.ObjectID))
	}
	assert.Empty(t, world.DelegatedGrants(), "what was granted to it goes with it")
	assert.Empty(t, server.SchemaViolations())
}

func TestDelegatedGrants(t *testing.T) {
	server, world, c := withVendor(t)
	require.NoError(t, c.MakeServicePrincipal(ctx, tenant, vendorApp))
	p, _, err := c.ServicePrincipal(ctx, tenant, vendorApp)
	require.NoError(t, err)
	api, _, err := c.ServicePrincipal(ctx, tenant, graphAPI)
	require.NoError(t, err)
	assert.Equal(t, "570282fd-fa5c-430d-a7fd-fc8dc98a9dca", api.Scopes["Mail.Read"])
	require.True(t, world.UserConsents(vendorApp, "AdeleV@contoso.com", "Calendars.Read"))

	all := account.DelegatedGrant{ClientID: p.ObjectID, ResourceID: api.ObjectID, Scopes: []string{"Mail.Read", "offline_access"}}
	require.NoError(t, c.GiveDelegated(ctx, tenant, all))
	err = c.GiveDelegated(ctx, tenant, all)
	assert.True(t, fault.Is(err, fault.ConsentNotVisible), err)
	assert.Equal(t, fault.Waiting, fault.ClassOf(err))
	one := all
	one.UserID = "0e0e0000-0000-4000-8000-000000000002"
	require.NoError(t, c.GiveDelegated(ctx, tenant, one))

	held, err := c.DelegatedGrants(ctx, tenant, p.ObjectID)
	require.NoError(t, err)
	require.Len(t, held, 3)
	everybodys := held[slices.IndexFunc(held, func(g account.DelegatedGrant) bool { return g.UserID == "" })]
	assert.Equal(t, all.Scopes, everybodys.Scopes)
	assert.True(t, everybodys.Holds("mail.read"))
	require.NoError(t, c.SetScopes(ctx, tenant, everybodys.ID, []string{"Mail.Read"}))
	for _, g := range held {
		if g.UserID != "" {
			require.NoError(t, c.WithdrawDelegated(ctx, tenant, g.ID))
			require.NoError(t, c.WithdrawDelegated(ctx, tenant, g.ID), "gone already")
		}
	}
	held, err = c.DelegatedGrants(ctx, tenant, p.ObjectID)
	require.NoError(t, err)
	all.ID, all.Scopes = everybodys.ID, []string{"Mail.Read"}
	assert.Equal(t, []account.DelegatedGrant{all}, held)
	assert.Empty(t, server.SchemaViolations())
}

func TestRefusalsAboutDelegatedGrants(t *testing.T) {
	_, world, c := withVendor(t)
	give := func(client string) error {
		return c.GiveDelegated(ctx, tenant, account.DelegatedGrant{ClientID: client, ResourceID: userID, Scopes: []string{"Mail.Read"}})
	}
	assert.True(t, fault.Is(give("00000000-0000-4000-8000-00000000dead"), fault.IdentityNotFound))
	assert.True(t, fault.Is(give(""), fault.MalformedCommand))
	err := c.SetScopes(ctx, tenant, "none", []string{"Mail.Read"})
	assert.True(t, fault.Is(err, fault.IdentityNotFound), err)
	world.SetPermissions(tenantfake.DefaultClientID, []string{"Directory.Read.All"}, nil)
	c.Forget(tenant)
	err = give(userID)
	assert.True(t, fault.Is(err, fault.PermissionMissing), err)
	assert.ErrorContains(t, err, "DelegatedPermissionGrant.ReadWrite.All")
}

// On the wire: a PATCH by id must not create, and a POST says whom it is for.
func TestDelegatedGrantsOnTheWire(t *testing.T) {
	g := newGraph(t, answer(204, ""))
	c := g.client(t)
	require.NoError(t, c.SetScopes(ctx, tenant, "a/b", []string{"Mail.Read", "User.Read"}))
	last := g.last(t)
	assert.Equal(t, "PATCH /v1.0/oauth2PermissionGrants/a%2Fb", last.Method+" "+last.URL.EscapedPath())
	assert.Empty(t, last.Header.Get("Prefer"))
	assert.JSONEq(t, `{"scope":"Mail.Read User.Read"}`, last.body)
	require.NoError(t, c.GiveDelegated(ctx, tenant, account.DelegatedGrant{ClientID: "c", ResourceID: "r", UserID: "u", Scopes: []string{"Mail.Read"}}))
	assert.JSONEq(t, `{"clientId":"c","resourceId":"r","consentType":"Principal","principalId":"u","scope":"Mail.Read"}`, g.last(t).body)
	require.NoError(t, c.MakeServicePrincipal(ctx, tenant, vendorApp))
	assert.JSONEq(t, `{"appId":"`+vendorApp+`","tags":["WindowsAzureActiveDirectoryIntegratedApp"]}`, g.last(t).body)
}

func TestWhatAnApplicationMayDoIsReadBackByName(t *testing.T) {
	_, world, c := withVendor(t)
	none, err := c.AppPermissions(ctx, tenant, vendorApp)
	require.NoError(t, err)
	assert.Empty(t, none)
	require.NoError(t, c.MakeServicePrincipal(ctx, tenant, vendorApp))
	p, _, err := c.ServicePrincipal(ctx, tenant, vendorApp)
	require.NoError(t, err)
	api, _, err := c.ServicePrincipal(ctx, tenant, graphAPI)
	require.NoError(t, err)
	require.NoError(t, c.GivePermission(ctx, tenant, p.ObjectID, api.ObjectID, api.Permissions["Mail.Read"]))
	require.NoError(t, c.GiveDelegated(ctx, tenant, account.DelegatedGrant{ClientID: p.ObjectID, ResourceID: api.ObjectID, Scopes: []string{"Mail.Send", "No.Such"}}))
	require.True(t, world.UserConsents(vendorApp, "AdeleV@contoso.com", "Calendars.Read"))
	held, err := c.AppPermissions(ctx, tenant, vendorApp)
	require.NoError(t, err)
	assert.Equal(t, []account.AppPermission{{Resource: graphAPI, Name: "Mail.Read"}, {Resource: graphAPI, Name: "Mail.Send", Delegated: true}}, held)
}
