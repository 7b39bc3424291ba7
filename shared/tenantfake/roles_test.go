package tenantfake_test

import (
	"net/url"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/usher365/usher/shared/tenantfake"
)

const assignments = "/roleManagement/directory/roleAssignments"

func TestAssignments(t *testing.T) {
	c := newClient(t)
	id := c.create("svc-roles")
	assigned := c.assign(id, security)
	require.Regexp(t, `^[A-Za-z0-9_-]{43}-1$`, assigned)
	body := c.call(400, "POST", assignments, assignment(id, security))
	require.Equal(t, "A conflicting object with one or more of the specified property values is present in the directory.", body["error"].(map[string]any)["message"])

	list := c.get(assignments + "?$filter=principalId%20eq%20'" + id + "'&$expand=roleDefinition,principal")["value"].([]any)
	require.Len(t, list, 1)
	one := list[0].(map[string]any)
	require.Equal(t, "Security Administrator", one["roleDefinition"].(map[string]any)["displayName"])
	require.Equal(t, id, one["principal"].(map[string]any)["id"])
	require.Equal(t, "Security Administrator", c.get(assignments + "/" + assigned + "?$expand=roleDefinition")["roleDefinition"].(map[string]any)["displayName"])
	own := c.get(assignments + "?$expand=principal&$filter=roleDefinitionId%20eq%20'29232cdf-9323-42fd-ade2-1d097af3e4de'")["value"].([]any)
	require.Equal(t, "usher", own[0].(map[string]any)["principal"].(map[string]any)["displayName"])
	c.call(501, "GET", assignments+"?$expand=appScope", nil)
	c.call(501, "GET", assignments+"/"+assigned+"?$expand=appScope", nil)

	c.call(204, "DELETE", "/users/"+c.create("svc-x"), nil)
	c.tenant.RemoveRoleByHand(id, "Security Administrator")
	require.False(t, c.tenant.RemoveRoleByHand(id, "Security Administrator"))
	require.Equal(t, assigned, c.assign(id, security), "the same role gets the same id again")
	c.call(404, "GET", "/roleManagement/directory/roleDefinitions/nonsense", nil)
	c.call(404, "GET", assignments+"/nonsense", nil)
}

func TestAssignmentRefuses(t *testing.T) {
	c := newClient(t)
	id := c.create("svc-roles")
	without := func(name string) map[string]any {
		body := assignment(id, security)
		delete(body, name)
		return body
	}
	with := func(name, value string) map[string]any {
		body := assignment(id, security)
		body[name] = value
		return body
	}
	unknown := "11111111-1111-4111-8111-111111111111"
	for _, tt := range []struct {
		name   string
		body   map[string]any
		status int
	}{
		{"no scope", without("directoryScopeId"), 400},
		{"no principal", without("principalId"), 400},
		{"bad scope", with("directoryScopeId", "nonsense"), 400},
		{"unknown principal", with("principalId", unknown), 404},
		{"unknown role", with("roleDefinitionId", unknown), 404},
		{"role by name", with("roleDefinitionId", "Security Administrator"), 400},
		{"app scope", with("appScopeId", "/"), 501},
		{"administrative unit", with("directoryScopeId", "/administrativeUnits/"+unknown), 201},
	} {
		t.Run(tt.name, func(t *testing.T) { c.call(tt.status, "POST", assignments, tt.body) })
	}
	c.tenant.SetPermissions(tenantfake.DefaultClientID, []string{"RoleManagement.Read.Directory"}, nil)
	c.login()
	c.get(assignments)
	c.call(403, "POST", assignments, assignment(id, security))
}

