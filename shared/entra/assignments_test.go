package entra_test

import (
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/usher365/usher/shared/account"
	"github.com/usher365/usher/shared/fault"
	"github.com/usher365/usher/shared/tenantfake"
)

func TestUsersOfAnApplication(t *testing.T) {
	server, world, c := withVendor(t)
	require.NoError(t, c.MakeServicePrincipal(ctx, tenant, vendorApp))
	app, _, err := c.ServicePrincipal(ctx, tenant, vendorApp)
	require.NoError(t, err)
	assert.Equal(t, account.NoAppRole, app.UserRole)
	assert.False(t, app.AssignmentRequired)
	assert.False(t, app.Disabled)

	for range 2 {
		require.NoError(t, c.Assign(ctx, tenant, app.ObjectID, adele, app.UserRole), "twice is no error")
		require.NoError(t, c.RequireAssignment(ctx, tenant, app.ObjectID, true))
	}
	held, err := c.Assignments(ctx, tenant, app.ObjectID)
	require.NoError(t, err)
	require.Len(t, held, 1)
	assert.Equal(t, account.Assignment{ID: held[0].ID, PrincipalID: adele, PrincipalName: "Adele Vance", PrincipalType: "User", RoleID: account.NoAppRole}, held[0])
	app, _, err = c.ServicePrincipal(ctx, tenant, vendorApp)
	require.NoError(t, err)
	assert.True(t, app.AssignmentRequired)

	for range 2 {
		require.NoError(t, c.Unassign(ctx, tenant, app.ObjectID, held[0].ID), "twice is no error")
	}
	require.NoError(t, c.RequireAssignment(ctx, tenant, app.ObjectID, false))
	assert.Empty(t, world.Assigned())
	assert.False(t, world.AssignmentRequired(vendorApp))
	assert.Empty(t, server.SchemaViolations())
}

func TestAssigningWhatIsNotThere(t *testing.T) {
	_, world, c := withVendor(t)
	world.AddApp(tenantfake.App{ClientID: vendorApp, UserRoles: []string{"Reader", "Approver"}})
	app, _, err := c.ServicePrincipal(ctx, tenant, vendorApp)
	require.NoError(t, err)
	require.NotEqual(t, account.NoAppRole, app.UserRole, "its own role for users")
	require.NoError(t, c.Assign(ctx, tenant, app.ObjectID, adele, app.UserRole))
	err = c.Assign(ctx, tenant, app.ObjectID, adele, account.NoAppRole)
	assert.True(t, fault.Is(err, fault.GraphRequestRejected), err)

	err = c.Assign(ctx, tenant, app.ObjectID, "0e0e0000-0000-4000-8000-00000000dead", app.UserRole)
	assert.True(t, fault.Is(err, fault.UserNotReadable), err)
	assert.Equal(t, fault.Waiting, fault.ClassOf(err))
	for _, empty := range [][3]string{{"", adele, app.UserRole}, {app.ObjectID, "", app.UserRole}, {app.ObjectID, adele, ""}} {
		assert.True(t, fault.Is(c.Assign(ctx, tenant, empty[0], empty[1], empty[2]), fault.MalformedCommand))
	}
}

func TestGroupsAndTheirUsers(t *testing.T) {
	server, world, c := withVendor(t)
	world.SetPermissions(tenantfake.DefaultClientID, []string{"GroupMember.Read.All"}, nil)
	sales := world.PutGroup(tenantfake.Group{DisplayName: "Sales O'Brien"})
	field := world.PutGroup(tenantfake.Group{DisplayName: "Sales field", In: []string{sales}})
	require.True(t, world.JoinByHand("AdeleV@contoso.com", field))
	require.True(t, world.JoinByHand("LeeG@contoso.com", sales))

	found, err := c.GroupsBeginning(ctx, tenant, "sal")
	require.NoError(t, err)
	assert.Len(t, found, 2)
	for _, name := range []string{"sales o'brien", sales} {
		found, err = c.GroupsNamed(ctx, tenant, name)
		require.NoError(t, err)
		assert.Equal(t, []account.Group{{ObjectID: sales, DisplayName: "Sales O'Brien"}}, found)
	}
	found, err = c.GroupsNamed(ctx, tenant, "Sales")
	require.NoError(t, err)
	assert.Empty(t, found, "a beginning is no name")

	users, err := c.MembersOf(ctx, tenant, sales)
	require.NoError(t, err)
	require.Len(t, users, 2, "those of groups within it too, the group itself not")
	assert.Equal(t, account.TargetUser{ObjectID: adele, UserPrincipalName: "AdeleV@contoso.com", DisplayName: "Adele Vance"}, users[0])
	_, err = c.MembersOf(ctx, tenant, "0e0e0000-0000-4000-8000-00000000dead")
	assert.True(t, fault.Is(err, fault.GroupNotFound), err)
	assert.Equal(t, fault.Permanent, fault.ClassOf(err))
	assert.Empty(t, server.SchemaViolations())
}
