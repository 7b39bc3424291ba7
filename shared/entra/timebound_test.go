package entra_test

import (
	"net/http"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/usher365/usher/shared/fault"
)

const (
	scheduleRequests = "/v1.0/roleManagement/directory/roleAssignmentScheduleRequests"
	schedules        = "/v1.0/roleManagement/directory/roleAssignmentSchedules"
)

var until = time.Date(2027, 1, 31, 12, 0, 0, 0, time.UTC)

func TestAssignRoleUntil(t *testing.T) {
	g := newGraph(t, answer(201, `{"id":"x","status":"Provisioned"}`))
	c := g.client(t)
	require.NoError(t, c.AssignRoleUntil(ctx, tenant, userID, roleID, until, "Usher request req-1"))
	assert.Equal(t, "POST "+scheduleRequests, g.last(t).Method+" "+g.last(t).URL.Path)
	assert.JSONEq(t, `{"action":"adminAssign","justification":"Usher request req-1","principalId":"`+userID+`","roleDefinitionId":"`+roleID+`",
		"directoryScopeId":"/","scheduleInfo":{"expiration":{"type":"afterDateTime","endDateTime":"2027-01-31T12:00:00Z"}}}`, g.last(t).body)
	require.NoError(t, c.ChangeRoleEnd(ctx, tenant, userID, roleID, until, "longer"))
	assert.Contains(t, g.last(t).body, `"action":"adminUpdate"`)
	require.NoError(t, c.EndRole(ctx, tenant, userID, roleID))
	assert.Contains(t, g.last(t).body, `"action":"adminRemove"`)
	assert.NotContains(t, g.last(t).body, "scheduleInfo")
}

func TestTimeBoundRefusals(t *testing.T) {
	for code, want := range map[string]struct {
		status int
		code   fault.Code
		class  fault.Class
	}{
		"AadPremiumLicenseRequired":                   {400, fault.PIMUnavailable, fault.Permanent},
		"RoleAssignmentExists":                        {400, fault.RoleConflict, fault.Permanent},
		"RoleAssignmentRequestPolicyValidationFailed": {400, fault.RolePolicyRefused, fault.Permanent},
		"ActiveDurationTooShort":                      {400, fault.RoleStillListed, fault.Waiting},
		"Authorization_RequestDenied":                 {403, fault.PermissionMissing, fault.Permanent},
	} {
		t.Run(code, func(t *testing.T) {
			c := newGraph(t, answer(want.status, graphError(code, "no"))).client(t)
			err := c.AssignRoleUntil(ctx, tenant, userID, roleID, until, "")
			assert.Equal(t, want.code, fault.CodeOf(err), err)
			assert.Equal(t, want.class, fault.ClassOf(err))
		})
	}
}

func TestAnEndedRoleIsNoErrorToEnd(t *testing.T) {
	for _, status := range []int{400, 404} {
		c := newGraph(t, answer(status, graphError("RoleAssignmentDoesNotExist", "The Role assignment does not exist."))).client(t)
		require.NoError(t, c.EndRole(ctx, tenant, userID, roleID))
	}
	c := newGraph(t, answer(503, "")).client(t)
	require.Error(t, c.EndRole(ctx, tenant, userID, roleID))
}

func TestRoleEnd(t *testing.T) {
	g := newGraph(t, func(w http.ResponseWriter, r *http.Request) {
		assert.Equal(t, schedules, r.URL.Path)
		write(w, 200, `{"value":[
			{"id":"1","principalId":"p","roleDefinitionId":"other","directoryScopeId":"/","scheduleInfo":{"expiration":{"type":"afterDateTime","endDateTime":"2026-12-01T00:00:00Z"}}},
			{"id":"2","principalId":"p","roleDefinitionId":"`+roleID+`","directoryScopeId":"/administrativeUnits/x","scheduleInfo":{"expiration":{"type":"noExpiration","endDateTime":null}}},
			{"id":"3","principalId":"p","roleDefinitionId":"`+roleID+`","directoryScopeId":"/","scheduleInfo":{"expiration":{"type":"afterDateTime","endDateTime":"2027-01-31T12:00:00Z"}}}]}`)
	})
	end, err := g.client(t).RoleEnd(ctx, tenant, userID, roleID)
	require.NoError(t, err)
	assert.Equal(t, until, end)
	end, err = g.client(t).RoleEnd(ctx, tenant, userID, "neither")
	require.NoError(t, err)
	assert.Zero(t, end)
}
