package tenantfake_test

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/usher365/usher/shared/tenantfake"
)

func TestReadPathsLagOnTheirOwn(t *testing.T) {
	c := newClient(t)
	for i, p := range []tenantfake.Path{tenantfake.ReadByID, tenantfake.ReadList, tenantfake.ReadPrincipal, tenantfake.ReadAssignments} {
		c.tenant.SetConsistency(p, tenantfake.Consistency{VisibleAfter: time.Duration(i+1) * time.Minute})
	}
	id := c.create("svc-lag")
	byID, list := "/users/"+id, "/users?$filter=mailNickname%20eq%20'svc-lag'"
	roles := "/roleManagement/directory/roleAssignments"
	c.call(404, "GET", byID, nil)
	c.call(404, "GET", "/users/svc-lag@contoso.onmicrosoft.com", nil)
	c.call(404, "PATCH", byID, map[string]any{"displayName": "x"})
	c.call(404, "DELETE", byID, nil)
	c.call(400, "POST", "/users", newUser("svc-lag"))
	c.clock.advance(time.Minute)
	c.call(200, "GET", byID, nil)
	require.Empty(t, c.get(list)["value"])
	c.clock.advance(time.Minute)
	require.Len(t, c.get(list)["value"], 1)
	c.call(404, "POST", roles, assignment(id, security))
	c.clock.advance(time.Minute)
	assigned := c.assign(id, security)
	c.call(404, "GET", roles+"/"+assigned, nil)
	c.call(400, "POST", roles, assignment(id, security))
	c.clock.advance(4 * time.Minute)
	c.call(200, "GET", roles+"/"+assigned, nil)
	c.call(204, "DELETE", roles+"/"+assigned, nil)
	c.call(200, "GET", roles+"/"+assigned, nil)
	c.call(404, "DELETE", roles+"/"+assigned, nil)

	c.call(204, "PATCH", byID, map[string]any{"displayName": "new"})
	require.Equal(t, "Service svc-lag", c.get(byID)["displayName"], "the replica has the old version")
	c.tenant.Replicate()
	require.Equal(t, "new", c.get(byID)["displayName"])
	c.call(404, "GET", roles+"/"+assigned, nil)
}

func TestFlappingReads(t *testing.T) {
	c := newClient(t)
	c.tenant.SetConsistency(tenantfake.ReadByID, tenantfake.Consistency{FlapReads: 4})
	id := c.create("svc-flap")
	for _, want := range []int{404, 200, 404, 200, 200, 200} {
		c.call(want, "GET", "/users/"+id, nil)
	}
	c.call(200, "GET", "/users/"+defaultUser, nil)
	other := c.create("svc-steady")
	require.True(t, c.tenant.SetObjectConsistency(other, tenantfake.ReadByID, tenantfake.Consistency{}))
	require.False(t, c.tenant.SetObjectConsistency("nobody", tenantfake.ReadByID, tenantfake.Consistency{}))
	c.call(200, "GET", "/users/"+other, nil)
	assigned := c.assign(other, security)
	require.True(t, c.tenant.SetObjectConsistency(assigned, tenantfake.ReadAssignments, tenantfake.Consistency{VisibleAfter: time.Minute}))
	c.call(404, "GET", "/roleManagement/directory/roleAssignments/"+assigned, nil)
}

func TestStaleReads(t *testing.T) {
	c := newClient(t)
	id := c.create("svc-stale")
	c.tenant.StaleReads(2)
	c.call(404, "GET", "/users/"+id, nil)
	c.call(200, "GET", "/users/"+defaultUser, nil)
	c.call(200, "GET", "/users/"+id, nil)
	c.call(204, "DELETE", "/users/"+id, nil)
	c.server.Fault(tenantfake.Fault{Decision: tenantfake.Decision{Kind: tenantfake.StaleRead}, Path: "/users/{id}", Times: 2})
	c.call(200, "GET", "/users/"+id, nil)
	c.clock.advance(11 * time.Minute)
	c.call(404, "GET", "/users/"+id, nil)
}

func TestPrivilegeLagsBehindRoleRemoval(t *testing.T) {
	c := newClient(t)
	c.tenant.SetConsistency(tenantfake.ReadPrivilege, tenantfake.Consistency{VisibleAfter: 3 * time.Minute})
	id := c.create("svc-priv")
	assigned := c.assign(id, security)
	c.clock.advance(time.Hour / 2)
	c.call(204, "DELETE", "/roleManagement/directory/roleAssignments/"+assigned, nil)
	c.call(403, "DELETE", "/users/"+id, nil)
	c.clock.advance(3 * time.Minute)
	c.call(204, "DELETE", "/users/"+id, nil)
}