func TestPIM(t *testing.T) {
	c := newClient(t)
	id := c.create("svc-pim")
	path := "/roleManagement/directory/roleAssignmentScheduleRequests"
	request := func(action, duration string) map[string]any {
		return map[string]any{"action": action, "justification": "CHG1", "principalId": id, "roleDefinitionId": security, "directoryScopeId": "/",
			"scheduleInfo": map[string]any{"startDateTime": "2026-11-21T12:00:00Z", "expiration": map[string]any{"type": "afterDuration", "duration": duration}},
			"ticketInfo":   map[string]any{"ticketNumber": "CHG1", "ticketSystem": "ServiceNow"}}
	}
	require.Equal(t, "AadPremiumLicenseRequired", errorCode(c.call(400, "POST", path, request("adminAssign", "P14D"))))
	require.Equal(t, "AadPremiumLicenseRequired", errorCode(c.call(400, "GET", "/roleManagement/directory/roleAssignmentSchedules", nil)))
	c.tenant.SetPremiumP2(true)
	require.Equal(t, "RoleAssignmentRequestPolicyValidationFailed", errorCode(c.call(400, "POST", path, request("adminAssign", "P1Y"))))
	require.Equal(t, "RoleAssignmentRequestPolicyValidationFailed", errorCode(c.call(400, "POST", path, request("selfActivate", "P14D"))))
	made := c.call(201, "POST", path, request("adminAssign", "P14D"))
	require.Equal(t, "Provisioned", made["status"])
	require.Equal(t, made["id"], c.get(path + "/" + made["id"].(string))["id"])
	require.Len(t, c.get(path + "?$filter=principalId%20eq%20'" + id + "'")["value"], 1)
	c.call(404, "GET", path+"/nonsense", nil)
	require.Equal(t, []string{"Security Administrator"}, c.tenant.RolesOf(id))
	require.Equal(t, "RoleAssignmentExists", errorCode(c.call(400, "POST", path, request("adminAssign", "P14D"))))
	require.Equal(t, "ActiveDurationTooShort", errorCode(c.call(400, "POST", path, request("adminRemove", "P14D"))))
	c.clock.advance(5 * time.Minute)
	require.Equal(t, "Revoked", c.call(201, "POST", path, request("adminRemove", "P14D"))["status"])
	require.Empty(t, c.tenant.RolesOf(id))
	c.call(404, "POST", path, request("adminRemove", "P14D"))

	c.call(201, "POST", path, request("adminAssign", "PT30M"))
	require.NotEmpty(t, c.tenant.RolesOf(id))
	c.call(201, "POST", path, request("adminUpdate", "PT40M"))
	standing := c.get("/roleManagement/directory/roleAssignmentSchedules?$filter=principalId%20eq%20'" + id + "'")["value"].([]any)
	require.Len(t, standing, 1)
	c.clock.advance(30 * time.Minute)
	require.NotEmpty(t, c.tenant.RolesOf(id), "its end was moved")
	c.clock.advance(10 * time.Minute)
	require.Empty(t, c.tenant.RolesOf(id), "the assignment has ended")
	c.call(404, "POST", path, request("adminUpdate", "PT40M"))

	later := request("adminAssign", "P1D")
	later["scheduleInfo"].(map[string]any)["startDateTime"] = "2026-11-22T12:00:00Z"
	c.login()
	require.Equal(t, "Granted", c.call(201, "POST", path, later)["status"])
	require.Empty(t, c.tenant.RolesOf(id))
	c.clock.advance(24 * time.Hour)
	require.NotEmpty(t, c.tenant.RolesOf(id), "the assignment has begun")
}

func TestPIMEligible(t *testing.T) {
	c := newClient(t, func(spec *tenantfake.TenantSpec) { spec.PremiumP2 = true })
	id := c.create("svc-elig")
	path := "/roleManagement/directory/roleEligibilityScheduleRequests"
	end := func(kind, at string) map[string]any {
		return map[string]any{"action": "adminAssign", "principalId": id, "roleDefinitionId": security, "directoryScopeId": "/",
			"scheduleInfo": map[string]any{"expiration": map[string]any{"type": kind, "endDateTime": at}}}
	}
	c.call(400, "POST", path, end("afterDateTime", "2025-01-01T00:00:00Z"))
	made := c.call(201, "POST", path, end("afterDateTime", "2026-11-21T12:30:00Z"))
	require.Empty(t, c.tenant.RolesOf(id), "eligible is not active")
	c.get(path + "/" + made["id"].(string))
	require.Len(t, c.get(path)["value"], 1)
	schedules := "/roleManagement/directory/roleEligibilitySchedules?$filter=" + url.QueryEscape("roleDefinitionId eq '"+security+"'")
	require.Len(t, c.get(schedules)["value"], 1)
	c.clock.advance(40 * time.Minute)
	require.Empty(t, c.get(schedules)["value"], "it is over")
	c.tenant.SetPremiumP2(false)
	c.call(400, "GET", schedules, nil)
	c.tenant.SetPremiumP2(true)
	c.call(404, "POST", path, map[string]any{"action": "adminAssign", "principalId": "11111111-1111-4111-8111-111111111111", "roleDefinitionId": security, "directoryScopeId": "/"})
}
