package entra_test

import (
	"net/http"
	"testing"
	"time"

	"github.com/Azure/azure-sdk-for-go/sdk/azcore"
	"github.com/Azure/azure-sdk-for-go/sdk/azcore/cloud"
	"github.com/Azure/azure-sdk-for-go/sdk/azcore/policy"
	"github.com/Azure/azure-sdk-for-go/sdk/azidentity"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/usher365/usher/shared/account"
	"github.com/usher365/usher/shared/entra"
	"github.com/usher365/usher/shared/fault"
	"github.com/usher365/usher/shared/tenantfake"
)

const serviceSupportAdministrator = roleID

// contoso is an emulated tenant and a client of it that signs in with azidentity.
func contoso(t testing.TB) (*tenantfake.Server, *tenantfake.Tenant, *entra.Client) {
	server := tenantfake.New(tenantfake.Options{Strict: true})
	world := server.AddTenant(tenantfake.DefaultTenant())
	return server, world, clientOf(t, server, tenantfake.DefaultClientSecret)
}

func clientOf(t testing.TB, server *tenantfake.Server, secret string) *entra.Client {
	transport := &http.Client{Transport: server.Transport()}
	return mustClient(t, entra.Options{
		Credential: func(id account.TenantID) (azcore.TokenCredential, error) {
			return azidentity.NewClientSecretCredential(string(id), tenantfake.DefaultClientID, secret, &azidentity.ClientSecretCredentialOptions{
				ClientOptions: policy.ClientOptions{
					Cloud:     cloud.Configuration{ActiveDirectoryAuthorityHost: "https://login.example.test"},
					Transport: transport,
					Retry:     policy.RetryOptions{MaxRetries: -1},
				},
				DisableInstanceDiscovery: true,
			})
		},
		Endpoint: "https://graph.example.test", Scope: "https://graph.microsoft.com/.default",
		Transport: transport, RetryDelay: time.Millisecond,
	})
}

func TestWholeLifeOfAnAccount(t *testing.T) {
	server, world, c := contoso(t)
	id := create(t, c).ObjectID
	assert.True(t, world.CheckPassword(newUser().UserPrincipalName, password))

	byName, err := c.User(ctx, tenant, newUser().UserPrincipalName)
	require.NoError(t, err)
	assert.Equal(t, account.User{
		ObjectID: id, UserPrincipalName: newUser().UserPrincipalName, DisplayName: "SAM 360 Service", Enabled: true, Stamp: "usher:req-1",
	}, byName)

	assignment, err := c.AssignRole(ctx, tenant, id, serviceSupportAdministrator)
	require.NoError(t, err)
	_, err = c.AssignRole(ctx, tenant, id, serviceSupportAdministrator)
	assert.True(t, fault.Is(err, fault.RoleConflict), err)
	held, err := c.RoleAssignments(ctx, tenant, id)
	require.NoError(t, err)
	assert.Equal(t, []account.RoleAssignment{{ID: assignment, RoleID: serviceSupportAdministrator, PrincipalID: id, Scope: "/"}}, held)

	err = c.SetEnabled(ctx, tenant, id, false)
	assert.True(t, fault.Is(err, fault.PermissionMissing), "an administrator cannot be disabled by us: %v", err)
	require.NoError(t, c.RemoveRoleAssignment(ctx, tenant, assignment))
	require.NoError(t, c.RemoveRoleAssignment(ctx, tenant, assignment), "gone already")
	held, err = c.RoleAssignments(ctx, tenant, id)
	require.NoError(t, err)
	assert.Empty(t, held)

	require.NoError(t, c.SetEnabled(ctx, tenant, id, false))
	found, err := c.User(ctx, tenant, id)
	require.NoError(t, err)
	assert.False(t, found.Enabled)
	require.NoError(t, c.RevokeSessions(ctx, tenant, id))
	deleteRestoreAndPurge(t, c, id)
	assert.Empty(t, server.SchemaViolations())
}

func create(t *testing.T, c *entra.Client) account.User {
	domains, err := c.Domains(ctx, tenant)
	require.NoError(t, err)
	assert.Contains(t, domains, account.Domain{Name: "contoso.onmicrosoft.com", Initial: true, Verified: true})
	assert.Contains(t, domains, account.Domain{Name: "fed.contoso.com", Verified: true, Federated: true})
	made, err := c.CreateUser(ctx, tenant, newUser())
	require.NoError(t, err)
	_, err = c.CreateUser(ctx, tenant, newUser())
	require.True(t, fault.Is(err, fault.NameTaken), err)
	return made
}

func deleteRestoreAndPurge(t *testing.T, c *entra.Client, id string) {
	require.NoError(t, c.DeleteUser(ctx, tenant, id))
	_, err := c.User(ctx, tenant, id)
	assert.True(t, fault.Is(err, fault.UserNotFound))
	gone, err := c.DeletedUser(ctx, tenant, id)
	require.NoError(t, err)
	assert.Contains(t, gone.UserPrincipalName, newUser().UserPrincipalName)

	require.NoError(t, c.RestoreUser(ctx, tenant, id))
	back, err := c.User(ctx, tenant, id)
	require.NoError(t, err)
	assert.Equal(t, newUser().UserPrincipalName, back.UserPrincipalName)

	require.NoError(t, c.DeleteUser(ctx, tenant, id))
	require.NoError(t, c.DeleteUser(ctx, tenant, id), "gone already")
	require.NoError(t, c.PurgeUser(ctx, tenant, id))
	require.NoError(t, c.PurgeUser(ctx, tenant, id), "gone already")
	_, err = c.DeletedUser(ctx, tenant, id)
	assert.True(t, fault.Is(err, fault.UserNotFound))
	assert.True(t, fault.Is(c.RestoreUser(ctx, tenant, id), fault.UserNotFound))
}

