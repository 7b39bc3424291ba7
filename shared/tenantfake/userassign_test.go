package tenantfake_test

import (
	"bytes"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/usher365/usher/shared/tenantfake"
)

func TestUsersAreAssignedToAnApplication(t *testing.T) {
	c := consenting(t)
	c.tenant.AddApp(tenantfake.App{ClientID: vendorApp, DisplayName: "Connector", ObjectID: "5a1f0000-0000-4000-8000-0000000000aa"})
	path := "/servicePrincipals/5a1f0000-0000-4000-8000-0000000000aa"
	body := map[string]any{"principalId": defaultUser, "resourceId": "5a1f0000-0000-4000-8000-0000000000aa", "appRoleId": "00000000-0000-0000-0000-000000000000"}

	c.tenant.SetConsistency(tenantfake.ReadGrants, tenantfake.Consistency{VisibleAfter: time.Minute})
	made := c.call(201, "POST", path+"/appRoleAssignedTo", body)
	assert.Equal(t, "User", made["principalType"])
	assert.Empty(t, c.get(path + "/appRoleAssignedTo")["value"], "it shows later")
	c.clock.advance(time.Minute)
	assert.Equal(t, []string{defaultUser}, names(c.get(path + "/appRoleAssignedTo")["value"], "principalId"))
	c.call(400, "POST", path+"/appRoleAssignedTo", body)

	body["appRoleId"] = "11111111-0000-4000-8000-000000000000"
	c.call(400, "POST", path+"/appRoleAssignedTo", body)
	body["principalId"] = "11111111-0000-4000-8000-000000000000"
	c.call(404, "POST", path+"/appRoleAssignedTo", body)

	c.call(204, "PATCH", path, map[string]any{"appRoleAssignmentRequired": true})
	assert.Equal(t, true, c.get(path)["appRoleAssignmentRequired"])

	var saved bytes.Buffer
	require.NoError(t, c.server.Save(&saved))
	require.NoError(t, c.server.Load(&saved))
	require.Len(t, c.tenant.Assigned(), 1)
	assert.True(t, c.tenant.AssignmentRequired(vendorApp))
	c.login()
	c.call(204, "DELETE", path+"/appRoleAssignedTo/"+made["id"].(string), nil)
	c.call(404, "DELETE", path+"/appRoleAssignedTo/"+made["id"].(string), nil)
	require.True(t, c.tenant.AssignUser(vendorApp, defaultUser))
	require.True(t, c.tenant.RemoveApp(vendorApp))
	assert.Empty(t, c.tenant.Assigned(), "assignments go with the application")
}

func TestDirectoryGroups(t *testing.T) {
	c := newClient(t)
	c.tenant.SetPermissions(tenantfake.DefaultClientID, []string{"GroupMember.Read.All"}, nil)
	c.login()
	inner := c.tenant.PutGroup(tenantfake.Group{DisplayName: "Inner"})
	outer := c.tenant.PutGroup(tenantfake.Group{DisplayName: "Outer", In: []string{inner}})
	c.tenant.PutGroup(tenantfake.Group{ID: inner, DisplayName: "Inner", In: []string{outer}}) // a ring
	require.True(t, c.tenant.JoinByHand(defaultUser, inner))
	members := c.get("/groups/" + outer + "/transitiveMembers?$select=id")
	assert.Equal(t, []string{inner, defaultUser}, names(members["value"], "id"))
	assert.Equal(t, []string{"Inner"}, names(c.get("/groups?$filter=startswith(displayName,'inn')")["value"], "displayName"))
	require.True(t, c.tenant.LeaveByHand(defaultUser, inner))
	assert.Len(t, c.get("/groups/" + outer + "/transitiveMembers")["value"], 1)
	c.tenant.RemoveGroup(outer)
	c.call(404, "GET", "/groups/"+outer+"/transitiveMembers", nil)
}