func TestRefusalsOfATenant(t *testing.T) {
	_, _, c := contoso(t)
	refused := func(change func(*account.NewUser)) error {
		n := newUser()
		change(&n)
		_, err := c.CreateUser(ctx, tenant, n)
		return err
	}
	err := refused(func(n *account.NewUser) { n.Password = account.NewSecret("short") })
	assert.True(t, fault.Is(err, fault.PasswordRejected), err)
	err = refused(func(n *account.NewUser) { n.UserPrincipalName = "svc@elsewhere.test" })
	assert.True(t, fault.Is(err, fault.DomainNotVerified), err)
	_, err = c.AssignRole(ctx, tenant, "b9ea0000-0000-4000-8000-000000000001", "00000000-0000-4000-8000-00000000dead")
	assert.True(t, fault.Is(err, fault.RoleNotFound), err)
	_, err = c.AssignRole(ctx, tenant, "00000000-0000-4000-8000-00000000dead", serviceSupportAdministrator)
	assert.True(t, fault.Is(err, fault.UserNotReadable), err)
	holders, err := c.RoleHolders(ctx, tenant, account.GlobalAdministrator)
	require.NoError(t, err)
	assert.Len(t, holders, 2)
}

// Permissions are frozen in a token, so a grant shows after Forget.
func TestGrantShowsAfterForget(t *testing.T) {
	_, world, c := contoso(t)
	world.SetPermissions(tenantfake.DefaultClientID, nil, nil)
	_, err := c.Domains(ctx, tenant)
	require.True(t, fault.Is(err, fault.PermissionMissing), err)
	assert.Contains(t, err.Error(), "Domain.Read.All")

	world.SetPermissions(tenantfake.DefaultClientID, []string{"Domain.Read.All"}, nil)
	_, err = c.Domains(ctx, tenant)
	require.Error(t, err)
	c.Forget(tenant)
	_, err = c.Domains(ctx, tenant)
	require.NoError(t, err)
	who, err := c.Identity(ctx, tenant)
	require.NoError(t, err)
	assert.Equal(t, []string{"Domain.Read.All"}, who.Roles)
	assert.Equal(t, tenantfake.DefaultClientID, who.AppID)
	assert.Equal(t, tenant, who.TenantID)
	assert.ElementsMatch(t, []string{"29232cdf-9323-42fd-ade2-1d097af3e4de", "fe930be7-5e62-47db-91af-98c3a49a38b1"}, who.DirectoryRoles)
}

func TestRevokedTokenIsReplaced(t *testing.T) {
	_, world, c := contoso(t)
	_, err := c.Domains(ctx, tenant)
	require.NoError(t, err)
	world.RevokeTokens()
	_, err = c.CreateUser(ctx, tenant, newUser())
	require.NoError(t, err)
}

func TestSignInRefused(t *testing.T) {
	server, world, c := contoso(t)
	_, err := clientOf(t, server, "wrong").Domains(ctx, tenant)
	assert.True(t, fault.Is(err, fault.CredentialInvalid), err)
	assert.Contains(t, err.Error(), string(tenant))
	_, err = c.Domains(ctx, "11111111-1111-1111-1111-111111111111")
	assert.True(t, fault.Is(err, fault.TenantNotFound), err)
	world.SetTokenError(tenantfake.DefaultClientID, 700016)
	_, err = c.Domains(ctx, tenant)
	assert.True(t, fault.Is(err, fault.ConsentMissing), err)
	world.SetTokenError(tenantfake.DefaultClientID, 0)
	server.Fault(tenantfake.Fault{Service: tenantfake.Login, Decision: tenantfake.Decision{Kind: tenantfake.DropBefore}})
	_, err = c.Domains(ctx, tenant)
	assert.True(t, fault.Is(err, fault.Unreachable), err)
	_, err = c.Domains(ctx, tenant)
	require.NoError(t, err)
}

// A lost answer to a create is for the handler to resolve: one call, one account.
func TestLostAnswerToACreate(t *testing.T) {
	for _, kind := range []tenantfake.Kind{tenantfake.DropAfter, tenantfake.TimeoutAfter, tenantfake.Truncated} {
		server, _, c := contoso(t)
		server.Fault(tenantfake.Fault{Method: "POST", Path: "/users", Decision: tenantfake.Decision{Kind: kind}})
		_, err := c.CreateUser(ctx, tenant, newUser())
		assert.Equal(t, fault.Transient, fault.ClassOf(err), kind)
		assert.Contains(t, []fault.Code{fault.Unreachable, fault.AnswerNotUnderstood}, fault.CodeOf(err))
		u, err := c.User(ctx, tenant, newUser().UserPrincipalName)
		require.NoError(t, err)
		assert.Equal(t, "usher:req-1", u.Stamp)
	}
}

func TestListingALargeTenant(t *testing.T) {
	_, world, c := contoso(t)
	world.AddUsers(2500)
	seen, licensed := map[string]bool{}, 0
	users, err := all(c)
	require.NoError(t, err)
	for _, u := range users {
		seen[u.ObjectID] = true
		licensed += min(1, len(u.Licenses))
	}
	assert.Len(t, seen, 2505)
	assert.GreaterOrEqual(t, licensed, 3)
}
